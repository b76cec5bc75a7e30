package ui

import "fyne.io/fyne/v2"

// wrapRow lays its objects side by side, in as many lines as they need.
type wrapRow struct{ gap float32 }

func (wrapRow) MinSize(objs []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	for _, o := range objs {
		m = m.Max(o.MinSize())
	}
	return m
}

func (l wrapRow) heightFor(objs []fyne.CanvasObject, w float32) float32 {
	return l.each(objs, w, func(fyne.CanvasObject, float32, float32, fyne.Size) {})
}

func (l wrapRow) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	l.each(objs, s.Width, func(o fyne.CanvasObject, x, y float32, m fyne.Size) { put(o, x, y, m.Width, m.Height) })
}

// each calls f with the place of every object and returns the height of all.
func (l wrapRow) each(objs []fyne.CanvasObject, w float32, f func(o fyne.CanvasObject, x, y float32, m fyne.Size)) float32 {
	x, y, h := float32(0), float32(0), float32(0)
	for _, o := range objs {
		m := o.MinSize()
		if x > 0 && x+m.Width > w {
			x, y, h = 0, y+h+l.gap, 0
		}
		f(o, x, y, m)
		x += m.Width + l.gap
		h = max(h, m.Height)
	}
	return y + h
}
