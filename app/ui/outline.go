package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// outline is a rounded frame made of four sides and four corners. One rectangle
// with a stroke would do, but is paid for at every pixel inside it: over a
// picture that doubles what a frame costs without a graphics card.
type outline struct {
	sides   [4]*canvas.Rectangle
	corners [4]*canvas.Arc
	radius  float32
	width   float32
}

func newOutline(radius float32) *outline {
	o := &outline{radius: radius, width: 3}
	for i := range o.sides {
		o.sides[i] = &canvas.Rectangle{}
		start := float32(i)*90 - 90 // top left, top right, bottom right, bottom left
		o.corners[i] = &canvas.Arc{StartAngle: start, EndAngle: start + 90}
	}
	return o
}

func (o *outline) objects() []fyne.CanvasObject {
	var objs []fyne.CanvasObject
	for i := range o.sides {
		objs = append(objs, o.sides[i], o.corners[i])
	}
	return objs
}

func (o *outline) layout(s fyne.Size) {
	r, w := o.radius, o.width
	put(o.sides[0], r, 0, s.Width-2*r, w)
	put(o.sides[1], s.Width-w, r, w, s.Height-2*r)
	put(o.sides[2], r, s.Height-w, s.Width-2*r, w)
	put(o.sides[3], 0, r, w, s.Height-2*r)
	for i, at := range []fyne.Position{{}, {X: s.Width - 2*r}, {X: s.Width - 2*r, Y: s.Height - 2*r}, {Y: s.Height - 2*r}} {
		put(o.corners[i], at.X, at.Y, 2*r, 2*r)
		o.corners[i].CutoutRatio = 1 - w/r
	}
}

// show draws the frame in a colour and width; a width of 0 hides it.
func (o *outline) show(c color.Color, width float32) {
	if width > 0 {
		o.width = width
	}
	for i := range o.sides {
		o.sides[i].Hidden, o.corners[i].Hidden = width == 0, width == 0
		o.sides[i].FillColor, o.corners[i].FillColor = c, c
	}
}
