package ui

import (
	"image"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

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
