package ui

import (
	"fmt"
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// trend shows round trip, loss and what is received over each other: each on
// its own scale, so that one sees what happened together. Under the pointer it
// tells the values of then.
type trend struct {
	hairline // its views have one series each
	img      *image.RGBA
}

const (
	trendHead   = 58
	trendPlot   = 92
	trendFoot   = 22
	trendHeight = trendHead + trendPlot + trendFoot
	trendInset  = 14
)

func newTrend() *trend {
	t := &trend{hairline: newHairline(trendInset)}
	t.spoken = "Round trip, loss and received data over time"
	t.extend(t)
	return t
}

func (t *trend) draw(w, h int) image.Image {
	p := newPen(t.img, w, h, t.Size().Width)
	t.img = p.img
	p.ground(t.Size(), 14)
	if w < 8 || h < 8 {
		return p.img
	}
	width := float64(t.Size().Width) - 2*trendInset
	for i := range 3 {
		p.dots(trendInset, trendInset+width, trendHead+float64(i)*(trendPlot-4)/2+2.5, colour(cLine))
	}
	for i := len(t.views) - 1; i >= 0; i-- { // the first on top
		v := t.views[i]
		s, scale := v.Series[0], v.top()
		for _, run := range runs(s.Values) {
			points := make([]xy, 0, len(run.values))
			for k, x := range run.values {
				at := float64(run.start+k) / float64(len(s.Values)-1)
				points = append(points, xy{trendInset + at*width, trendHead + trendPlot - 3 - min(1, x/scale)*(trendPlot-10)})
			}
			if len(points) == 1 { // one value between two unknown ones
				p.spot(points[0], 1.5, colour(s.Col))
				continue
			}
			p.under(points, trendHead, trendHead+trendPlot, faded(colour(s.Col), 0.2))
			p.curve(points, 1.8, colour(s.Col))
		}
	}
	return p.img
}

func (t *trend) CreateRenderer() fyne.WidgetRenderer {
	r := &trendRenderer{t: t, hair: &canvas.Line{StrokeWidth: 1}, ring: focusRing(17), from: line(10.5, plain), to: line(10.5, plain)}
	r.plot = canvas.NewRaster(t.draw)
	r.plot.ScaleMode = canvas.ImageScaleFastest
	for i := range r.cols {
		r.cols[i] = trendColumn{&canvas.Circle{}, line(12, plain), line(15, bold), line(10.5, plain)}
	}
	r.Refresh()
	return r
}

type trendColumn struct {
	dot                *canvas.Circle
	title, value, most *canvas.Text
}

type trendRenderer struct {
	t        *trend
	plot     *canvas.Raster
	cols     [3]trendColumn
	hair     *canvas.Line
	ring     *canvas.Rectangle
	from, to *canvas.Text
}

func (r *trendRenderer) Destroy() {}

func (r *trendRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.plot}
	for _, c := range r.cols {
		objs = append(objs, c.dot, c.title, c.value, c.most)
	}
	return append(objs, r.hair, r.from, r.to, r.ring)
}

func (r *trendRenderer) MinSize() fyne.Size { return fyne.NewSize(240, trendHeight) }

func (r *trendRenderer) Layout(s fyne.Size) {
	t := r.t
	r.plot.Resize(s)
	ringAround(r.ring, 0, 0, s.Width, s.Height)
	wide := (s.Width - 2*trendInset) / float32(len(r.cols))
	for i, c := range r.cols {
		x := trendInset + float32(i)*wide
		put(c.dot, x, 17, 8, 8)
		place(c.title, x+13, 21-c.title.MinSize().Height/2)
		place(c.value, x, 40-c.value.MinSize().Height/2)
		place(c.most, x+c.value.MinSize().Width+7, 41.5-c.most.MinSize().Height/2)
	}
	y := float32(trendHead + trendPlot + 3)
	place(r.from, trendInset, y)
	m := r.to.MinSize()
	put(r.to, s.Width-trendInset-m.Width, y, m.Width, m.Height)
	r.hair.Hidden = t.hair < 0 || len(t.views) == 0
	if !r.hair.Hidden {
		x := trendInset + float32(t.hair)/float32(len(t.views[0].Series[0].Values)-1)*(s.Width-2*trendInset)
		r.hair.Position1, r.hair.Position2 = fyne.NewPos(x, trendHead), fyne.NewPos(x, trendHead+trendPlot)
	}
}

func (r *trendRenderer) Refresh() {
	t := r.t
	for i, c := range r.cols {
		if i >= len(t.views) {
			continue
		}
		v := t.views[i]
		s := v.Series[0]
		value := s.newest()
		if t.hair >= 0 && t.hair < len(s.Values) {
			value = s.Values[t.hair]
		}
		c.dot.FillColor = colour(s.Col)
		c.title.Text, c.title.Color = v.Title, colour(cDim)
		c.value.Text, c.value.Color = v.valueText(value), colour(cText)
		c.most.Text, c.most.Color = "", colour(cFaint)
		c.value.TextSize = 15
		if c.value.Text == wordUnproven {
			c.value.TextSize = 12
		}
	}
	r.from.Color, r.to.Color, r.hair.StrokeColor = colour(cFaint), colour(cFaint), colour(cDim)
	r.to.Text = "now"
	if len(t.views) > 0 {
		r.from.Text = fmt.Sprintf("%.0f min ago", t.views[0].Span.Minutes())
		if t.hair >= 0 {
			r.to.Text = fmt.Sprintf("%d s ago", t.views[0].secondsBack(t.hair))
		}
	}
	styleRing(r.ring, t.focused)
	r.Layout(t.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
}
