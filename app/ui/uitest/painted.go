package uitest

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"time"

	"candid/media"
	"candid/media/scene"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// PaintSlide shows a shared screen: a window with text and a chart, in which
// one sees whether text stays sharp.
func PaintSlide(s media.Screen, w, h int) {
	p := s.Buffer(w, h)
	if p == nil {
		return
	}
	img := p.Image
	fill(img, img.Rect, color.RGBA{0xf7, 0xf8, 0xfb, 0xff})
	fill(img, image.Rect(0, 0, w, 56), color.RGBA{0x24, 0x2b, 0x3a, 0xff})
	for i, c := range []color.RGBA{{0xff, 0x60, 0x5c, 0xff}, {0xff, 0xbd, 0x44, 0xff}, {0x00, 0xca, 0x4e, 0xff}} {
		fill(img, image.Rect(24+i*26, 20, 40+i*26, 36), c)
	}
	ink := color.RGBA{0x1d, 0x24, 0x33, 0xff}
	write(img, 60, 120, 4, ink, "Quarter in review")
	for i, l := range []string{"Fewer dropped calls than ever: 0.4 %", "Two thirds of all calls are direct", "The relay carries 11 %, none over TCP", "Next: one room, three paths"} {
		fill(img, image.Rect(62, 230+i*58, 72, 240+i*58), color.RGBA{0x3c, 0x57, 0xe0, 0xff})
		write(img, 90, 222+i*58, 2, ink, l)
	}
	base := h - 110
	for i := range 14 {
		x, top := 70+i*104, int(170*(0.4+0.6*math.Abs(math.Sin(float64(i)*0.7))))
		fill(img, image.Rect(x, base-top, x+56, base), color.RGBA{0x3c, 0x57, uint8(0xa0 + 6*i), 0xff})
		write(img, x+8, base+16, 2, color.RGBA{0x5a, 0x65, 0x79, 0xff}, string(rune('A'+i)))
	}
	fill(img, image.Rect(60, base, w-60, base+2), color.RGBA{0xc4, 0xcc, 0xd8, 0xff})
	s.Show(p)
}

// PaintMix shows n people in one picture, as a host mixes it.
func PaintMix(s media.Screen, n, w, h int, at time.Time) {
	p := s.Buffer(w, h)
	if p == nil || n == 0 {
		return
	}
	fill(p.Image, p.Image.Rect, color.RGBA{0x0b, 0x0e, 0x15, 0xff})
	cols := int(math.Ceil(math.Sqrt(float64(n))))
	rows := (n + cols - 1) / cols
	cw, ch := w/cols&^1, h/rows&^1
	one := image.NewRGBA(image.Rect(0, 0, cw, ch))
	for i := range n {
		yuv := image.NewYCbCr(one.Rect, image.YCbCrSubsampleRatio420)
		scene.New(cw, ch, scene.PersonaOf(i+1)).Draw(yuv, at, 0.3)
		toRGBA(one, yuv, false)
		at := image.Pt(i%cols*cw, i/cols*ch)
		draw.Draw(p.Image, image.Rectangle{at, at.Add(one.Rect.Size())}.Inset(2), one, image.Pt(2, 2), draw.Src)
		fill(p.Image, image.Rect(at.X+10, at.Y+ch-36, at.X+20+len(names[(i+1)%len(names)])*14, at.Y+ch-8), color.RGBA{0, 0, 0, 0xff})
		write(p.Image, at.X+14, at.Y+ch-35, 2, color.RGBA{0xff, 0xff, 0xff, 0xff}, names[(i+1)%len(names)])
	}
	s.Show(p)
}

func fill(dst *image.RGBA, r image.Rectangle, c color.RGBA) {
	draw.Draw(dst, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// write draws text, enlarged by whole pixels.
func write(dst *image.RGBA, x, y, scale int, c color.RGBA, text string) {
	face := basicfont.Face7x13
	mask := image.NewAlpha(image.Rect(0, 0, len(text)*face.Advance, face.Height))
	d := font.Drawer{Dst: mask, Src: image.Opaque, Face: face, Dot: fixed.P(0, face.Ascent)}
	d.DrawString(text)
	for py := range mask.Rect.Dy() {
		for px := range mask.Rect.Dx() {
			if mask.AlphaAt(px, py).A > 0x80 {
				fill(dst, image.Rect(x+px*scale, y+py*scale, x+(px+1)*scale, y+(py+1)*scale), c)
			}
		}
	}
}
