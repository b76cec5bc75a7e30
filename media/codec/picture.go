package codec

/*
#cgo LDFLAGS: -lyuv
#cgo noescape I420ToABGR
#cgo nocallback I420ToABGR
#cgo noescape I420Scale
#cgo nocallback I420Scale
#cgo noescape I420Mirror
#cgo nocallback I420Mirror
#cgo noescape I420Copy
#cgo nocallback I420Copy
#include <libyuv/convert_argb.h>
#include <libyuv/planar_functions.h>
#include <libyuv/scale.h>
*/
import "C"

import (
	"fmt"
	"image"
)

// i420 checks an I420 picture and points at its pixels.
func i420(img *image.YCbCr) (planes, error) {
	return planesOf(img, image.YCbCrSubsampleRatio420)
}

func ptr(b []byte) *C.uint8_t { return (*C.uint8_t)(&b[0]) }

// CopyI420 copies src to dst, which must be of the same size. Both may be
// SubImages.
func CopyI420(dst, src *image.YCbCr) error {
	d, s, err := pair(dst, src)
	if err != nil {
		return fmt.Errorf("copy picture: %w", err)
	}
	if d.w != s.w || d.h != s.h {
		return fmt.Errorf("copy picture of %d×%d to %d×%d: sizes differ", s.w, s.h, d.w, d.h)
	}
	C.I420Copy(ptr(s.y), C.int(s.yStride), ptr(s.u), C.int(s.cStride), ptr(s.v), C.int(s.cStride),
		ptr(d.y), C.int(d.yStride), ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), C.int(s.w), C.int(s.h))
	return nil
}

// ScaleI420 scales src to fill dst, both ways with an area filter: no aliasing
// when it shrinks, smooth when it grows. dst may be a SubImage, which is how a
// picture is put into a larger one; its corner should be even.
func ScaleI420(dst, src *image.YCbCr) error {
	d, s, err := pair(dst, src)
	if err != nil {
		return fmt.Errorf("scale picture: %w", err)
	}
	return d.scale(s)
}

func (d planes) scale(s planes) error {
	if failed := C.I420Scale(
		ptr(s.y), C.int(s.yStride), ptr(s.u), C.int(s.cStride), ptr(s.v), C.int(s.cStride), C.int(s.w), C.int(s.h),
		ptr(d.y), C.int(d.yStride), ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), C.int(d.w), C.int(d.h),
		C.kFilterBox); failed != 0 {
		return fmt.Errorf("scale picture of %d×%d to %d×%d: failed", s.w, s.h, d.w, d.h)
	}
	return nil
}

// MirrorI420 flips src left to right into dst, which must be of the same size.
func MirrorI420(dst, src *image.YCbCr) error {
	d, s, err := pair(dst, src)
	if err != nil {
		return fmt.Errorf("mirror picture: %w", err)
	}
	if d.w != s.w || d.h != s.h {
		return fmt.Errorf("mirror picture of %d×%d to %d×%d: sizes differ", s.w, s.h, d.w, d.h)
	}
	C.I420Mirror(ptr(s.y), C.int(s.yStride), ptr(s.u), C.int(s.cStride), ptr(s.v), C.int(s.cStride),
		ptr(d.y), C.int(d.yStride), ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), C.int(s.w), C.int(s.h))
	return nil
}

func pair(dst, src *image.YCbCr) (d, s planes, err error) {
	if d, err = i420(dst); err != nil {
		return d, s, fmt.Errorf("destination: %w", err)
	}
	s, err = i420(src)
	return d, s, err
}

// Painter turns pictures into pixels for the screen. It keeps what it needs in
// between; the zero Painter is ready. It belongs to one goroutine.
type Painter struct {
	scaled, mirrored *image.YCbCr
}

// Paint draws src into dst, scaled to fill it where the sizes differ, and
// flipped left to right if mirror is set: a self view is a mirror. dst is
// opaque afterwards, and tightly packed if it was made by image.NewRGBA.
func (p *Painter) Paint(dst *image.RGBA, src *image.YCbCr, mirror bool) error {
	if dst == nil {
		return fmt.Errorf("paint picture: no destination: %w", ErrMalformed)
	}
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	pix, err := rgbaOf(dst.Pix, dst.Stride, dst.Rect, dst.PixOffset(dst.Rect.Min.X, dst.Rect.Min.Y))
	if err != nil {
		return fmt.Errorf("paint picture: destination: %w", err)
	}
	s, err := i420(src)
	if err != nil {
		return fmt.Errorf("paint picture: %w", err)
	}
	if s.w != w || s.h != h {
		p.scaled = Fit(p.scaled, w, h)
		if err := ScaleI420(p.scaled, src); err != nil {
			return fmt.Errorf("paint picture: %w", err)
		}
		src = p.scaled
	}
	if mirror {
		p.mirrored = Fit(p.mirrored, w, h)
		if err := MirrorI420(p.mirrored, src); err != nil {
			return fmt.Errorf("paint picture: %w", err)
		}
		src = p.mirrored
	}
	if s, err = i420(src); err != nil {
		return fmt.Errorf("paint picture: %w", err)
	}
	// libyuv names its formats from the top byte down: its ABGR is Go's RGBA.
	C.I420ToABGR(ptr(s.y), C.int(s.yStride), ptr(s.u), C.int(s.cStride), ptr(s.v), C.int(s.cStride),
		ptr(pix), C.int(dst.Stride), C.int(w), C.int(h))
	return nil
}
