package scene

import (
	"math"
	"time"
)

// plants draws the leaves, which sway.
func (s *Scene) plants(t float64) {
	for side, what := range [2]prop{s.p.left, s.p.right} {
		if what != plant {
			continue
		}
		m := s.corner(side)
		for i, angle := range [...]float64{-0.92, 0.86, -0.62, 0.6, -0.3, 0.33, 0.02} {
			sway := 0.035 * math.Sin(t*0.9+float64(i)*1.3)
			length := 0.27 + 0.045*float64((i*3)%4)
			green := s.blend([3]uint32{0x3f8f5f, 0x5fb07a, 0x2f7550}[i%3], 0.7)
			leaf := m.turn(angle+sway, 0, 0.8).shift(0, 0.8).stretch(length, length)
			s.c.fill(leafShape, leaf, green)
			s.c.fill(leafRib, leaf, s.blend(0x9fd8ac, 0.6).alpha(0.5))
		}
	}
}

var (
	leafShape = new(path).move(0, 0).curve(-0.2, -0.3, -0.2, -0.72, 0, -1).curve(0.2, -0.72, 0.2, -0.3, 0, 0)
	leafRib   = new(path).stroke(0, -0.05, 0, -0.9, 0.018)
)

// clock shows the time, and lights up at each whole second for FlashTime.
func (s *Scene) clock(at time.Time) {
	m := s.corner(1)
	x, y := 0.33, 0.16
	if s.p.right == frames {
		x = 0.41
	}
	m = m.shift(x, y).stretch(0.062, 0.062)
	m.a = math.Abs(m.a) // its hands turn clockwise on either side
	face, hand := s.tone(0.6), s.blend(0x10131c, 0.85)
	if Flashes(at) {
		face = rgb(0xffe9a8)
		s.c.fill(disc, m.stretch(1.35, 1.35), rgb(0xffd76b).alpha(0.35))
	}
	s.c.fill(disc, m.shift(0.06, 0.1), rgb(0).alpha(0.25))
	s.c.fill(disc, m, hand)
	s.c.fill(disc, m.stretch(0.88, 0.88), face)
	t := seconds(at)
	turn := 2 * math.Pi
	s.c.fill(shortHand, m.turn(turn*t/43200, 0, 0), hand)
	s.c.fill(longHand, m.turn(turn*t/3600, 0, 0), hand)
	s.c.fill(thinHand, m.turn(turn*math.Floor(t)/60, 0, 0), rgb(0xd9483b))
}

var (
	disc      = new(path).ellipse(0, 0, 1, 1)
	shortHand = new(path).stroke(0, 0, 0, -0.42, 0.14)
	longHand  = new(path).stroke(0, 0, 0, -0.66, 0.1)
	thinHand  = new(path).stroke(0, 0.14, 0, -0.7, 0.05)
)
