package scene

import "math"

// wardrobe is the outlines of one person that do not change, in heads: 0, 0 is
// the middle of the head, 1 its half width. All is drawn as seen from the front.
type wardrobe struct {
	hairBack, hairFront, knot  *path
	torso, fold, neck, sleeves *path
	face, side, ears           *path
	beard                      *path
	brows                      *path
	nose                       *path
	rims, bridge               *path
	band, cups, boom           *path
	rings                      *path
}

func dress(p Persona) wardrobe {
	d := wardrobe{
		torso: new(path).mirrored(new(path).move(0, 1.46).line(0.36, 1.44).
			curve(0.6, 1.72, 1.25, 1.62, 1.68, 2.02).curve(2.02, 2.36, 2.1, 3.1, 2.14, 4.4)),
		fold:    new(path).move(1.3, 1.78).curve(1.6, 1.92, 2.05, 2.1, 2.14, 4.4).line(1.55, 4.4).curve(1.6, 3.2, 1.62, 2.4, 1.3, 1.78),
		sleeves: new(path).stroke(1.5, 2.35, 1.56, 4.4, 0.04).stroke(-1.5, 2.35, -1.56, 4.4, 0.04),
		neck:    new(path).mirrored(new(path).move(0, 0.5).line(0.36, 0.5).curve(0.36, 1.1, 0.34, 1.3, 0.46, 1.52).curve(0.3, 1.75, 0.1, 1.8, 0, 1.8)),
		face: new(path).mirrored(new(path).move(0, -1.1).curve(0.5, -1.1, 0.88, -0.74, 0.88, -0.12).
			curve(0.88, 0.36, 0.8, 0.64, 0.56, 0.9).curve(0.4, 1.07, 0.2, 1.15, 0, 1.15)),
		side: new(path).move(0.3, -1.06).curve(0.66, -0.96, 0.88, -0.62, 0.88, -0.12).
			curve(0.88, 0.36, 0.8, 0.64, 0.56, 0.9).curve(0.4, 1.07, 0.2, 1.15, 0, 1.15).
			curve(0.5, 0.95, 0.66, 0.5, 0.66, -0.1).curve(0.66, -0.5, 0.56, -0.85, 0.3, -1.06),
		ears:  new(path).ellipse(-0.9, 0.08, 0.15, 0.24).ellipse(0.9, 0.08, 0.15, 0.24),
		brows: brow().mirror(),
		nose:  new(path).move(0.02, 0.1).curve(0.1, 0.24, 0.16, 0.36, 0.02, 0.4).curve(-0.04, 0.41, -0.08, 0.4, -0.1, 0.37).curve(-0.02, 0.37, 0.04, 0.36, 0.06, 0.32).curve(0.08, 0.26, 0.04, 0.18, 0.02, 0.1),
	}
	d.hair(p.cut)
	if p.beard {
		d.beard = new(path).mirrored(new(path).move(0, 0.46).curve(0.2, 0.4, 0.34, 0.44, 0.44, 0.6).
			curve(0.6, 0.5, 0.72, 0.3, 0.8, -0.1).line(0.89, -0.1).curve(0.9, 0.42, 0.82, 0.76, 0.58, 1.0).curve(0.4, 1.18, 0.2, 1.26, 0, 1.26))
	}
	if p.glasses {
		d.rims = new(path).ring(-0.35, 0.05, 0.27, 0.24, 0.045).ring(0.35, 0.05, 0.27, 0.24, 0.045)
		d.bridge = new(path).stroke(-0.09, 0.02, 0.09, 0.02, 0.045).stroke(0.61, 0, 0.88, -0.04, 0.04).stroke(-0.61, 0, -0.88, -0.04, 0.04)
	}
	if p.headset {
		d.band = new(path).move(-1.02, 0).curve(-1.06, -0.9, -0.6, -1.52, 0, -1.52).curve(0.6, -1.52, 1.06, -0.9, 1.02, 0).
			line(0.92, 0).curve(0.94, -0.8, 0.55, -1.38, 0, -1.38).curve(-0.55, -1.38, -0.94, -0.8, -0.92, 0)
		d.cups = new(path).box(-1.14, -0.26, -0.84, 0.38, 0.14).box(0.84, -0.26, 1.14, 0.38, 0.14)
		d.boom = new(path).move(-1.04, 0.3).curve(-1.0, 0.66, -0.8, 0.84, -0.42, 0.86).line(-0.42, 0.91).curve(-0.84, 0.9, -1.06, 0.7, -1.1, 0.3).ellipse(-0.4, 0.88, 0.1, 0.06)
	}
	if p.earrings {
		d.rings = new(path).ellipse(-0.92, 0.38, 0.06, 0.06).ellipse(0.92, 0.38, 0.06, 0.06)
	}
	return d
}

// brow is the right eyebrow.
func brow() *path {
	return new(path).move(0.17, -0.3).curve(0.28, -0.4, 0.46, -0.4, 0.58, -0.25).
		curve(0.46, -0.33, 0.3, -0.33, 0.18, -0.23).curve(0.14, -0.24, 0.14, -0.28, 0.17, -0.3)
}

// mirror adds the same outline on the left.
func (p *path) mirror() *path {
	n := len(p.pts)
	p.ops = append(p.ops, p.ops...)
	for _, q := range p.pts[:n] {
		p.pts = append(p.pts, point{-q.x, q.y})
	}
	return p
}

// hair is what is behind the head, on it, and on top.
func (d *wardrobe) hair(cut haircut) {
	cap := func(side *path) *path { return new(path).mirrored(side) }
	switch cut {
	case shortHair:
		d.hairFront = new(path).move(-0.93, 0).curve(-1.04, -0.62, -0.82, -1.36, 0.02, -1.38).
			curve(0.82, -1.38, 1.04, -0.66, 0.93, 0).curve(0.9, -0.2, 0.88, -0.36, 0.76, -0.48).
			curve(0.5, -0.5, 0.1, -0.54, -0.3, -0.76).curve(-0.44, -0.58, -0.62, -0.5, -0.76, -0.46).curve(-0.86, -0.34, -0.9, -0.2, -0.93, 0)
	case longHair:
		d.hairBack = cap(new(path).move(0, -1.4).curve(0.85, -1.4, 1.16, -0.74, 1.12, 0.1).
			curve(1.1, 0.8, 1.3, 1.5, 1.06, 2.25).curve(0.7, 2.4, 0.3, 2.2, 0, 2.2))
		d.hairFront = curtain()
	case bobHair:
		d.hairBack = cap(new(path).move(0, -1.38).curve(0.85, -1.38, 1.18, -0.78, 1.18, 0).
			curve(1.18, 0.6, 1.2, 0.9, 1.0, 1.16).curve(0.7, 1.2, 0.3, 1.1, 0, 1.1))
		d.hairFront = cap(new(path).move(0, -1.38).curve(0.72, -1.38, 1.1, -0.84, 1.04, 0.42).
			curve(0.96, 0.1, 0.92, -0.14, 0.84, -0.34).curve(0.6, -0.46, 0.3, -0.5, 0, -0.5))
	case bunHair:
		d.knot = new(path).ellipse(0, -1.46, 0.42, 0.36)
		d.hairFront = cap(new(path).move(0, -1.32).curve(0.64, -1.32, 1.02, -0.84, 0.93, 0.02).curve(0.9, -0.36, 0.6, -0.8, 0, -0.82))
	case curlyHair:
		d.hairBack, d.hairFront = new(path), new(path)
		for i := range 15 {
			a := math.Pi * (0.9 + 1.2*float64(i)/14)
			d.hairBack.ellipse(0.98*math.Cos(a), -0.2+1.02*math.Sin(a), 0.36, 0.36)
		}
		d.hairBack.ellipse(0, -0.6, 1.05, 0.8)
		for i := range 9 {
			a := math.Pi * (1.08 + 0.84*float64(i)/8)
			d.hairFront.ellipse(0.8*math.Cos(a), -0.14+0.92*math.Sin(a), 0.25, 0.25)
		}
		d.hairFront.ellipse(0, -1.02, 0.62, 0.26)
	case cropHair:
		d.hairFront = cap(new(path).move(0, -1.34).curve(0.66, -1.34, 1.0, -0.96, 0.92, -0.1).
			line(0.84, -0.14).curve(0.84, -0.5, 0.72, -0.66, 0.5, -0.74).curve(0.3, -0.8, 0.15, -0.8, 0, -0.8))
	case waveHair:
		d.hairFront = new(path).move(-0.94, 0.1).curve(-1.16, -0.5, -1.0, -1.2, -0.4, -1.4).
			curve(0.1, -1.56, 0.9, -1.46, 1.04, -0.8).curve(1.1, -0.5, 1.0, -0.2, 0.94, 0.06).
			curve(0.9, -0.2, 0.86, -0.4, 0.74, -0.54).curve(0.5, -0.44, 0.2, -0.7, -0.1, -0.8).
			curve(-0.3, -0.66, -0.6, -0.64, -0.76, -0.48).curve(-0.86, -0.3, -0.9, -0.1, -0.94, 0.1)
	case scarf:
		d.hairBack = cap(new(path).move(0, -1.34).curve(0.9, -1.34, 1.2, -0.6, 1.12, 0.3).
			curve(1.1, 0.9, 1.3, 1.4, 1.7, 2.1).curve(1.0, 2.5, 0.4, 2.6, 0, 2.6))
		d.hairFront = new(path).mirrored(new(path).move(0, -1.32).curve(0.84, -1.32, 1.1, -0.6, 1.06, 0.2).
			curve(1.04, 0.9, 0.9, 1.5, 0, 1.6)).ellipse(0, 0.08, -0.74, 0.98)
	case bald:
	}
}

// curtain is long hair parted in the middle.
func curtain() *path {
	return new(path).mirrored(new(path).move(0, -1.38).curve(0.74, -1.38, 1.1, -0.8, 1.04, 0.5).
		curve(0.94, 0.1, 0.9, -0.3, 0.62, -0.6).curve(0.4, -0.8, 0.15, -0.86, 0, -1.04))
}
