package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// renderer is a fyne.WidgetRenderer made of three functions.
type renderer struct {
	objs    []fyne.CanvasObject
	min     func() fyne.Size
	layout  func(fyne.Size)
	refresh func()
}

// newRenderer returns a renderer that has been refreshed once.
func newRenderer(min func() fyne.Size, layout func(fyne.Size), refresh func(), objs ...fyne.CanvasObject) *renderer {
	r := &renderer{objs: objs, min: min, layout: layout, refresh: refresh}
	refresh()
	return r
}

func (r *renderer) Destroy()                     {}
func (r *renderer) Objects() []fyne.CanvasObject { return r.objs }
func (r *renderer) MinSize() fyne.Size           { return r.min() }
func (r *renderer) Layout(s fyne.Size)           { r.layout(s) }
func (r *renderer) Refresh()                     { r.refresh() }

// rounded returns a rectangle with round corners.
func rounded(radius float32) *canvas.Rectangle {
	return &canvas.Rectangle{CornerRadius: radius}
}

// line returns one line of text to draw.
func line(size float32, style fyne.TextStyle) *canvas.Text {
	return &canvas.Text{TextSize: size, TextStyle: style}
}

var (
	bold    = fyne.TextStyle{Bold: true}
	display = fyne.TextStyle{Bold: true, Italic: true}
	mono    = fyne.TextStyle{Monospace: true}
	plain   = fyne.TextStyle{}
)

// place moves o to x, y and gives it its natural size.
func place(o fyne.CanvasObject, x, y float32) {
	o.Resize(o.MinSize())
	o.Move(fyne.NewPos(x, y))
}

// put moves and resizes o.
func put(o fyne.CanvasObject, x, y, w, h float32) {
	o.Resize(fyne.NewSize(w, h))
	o.Move(fyne.NewPos(x, y))
}

// centred places o with its middle at x, y.
func centred(o fyne.CanvasObject, x, y float32) {
	m := o.MinSize()
	o.Resize(m)
	o.Move(fyne.NewPos(x-m.Width/2, y-m.Height/2))
}

// measure is the size of s drawn in one line.
func measure(s string, size float32, style fyne.TextStyle) fyne.Size {
	return fyne.MeasureText(s, size, style)
}

// elide shortens s with an ellipsis so that it is at most w wide.
func elide(s string, size float32, style fyne.TextStyle, w float32) string {
	if measure(s, size, style).Width <= w {
		return s
	}
	r := []rune(s)
	lo, hi := 0, len(r)
	for lo < hi { // the longest beginning that fits
		mid := (lo + hi + 1) / 2
		if measure(string(r[:mid])+"…", size, style).Width <= w {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == 0 {
		return "…"
	}
	return string(r[:lo]) + "…"
}

func canvasOf(o fyne.CanvasObject) fyne.Canvas {
	if app := fyne.CurrentApp(); app != nil {
		return app.Driver().CanvasForObject(o)
	}
	return nil
}

// passKey gives a key that a focused widget has no use for to the window, which
// Fyne does only when nothing is focused.
func passKey(o fyne.CanvasObject, e *fyne.KeyEvent) {
	if c := canvasOf(o); c != nil {
		if f := c.OnTypedKey(); f != nil {
			f(e)
		}
	}
}

// passKeyDown and passKeyUp do the same for keys that are held.
func passKeyDown(o fyne.CanvasObject, e *fyne.KeyEvent) {
	if c, ok := canvasOf(o).(desktop.Canvas); ok {
		if f := c.OnKeyDown(); f != nil {
			f(e)
		}
	}
}

func passKeyUp(o fyne.CanvasObject, e *fyne.KeyEvent) {
	if c, ok := canvasOf(o).(desktop.Canvas); ok {
		if f := c.OnKeyUp(); f != nil {
			f(e)
		}
	}
}

// passShortcut gives a shortcut to the window.
func passShortcut(o fyne.CanvasObject, s fyne.Shortcut) {
	if c, ok := canvasOf(o).(fyne.Shortcutable); ok {
		c.TypedShortcut(s)
	}
}
