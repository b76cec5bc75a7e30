package ui

import (
	"image/color"
	"math"
)

// This file draws the shapes that a graph has many of, pixel by pixel: through
// the rasteriser, which goes over the whole picture for each, a room of sixteen
// would take a hundred times as long.

// segment draws a straight line with square ends; on and off are the lengths of
// its dashes and gaps, 0 for a solid one.
func (p *pen) segment(a, b xy, width float64, c color.NRGBA, on, off float64) {
	a, b = xy{a.x * p.k, a.y * p.k}, xy{b.x * p.k, b.y * p.k}
	steep := math.Abs(b.y-a.y) > math.Abs(b.x-a.x)
	if steep { // go along y, with x and y exchanged
		a, b = xy{a.y, a.x}, xy{b.y, b.x}
	}
	if a.x > b.x {
		a, b = b, a
	}
	run := b.x - a.x
	if run == 0 {
		return
	}
	slope := (b.y - a.y) / run
	stretch := math.Hypot(1, slope)
	half := width * p.k / 2 * stretch
	on, off = on*p.k, off*p.k
	for i := int(a.x); i <= int(b.x); i++ {
		if on > 0 && math.Mod((float64(i)-a.x)*stretch, on+off) > on {
			continue
		}
		mid := a.y + slope*(float64(i)+0.5-a.x)
		for j := int(math.Floor(mid - half - 0.5)); j <= int(mid+half+0.5); j++ {
			cover := min(half+0.5-math.Abs(float64(j)+0.5-mid), 1)
			if cover <= 0 {
				continue
			}
			if steep {
				p.dab(j, i, c, cover)
			} else {
				p.dab(i, j, c, cover)
			}
		}
	}
}

// dab puts c on one pixel, if it is in the picture.
func (p *pen) dab(x, y int, c color.NRGBA, cover float64) {
	if x < 0 || y < 0 || x >= p.img.Rect.Dx() || y >= p.img.Rect.Dy() {
		return
	}
	blend(p.img.Pix[p.img.PixOffset(x, y):], c, uint32(cover*float64(c.A)))
}

// spot fills a circle.
func (p *pen) spot(at xy, r float64, c color.NRGBA) {
	p.box(at.x-r, at.y-r, 2*r, 2*r, r, c)
}

// hoop draws a circle's line.
func (p *pen) hoop(at xy, r, width float64, c color.NRGBA) {
	x, y, r, half := at.x*p.k, at.y*p.k, r*p.k, width*p.k/2
	for py := int(y - r - half - 1); py <= int(y+r+half+1); py++ {
		for px := int(x - r - half - 1); px <= int(x+r+half+1); px++ {
			d := math.Abs(math.Hypot(float64(px)+0.5-x, float64(py)+0.5-y) - r)
			if cover := min(half+0.5-d, 1); cover > 0 {
				p.dab(px, py, c, cover)
			}
		}
	}
}
