package codec

/*
#cgo noescape ABGRToI420
#cgo nocallback ABGRToI420
#cgo noescape ARGBToI420
#cgo nocallback ARGBToI420
#cgo noescape I422ToI420
#cgo nocallback I422ToI420
#cgo noescape I444ToI420
#cgo nocallback I444ToI420
#cgo noescape squeeze_plane
#cgo nocallback squeeze_plane
#include <libyuv/convert.h>

// Full range to limited range, in place: v*scale/65536 + offset, rounded. The
// loop is written to be vectorised.
static void squeeze_plane(uint8_t *p, int stride, int w, int h, int scale, int offset) {
  for (int y = 0; y < h; y++, p += stride)
    for (int x = 0; x < w; x++)
      p[x] = (uint8_t)((p[x] * scale + offset) >> 16);
}
*/
import "C"

import (
	"fmt"
	"image"
	"image/draw"
)

// Range says how far the samples of a YCbCr picture reach. It is not written in
// an image.YCbCr: whoever made the picture knows.
type Range uint8

// The two ranges.
const (
	// LimitedRange has luma from 16 to 235: video, and raw camera formats.
	LimitedRange Range = iota
	// FullRange has luma from 0 to 255: JPEG, hence cameras that send MJPEG,
	// and what Go's image/color takes YCbCr for.
	FullRange
)

// ToI420 converts a picture of the same size to I420 in limited range. It is
// quick for *image.YCbCr (4:2:0, 4:2:2, 4:4:4), *image.RGBA and *image.NRGBA,
// whose alpha is ignored; anything else is drawn pixel by pixel first. r
// matters for *image.YCbCr only.
func ToI420(dst *image.YCbCr, src image.Image, r Range) error {
	d, err := i420(dst)
	if err != nil {
		return fmt.Errorf("convert picture: destination: %w", err)
	}
	if src == nil {
		return fmt.Errorf("convert picture: no picture: %w", ErrMalformed)
	}
	if b := src.Bounds(); b.Dx() != d.w || b.Dy() != d.h {
		return fmt.Errorf("convert picture of %d×%d to %d×%d: sizes differ", b.Dx(), b.Dy(), d.w, d.h)
	}
	switch img := src.(type) {
	case *image.YCbCr:
		err = d.fromYCbCr(img, r)
	case *image.RGBA:
		err = d.fromRGBA(img.Pix, img.Stride, img.Rect, img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y))
	case *image.NRGBA:
		err = d.fromRGBA(img.Pix, img.Stride, img.Rect, img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y))
	default:
		rgba := image.NewRGBA(image.Rect(0, 0, d.w, d.h))
		draw.Draw(rgba, rgba.Rect, src, src.Bounds().Min, draw.Src)
		err = d.fromRGBA(rgba.Pix, rgba.Stride, rgba.Rect, 0)
	}
	if err != nil {
		return fmt.Errorf("convert picture: %w", err)
	}
	return nil
}

func (d planes) fromRGBA(pix []byte, stride int, r image.Rectangle, offset int) error {
	pix, err := rgbaOf(pix, stride, r, offset)
	if err != nil {
		return err
	}
	C.ABGRToI420(ptr(pix), C.int(stride), ptr(d.y), C.int(d.yStride),
		ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), C.int(d.w), C.int(d.h))
	return nil
}

func (d planes) fromYCbCr(img *image.YCbCr, r Range) error {
	s, err := planesOf(img, img.SubsampleRatio)
	if err != nil {
		return err
	}
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		err = d.scale(s) // of the same size: a copy
	case image.YCbCrSubsampleRatio422:
		C.I422ToI420(ptr(s.y), C.int(s.yStride), ptr(s.u), C.int(s.cStride), ptr(s.v), C.int(s.cStride),
			ptr(d.y), C.int(d.yStride), ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), C.int(s.w), C.int(s.h))
	case image.YCbCrSubsampleRatio444:
		C.I444ToI420(ptr(s.y), C.int(s.yStride), ptr(s.u), C.int(s.cStride), ptr(s.v), C.int(s.cStride),
			ptr(d.y), C.int(d.yStride), ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), C.int(s.w), C.int(s.h))
	default:
		err = fmt.Errorf("subsampling %v is not known: %w", img.SubsampleRatio, ErrMalformed)
	}
	if err == nil && r == FullRange {
		d.squeeze()
	}
	return err
}

// squeeze turns full range into limited range, in place: luma to 16..235,
// chroma to 16..240 around 128.
func (d planes) squeeze() {
	const one, half = 1 << 16, 1 << 15
	const luma, chroma = (219*one + 127) / 255, (224*one + 127) / 255
	cw, ch := chromaSize(d.w, d.h, image.YCbCrSubsampleRatio420)
	C.squeeze_plane(ptr(d.y), C.int(d.yStride), C.int(d.w), C.int(d.h), luma, 16*one+half)
	C.squeeze_plane(ptr(d.u), C.int(d.cStride), C.int(cw), C.int(ch), chroma, 128*one-128*chroma+half)
	C.squeeze_plane(ptr(d.v), C.int(d.cStride), C.int(cw), C.int(ch), chroma, 128*one-128*chroma+half)
}

// BGRXToI420 converts pixels as displays keep them, in memory blue, green, red
// and a byte that is ignored, to I420 in limited range. There must be as many
// rows of stride bytes as dst has.
func BGRXToI420(dst *image.YCbCr, pix []byte, stride int) error {
	d, err := i420(dst)
	if err != nil {
		return fmt.Errorf("convert pixels: destination: %w", err)
	}
	if !holds(pix, 0, stride, 4*d.w, d.h) {
		return fmt.Errorf("convert pixels to %d×%d: too few: %w", d.w, d.h, ErrMalformed)
	}
	C.ARGBToI420(ptr(pix), C.int(stride), ptr(d.y), C.int(d.yStride),
		ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), C.int(d.w), C.int(d.h))
	return nil
}

// Blacken makes a picture black.
func Blacken(img *image.YCbCr) {
	for plane, v := range map[*[]byte]byte{&img.Y: 16, &img.Cb: 128, &img.Cr: 128} {
		for i := range *plane {
			(*plane)[i] = v
		}
	}
}
