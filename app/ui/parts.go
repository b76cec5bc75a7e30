package ui

import (
	"candid/assets"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// newLogo is the program's icon.
func newLogo() fyne.CanvasObject {
	i := canvas.NewImageFromResource(fyne.NewStaticResource("icon.png", assets.Icon))
	i.FillMode = canvas.ImageFillContain
	return i
}

// newRule is a line with words in it.
func newRule(words string) fyne.CanvasObject {
	side := func() fyne.CanvasObject { return ruleLine(newPlate(cLine, "", 0)) }
	return newRow(12, side(), newText(words, 12.5, plain, cFaint), side())
}

// ruleLine makes a plate a thin line that takes what width there is.
func ruleLine(p *plate) fyne.CanvasObject { return newStretch(0, sizedTo(p, 10, 1)) }

// listRow is a line of a list that can be pressed.
type listRow struct {
	control
	icon, title, detail string
}

func newListRow(icon, title, detail string, f func()) *listRow {
	r := &listRow{icon: icon, title: title, detail: detail}
	r.pressed, r.spoken = f, title+", "+detail
	r.extend(r)
	return r
}

func (r *listRow) CreateRenderer() fyne.WidgetRenderer {
	bg, ring, img, title, detail := rounded(12), focusRing(12), newIcon(), line(14, bold), line(12.5, plain)
	disc := rounded(10)
	layout := func(s fyne.Size) {
		bg.Resize(s)
		put(ring, 1, 1, s.Width-2, s.Height-2)
		put(disc, 12, (s.Height-34)/2, 34, 34)
		put(img, 21, (s.Height-16)/2, 16, 16)
		w := s.Width - 58 - 12
		title.Text = elide(r.title, 14, bold, w)
		detail.Text = elide(r.detail, 12.5, plain, w)
		place(title, 58, s.Height/2-title.MinSize().Height-0.5)
		place(detail, 58, s.Height/2+1.5)
	}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(160, 54) },
		layout,
		func() {
			bg.Hidden = !r.hovered
			bg.FillColor = colour(cCard)
			disc.FillColor = colour(cRaised)
			setIcon(img, r.icon, colour(cAccent))
			title.Color, detail.Color = colour(cText), colour(cDim)
			styleRing(ring, r.focused)
			layout(r.Size())
			bg.Refresh()
			disc.Refresh()
			title.Refresh()
			detail.Refresh()
		},
		bg, disc, img, title, detail, ring)
}

// glanceRow is a device on Home in one line.
type glanceRow struct {
	row  *fyne.Container
	icon *icon
	text *para
}

func newGlanceRow() *glanceRow {
	g := &glanceRow{icon: newIconWidget("info", cDim, 16), text: newPara("", 13.5, plain, cText)}
	g.row = container.New(stretchRow{row{gap: 12}}, g.icon, g.text)
	return g
}

func (g *glanceRow) set(v glance) {
	col, tcol := cDim, cText
	if v.Bad {
		col, tcol = cWarn, cWarn
	}
	g.icon.set(v.Icon, col)
	g.text.setCol(v.Text, tcol)
}
