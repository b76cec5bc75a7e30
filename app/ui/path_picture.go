package ui

import (
	"image"
	"math"

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

// starPicture draws the lines of a room of three and more.
type starPicture struct {
	control
	v      star
	img    *image.RGBA
	choose func(i int) // a node was pressed
}

const (
	starHeight = 308
	nodeRadius = 17
)

func newStarPicture(choose func(int)) *starPicture {
	s := &starPicture{choose: choose}
	s.spoken = "Everybody in the room and how they are reached"
	s.extend(s)
	return s
}

func (s *starPicture) set(v star) {
	s.v = v
	s.Refresh()
}

// spots are the hub and the nodes around it.
func (s *starPicture) spots(size fyne.Size) (hub xy, nodes []xy) {
	hub = xy{float64(size.Width) / 2, float64(size.Height) / 2}
	rx, ry := hub.x-58, hub.y-64
	if !s.named() {
		ry += 12
	}
	n := len(s.v.Nodes)
	for i := range n {
		a := -math.Pi/2 + 2*math.Pi*float64(i)/float64(n)
		if n == 2 { // side by side
			a = math.Pi + math.Pi*float64(i)
		}
		nodes = append(nodes, xy{hub.x + math.Cos(a)*rx, hub.y + math.Sin(a)*ry})
	}
	return hub, nodes
}

// Tapped chooses the node that was hit.
func (s *starPicture) Tapped(e *fyne.PointEvent) {
	if e == nil {
		return
	}
	_, spots := s.spots(s.Size())
	for i, q := range spots {
		if math.Hypot(float64(e.Position.X)-q.x, float64(e.Position.Y)-q.y) < nodeRadius+8 && !s.v.Nodes[i].Self {
			s.choose(i)
			return
		}
	}
}

// TypedKey goes from one person to the next.
func (s *starPicture) TypedKey(e *fyne.KeyEvent) {
	step := map[fyne.KeyName]int{fyne.KeyLeft: -1, fyne.KeyUp: -1, fyne.KeyRight: 1, fyne.KeyDown: 1}[e.Name]
	if step == 0 {
		s.control.TypedKey(e)
		return
	}
	n := len(s.v.Nodes)
	for i, nd := range s.v.Nodes {
		if !nd.Selected {
			continue
		}
		next := (i + step + n) % n
		if s.v.Nodes[next].Self {
			next = (next + step + n) % n
		}
		s.choose(next)
		return
	}
}

// named reports whether there is room for names; else only the selected one has
// its name.
func (s *starPicture) named() bool { return len(s.v.Nodes) <= 8 }

func (s *starPicture) draw(w, h int) image.Image {
	pn := newPen(s.img, w, h, s.Size().Width)
	s.img = pn.img
	pn.ground(s.Size(), 14)
	if w < 8 || len(s.v.Nodes) == 0 {
		return pn.img
	}
	hub, spots := s.spots(s.Size())
	for i, q := range spots {
		n := s.v.Nodes[i]
		width, opacity := 2.0, 0.55
		if n.Selected {
			width, opacity = 3.5, 1
		}
		var dash []float64
		if n.Broken {
			dash = []float64{2, 6}
		}
		pn.stroke([]xy{hub, q}, width, faded(colour(n.Col), opacity), dash...)
	}
	for i, q := range spots {
		n := s.v.Nodes[i]
		pn.disc(q, nodeRadius+3, colour(cInset))
		pn.disc(q, nodeRadius, avatarFor(n.Name).disc)
		if n.Selected {
			pn.ring(q, nodeRadius+1.5, 2.5, colour(n.Col))
		}
	}
	pn.disc(hub, 29, colour(cInset))
	if s.v.Icon == "" {
		pn.disc(hub, 25, avatarFor("You").disc)
	} else {
		pn.box(hub.x-25, hub.y-25, 50, 50, 14, colour(cRaised))
	}
	return pn.img
}

func (s *starPicture) CreateRenderer() fyne.WidgetRenderer {
	r := &starRenderer{s: s, ring: focusRing(17), icon: newIcon(), hub: line(11.5, bold)}
	r.edges = canvas.NewRaster(s.draw)
	r.edges.ScaleMode = canvas.ImageScaleFastest
	r.Refresh()
	return r
}

type starRenderer struct {
	s     *starPicture
	ring  *canvas.Rectangle
	edges *canvas.Raster
	icon  *canvas.Image
	hub   *canvas.Text
	nodes []nodeTexts
}

type nodeTexts struct{ initials, name, label *canvas.Text }

func (r *starRenderer) Destroy() {}

func (r *starRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.edges, r.icon, r.hub}
	for _, n := range r.nodes {
		objs = append(objs, n.initials, n.name, n.label)
	}
	return append(objs, r.ring)
}

func (r *starRenderer) MinSize() fyne.Size { return fyne.NewSize(240, starHeight) }

func (r *starRenderer) Layout(s fyne.Size) {
	r.edges.Resize(s)
	ringAround(r.ring, 0, 0, s.Width, s.Height)
	hub, spots := r.s.spots(s)
	y := float32(hub.y)
	if r.s.v.Icon != "" {
		put(r.icon, float32(hub.x)-9, y-17, 18, 18)
		y += 10
	}
	centred(r.hub, float32(hub.x), y)
	for i, q := range spots {
		t, n := r.nodes[i], r.s.v.Nodes[i]
		x, y := float32(q.x), float32(q.y)
		centred(t.initials, x, y)
		t.name.Text, t.label.Text = "", ""
		if r.s.named() || n.Selected {
			t.name.Text = elide(n.Name, 11, bold, 100)
			t.label.Text = n.Label
		}
		at := func(o *canvas.Text) float32 {
			half := o.MinSize().Width / 2
			return min(max(x, 8+half), s.Width-8-half)
		}
		name, label := y+nodeRadius+11, y+nodeRadius+25
		if q.y < hub.y-20 { // above, so that the line to the hub is free
			name, label = y-nodeRadius-24, y-nodeRadius-10
		}
		centred(t.name, at(t.name), name)
		centred(t.label, at(t.label), label)
	}
}

func (r *starRenderer) Refresh() {
	v := r.s.v
	for len(r.nodes) < len(v.Nodes) {
		r.nodes = append(r.nodes, nodeTexts{line(11, bold), line(11, bold), line(10.5, plain)})
	}
	r.nodes = r.nodes[:len(v.Nodes)]
	setIcon(r.icon, v.Icon, colour(cAccent))
	r.hub.Text, r.hub.Color = v.Hub, colour(cText)
	for i, n := range v.Nodes {
		t := r.nodes[i]
		t.initials.Text, t.initials.Color = initials(n.Name), avatarFor(n.Name).text
		t.name.Color, t.label.Color = colour(cText), colour(cDim)
	}
	styleRing(r.ring, r.s.focused)
	r.Layout(r.s.Size())
	for _, o := range r.Objects() {
		if _, ok := o.(*canvas.Image); !ok {
			o.Refresh()
		}
	}
}
