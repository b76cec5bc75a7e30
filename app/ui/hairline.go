package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// hairline is what graphs over the same time have in common: a line that the
// pointer or the arrow keys move through them, to tell the values of then.
type hairline struct {
	control
	views []chartView
	hair  int     // index of a sample; -1 is none
	inset float32 // from the sides of the widget to the graph
}

func newHairline(inset float32) hairline { return hairline{hair: -1, inset: inset} }

func (h *hairline) set(views []chartView) {
	h.views = views
	h.Refresh()
}

// Tapped does nothing: a graph is looked at.
func (h *hairline) Tapped(*fyne.PointEvent) {}

func (h *hairline) MouseMoved(e *desktop.MouseEvent) {
	if width := h.Size().Width - 2*h.inset; len(h.views) > 0 && width > 0 {
		h.moveHair(h.views[0].at(float64((e.Position.X - h.inset) / width)))
	}
}

func (h *hairline) MouseOut() {
	h.hovered = false
	h.moveHair(-1)
}

func (h *hairline) FocusLost() {
	h.focused = false
	h.moveHair(-1)
}

// TypedKey moves the hair line with the arrow keys.
func (h *hairline) TypedKey(e *fyne.KeyEvent) {
	if len(h.views) == 0 {
		return
	}
	last := len(h.views[0].Series[0].Values) - 1
	switch {
	case e.Name == fyne.KeyLeft && h.hair < 0:
		h.moveHair(last)
	case e.Name == fyne.KeyLeft:
		h.moveHair(max(0, h.hair-1))
	case e.Name == fyne.KeyRight && h.hair >= 0:
		h.moveHair(min(last, h.hair+1))
	default:
		h.control.TypedKey(e)
	}
}

func (h *hairline) moveHair(i int) {
	if h.hair != i {
		h.hair = i
		h.Refresh()
	}
}
