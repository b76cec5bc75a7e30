package scene

import (
	"image"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// canvas fills paths in an I420 picture. It keeps its buffers: drawing
// allocates nothing once they have grown.
type canvas struct {
	img   *image.YCbCr
	w, h  int
	r     vector.Rasterizer
	mask  image.Alpha
	moved []point
}

// ink is a colour in BT.601 limited range, with its opacity.
type ink struct {
	y, u, v uint8
	a       float64
}

// rgb makes an ink of a colour written 0xrrggbb.
func rgb(c uint32) ink {
	return inkOf(float64(c>>16&255), float64(c>>8&255), float64(c&255))
}

func inkOf(r, g, b float64) ink {
	y, u, v := limited(r, g, b)
	return ink{uint8(math.Round(y)), uint8(math.Round(u)), uint8(math.Round(v)), 1}
}

// limited converts R'G'B' of 0..255 (BT.601, section 2.5.3).
func limited(r, g, b float64) (y, u, v float64) {
	luma := 0.299*r + 0.587*g + 0.114*b
	return 16 + luma*219/255, 128 + (b-luma)/1.772*224/255, 128 + (r-luma)/1.402*224/255
}

// mix goes from colour a to colour b as t goes from 0 to 1.
func mix(a, b uint32, t float64) uint32 {
	var out uint32
	for s := 0; s <= 16; s += 8 {
		x, y := float64(a>>s&255), float64(b>>s&255)
		out |= uint32(math.Round(x+(y-x)*t)) << s
	}
	return out
}

func (i ink) alpha(a float64) ink {
	i.a = a
	return i
}

// fill fills p, as m maps it, with c.
func (c *canvas) fill(p *path, m affine, k ink) {
	c.moved = c.moved[:0]
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, q := range p.pts {
		q = m.apply(q)
		c.moved = append(c.moved, q)
		lo = point{min(lo.x, q.x), min(lo.y, q.y)}
		hi = point{max(hi.x, q.x), max(hi.y, q.y)}
	}
	// Even corners, so that the mask's pixels lie on those of the chroma.
	x0, y0 := max(int(math.Floor(lo.x)), 0)&^1, max(int(math.Floor(lo.y)), 0)&^1
	x1, y1 := min(int(math.Ceil(hi.x)), c.w), min(int(math.Ceil(hi.y)), c.h)
	if x0 >= x1 || y0 >= y1 || k.a <= 0 {
		return
	}
	c.rasterize(p, x0, y0, x1-x0, y1-y0)
	c.blend(x0, y0, k)
}

func (c *canvas) rasterize(p *path, x0, y0, w, h int) {
	c.r.Reset(w, h)
	c.r.DrawOp = draw.Src
	i := 0
	at := func(n int) (x, y float32) {
		return float32(c.moved[n].x - float64(x0)), float32(c.moved[n].y - float64(y0))
	}
	for _, op := range p.ops {
		switch op {
		case 'm':
			c.r.ClosePath()
			c.r.MoveTo(at(i))
			i++
		case 'l':
			c.r.LineTo(at(i))
			i++
		default:
			bx, by := at(i)
			cx, cy := at(i + 1)
			dx, dy := at(i + 2)
			c.r.CubeTo(bx, by, cx, cy, dx, dy)
			i += 3
		}
	}
	c.r.ClosePath()
	if need := w * h; cap(c.mask.Pix) < need {
		c.mask.Pix = make([]byte, need)
	}
	c.mask.Pix, c.mask.Stride, c.mask.Rect = c.mask.Pix[:w*h], w, image.Rect(0, 0, w, h)
	c.r.Draw(&c.mask, c.mask.Rect, image.Opaque, image.Point{})
}

// blend lays k over the picture, through the mask.
func (c *canvas) blend(x0, y0 int, k ink) {
	w, h := c.mask.Rect.Dx(), c.mask.Rect.Dy()
	opacity := int32(math.Round(min(k.a, 1) * 256))
	for y := range h {
		row := c.mask.Pix[y*w : (y+1)*w]
		dst := c.img.Y[c.img.YOffset(c.img.Rect.Min.X+x0, c.img.Rect.Min.Y+y0+y):][:w]
		over(dst, row, int32(k.y), opacity)
	}
	cw := (w + 1) / 2
	for y := 0; y < h; y += 2 {
		upper := c.mask.Pix[y*w : (y+1)*w]
		lower := upper
		if y+1 < h {
			lower = c.mask.Pix[(y+1)*w : (y+2)*w]
		}
		at := c.img.COffset(c.img.Rect.Min.X+x0, c.img.Rect.Min.Y+y0+y)
		overHalf(c.img.Cb[at:at+cw], c.img.Cr[at:at+cw], upper, lower, int32(k.u), int32(k.v), opacity)
	}
}

func over(dst, mask []byte, v, opacity int32) {
	mask = mask[:len(dst)]
	for x, a := range mask {
		if a == 0 {
			continue
		}
		if a == 255 && opacity == 256 {
			dst[x] = byte(v)
			continue
		}
		d := int32(dst[x])
		dst[x] = byte(d + ((v-d)*int32(a)*opacity+255*128)/(255*256))
	}
}

// overHalf is over for chroma, under the mean of four pixels of the mask.
func overHalf(cb, cr, upper, lower []byte, u, v, opacity int32) {
	last := len(upper) - 1
	for x := range cb {
		l, r := 2*x, min(2*x+1, last)
		a := (int32(upper[l]) + int32(upper[r]) + int32(lower[l]) + int32(lower[r])) * opacity
		if a == 0 {
			continue
		}
		const full = 4 * 255 * 256
		b, d := int32(cb[x]), int32(cr[x])
		cb[x] = byte((b*full + (u-b)*a + full/2) / full)
		cr[x] = byte((d*full + (v-d)*a + full/2) / full)
	}
}
