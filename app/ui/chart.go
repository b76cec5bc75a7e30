package ui

import (
	"fmt"
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// charts are graphs over the same time, above each other, drawn as one picture
// once a second. The pointer, or the arrow keys, move a hair line through all
// of them.
type chartStack struct {
	hairline
	img *image.RGBA
}

const (
	chartHeight = 92
	chartHead   = 26 // title and value
	chartFoot   = 10 // space to the next
	axisHeight  = 16
)

func newChartStack() *chartStack {
	c := &chartStack{hairline: newHairline(0)}
	c.spoken = "Graphs of the line over time"
	c.extend(c)
	return c
}

func (c *chartStack) heightFor(float32) float32 {
	return float32(len(c.views))*chartHeight + axisHeight
}

func (c *chartStack) CreateRenderer() fyne.WidgetRenderer {
	r := &chartRenderer{c: c, hair: &canvas.Line{StrokeWidth: 1}, ring: focusRing(10)}
	r.plot = canvas.NewRaster(c.draw)
	r.plot.ScaleMode = canvas.ImageScaleFastest
	r.from, r.to = line(11, plain), line(11, plain)
	r.Refresh()
	return r
}

type chartRenderer struct {
	c        *chartStack
	plot     *canvas.Raster
	hair     *canvas.Line
	ring     *canvas.Rectangle
	titles   []*canvas.Text
	values   [][]*canvas.Text // one per series
	tops     []*canvas.Text
	from, to *canvas.Text
}

func (r *chartRenderer) Destroy() {}

func (r *chartRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.plot, r.hair, r.from, r.to}
	for i := range r.titles {
		objs = append(objs, r.titles[i], r.tops[i])
		for _, v := range r.values[i] {
			objs = append(objs, v)
		}
	}
	return append(objs, r.ring)
}

func (r *chartRenderer) MinSize() fyne.Size { return fyne.NewSize(200, r.c.heightFor(0)) }

func (r *chartRenderer) Layout(s fyne.Size) {
	r.plot.Resize(s)
	ringAround(r.ring, 0, 0, s.Width, s.Height)
	for i := range r.titles {
		y := float32(i) * chartHeight
		m := r.titles[i].MinSize()
		place(r.titles[i], 0, y+(chartHead-m.Height)/2)
		x := s.Width
		for j := len(r.values[i]) - 1; j >= 0; j-- {
			v := r.values[i][j]
			x -= v.MinSize().Width
			place(v, x, y+(chartHead-m.Height)/2)
			x -= 14
		}
		place(r.tops[i], 4, y+chartHead+1)
	}
	y := float32(len(r.titles))*chartHeight - 4
	place(r.from, 0, y)
	m := r.to.MinSize()
	put(r.to, s.Width-m.Width, y, m.Width, m.Height)
	r.layoutHair(s)
}

func (r *chartRenderer) layoutHair(s fyne.Size) {
	c := r.c
	r.hair.Hidden = c.hair < 0 || len(c.views) == 0
	if r.hair.Hidden {
		return
	}
	x := float32(c.hair) / float32(len(c.views[0].Series[0].Values)-1) * s.Width
	r.hair.Position1 = fyne.NewPos(x, chartHead)
	r.hair.Position2 = fyne.NewPos(x, float32(len(c.views))*chartHeight-chartFoot)
}

func (r *chartRenderer) Refresh() {
	c := r.c
	for len(r.titles) < len(c.views) {
		v := c.views[len(r.titles)]
		var values []*canvas.Text
		for range v.Series {
			values = append(values, line(12.5, bold))
		}
		r.titles, r.values, r.tops = append(r.titles, line(12.5, plain)), append(r.values, values), append(r.tops, line(10.5, plain))
	}
	for i, v := range c.views {
		r.titles[i].Text, r.titles[i].Color = v.Title, colour(cDim)
		for j, x := range v.Series {
			col := cText
			if x.Name != "" {
				col = x.Col
			}
			r.values[i][j].Text, r.values[i][j].Color = c.valueOf(v, x), colour(col)
		}
		r.tops[i].Text, r.tops[i].Color = v.Write(v.top()), colour(cFaint)
	}
	r.from.Color, r.to.Color, r.hair.StrokeColor = colour(cFaint), colour(cFaint), colour(cDim)
	r.to.Text = "now"
	if len(c.views) > 0 {
		r.from.Text = fmt.Sprintf("%.0f min ago", c.views[0].Span.Minutes())
		if c.hair >= 0 {
			r.to.Text = fmt.Sprintf("%d s ago", c.views[0].secondsBack(c.hair))
		}
	}
	styleRing(r.ring, c.focused)
	r.Layout(c.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
}

// valueOf is the newest value of a curve, or that under the hair line.
func (c *chartStack) valueOf(v chartView, x series) string {
	value := x.newest()
	if c.hair >= 0 && c.hair < len(x.Values) {
		value = x.Values[c.hair]
	}
	if x.Name == "" {
		return v.valueText(value)
	}
	return arrow(x.Name) + " " + v.valueText(value)
}

// arrow is a direction as a sign.
func arrow(name string) string {
	if name == "receive" {
		return "↓"
	}
	return "↑"
}

// draw paints all graphs into one picture of w by h pixels.
func (c *chartStack) draw(w, h int) image.Image {
	p := newPen(c.img, w, h, c.Size().Width)
	c.img = p.img
	if w < 8 || h < 8 {
		return p.img
	}
	width := float64(c.Size().Width)
	for i, v := range c.views {
		top := float64(i)*chartHeight + chartHead
		p.chart(v, top, float64(i+1)*chartHeight-chartFoot, width)
	}
	return p.img
}

// chart draws one graph between the heights top and base.
func (p *pen) chart(v chartView, top, base, width float64) {
	p.box(0, top, width, base-top, 8, colour(cInset))
	p.dots(6, width-6, math.Floor((top+base)/2)+0.5, colour(cLine))
	scale := v.top()
	for _, s := range v.Series {
		col := colour(s.Col)
		for _, run := range runs(s.Values) {
			points := make([]xy, 0, len(run.values))
			for i, x := range run.values {
				at := float64(run.start+i) / float64(len(s.Values)-1)
				points = append(points, xy{1.5 + at*(width-3), base - 3 - min(1, x/scale)*(base-top-8)})
			}
			if len(points) == 1 { // one value between two unknown ones
				p.disc(points[0], 1.5, col)
				continue
			}
			p.under(points, top, base, faded(col, 0.26))
			p.curve(points, 1.7, col)
		}
	}
}

// run is a part of a curve without gaps.
type run struct {
	start  int
	values []float64
}

// runs cuts values where one is not measured.
func runs(values []float64) []run {
	var out []run
	for i, v := range values {
		switch {
		case math.IsNaN(v):
		case i > 0 && !math.IsNaN(values[i-1]):
			out[len(out)-1].values = append(out[len(out)-1].values, v)
		default:
			out = append(out, run{start: i, values: []float64{v}})
		}
	}
	return out
}
