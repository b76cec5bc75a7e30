package codec

import (
	"fmt"
	"image"
	"math"
)

// planes is a picture as C sees it: three slices that are proven long enough
// for w×h at their strides, so that nothing reads or writes beyond them.
type planes struct {
	y, u, v          []byte
	yStride, cStride int
	w, h             int
}

// planesOf checks img, which may be a SubImage, and points at its pixels. The
// chroma planes have cw×ch samples.
func planesOf(img *image.YCbCr, want image.YCbCrSubsampleRatio) (planes, error) {
	if img == nil {
		return planes{}, fmt.Errorf("no picture: %w", ErrMalformed)
	}
	if img.SubsampleRatio != want {
		return planes{}, fmt.Errorf("picture is %v, not %v: %w", img.SubsampleRatio, want, ErrMalformed)
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w <= 0 || h <= 0 {
		return planes{}, fmt.Errorf("picture of %d×%d: %w", w, h, ErrMalformed)
	}
	yo, co := img.YOffset(img.Rect.Min.X, img.Rect.Min.Y), img.COffset(img.Rect.Min.X, img.Rect.Min.Y)
	cw, ch := chromaSize(w, h, want)
	if !holds(img.Y, yo, img.YStride, w, h) || !holds(img.Cb, co, img.CStride, cw, ch) || !holds(img.Cr, co, img.CStride, cw, ch) {
		return planes{}, fmt.Errorf("picture of %d×%d has too few pixels: %w", w, h, ErrMalformed)
	}
	return planes{
		y: img.Y[yo:], u: img.Cb[co:], v: img.Cr[co:],
		yStride: img.YStride, cStride: img.CStride, w: w, h: h,
	}, nil
}

// chromaSize is the size of a chroma plane of a picture of w×h; odd sizes
// round up.
func chromaSize(w, h int, r image.YCbCrSubsampleRatio) (cw, ch int) {
	switch r {
	case image.YCbCrSubsampleRatio420:
		return (w + 1) / 2, (h + 1) / 2
	case image.YCbCrSubsampleRatio422:
		return (w + 1) / 2, h
	default:
		return w, h
	}
}

// holds reports whether pix has h rows of w bytes from offset on.
func holds(pix []byte, offset, stride, w, h int) bool {
	if offset < 0 || w > len(pix) || stride < w || h > 1 && stride > len(pix) || stride > math.MaxInt32 {
		return false
	}
	return len(pix) >= offset+(h-1)*stride+w
}

// rgbaOf checks the pixels of an RGBA or NRGBA picture and points at the first.
func rgbaOf(pix []byte, stride int, r image.Rectangle, offset int) ([]byte, error) {
	if r.Empty() || !holds(pix, offset, stride, 4*r.Dx(), r.Dy()) {
		return nil, fmt.Errorf("picture of %d×%d has too few pixels: %w", r.Dx(), r.Dy(), ErrMalformed)
	}
	return pix[offset:], nil
}
