package ui

import (
	"image"
	"reflect"
	"time"

	"candid/app/replay"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// waterfall shows how long each step of setting a line up took, one under the
// other on one scale of time.
type waterfall struct {
	widget.BaseWidget
	steps []replay.Step
	img   *image.RGBA
}

const (
	fallRow  = 36
	fallHead = 10
)

func newWaterfall() *waterfall {
	f := &waterfall{}
	f.ExtendBaseWidget(f)
	return f
}

func (f *waterfall) set(steps []replay.Step) {
	if !reflect.DeepEqual(f.steps, steps) {
		f.steps = steps
		f.Refresh()
	}
}

func (f *waterfall) heightFor(float32) float32 { return fallHead*2 + float32(len(f.steps))*fallRow }

// fallColours are those of the steps, by their order.
var fallColours = []fyne.ThemeColorName{cAccent, cViolet, cTeal, cWarn, cGood, cGood}

func (f *waterfall) draw(w, h int) image.Image {
	p := newPen(f.img, w, h, f.Size().Width)
	f.img = p.img
	p.ground(f.Size(), 14)
	all := f.total()
	if all <= 0 || w < 8 {
		return p.img
	}
	width := float64(f.Size().Width) - 2*trendInset
	for i, s := range f.steps {
		y := fallHead + float64(i)*fallRow + 22
		x := trendInset + float64(s.From)/float64(all)*width
		long := max(4, float64(s.To-s.From)/float64(all)*width)
		p.box(trendInset, y, width, 7, 3.5, colour(cCard))
		p.box(min(x, trendInset+width-4), y, long, 7, 3.5, colour(fallColours[i%len(fallColours)]))
	}
	return p.img
}

func (f *waterfall) total() (all time.Duration) {
	for _, s := range f.steps {
		all = max(all, s.To)
	}
	return all
}

func (f *waterfall) CreateRenderer() fyne.WidgetRenderer {
	r := &fallRenderer{f: f, bars: canvas.NewRaster(f.draw)}
	r.bars.ScaleMode = canvas.ImageScaleFastest
	r.Refresh()
	return r
}

type fallRenderer struct {
	f     *waterfall
	bars  *canvas.Raster
	names []*canvas.Text
	times []*canvas.Text
}

func (r *fallRenderer) Destroy() {}

func (r *fallRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.bars}
	for i := range r.names {
		objs = append(objs, r.names[i], r.times[i])
	}
	return objs
}

func (r *fallRenderer) MinSize() fyne.Size { return fyne.NewSize(240, r.f.heightFor(0)) }

func (r *fallRenderer) Layout(s fyne.Size) {
	r.bars.Resize(s)
	for i := range r.names {
		y := fallHead + float32(i)*fallRow + 10
		place(r.names[i], trendInset, y-r.names[i].MinSize().Height/2)
		m := r.times[i].MinSize()
		place(r.times[i], s.Width-trendInset-m.Width, y-m.Height/2)
	}
}

func (r *fallRenderer) Refresh() {
	for len(r.names) < len(r.f.steps) {
		r.names, r.times = append(r.names, line(12, plain)), append(r.times, line(12, bold))
	}
	r.names, r.times = r.names[:len(r.f.steps)], r.times[:len(r.f.steps)]
	for i, s := range r.f.steps {
		r.names[i].Text, r.names[i].Color = s.Title, colour(cDim)
		r.times[i].Text, r.times[i].Color = millis(s.To-s.From), colour(cText)
	}
	r.Layout(r.f.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
}
