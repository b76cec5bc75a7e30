package ui

import (
	"image"
	"math"
	"reflect"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// roomPicture draws a room as a graph. It is one picture, drawn anew only when
// something in it changed; dots that run along the lines are moved by whoever
// paints the window anyway.
type roomPicture struct {
	control
	v      roomView
	img    *image.RGBA
	choose func(node int)      // a person, or atMiddle
	pick   func(edge roomEdge) // a line
	dots   []*canvas.Circle
	at     float64 // where the dots are; see step
	runs   []dotRun
}

// dotRun is the way of one dot.
type dotRun struct {
	way      []xy
	from, to float64 // how far from its ends the way is free
	phase    float64
}

const (
	roomHeight = 292
	mostDots   = 12
	dotSize    = 4.5
)

func newRoomPicture(choose func(int), pick func(roomEdge)) *roomPicture {
	s := &roomPicture{choose: choose, pick: pick}
	s.spoken = "Everybody in the room and how they are reached"
	for range mostDots {
		s.dots = append(s.dots, &canvas.Circle{})
	}
	s.extend(s)
	return s
}

// set shows v, and reports nothing changed by drawing nothing.
func (s *roomPicture) set(v roomView) {
	if !reflect.DeepEqual(s.v, v) {
		s.v = v
		s.Refresh()
	}
}

// radius of a person's disc: smaller where there are many.
func (s *roomPicture) radius() float64 {
	switch n := len(s.v.Nodes); {
	case n <= 7:
		return 18
	case n <= 18:
		return 14
	default:
		return max(3.5, 250/float64(n))
	}
}

// named reports whether there is room for names, and roomy for whole ones and
// the round trip on a line of its own; else only the chosen one has its name.
func (s *roomPicture) named() bool { return len(s.v.Nodes) <= 11 }
func (s *roomPicture) roomy() bool { return len(s.v.Nodes) <= 7 }

// spots are the middle and the nodes around it.
func (s *roomPicture) spots(size fyne.Size) (middle xy, nodes []xy) {
	middle = xy{float64(size.Width) / 2, float64(size.Height)/2 + 2}
	rx, ry := middle.x-58, middle.y-58
	switch {
	case !s.named():
		rx, ry = rx+18, ry+22
	case !s.roomy():
		rx, ry = rx+14, ry+14
	}
	n := len(s.v.Nodes)
	for i := range n {
		a := -math.Pi/2 + 2*math.Pi*float64(i)/float64(n)
		switch n {
		case 2: // side by side
			a = math.Pi + math.Pi*float64(i)
		case 3: // oneself below
			a += math.Pi
		}
		nodes = append(nodes, xy{middle.x + math.Cos(a)*rx, middle.y + math.Sin(a)*ry})
	}
	if n == 3 && s.v.Middle.Icon == "" {
		for i := range nodes {
			nodes[i].y -= ry * 0.12
		}
	}
	return middle, nodes
}

// way is the points an edge goes through: a relayed one over the relay.
func (s *roomPicture) way(e roomEdge, middle xy, spots []xy) []xy {
	at := func(i int) xy {
		if i == atMiddle {
			return middle
		}
		return spots[i]
	}
	if e.Relayed && s.v.Middle.Relay {
		return []xy{at(e.From), middle, at(e.To)}
	}
	return []xy{at(e.From), at(e.To)}
}

// Tapped chooses the person, the middle or the line that was hit.
func (s *roomPicture) Tapped(e *fyne.PointEvent) {
	if e == nil {
		return
	}
	at := xy{float64(e.Position.X), float64(e.Position.Y)}
	middle, spots := s.spots(s.Size())
	for i, q := range spots {
		if math.Hypot(at.x-q.x, at.y-q.y) < s.radius()+7 {
			s.choose(i)
			return
		}
	}
	if s.v.Middle.Icon != "" && math.Hypot(at.x-middle.x, at.y-middle.y) < 30 {
		s.choose(atMiddle)
		return
	}
	best, nearest := 9.0, -1
	for i, edge := range s.v.Edges {
		way := s.way(edge, middle, spots)
		for j := 1; j < len(way); j++ {
			if d := distance(at, way[j-1], way[j]); d < best {
				best, nearest = d, i
			}
		}
	}
	if nearest >= 0 {
		s.pick(s.v.Edges[nearest])
	}
}

// distance of a point to a straight line between two others.
func distance(p, a, b xy) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = min(1, max(0, ((p.x-a.x)*dx+(p.y-a.y)*dy)/l))
	}
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}

// TypedKey goes from one person to the next.
func (s *roomPicture) TypedKey(e *fyne.KeyEvent) {
	step := map[fyne.KeyName]int{fyne.KeyLeft: -1, fyne.KeyUp: -1, fyne.KeyRight: 1, fyne.KeyDown: 1}[e.Name]
	n := len(s.v.Nodes)
	if step == 0 || n < 2 {
		s.control.TypedKey(e)
		return
	}
	at := 0
	for i, nd := range s.v.Nodes {
		if nd.Selected {
			at = i
		}
	}
	if at = (at + step + n) % n; at == 0 { // oneself has no line
		at = (step + n) % n
	}
	s.choose(at)
}

func (s *roomPicture) draw(w, h int) image.Image {
	pn := newPen(s.img, w, h, s.Size().Width)
	s.img = pn.img
	pn.ground(s.Size(), 14)
	if w < 8 || len(s.v.Nodes) == 0 {
		return pn.img
	}
	middle, spots := s.spots(s.Size())
	for _, top := range []int{0, 1, 2} { // others' lines, ours, the chosen one
		for _, e := range s.v.Edges {
			if e.layer() == top {
				s.drawEdge(pn, e, s.way(e, middle, spots))
			}
		}
	}
	r := s.radius()
	for i, q := range spots {
		n := s.v.Nodes[i]
		pn.spot(q, r+3, colour(cInset))
		pn.spot(q, r, avatarFor(n.Name).disc)
		switch {
		case n.Selected:
			pn.hoop(q, r+2.5, 2.5, colour(n.Col))
		case n.Self:
			pn.hoop(q, r+1, 1.5, colour(cAccent))
		}
	}
	if m := s.v.Middle; m.Icon != "" {
		const half = 26
		pn.box(middle.x-half-3, middle.y-half-3, 2*half+6, 2*half+6, 16, colour(cInset))
		edge := cLine
		if m.Selected {
			edge = cAccent
		}
		pn.box(middle.x-half, middle.y-half, 2*half, 2*half, 14, colour(edge))
		pn.box(middle.x-half+1.5, middle.y-half+1.5, 2*half-3, 2*half-3, 12.5, colour(cRaised))
	}
	return pn.img
}

func (e roomEdge) layer() int {
	switch {
	case e.Selected:
		return 2
	case e.Mine, e.From == atMiddle, e.To == atMiddle:
		return 1
	}
	return 0
}

// drawEdge draws a line: its colour and its dashes tell how good it is, its
// weight whose it is.
func (s *roomPicture) drawEdge(pn *pen, e roomEdge, way []xy) {
	width, opacity := 1.2, 0.34
	switch e.layer() {
	case 1:
		width, opacity = 2, 0.75
	case 2:
		width, opacity = 3.2, 1
	}
	on, off := 0.0, 0.0
	switch e.Quality {
	case fairQuality:
		on, off = 9, 4
	case poorQuality:
		on, off = 4, 4
	case noLine, unknownQuality:
		on, off = 2, 5
	}
	col := faded(colour(e.Quality.colour()), opacity)
	for j := 1; j < len(way); j++ {
		pn.segment(way[j-1], way[j], width, col, on, off)
	}
	if e.Relayed && len(way) == 2 { // through the relay on its way to the host
		mid := xy{(way[0].x + way[1].x) / 2, (way[0].y + way[1].y) / 2}
		pn.spot(mid, 6.5, colour(cInset))
		pn.spot(mid, 4.5, colour(cWarn))
	}
}

// route finds the ways of the dots anew.
func (s *roomPicture) route() {
	s.runs = s.runs[:0]
	middle, spots := s.spots(s.Size())
	for pass := range 2 { // ours first
		for i, e := range s.v.Edges {
			if e.Mine != (pass == 0) || pass == 1 && e.From != atMiddle && e.To != atMiddle {
				continue
			}
			way := s.way(e, middle, spots)
			back := make([]xy, len(way))
			for j, q := range way {
				back[len(way)-1-j] = q
			}
			free := [2]float64{s.radius() + 6, s.radius() + 6}
			for k, end := range [2]int{e.From, e.To} {
				if end == atMiddle {
					free[k] = 34
				}
			}
			if e.There && len(s.runs) < mostDots {
				s.runs = append(s.runs, dotRun{way, free[0], free[1], math.Mod(float64(i)*0.37, 1)})
			}
			if e.Back && len(s.runs) < mostDots {
				s.runs = append(s.runs, dotRun{back, free[1], free[0], math.Mod(float64(i)*0.37+0.43, 1)})
			}
		}
	}
}

// step moves the dots to where they are after so many seconds.
func (s *roomPicture) step(seconds float64) {
	s.at = seconds
	for i, d := range s.dots {
		if i >= len(s.runs) {
			d.Hidden = true
			continue
		}
		run := s.runs[i]
		q := along(run.way, math.Mod(seconds/1.6+run.phase, 1), run.from, run.to)
		d.Hidden = false
		d.Move(fyne.NewPos(float32(q.x)-dotSize/2, float32(q.y)-dotSize/2))
	}
}

// along is the point at a share of the way, of which so much at its ends is not
// gone.
func along(way []xy, share, from, to float64) xy {
	all := 0.0
	for j := 1; j < len(way); j++ {
		all += math.Hypot(way[j].x-way[j-1].x, way[j].y-way[j-1].y)
	}
	left := from + share*max(0, all-from-to)
	for j := 1; j < len(way); j++ {
		a, b := way[j-1], way[j]
		l := math.Hypot(b.x-a.x, b.y-a.y)
		if left <= l && l > 0 {
			return xy{a.x + (b.x-a.x)*left/l, a.y + (b.y-a.y)*left/l}
		}
		left -= l
	}
	return way[len(way)-1]
}

func (s *roomPicture) CreateRenderer() fyne.WidgetRenderer {
	r := &roomRenderer{s: s, ring: focusRing(17), icon: newIcon(), title: line(11, bold)}
	r.edges = canvas.NewRaster(s.draw)
	r.edges.ScaleMode = canvas.ImageScaleFastest
	r.Refresh()
	return r
}

type roomRenderer struct {
	s     *roomPicture
	ring  *canvas.Rectangle
	edges *canvas.Raster
	icon  *canvas.Image
	title *canvas.Text
	nodes []nodeTexts
}

type nodeTexts struct{ initials, name, label *canvas.Text }

func (r *roomRenderer) Destroy() {}

func (r *roomRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.edges}
	for _, d := range r.s.dots {
		objs = append(objs, d)
	}
	objs = append(objs, r.icon, r.title)
	for _, n := range r.nodes {
		objs = append(objs, n.initials, n.name, n.label)
	}
	return append(objs, r.ring)
}

func (r *roomRenderer) MinSize() fyne.Size { return fyne.NewSize(240, roomHeight) }

func (r *roomRenderer) Layout(s fyne.Size) {
	r.edges.Resize(s)
	ringAround(r.ring, 0, 0, s.Width, s.Height)
	middle, spots := r.s.spots(s)
	put(r.icon, float32(middle.x)-9, float32(middle.y)-18, 18, 18)
	centred(r.title, float32(middle.x), float32(middle.y)+11)
	for i, q := range spots {
		r.placeNode(r.nodes[i], r.s.v.Nodes[i], q, middle, s)
	}
	for _, d := range r.s.dots {
		d.Resize(fyne.NewSize(dotSize, dotSize))
	}
	r.s.route()
	r.s.step(r.s.at)
}

// placeNode puts a person's name and round trip on the side away from the
// middle.
func (r *roomRenderer) placeNode(t nodeTexts, n roomNode, q, middle xy, s fyne.Size) {
	centred(t.initials, float32(q.x), float32(q.y))
	t.name.Text, t.label.Text = "", ""
	switch {
	case r.s.roomy():
		t.name.Text, t.label.Text = elide(n.Name, 11, bold, 104), n.Label
	case r.s.named(), n.Selected:
		first, _, _ := strings.Cut(n.Name, " ")
		t.name.Text = joinDots(elide(first, 11, bold, 64), n.Label)
	}
	at := func(o *canvas.Text) float32 {
		half := o.MinSize().Width / 2
		return min(max(float32(q.x), 8+half), s.Width-8-half)
	}
	y, rad := float32(q.y), float32(r.s.radius())
	name, label := y+rad+11, y+rad+24
	if q.y < middle.y-20 { // above, so that the line is free
		name, label = y-rad-25, y-rad-12 // clear of the ring around the chosen one
		if t.label.Text == "" {
			name = label
		}
	}
	centred(t.name, at(t.name), name)
	centred(t.label, at(t.label), label)
}

func (r *roomRenderer) Refresh() {
	v := r.s.v
	for len(r.nodes) < len(v.Nodes) {
		r.nodes = append(r.nodes, nodeTexts{line(11, bold), line(11, bold), line(10.5, plain)})
	}
	r.nodes = r.nodes[:len(v.Nodes)]
	r.icon.Hidden, r.title.Hidden = v.Middle.Icon == "", v.Middle.Icon == ""
	setIcon(r.icon, v.Middle.Icon, colour(cAccent))
	r.title.Text, r.title.Color = v.Middle.Title, colour(cText)
	small := r.s.radius() < 12
	for i, n := range v.Nodes {
		t := r.nodes[i]
		t.initials.Text, t.initials.Color = initials(n.Name), avatarFor(n.Name).text
		t.initials.Hidden = small
		t.name.Color, t.label.Color = colour(cText), colour(cDim)
		if n.Broken {
			t.label.Color = colour(cBad)
		}
	}
	for _, d := range r.s.dots {
		d.FillColor = colour(cText)
	}
	styleRing(r.ring, r.s.focused)
	r.Layout(r.s.Size())
	for _, o := range r.Objects() {
		if _, ok := o.(*canvas.Image); !ok {
			o.Refresh()
		}
	}
}
