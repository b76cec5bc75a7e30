package scene

import (
	"image"
	"math"
)

// room draws all that never moves.
func (s *Scene) room() {
	s.wall()
	for side, what := range [2]prop{s.p.left, s.p.right} {
		s.furnish(what, side)
	}
}

// wall is a gradient from top to bottom with a soft light on it, darker towards
// the corners, and dithered so that it shows no bands.
func (s *Scene) wall() {
	w, h := s.c.w, s.c.h
	cw, ch := (w+1)/2, (h+1)/2
	img := s.c.img
	for y := range h {
		for x := range w {
			l, _, _ := s.wallAt((float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h))
			img.Y[y*img.YStride+x] = uint8(l + dither(x, y))
		}
	}
	for y := range ch {
		for x := range cw {
			_, u, v := s.wallAt((float64(x)+0.5)/float64(cw), (float64(y)+0.5)/float64(ch))
			img.Cb[y*img.CStride+x], img.Cr[y*img.CStride+x] = uint8(u+0.5), uint8(v+0.5)
		}
	}
}

// wallAt is the colour of the wall at a fraction of the picture.
func (s *Scene) wallAt(x, y float64) (l, u, v float64) {
	aspect := float64(s.c.w) / float64(s.c.h)
	d := math.Hypot((x-s.p.glowX)*aspect, y-0.12) / 0.95
	light := math.Max(0, 1-d)
	light = light * light * (3 - 2*light) * 0.5
	warm := s.lampLight(x, y)
	corner := math.Hypot(x-0.5, y-0.45)
	dim := 1 - 0.35*corner*corner
	channel := func(shift int) float64 {
		top, low, glow := float64(s.p.wallTop>>shift&255), float64(s.p.wallLow>>shift&255), float64(s.p.glow>>shift&255)
		v := ((top+(low-top)*y)*(1-light) + glow*light) * dim
		return v + (float64(lampColour>>shift&255)-v)*warm
	}
	return limited(channel(16), channel(8), channel(0))
}

const lampColour uint32 = 0xffd9a0

// lampLight is how much a lamp, where there is one, lights the wall.
func (s *Scene) lampLight(x, y float64) (light float64) {
	for side, what := range [2]prop{s.p.left, s.p.right} {
		if what == lamp {
			m := s.corner(side)
			at := m.apply(point{0, 0.42})
			d := math.Hypot(x*float64(s.c.w)-at.x, y*float64(s.c.h)-at.y) / (0.42 * s.unit)
			light += 0.42 * math.Pow(math.Max(0, 1-d), 2)
		}
	}
	return light
}

// dither is 0 to 1 in an even pattern.
func dither(x, y int) float64 {
	bayer := [16]float64{0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5}
	return (bayer[y&3<<2|x&3] + 0.5) / 16
}

// furnish puts a prop on the left (0) or right (1) wall. Their own coordinates
// are those of the left one: 0 is its middle, 1 the height of the picture.
func (s *Scene) furnish(what prop, side int) {
	m := s.corner(side)
	switch what {
	case frames:
		s.frames(m)
	case shelf:
		s.shelf(m)
	case windowPane:
		s.window(m)
	case plant:
		s.pot(m)
	case lamp:
		s.lamp(m)
	}
}

// corner maps a prop's coordinates to the picture; those on the right are
// mirrored.
func (s *Scene) corner(side int) affine {
	w, h := float64(s.c.w), float64(s.c.h)
	m := affine{a: s.unit, d: s.unit, e: 0.14 * w, f: h - s.unit}
	if side == 1 {
		m.a, m.e = -m.a, w-m.e
	}
	return m
}

// tone is a colour of the room: the wall's, lit by t, or turned towards c.
func (s *Scene) tone(t float64) ink { return rgb(mix(mix(s.p.wallTop, s.p.wallLow, 0.3), s.p.glow, t)) }

func (s *Scene) blend(c uint32, t float64) ink {
	return rgb(mix(mix(s.p.wallTop, s.p.wallLow, 0.3), c, t))
}

func (s *Scene) frames(m affine) {
	picture := func(x0, y0, x1, y1 float64, sky, hill uint32) {
		s.c.fill(new(path).box(x0+0.008, y0+0.012, x1+0.008, y1+0.012, 0.008), m, rgb(0).alpha(0.25))
		s.c.fill(new(path).box(x0, y0, x1, y1, 0.008), m, s.tone(0.42))
		s.c.fill(new(path).box(x0+0.012, y0+0.012, x1-0.012, y1-0.012, 0.004), m, s.blend(sky, 0.5))
		x0, y0, x1, y1 = x0+0.012, y0+0.012, x1-0.012, y1-0.012
		w, h := x1-x0, y1-y0
		s.c.fill(new(path).ellipse(x0+0.68*w, y0+0.34*h, 0.11*w, 0.11*w), m, s.tone(0.75))
		s.c.fill(new(path).move(x0, y0+0.7*h).curve(x0+0.3*w, y0+0.4*h, x0+0.45*w, y0+0.55*h, x0+0.6*w, y0+0.72*h).
			curve(x0+0.75*w, y0+0.62*h, x0+0.9*w, y0+0.6*h, x1, y0+0.66*h).line(x1, y1).line(x0, y1), m, s.blend(hill, 0.45))
		s.c.fill(new(path).move(x0, y0+0.86*h).curve(x0+0.3*w, y0+0.72*h, x0+0.6*w, y0+0.95*h, x1, y0+0.8*h).
			line(x1, y1).line(x0, y1), m, s.blend(hill, 0.3))
	}
	picture(-0.14, 0.14, 0.12, 0.46, 0x7fa3d8, 0x2e5f58)
	picture(0.16, 0.24, 0.30, 0.42, 0xd8967f, 0x6b3d57)
}

func (s *Scene) shelf(m affine) {
	colours := [...]uint32{0xc7634f, 0x4f86c7, 0xd8b04c, 0x5aa376, 0x8d6cc0, 0xd9d4c7, 0x3d4a63}
	for row, y := range [3]float64{0.26, 0.45, 0.64} {
		s.c.fill(new(path).box(-0.19, y+0.012, 0.24, y+0.03, 0.002), m, rgb(0).alpha(0.25))
		x := -0.17
		for i := 0; x < 0.15; i++ {
			k := i*5 + row*3
			width := 0.022 + 0.007*float64(k%3)
			height := 0.085 + 0.014*float64((k*7)%5)
			if (k+row)%6 == 5 { // one leans
				s.c.fill(new(path).box(x, y-height, x+width, y, 0.003), m.turn(0.16, x, y), s.blend(colours[k%7], 0.55))
				x += width + 0.03
				continue
			}
			s.c.fill(new(path).box(x, y-height, x+width, y, 0.003), m, s.blend(colours[k%7], 0.55))
			s.c.fill(new(path).box(x+0.004, y-height*0.8, x+width-0.004, y-height*0.7, 0), m, s.tone(0.7).alpha(0.5))
			x += width + 0.004
		}
		if row == 1 {
			s.c.fill(new(path).ellipse(0.195, y-0.035, 0.028, 0.036), m, s.blend(0xe8e2d4, 0.5))
		}
		s.c.fill(new(path).box(-0.19, y, 0.24, y+0.016, 0.002), m, s.tone(0.34))
	}
}

func (s *Scene) window(m affine) {
	const x0, y0, x1, y1 = -0.16, 0.08, 0.2, 0.62
	s.c.fill(new(path).box(x0-0.02, y0-0.02, x1+0.02, y1+0.02, 0.01), m, s.tone(0.3))
	steps := 24
	for i := range steps {
		t := float64(i) / float64(steps)
		y := y0 + (y1-y0)*t
		s.c.fill(new(path).box(x0, y, x1, y+(y1-y0)/float64(steps)+0.002, 0), m, rgb(mix(0x3d5f9e, 0xe59a78, t*t)))
	}
	for i, b := range [...]float64{0.16, 0.24, 0.13, 0.2, 0.28, 0.15} { // a town at dusk
		x := x0 + float64(i)*0.06
		s.c.fill(new(path).box(x, y1-b*0.6, min(x+0.052, x1), y1, 0), m, rgb(0x2b3350))
		for j := range 3 {
			y := y1 - b*0.6 + 0.02 + 0.03*float64(j)
			if (i+j)%2 == 0 && x+0.035 < x1 && y+0.02 < y1 {
				s.c.fill(new(path).box(x+0.012, y, x+0.024, y+0.014, 0), m, rgb(0xffd88a))
			}
		}
	}
	s.c.fill(new(path).box(0.013, y0, 0.027, y1, 0).box(x0, 0.3, x1, 0.314, 0), m, s.tone(0.3))
	for _, x := range [2]float64{x0 - 0.05, x1 - 0.03} { // curtains
		s.c.fill(new(path).move(x, y0-0.04).line(x+0.08, y0-0.04).curve(x+0.07, 0.3, x+0.1, 0.5, x+0.08, 0.74).
			line(x-0.005, 0.74).curve(x+0.015, 0.5, x-0.01, 0.3, x, y0-0.04), m, s.tone(0.2))
		s.c.fill(new(path).stroke(x+0.035, y0-0.03, x+0.035, 0.72, 0.006), m, rgb(0).alpha(0.15))
	}
}

// pot is where the plant stands; its leaves move.
func (s *Scene) pot(m affine) {
	s.c.fill(new(path).ellipse(0, 1.0, 0.17, 0.03), m, rgb(0).alpha(0.3))
	s.c.fill(new(path).move(-0.095, 0.8).line(0.095, 0.8).line(0.075, 1.02).line(-0.075, 1.02), m, s.blend(0xc98a63, 0.6))
	s.c.fill(new(path).box(-0.105, 0.775, 0.105, 0.82, 0.008), m, s.blend(0xd99b74, 0.65))
}

func (s *Scene) lamp(m affine) {
	s.c.fill(new(path).box(-0.008, 0.4, 0.008, 1.1, 0), m, s.tone(0.25))
	s.c.fill(new(path).move(-0.06, 0.3).line(0.06, 0.3).line(0.1, 0.47).curve(0.05, 0.48, -0.05, 0.48, -0.1, 0.47), m, s.blend(0xffe6bd, 0.85))
	s.c.fill(new(path).move(-0.06, 0.3).line(-0.02, 0.3).line(-0.05, 0.475).line(-0.1, 0.47), m, rgb(0xd9a86b).alpha(0.35))
}

// copyPlanes copies one picture to another of the same size.
func copyPlanes(dst, src *image.YCbCr) {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	for y := range h {
		copy(dst.Y[dst.YOffset(dst.Rect.Min.X, dst.Rect.Min.Y+y):][:w], src.Y[y*src.YStride:])
	}
	cw := (w + 1) / 2
	for y := range (h + 1) / 2 {
		at := dst.COffset(dst.Rect.Min.X, dst.Rect.Min.Y+2*y)
		copy(dst.Cb[at:][:cw], src.Cb[y*src.CStride:])
		copy(dst.Cr[at:][:cw], src.Cr[y*src.CStride:])
	}
}
