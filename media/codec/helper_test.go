package codec

import (
	"image"
	"math"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// moving draws frame n of a scene with gradients, an edge that moves and a
// little texture: enough for an encoder to work on.
func moving(img *image.YCbCr, n int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range h {
		row := img.Y[y*img.YStride : y*img.YStride+w]
		for x := range row {
			row[x] = byte(40 + (x+2*n)*120/(w+2*n+1) + (x*7^y*13)%8)
		}
	}
	cw, ch := (w+1)/2, (h+1)/2
	for y := range ch {
		for x := range cw {
			img.Cb[y*img.CStride+x] = byte(100 + 50*x/cw)
			img.Cr[y*img.CStride+x] = byte(100 + 50*y/ch)
		}
	}
	cx, cy, r := float64(w)*(0.5+0.3*math.Sin(float64(n)/20)), float64(h)/2, float64(h)/5
	for y := range h {
		for x := range w {
			if math.Hypot(float64(x)-cx, float64(y)-cy) < r {
				img.Y[y*img.YStride+x] = 200
				img.Cr[y/2*img.CStride+x/2] = 170
			}
		}
	}
}

// psnr compares the luma of two pictures of one size, in dB.
func psnr(a, b *image.YCbCr) float64 {
	w, h := a.Rect.Dx(), a.Rect.Dy()
	var sum float64
	for y := range h {
		for x := range w {
			d := float64(a.Y[y*a.YStride+x]) - float64(b.Y[y*b.YStride+x])
			sum += d * d
		}
	}
	if sum == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(255*255*float64(w*h)/sum)
}
