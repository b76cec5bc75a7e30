package ui

import (
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// lanes draws a past call over time and is its slider: pressed or dragged, it
// goes to that moment; under the pointer it names what happened.
type lanes struct {
	control
	v     lanesView
	at    float64 // share of the whole
	hover int     // index of a mark; -1 is none
	seek  func(share float64)
	img   *image.RGBA
}

const (
	laneNames = 112
	laneRow   = 30
	laneTop   = 40
	laneFoot  = 14
	laneEdge  = 16 // at the right
)

var _ fyne.Draggable = (*lanes)(nil)

func newLanes(v lanesView, seek func(float64)) *lanes {
	l := &lanes{v: v, seek: seek, hover: -1}
	l.spoken = "Time: goes to a moment of the call"
	l.extend(l)
	return l
}

func (l *lanes) heightFor(float32) float32 {
	return laneTop + laneFoot + float32(max(1, len(l.v.Lanes)))*laneRow
}

// set moves the present moment.
func (l *lanes) set(share float64) {
	if math.Abs(l.at-share) > 1e-5 {
		l.at = share
		l.Refresh()
	}
}

func (l *lanes) x(share float64) float32 {
	return laneNames + float32(share)*(l.Size().Width-laneNames-laneEdge)
}

func (l *lanes) share(x float32) float64 {
	return min(1, max(0, float64((x-laneNames)/max(1, l.Size().Width-laneNames-laneEdge))))
}

func (l *lanes) Tapped(e *fyne.PointEvent) {
	if e != nil {
		l.seek(l.share(e.Position.X))
	}
}

func (l *lanes) Dragged(e *fyne.DragEvent) { l.seek(l.share(e.Position.X)) }
func (l *lanes) DragEnd()                  {}

// TypedKey goes back and forth by a hundredth.
func (l *lanes) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyLeft:
		l.seek(max(0, l.at-0.01))
	case fyne.KeyRight:
		l.seek(min(1, l.at+0.01))
	case fyne.KeyHome:
		l.seek(0)
	case fyne.KeyEnd:
		l.seek(1)
	default:
		l.control.TypedKey(e)
	}
}

func (l *lanes) MouseMoved(e *desktop.MouseEvent) {
	best, near := float32(8), -1
	for i, m := range l.v.Marks {
		if d := l.x(m.At) - e.Position.X; max(d, -d) < best {
			best, near = max(d, -d), i
		}
	}
	if near != l.hover {
		l.hover = near
		l.Refresh()
	}
}

func (l *lanes) MouseOut() {
	l.hovered, l.hover = false, -1
	l.Refresh()
}

func (l *lanes) draw(w, h int) image.Image {
	p := newPen(l.img, w, h, l.Size().Width)
	l.img = p.img
	p.ground(l.Size(), 14)
	if w < laneNames {
		return p.img
	}
	left, wide := float64(laneNames), float64(l.Size().Width)-laneNames-laneEdge
	for i, row := range l.v.Lanes {
		y := laneTop + float64(i)*laneRow + laneRow/2
		p.box(left, y-1, wide, 2, 1, colour(cCard))
		for _, s := range row.Spans {
			x, long := left+s.From*wide, max(2, (s.To-s.From)*wide)
			half := 6.0
			if s.Thin {
				half = 2
			}
			p.box(x, y-half, long, 2*half, min(half, long/2), colour(s.Col))
		}
	}
	p.box(left, laneTop-12, wide, 2, 1, colour(cLine))
	for i, m := range l.v.Marks {
		r := 4.0
		if i == l.hover {
			r = 6
		}
		p.spot(xy{left + m.At*wide, laneTop - 11}, r+1.5, colour(cInset))
		p.spot(xy{left + m.At*wide, laneTop - 11}, r, colour(m.Col))
	}
	return p.img
}

func (l *lanes) CreateRenderer() fyne.WidgetRenderer {
	r := &lanesRenderer{l: l, ring: focusRing(17), now: &canvas.Rectangle{}, knob: &canvas.Circle{}, told: line(11.5, plain)}
	r.plot = canvas.NewRaster(l.draw)
	r.plot.ScaleMode = canvas.ImageScaleFastest
	r.Refresh()
	return r
}

type lanesRenderer struct {
	l     *lanes
	plot  *canvas.Raster
	names []*canvas.Text
	now   *canvas.Rectangle
	knob  *canvas.Circle
	told  *canvas.Text
	ring  *canvas.Rectangle
}

func (r *lanesRenderer) Destroy() {}

func (r *lanesRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.plot}
	for _, n := range r.names {
		objs = append(objs, n)
	}
	return append(objs, r.now, r.knob, r.told, r.ring)
}

func (r *lanesRenderer) MinSize() fyne.Size { return fyne.NewSize(320, r.l.heightFor(0)) }

func (r *lanesRenderer) Layout(s fyne.Size) {
	l := r.l
	r.plot.Resize(s)
	ringAround(r.ring, 0, 0, s.Width, s.Height)
	for i, n := range r.names {
		place(n, 14, laneTop+float32(i)*laneRow+laneRow/2-n.MinSize().Height/2)
	}
	x := l.x(l.at)
	put(r.now, x-1, laneTop-18, 2, s.Height-laneTop+18-8)
	put(r.knob, x-7, laneTop-18, 14, 14)
	m := r.told.MinSize()
	at := float32(laneNames)
	if l.hover >= 0 {
		at = min(max(laneNames, l.x(l.v.Marks[l.hover].At)-m.Width/2), s.Width-laneEdge-m.Width)
	}
	place(r.told, at, 3)
}

func (r *lanesRenderer) Refresh() {
	l := r.l
	for len(r.names) < len(l.v.Lanes) {
		r.names = append(r.names, line(12, bold))
	}
	for i, row := range l.v.Lanes {
		r.names[i].Text, r.names[i].Color = elide(row.Name, 12, bold, laneNames-26), colour(cText)
	}
	r.now.FillColor, r.knob.FillColor = colour(cText), colour(cText)
	r.told.Text, r.told.Color = "", colour(cText)
	if l.hover >= 0 {
		r.told.Text = l.v.Marks[l.hover].Text
	}
	styleRing(r.ring, l.focused)
	r.Layout(l.Size())
	r.plot.Refresh()
	for _, o := range r.Objects()[1:] {
		o.Refresh()
	}
}

// markRow is one thing that happened, in a list; pressed, it goes there.
type markRow struct {
	control
	m    laneMark
	when string
	gone bool // it lies before the moment shown
}

func newMarkRow(m laneMark, when string, f func()) *markRow {
	r := &markRow{m: m, when: when}
	r.pressed, r.spoken = f, when+", "+m.Text
	r.extend(r)
	return r
}

func (r *markRow) setGone(gone bool) {
	if r.gone != gone {
		r.gone = gone
		r.Refresh()
	}
}

func (r *markRow) CreateRenderer() fyne.WidgetRenderer {
	bg, ring, img, when, txt := rounded(9), focusRing(9), newIcon(), line(12, bold), line(13, plain)
	layout := func(s fyne.Size) {
		bg.Resize(s)
		put(ring, 1, 1, s.Width-2, s.Height-2)
		place(when, 12, (s.Height-when.MinSize().Height)/2)
		put(img, 68, (s.Height-15)/2, 15, 15)
		txt.Text = elide(r.m.Text, 13, plain, s.Width-94-12)
		place(txt, 94, (s.Height-txt.MinSize().Height)/2)
	}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(200, 34) },
		layout,
		func() {
			bg.Hidden = !r.hovered
			bg.FillColor = colour(cHover)
			col := cFaint
			if r.gone {
				col = cText
			}
			when.Text, when.Color, txt.Color = r.when, colour(cDim), colour(col)
			setIcon(img, r.m.Icon, colour(r.m.Col))
			styleRing(ring, r.focused)
			layout(r.Size())
			bg.Refresh()
			when.Refresh()
			txt.Refresh()
		},
		bg, when, img, txt, ring)
}
