package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// drawer is a sheet at the side of the call: a title, a scrolled body and a
// foot that stays.
type drawer struct {
	box   *fyne.Container
	plate *plate // when the drawer is over the call; beside it, the ground will do
	title *text
	body  *fyne.Container
	roll  *container.Scroll
}

// drawerInner is the width of what is in a drawer.
const drawerInner = drawerWidth - 2*drawerMargin

const drawerMargin = 18

// newDrawer returns a drawer; head, above the body, and foot may be nil.
func newDrawer(title, closeWords string, gap float32, close func(), head, foot fyne.CanvasObject) *drawer {
	d := &drawer{plate: newPlate(cGround, "", 0), title: newText(title, 18, display, cText).eliding()}
	x := newSmallButton(quiet, "x", "", closeWords, close)
	d.body = newColumn(gap, drawerInner)
	d.roll = container.NewVScroll(padded(d.body, 2, drawerMargin, 16, drawerMargin))
	parts := []fyne.CanvasObject{padded(newRow(6, d.title, x), 10, 14, 6, drawerMargin), d.roll}
	l := drawerLayout{}
	if head != nil {
		l.head = padded(head, 2, drawerMargin, 10, drawerMargin)
		parts = append(parts, l.head)
	}
	if foot != nil {
		l.foot = padded(foot, 8, drawerMargin, 16, drawerMargin)
		parts = append(parts, l.foot)
	}
	d.box = layered(newShield(), d.plate, container.New(leftEdge{}, newPlate(cLine, "", 0)), container.New(l, parts...))
	d.box.Hide()
	return d
}

// set shows these objects, when they are others or need another height.
func (d *drawer) set(objs []fyne.CanvasObject) {
	d.body.Objects = objs
	d.roll.Content.Resize(fyne.NewSize(d.roll.Size().Width, d.roll.Content.MinSize().Height))
	d.body.Layout.Layout(objs, d.body.Size())
	d.roll.Refresh()
}

// drawerLayout is the title over the head, the body and the foot.
type drawerLayout struct{ head, foot fyne.CanvasObject }

func (drawerLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(drawerWidth, 0) }

func (l drawerLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	y := objs[0].MinSize().Height
	put(objs[0], 0, 0, s.Width, y)
	if l.head != nil && l.head.Visible() {
		h := heightFor(l.head, s.Width)
		put(l.head, 0, y, s.Width, h)
		y += h
	}
	end := s.Height
	if l.foot != nil {
		h := heightFor(l.foot, s.Width)
		end -= h
		put(l.foot, 0, end, s.Width, h)
	}
	put(objs[1], 0, y, s.Width, end-y)
}
