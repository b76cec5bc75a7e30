package uitest

import (
	"image"
	"time"

	"candid/media"
	"candid/media/scene"
)

// PaintPerson shows the i-th drawn person on a screen, mirrored as one sees
// oneself.
func PaintPerson(s media.Screen, i, w, h int, at time.Time, mirrored bool) {
	p := s.Buffer(w, h)
	if p == nil {
		return
	}
	yuv := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	scene.New(w, h, scene.PersonaOf(i)).Draw(yuv, at, 0.35)
	toRGBA(p.Image, yuv, mirrored)
	s.Show(p)
}

// toRGBA converts BT.601 limited range.
func toRGBA(dst *image.RGBA, src *image.YCbCr, mirrored bool) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	for y := range h {
		for x := range w {
			yy := 1.164 * (float64(src.Y[src.YOffset(x, y)]) - 16)
			c := src.COffset(x, y)
			cb, cr := float64(src.Cb[c])-128, float64(src.Cr[c])-128
			at := x
			if mirrored {
				at = w - 1 - x
			}
			px := dst.Pix[y*dst.Stride+4*at:]
			px[0], px[1], px[2], px[3] = clamp(yy+1.596*cr), clamp(yy-0.813*cr-0.392*cb), clamp(yy+2.017*cb), 255
		}
	}
}

func clamp(v float64) uint8 { return uint8(min(255, max(0, v+0.5))) }
