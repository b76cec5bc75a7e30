package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// tall is an object whose height depends on its width.
type tall interface{ heightFor(width float32) float32 }

func heightFor(o fyne.CanvasObject, w float32) float32 {
	switch o := o.(type) {
	case tall:
		return o.heightFor(w)
	case *fyne.Container:
		if l, ok := o.Layout.(tallLayout); ok {
			return l.heightFor(o.Objects, w)
		}
	}
	return o.MinSize().Height
}

// tallLayout is a layout whose height depends on its width.
type tallLayout interface {
	fyne.Layout
	heightFor(objs []fyne.CanvasObject, width float32) float32
}

// column stacks its objects. width is what MinSize reckons with; 0 takes the
// widest object's.
type column struct{ gap, width float32 }

func (c column) MinSize(objs []fyne.CanvasObject) fyne.Size {
	w := c.width
	if w == 0 {
		for _, o := range objs {
			if o.Visible() {
				w = max(w, o.MinSize().Width)
			}
		}
	}
	return fyne.NewSize(w, c.heightFor(objs, w))
}

func (c column) heightFor(objs []fyne.CanvasObject, w float32) float32 {
	h, n := float32(0), 0
	for _, o := range objs {
		if o.Visible() {
			h += heightFor(o, w)
			n++
		}
	}
	return h + c.gap*float32(max(0, n-1))
}

func (c column) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	y := float32(0)
	for _, o := range objs {
		if !o.Visible() {
			continue
		}
		h := heightFor(o, s.Width)
		put(o, 0, y, s.Width, h)
		y += h + c.gap
	}
}

func newColumn(gap, width float32, objs ...fyne.CanvasObject) *fyne.Container {
	return container.New(column{gap: gap, width: width}, objs...)
}

// row lays its objects side by side, in the middle of its height; what comes
// after a filler is on the right. One that shrinks gives the space it has to
// its first eliding text.
type row struct{ gap float32 }

// filler takes what space is left in a row.
type filler struct{ canvas.Rectangle }

func newFiller() *filler { return &filler{} }

// MinSize is nothing.
func (f *filler) MinSize() fyne.Size { return fyne.Size{} }

func stretches(o fyne.CanvasObject) bool {
	switch o := o.(type) {
	case *filler, *para, *entry:
		return true
	case *text:
		return o.elides
	case *fyne.Container:
		switch o.Layout.(type) {
		case stretch, stretchRow:
			return true
		}
	}
	return false
}

// stretch is a column that takes what width is left in a row.
type stretch struct{ column }

// stretchRow is a row that takes what width is left in a row.
type stretchRow struct{ row }

func newStretch(gap float32, objs ...fyne.CanvasObject) *fyne.Container {
	return container.New(stretch{column{gap: gap}}, objs...)
}

func (r row) MinSize(objs []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	n := 0
	for _, o := range objs {
		if !o.Visible() {
			continue
		}
		n++
		om := o.MinSize()
		m.Width += om.Width
		m.Height = max(m.Height, om.Height)
	}
	m.Width += r.gap * float32(max(0, n-1))
	return m
}

// widths gives every object its own width and shares the rest equally among
// those that stretch.
func (r row) widths(objs []fyne.CanvasObject, w float32) []float32 {
	out := make([]float32, len(objs))
	left, hungry, n := w, 0, 0
	for i, o := range objs {
		if !o.Visible() {
			continue
		}
		n++
		if stretches(o) {
			hungry++
			continue
		}
		out[i] = o.MinSize().Width
		left -= out[i]
	}
	left -= r.gap * float32(max(0, n-1))
	for i, o := range objs {
		if o.Visible() && stretches(o) {
			out[i] = max(0, left/float32(hungry))
		}
	}
	return out
}

func (r row) heightFor(objs []fyne.CanvasObject, w float32) float32 {
	h := float32(0)
	ws := r.widths(objs, w)
	for i, o := range objs {
		if o.Visible() {
			h = max(h, heightFor(o, ws[i]))
		}
	}
	return h
}

func (r row) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	x := float32(0)
	ws := r.widths(objs, s.Width)
	for i, o := range objs {
		if !o.Visible() {
			continue
		}
		h := heightFor(o, ws[i])
		put(o, x, (s.Height-h)/2, ws[i], h)
		x += ws[i] + r.gap
	}
}

func newRow(gap float32, objs ...fyne.CanvasObject) *fyne.Container {
	return container.New(row{gap: gap}, objs...)
}

// padding puts space around one object.
type padding struct{ top, right, bottom, left float32 }

func (p padding) MinSize(objs []fyne.CanvasObject) fyne.Size {
	return objs[0].MinSize().AddWidthHeight(p.left+p.right, p.top+p.bottom)
}

func (p padding) heightFor(objs []fyne.CanvasObject, w float32) float32 {
	return heightFor(objs[0], w-p.left-p.right) + p.top + p.bottom
}

func (p padding) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	put(objs[0], p.left, p.top, s.Width-p.left-p.right, s.Height-p.top-p.bottom)
}

func padded(o fyne.CanvasObject, top, right, bottom, left float32) *fyne.Container {
	return container.New(padding{top, right, bottom, left}, o)
}

// middle centres one object, if there is one, of fixed size, and keeps it on the window when that
// is smaller.
type middle struct{ edge float32 } // edge is the least space above and below

// edge is the space between something over the window and its border.
const edge = 20

func (middle) MinSize(objs []fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, 0) }

func (l middle) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	if len(objs) == 0 {
		return
	}
	m := objs[0].MinSize()
	w, h := min(m.Width, s.Width), min(m.Height, s.Height-2*l.edge)
	put(objs[0], (s.Width-w)/2, (s.Height-h)/2, w, h)
}

// bottom puts one object, if there is one, at the bottom in the middle.
type bottom struct{}

func (bottom) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

func (bottom) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	if len(objs) == 0 {
		return
	}
	m := objs[0].MinSize()
	w, h := min(m.Width, s.Width-2*edge), min(m.Height, s.Height-2*edge)
	put(objs[0], (s.Width-w)/2, s.Height-h-edge, w, h)
}

// sized gives one object a fixed size; 0 leaves a side as it is.
type sized struct{ w, h float32 }

func (f sized) MinSize(objs []fyne.CanvasObject) fyne.Size {
	m := objs[0].MinSize()
	if f.w > 0 {
		m = fyne.NewSize(f.w, heightFor(objs[0], f.w))
	}
	if f.h > 0 {
		m.Height = f.h
	}
	return m
}

func (f sized) Layout(objs []fyne.CanvasObject, s fyne.Size) { put(objs[0], 0, 0, s.Width, s.Height) }

func sizedTo(o fyne.CanvasObject, w, h float32) *fyne.Container { return container.New(sized{w, h}, o) }

// plate is a themed rounded ground.
type plate struct {
	widget.BaseWidget
	col, edge fyne.ThemeColorName // edge may be empty
	radius    float32
	shadow    bool
	tinted    bool // only a breath of col
}

func newPlate(col, edge fyne.ThemeColorName, radius float32) *plate {
	g := &plate{col: col, edge: edge, radius: radius}
	g.ExtendBaseWidget(g)
	return g
}

func (g *plate) CreateRenderer() fyne.WidgetRenderer {
	r := rounded(g.radius)
	return newRenderer(
		func() fyne.Size { return fyne.Size{} },
		func(s fyne.Size) { r.Resize(s) },
		func() {
			r.FillColor, r.StrokeWidth, r.StrokeColor = colour(g.col), 0, color.Transparent
			if g.tinted {
				r.FillColor = tint(g.col)
			}
			if g.edge != "" {
				r.StrokeWidth, r.StrokeColor = 1, colour(g.edge)
			}
			if g.shadow {
				r.Shadow = canvas.Shadow{Color: colour(cShadow), BlurRadius: 24, Offset: fyne.NewPos(0, 6)}
			}
			r.Refresh()
		},
		r)
}

// stack lays all its objects over each other.
type stack struct{}

func (stack) MinSize(objs []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	for _, o := range objs {
		if o.Visible() {
			m = m.Max(o.MinSize())
		}
	}
	return m
}

func (stack) heightFor(objs []fyne.CanvasObject, w float32) float32 {
	h := float32(0)
	for _, o := range objs {
		if o.Visible() {
			h = max(h, heightFor(o, w))
		}
	}
	return h
}

func (stack) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	for _, o := range objs {
		put(o, 0, 0, s.Width, s.Height)
	}
}

// card puts o on a rounded ground.
func card(col, edge fyne.ThemeColorName, radius float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(stack{}, newPlate(col, edge, radius), o)
}

// layered lays objects over each other.
func layered(objs ...fyne.CanvasObject) *fyne.Container { return container.New(stack{}, objs...) }
