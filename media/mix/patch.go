package mix

import (
	"image"
	"image/color"
)

// colour is a colour in BT.601 limited range.
type colour struct{ y, cb, cr uint8 }

var (
	backdrop = colour{24, 130, 127} // between the tiles
	blank    = colour{52, 131, 126} // of a tile without a picture
	accent   = colourOf(color.RGBA{0x3d, 0xdc, 0x97, 0xff})
)

// colourOf converts R'G'B' (BT.601, section 2.5.3).
func colourOf(c color.RGBA) colour {
	y, cb, cr := limited(float64(c.R), float64(c.G), float64(c.B), 1)
	return colour{uint8(y + 0.5), uint8(cb + 0.5), uint8(cr + 0.5)}
}

// limited converts a colour that was multiplied by a, its opacity.
func limited(r, g, b, a float64) (y, cb, cr float64) {
	luma := 0.299*r + 0.587*g + 0.114*b
	return 16*a + luma*219/255, 128*a + (b-luma)/1.772*224/255, 128*a + (r-luma)/1.402*224/255
}

// patch is a small drawing, partly transparent, in the planes of I420. Its
// samples are multiplied by their opacity already: laying it over a picture
// takes one multiplication a sample. Its sides are even.
type patch struct {
	w, h            int
	luma, lumaCover []byte
	cb, cr, cover   []byte // chroma, and its opacity
}

// newPatch converts img, whose corner is at 0, 0 and whose sides are even.
func newPatch(img *image.RGBA) *patch {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	p := &patch{
		w: w, h: h,
		luma: make([]byte, w*h), lumaCover: make([]byte, w*h),
		cb: make([]byte, w*h/4), cr: make([]byte, w*h/4), cover: make([]byte, w*h/4),
	}
	for y := 0; y < h; y += 2 {
		for x := 0; x < w; x += 2 {
			var cb, cr, cover float64
			for i := range 4 {
				at := (y+i/2)*w + x + i%2
				pix := img.Pix[img.PixOffset(x+i%2, y+i/2):]
				a := float64(pix[3]) / 255
				l, b, r := limited(float64(pix[0]), float64(pix[1]), float64(pix[2]), a)
				p.luma[at], p.lumaCover[at] = uint8(l+0.5), pix[3]
				cb, cr, cover = cb+b/4, cr+r/4, cover+a*255/4
			}
			at := y/2*(w/2) + x/2
			p.cb[at], p.cr[at], p.cover[at] = uint8(cb+0.5), uint8(cr+0.5), uint8(cover+0.5)
		}
	}
	return p
}

// over lays p over img with its corner at x, y, which are even. What does not
// fit is left out.
func (p *patch) over(img *image.YCbCr, x, y int) {
	area := image.Rect(x, y, x+p.w, y+p.h)
	if !area.In(img.Rect) {
		return
	}
	for row := range p.h {
		at := img.YOffset(x, y+row)
		blend(img.Y[at:at+p.w], p.luma[row*p.w:], p.lumaCover[row*p.w:])
	}
	cw := p.w / 2
	for row := range p.h / 2 {
		at := img.COffset(x, y+2*row)
		blend(img.Cb[at:at+cw], p.cb[row*cw:], p.cover[row*cw:])
		blend(img.Cr[at:at+cw], p.cr[row*cw:], p.cover[row*cw:])
	}
}

// blend is dst×(1-cover) + src.
func blend(dst, src, cover []byte) {
	src, cover = src[:len(dst)], cover[:len(dst)]
	for i, d := range dst {
		if a := uint32(cover[i]); a != 0 {
			v := (uint32(d)*(255-a)+127)/255 + uint32(src[i])
			dst[i] = uint8(min(v, 255))
		}
	}
}

// paint fills r of img with c; r lies within img and its corners are even.
func paint(img *image.YCbCr, r image.Rectangle, c colour) {
	if r.Empty() {
		return
	}
	w, cw := r.Dx(), (r.Dx()+1)/2
	for y := r.Min.Y; y < r.Max.Y; y++ {
		at := img.YOffset(r.Min.X, y)
		set(img.Y[at:at+w], c.y)
	}
	for y := r.Min.Y; y < r.Max.Y; y += 2 {
		at := img.COffset(r.Min.X, y)
		set(img.Cb[at:at+cw], c.cb)
		set(img.Cr[at:at+cw], c.cr)
	}
}

func set(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}
