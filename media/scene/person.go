package scene

import "math"

// pose is where everything of a person is at one moment.
type pose struct {
	body, head affine
	lid        float64 // how far the eyes are open, 0 to 1
	gaze       float64 // to the right, in heads
	brow       float64 // how far the brows are up, in heads
	mouth      float64
	wave       float64 // how far the hand is up, 0 to 1
	t          float64
}

func (s *Scene) poseAt(t, mouth float64) pose {
	const headSize = 0.17
	w, h := float64(s.c.w), float64(s.c.h)
	scale := s.unit * headSize
	x, y := w/2, h-0.545*s.unit
	breath := 0.012 * math.Sin(t*1.5)
	lean := 0.07*math.Sin(t*0.53) + 0.03*math.Sin(t*1.31+1)
	nod := 0.02*math.Sin(t*0.97) + 0.03*mouth
	p := pose{t: t, mouth: mouth, gaze: 0.035 * math.Sin(t*0.41) * math.Sin(t*0.17), brow: 0.05 * mouth * math.Max(0, math.Sin(t*0.7))}
	p.body = place(x, y, scale).shift(lean*0.6, breath)
	p.head = place(x, y, scale).shift(lean*1.6, breath+nod).turn(0.05*math.Sin(t*0.53+0.5), 0, 1.4)
	p.lid = blink(t)
	p.wave = raised(t)
	return p
}

// blink closes the eyes for 160 ms, every 2.5 to 5 s.
func blink(t float64) float64 {
	for _, every := range [2]float64{3.7, 5.3} {
		if d := math.Abs(math.Mod(t, every) - 1); d < 0.08 {
			return d / 0.08
		}
	}
	return 1
}

// raised says how far the hand is up: it waves for 2.6 s, every 13 s.
func raised(t float64) float64 {
	u := math.Mod(t, 13) - 8
	if u < 0 || u > 2.6 {
		return 0
	}
	x := min(u, 2.6-u) / 0.45
	if x >= 1 {
		return 1
	}
	return x * x * (3 - 2*x)
}

// person draws whoever sits there.
func (s *Scene) person(t, mouth float64) {
	p := s.poseAt(t, mouth)
	d, skin, hair := &s.set, s.p.skin, rgb(s.p.hair)
	shade := rgb(mix(skin, 0x3a1410, 0.22))

	s.c.fill(d.torso, p.body.stretch(1.05, 1).shift(0.02, -0.03), rgb(0).alpha(0.16))
	s.fill(d.knot, p.head, hair)
	s.fill(d.hairBack, p.head, rgb(mix(s.p.hair, 0, 0.18)))
	s.fill(d.band, p.head, rgb(0x1d2230))
	s.c.fill(d.torso, p.body, rgb(s.p.top))
	s.fill(d.fold, p.body, rgb(0).alpha(0.1))
	s.fill(d.sleeves, p.body, rgb(0).alpha(0.16))
	s.garment(p)
	if s.p.cut != scarf {
		s.neck(p, shade)
	}
	if s.p.cut != scarf && s.p.cut != longHair {
		s.c.fill(d.ears, p.head, shade)
	}
	s.c.fill(d.face, p.head, rgb(skin))
	s.c.fill(d.side, p.head, rgb(mix(skin, 0x5a2a24, 0.5)).alpha(0.16))
	s.c.fill(cheeks, p.head, rgb(0xe0604f).alpha(0.14))
	s.eyes(p)
	s.c.fill(d.nose, p.head, shade.alpha(0.75))
	if d.beard != nil {
		s.c.fill(d.beard, p.head, rgb(mix(s.p.hair, skin, 0.12)).alpha(0.93))
	}
	s.mouth(p)
	s.fill(d.hairFront, p.head, hair)
	s.fill(d.rings, p.head, rgb(0xf0c95c))
	s.fill(d.rims, p.head, rgb(0x1a1d27))
	s.fill(d.bridge, p.head, rgb(0x1a1d27))
	s.fill(d.cups, p.head, rgb(0x2b3142))
	s.fill(d.boom, p.head, rgb(0x1d2230))
	if p.wave > 0 {
		s.hand(p, shade)
	}
}

// fill draws what not everyone has.
func (s *Scene) fill(p *path, m affine, k ink) {
	if p != nil {
		s.c.fill(p, m, k)
	}
}

func (s *Scene) neck(p pose, shade ink) {
	between := p.body
	between.e, between.f = (p.body.e+p.head.e)/2, (p.body.f+p.head.f)/2
	s.c.fill(s.set.neck, between, rgb(s.p.skin))
	s.c.fill(underChin, between, shade.alpha(0.9))
}

var (
	cheeks    = new(path).ellipse(-0.5, 0.42, 0.19, 0.12).ellipse(0.5, 0.42, 0.19, 0.12)
	underChin = new(path).mirrored(new(path).move(0, 0.6).line(0.355, 0.6).line(0.35, 1.2).curve(0.3, 1.42, 0.1, 1.46, 0, 1.46))

	crew     = new(path).mirrored(new(path).move(0, 1.4).line(0.42, 1.4).curve(0.5, 1.5, 0.52, 1.56, 0.52, 1.58).curve(0.44, 1.9, 0.2, 2.02, 0, 2.02))
	vee      = new(path).mirrored(new(path).move(0, 1.4).line(0.4, 1.4).line(0.46, 1.52).line(0, 2.4))
	lapels   = new(path).move(0.36, 1.34).line(0.62, 1.6).line(0.34, 2.16).line(0, 1.86).mirror()
	placket  = new(path).box(-0.02, 1.9, 0.02, 4.4, 0)
	buttons  = new(path).ellipse(0.1, 2.5, 0.045, 0.045).ellipse(0.1, 3.1, 0.045, 0.045).ellipse(0.1, 3.7, 0.045, 0.045)
	hood     = new(path).mirrored(new(path).move(0, 2.2).curve(0.4, 2.2, 0.86, 1.9, 0.92, 1.5).curve(0.8, 1.3, 0.6, 1.3, 0.5, 1.36).curve(0.5, 1.7, 0.3, 1.95, 0, 1.98))
	strings  = new(path).stroke(-0.28, 2.06, -0.3, 2.8, 0.06).stroke(0.28, 2.06, 0.3, 2.7, 0.06)
	eyeWhite = new(path).ellipse(-0.35, 0.04, 0.15, 0.125).ellipse(0.35, 0.04, 0.15, 0.125)
	eyes     = new(path).ellipse(-0.35, 0.04, 0.092, 0.115).ellipse(0.35, 0.04, 0.092, 0.115)
	glints   = new(path).ellipse(-0.38, 0, 0.03, 0.034).ellipse(0.32, 0, 0.03, 0.034)
)

func (s *Scene) garment(p pose) {
	dark, light := rgb(mix(s.p.top, 0, 0.22)), rgb(mix(s.p.top, 0xffffff, 0.14))
	switch s.p.wear {
	case crewNeck:
		s.c.fill(crew, p.body, dark)
	case vNeck:
		s.c.fill(vee, p.body, rgb(s.p.skin))
	case collared:
		s.c.fill(vee, p.body.stretch(0.9, 0.9).shift(0, 0.16), dark)
		s.c.fill(placket, p.body, dark)
		s.c.fill(buttons, p.body.shift(-0.1, 0), light)
		s.c.fill(lapels, p.body, light)
	case hoodie:
		s.c.fill(crew, p.body, dark)
		s.c.fill(hood, p.body, light)
		s.c.fill(strings, p.body, rgb(0xe9ebf2))
	}
}

func (s *Scene) eyes(p pose) {
	lid := 0.12 + 0.88*p.lid
	m := p.head.shift(0, 0.04).stretch(1, lid).shift(0, -0.04)
	if p.lid > 0.3 {
		s.c.fill(eyeWhite, m, rgb(mix(0xffffff, s.p.skin, 0.12)))
	}
	s.c.fill(eyes, m.shift(p.gaze, 0), rgb(0x231a1c))
	if p.lid > 0.5 {
		s.c.fill(glints, m.shift(p.gaze, 0), rgb(0xffffff))
	}
	brows := s.p.hair
	if s.p.cut == scarf {
		brows = 0x2b1d18
	}
	s.c.fill(s.set.brows, p.head.shift(0, -p.brow), rgb(mix(brows, 0x1a1010, 0.25)))
}

func (s *Scene) mouth(p pose) {
	o := p.mouth
	w := 0.28 - 0.05*o
	m := p.head.shift(0, 0.66)
	if o < 0.06 {
		q := s.scratch()
		q.move(-w, -0.04).curve(-0.14, 0.1, 0.14, 0.1, w, -0.04).curve(0.14, 0.17, -0.14, 0.17, -w, -0.04)
		s.c.fill(q, m, rgb(0x7a3434))
		return
	}
	depth := 0.14 + 0.34*o
	s.c.fill(s.scratch().move(-w, -0.04).curve(-0.14, 0.0, 0.14, 0.0, w, -0.04).curve(0.26, depth, -0.26, depth, -w, -0.04), m, rgb(0x5f2328))
	s.c.fill(s.scratch().ellipse(0, 0.55*depth, 0.13, 0.16*depth), m, rgb(0xc9616a))
	s.c.fill(s.scratch().move(-w*0.86, -0.025).curve(-0.12, 0.005, 0.12, 0.005, w*0.86, -0.025).
		curve(0.16, 0.05+0.05*o, -0.16, 0.05+0.05*o, -w*0.86, -0.025), m, rgb(0xf4f0ea))
}

// scratch lends an empty path until the next call.
func (s *Scene) scratch() *path {
	s.tmp.ops, s.tmp.pts = s.tmp.ops[:0], s.tmp.pts[:0]
	return &s.tmp
}

// hand is raised and waves.
func (s *Scene) hand(p pose, shade ink) {
	m := p.body.shift(1.95, 3.4+3.2*(1-p.wave)).turn(0.16+0.16*math.Sin(p.t*9), 0, 0)
	s.c.fill(forearm, m, rgb(s.p.top))
	s.c.fill(cuff, m, rgb(mix(s.p.top, 0, 0.2)))
	s.c.fill(wrist, m, shade)
	s.c.fill(thumb, m, rgb(s.p.skin))
	s.c.fill(palm, m, rgb(s.p.skin))
	s.c.fill(creases, m, shade.alpha(0.5))
}

var (
	forearm = new(path).move(-0.42, 1.4).line(-0.3, -0.9).line(0.3, -0.9).line(0.42, 1.4)
	cuff    = new(path).box(-0.33, -1.0, 0.33, -0.8, 0.06)
	wrist   = new(path).box(-0.2, -1.3, 0.2, -0.95, 0.08)
	thumb   = new(path).stroke(-0.24, -1.5, -0.5, -1.86, 0.19)
	palm    = new(path).box(-0.33, -1.95, 0.33, -1.2, 0.18).
		stroke(-0.24, -1.8, -0.3, -2.36, 0.16).stroke(-0.08, -1.8, -0.09, -2.5, 0.165).
		stroke(0.09, -1.8, 0.12, -2.46, 0.165).stroke(0.25, -1.8, 0.33, -2.26, 0.15)
	creases = new(path).stroke(-0.2, -1.55, 0.12, -1.62, 0.03).stroke(-0.12, -1.4, 0.2, -1.48, 0.03)
)
