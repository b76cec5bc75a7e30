package scene

import "math"

// path is an outline of lines and cubic curves, closed. It is filled by the
// non-zero rule: a hole turns the other way.
type path struct {
	ops []byte // 'm', 'l' or 'c'
	pts []point
}

type point struct{ x, y float64 }

func (p *path) move(x, y float64) *path {
	p.ops, p.pts = append(p.ops, 'm'), append(p.pts, point{x, y})
	return p
}

func (p *path) line(x, y float64) *path {
	p.ops, p.pts = append(p.ops, 'l'), append(p.pts, point{x, y})
	return p
}

func (p *path) curve(x1, y1, x2, y2, x, y float64) *path {
	p.ops, p.pts = append(p.ops, 'c'), append(p.pts, point{x1, y1}, point{x2, y2}, point{x, y})
	return p
}

// arc is how far a cubic's handles reach to draw a quarter of a circle.
const arc = 0.5523

func (p *path) ellipse(cx, cy, rx, ry float64) *path {
	return p.move(cx+rx, cy).
		curve(cx+rx, cy+arc*ry, cx+arc*rx, cy+ry, cx, cy+ry).
		curve(cx-arc*rx, cy+ry, cx-rx, cy+arc*ry, cx-rx, cy).
		curve(cx-rx, cy-arc*ry, cx-arc*rx, cy-ry, cx, cy-ry).
		curve(cx+arc*rx, cy-ry, cx+rx, cy-arc*ry, cx+rx, cy)
}

// ring is an ellipse with a hole: a stroke of width d on its inner side.
func (p *path) ring(cx, cy, rx, ry, d float64) *path {
	return p.ellipse(cx, cy, rx, ry).ellipse(cx, cy, -(rx - d), ry-d)
}

// box is a rectangle with corners rounded by r.
func (p *path) box(x0, y0, x1, y1, r float64) *path {
	k := r * (1 - arc)
	return p.move(x0+r, y0).line(x1-r, y0).curve(x1-k, y0, x1, y0+k, x1, y0+r).
		line(x1, y1-r).curve(x1, y1-k, x1-k, y1, x1-r, y1).
		line(x0+r, y1).curve(x0+k, y1, x0, y1-k, x0, y1-r).
		line(x0, y0+r).curve(x0, y0+k, x0+k, y0, x0+r, y0)
}

// stroke is a straight stroke of width d with round ends.
func (p *path) stroke(x0, y0, x1, y1, d float64) *path {
	l := math.Hypot(x1-x0, y1-y0)
	if l == 0 {
		return p.ellipse(x0, y0, d/2, d/2)
	}
	dx, dy := (x1-x0)/l*d/2, (y1-y0)/l*d/2 // along
	nx, ny := -dy, dx                      // across
	const k = 4.0 / 3
	return p.move(x0+nx, y0+ny).
		curve(x0+nx-k*dx, y0+ny-k*dy, x0-nx-k*dx, y0-ny-k*dy, x0-nx, y0-ny).
		line(x1-nx, y1-ny).
		curve(x1-nx+k*dx, y1-ny+k*dy, x1+nx+k*dx, y1+ny+k*dy, x1+nx, y1+ny)
}

// mirrored adds the outline of one side, from top to bottom, and comes back up
// the other: a shape that is alike on the left and on the right of x = 0.
func (p *path) mirrored(side *path) *path {
	p.ops, p.pts = append(p.ops, side.ops...), append(p.pts, side.pts...)
	k := len(side.pts) - 1
	p.line(-side.pts[k].x, side.pts[k].y)
	for i := len(side.ops) - 1; i > 0; i-- {
		at := func(n int) (x, y float64) { return -side.pts[n].x, side.pts[n].y }
		if side.ops[i] == 'c' {
			x1, y1 := at(k - 1)
			x2, y2 := at(k - 2)
			x, y := at(k - 3)
			p.curve(x1, y1, x2, y2, x, y)
			k -= 3
			continue
		}
		p.line(at(k - 1))
		k--
	}
	return p
}

// affine maps x, y to a·x+c·y+e, b·x+d·y+f.
type affine struct{ a, b, c, d, e, f float64 }

func place(x, y, scale float64) affine { return affine{a: scale, d: scale, e: x, f: y} }

// turn turns by angle (radians, clockwise on screen) around x, y before m.
func (m affine) turn(angle, x, y float64) affine {
	sin, cos := math.Sincos(angle)
	r := affine{cos, sin, -sin, cos, x - cos*x + sin*y, y - sin*x - cos*y}
	return m.mul(r)
}

// shift moves by x, y before m.
func (m affine) shift(x, y float64) affine { return m.mul(affine{1, 0, 0, 1, x, y}) }

// stretch scales by x and y before m.
func (m affine) stretch(x, y float64) affine { return m.mul(affine{x, 0, 0, y, 0, 0}) }

func (m affine) mul(n affine) affine {
	return affine{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b,
		m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

func (m affine) apply(p point) point {
	return point{m.a*p.x + m.c*p.y + m.e, m.b*p.x + m.d*p.y + m.f}
}
