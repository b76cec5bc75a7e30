package ui

import (
	"image"

	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// pathPicture draws the way to one person: the stations on a line, and over it
// an arc with the round trip.
type pathPicture struct {
	widget.BaseWidget
	v   pathView
	img *image.RGBA
}

const (
	pathHeight  = 168
	stationY    = 94
	stationSize = 22 // half
)

func newPathPicture() *pathPicture {
	p := &pathPicture{}
	p.ExtendBaseWidget(p)
	return p
}

func (p *pathPicture) set(v pathView) {
	p.v = v
	p.Refresh()
}

// x is where station i stands.
func (p *pathPicture) x(i int, w float32) float32 {
	const margin = 52
	return margin + (w-2*margin)*float32(i)/float32(max(1, len(p.v.Stations)-1))
}

func (p *pathPicture) CreateRenderer() fyne.WidgetRenderer {
	r := &pathRenderer{p: p, pill: rounded(13), label: line(13, bold), proto: line(11, bold)}
	r.edges = canvas.NewRaster(p.draw)
	r.edges.ScaleMode = canvas.ImageScaleFastest
	r.Refresh()
	return r
}

type pathRenderer struct {
	p            *pathPicture
	pill         *canvas.Rectangle
	edges        *canvas.Raster
	label, proto *canvas.Text
	stops        []stop
}

// stop is what is drawn of a station.
type stop struct {
	icon                  *canvas.Image
	initials, title, sub1 *canvas.Text
}

func (r *pathRenderer) Destroy() {}

func (r *pathRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.edges, r.pill, r.label, r.proto}
	for _, s := range r.stops {
		objs = append(objs, s.icon, s.initials, s.title, s.sub1)
	}
	return objs
}

func (r *pathRenderer) MinSize() fyne.Size { return fyne.NewSize(240, pathHeight) }

func (r *pathRenderer) Layout(s fyne.Size) {
	r.edges.Resize(s)
	m := r.label.MinSize()
	put(r.pill, (s.Width-m.Width)/2-12, 13, m.Width+24, 26)
	place(r.label, (s.Width-m.Width)/2, 13+(26-m.Height)/2)
	centred(r.proto, s.Width/2, stationY-12)
	r.proto.Hidden = len(r.stops)%2 == 1 // a station stands there
	room := (s.Width - 16) / float32(max(2, len(r.stops)))
	for i, st := range r.stops {
		x := r.p.x(i, s.Width)
		put(st.icon, x-10, stationY-10, 20, 20)
		centred(st.initials, x, stationY)
		v := r.p.v.Stations[i]
		st.title.Text = elide(v.Title, 12, bold, room)
		st.sub1.Text = elide(v.Below, 10.5, plain, room)
		at := min(max(x, 8+st.title.MinSize().Width/2), s.Width-8-st.title.MinSize().Width/2)
		centred(st.title, at, stationY+stationSize+16)
		at = min(max(x, 8+st.sub1.MinSize().Width/2), s.Width-8-st.sub1.MinSize().Width/2)
		centred(st.sub1, at, stationY+stationSize+33)
	}
}

func (r *pathRenderer) Refresh() {
	v := r.p.v
	for len(r.stops) < len(v.Stations) {
		r.stops = append(r.stops, stop{newIcon(), line(14, bold), line(12, bold), line(10.5, plain)})
	}
	r.stops = r.stops[:len(v.Stations)]
	col := colour(pathColour(v.Path))
	r.pill.FillColor = over(faded(col, 0.16), colour(cInset))
	r.label.Text, r.label.Color = v.Label, col
	if len(v.Stations)%2 == 1 && v.Protocol != "" { // a station stands where it would be told
		r.label.Text += " · " + v.Protocol
	}
	r.proto.Text, r.proto.Color = v.Protocol, colour(cFaint)
	for i, s := range v.Stations {
		st := r.stops[i]
		setIcon(st.icon, s.Icon, colour(cText))
		st.initials.Text, st.initials.Color = "", avatarFor(s.Who).text
		if s.Icon == "" {
			st.initials.Text = initials(s.Who)
		}
		st.title.Text, st.title.Color = s.Title, colour(cText)
		st.sub1.Text, st.sub1.Color = s.Below, colour(cDim)
	}
	r.Layout(r.p.Size())
	for _, o := range r.Objects() {
		if _, ok := o.(*canvas.Image); !ok {
			o.Refresh()
		}
	}
}

// draw paints the line, the arc and the discs of the stations.
func (p *pathPicture) draw(w, h int) image.Image {
	pn := newPen(p.img, w, h, p.Size().Width)
	p.img = pn.img
	n := len(p.v.Stations)
	pn.ground(p.Size(), 14)
	if n < 2 || w < 8 {
		return pn.img
	}
	col, width := colour(pathColour(p.v.Path)), p.Size().Width
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = float64(p.x(i, width))
	}
	broken := p.v.Path == verdict.Broken || p.v.Path == verdict.Connecting || p.v.Path == verdict.Unknown
	var dash []float64
	if broken {
		dash = []float64{2, 7}
	}
	pn.stroke([]xy{{xs[0], stationY}, {xs[n-1], stationY}}, 3, faded(col, 0.9), dash...)
	mid := (xs[0] + xs[n-1]) / 2
	pn.arc(xy{xs[0], stationY - stationSize - 5}, xy{mid, -26}, xy{xs[n-1], stationY - stationSize - 5}, 1.2, faded(col, 0.55), 1, 5)
	for i, s := range p.v.Stations {
		at := xy{xs[i], stationY}
		pn.disc(at, stationSize+4, colour(cInset))
		if s.Icon == "" {
			pn.disc(at, stationSize, avatarFor(s.Who).disc)
			continue
		}
		pn.box(xs[i]-stationSize, stationY-stationSize, 2*stationSize, 2*stationSize, 13, colour(cRaised))
	}
	return pn.img
}
