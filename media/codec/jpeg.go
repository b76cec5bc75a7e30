package codec

/*
#cgo noescape MJPGSize
#cgo nocallback MJPGSize
#cgo noescape MJPGToI420
#cgo nocallback MJPGToI420
#include <libyuv/convert.h>
*/
import "C"

import (
	"fmt"
	"image"
)

// DecodeJPEG decodes a picture of a camera to I420 in limited range, five times
// as fast as image/jpeg. It takes baseline JPEG of 4:0:0, 4:2:0, 4:2:2 and 4:4:4
// as cameras send it; what it cannot read, image/jpeg may.
func DecodeJPEG(data []byte) (*image.YCbCr, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("decode jpeg of %d bytes: %w", len(data), ErrMalformed)
	}
	var w, h C.int
	if C.MJPGSize(ptr(data), C.size_t(len(data)), &w, &h) != 0 {
		return nil, fmt.Errorf("read jpeg header: %w", ErrMalformed)
	}
	if err := checkSize(int(w), int(h)); err != nil {
		return nil, fmt.Errorf("decode jpeg: %w", err)
	}
	img := NewI420(int(w), int(h))
	d, err := i420(img)
	if err != nil {
		return nil, err
	}
	if C.MJPGToI420(ptr(data), C.size_t(len(data)), ptr(d.y), C.int(d.yStride),
		ptr(d.u), C.int(d.cStride), ptr(d.v), C.int(d.cStride), w, h, w, h) != 0 {
		return nil, fmt.Errorf("decode jpeg of %d×%d: %w", w, h, ErrMalformed)
	}
	d.squeeze()
	return img, nil
}
