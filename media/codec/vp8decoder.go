package codec

/*
#cgo noescape vp8_decoder_decode
#cgo nocallback vp8_decoder_decode
#include "vpx.h"
*/
import "C"

import (
	"fmt"
	"image"
	"sync"
	"unsafe"
)

// VP8Decoder decodes one stream. Decode belongs to one goroutine; the other
// methods may be called from any.
type VP8Decoder struct {
	mu      sync.Mutex // held over each call into the library
	c       *C.vp8_decoder
	needKey bool
	closed  bool
	img     *image.YCbCr
}

// NewVP8Decoder makes a decoder. Close must be called.
func NewVP8Decoder() (*VP8Decoder, error) {
	d := &VP8Decoder{needKey: true}
	if err := d.open(); err != nil {
		return nil, err
	}
	return d, nil
}

// NeedKeyFrame reports whether nothing can be decoded until a key frame comes:
// at the start, and after any frame that could not be decoded.
func (d *VP8Decoder) NeedKeyFrame() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.needKey
}

// Decode decodes one whole frame. The picture is valid until the next Decode or
// Close. The header is read before the library sees any of the data, which may
// come from anyone. Errors: ErrKeyFrameNeeded, ErrTooLarge, ErrMalformed,
// ErrHidden (not a loss), ErrClosed; after all but ErrHidden, a key frame is
// needed.
func (d *VP8Decoder) Decode(data []byte) (*image.YCbCr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("decode vp8: %w", ErrClosed)
	}
	if err := d.admit(data); err != nil {
		d.needKey = true
		return nil, fmt.Errorf("decode vp8: %w", err)
	}
	pic := C.vp8_decoder_decode(d.c, (*C.uint8_t)(&data[0]), C.size_t(len(data)))
	if err := pictureError(pic); err != nil {
		d.free() // whatever it holds now is not to be built on
		d.needKey = true
		return nil, fmt.Errorf("decode vp8: %w", err)
	}
	d.needKey = false
	if pic.width == 0 {
		return nil, ErrHidden
	}
	d.img = Fit(d.img, int(pic.width), int(pic.height))
	copyOut(d.img, unsafe.Pointer(pic.y), unsafe.Pointer(pic.u), unsafe.Pointer(pic.v), int(pic.y_stride), int(pic.c_stride))
	return d.img, nil
}

// Close frees the decoder. It may be called more than once.
func (d *VP8Decoder) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed, d.needKey = true, true
	d.free()
	return nil
}

// admit decides whether the library may see data.
func (d *VP8Decoder) admit(data []byte) error {
	h, err := ParseVP8Header(data)
	if err != nil {
		return err
	}
	if !h.Key {
		if d.needKey {
			return ErrKeyFrameNeeded
		}
		return nil
	}
	if err := checkSize(h.Width, h.Height); err != nil {
		return err
	}
	if d.c == nil {
		return d.open()
	}
	return nil
}

func (d *VP8Decoder) open() error {
	var failed C.int
	if d.c = C.vp8_decoder_new(&failed); d.c == nil {
		return fmt.Errorf("open vp8 decoder: %s", vpxError(failed))
	}
	return nil
}

func (d *VP8Decoder) free() {
	if d.c != nil {
		C.vp8_decoder_free(d.c)
		d.c = nil
	}
}

func pictureError(p C.vp8_picture) error {
	if p.err != 0 {
		return fmt.Errorf("%s: %w", vpxError(p.err), ErrMalformed)
	}
	if p.corrupted != 0 {
		return fmt.Errorf("frame is cut off: %w", ErrMalformed)
	}
	if p.width == 0 && p.height == 0 {
		return nil
	}
	return checkSize(int(p.width), int(p.height))
}

// copyOut copies a library's picture to dst, which has its size.
func copyOut(dst *image.YCbCr, y, u, v unsafe.Pointer, yStride, cStride int) {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	cw, ch := chromaSize(w, h, image.YCbCrSubsampleRatio420)
	copyPlane(dst.Y, dst.YStride, y, yStride, w, h)
	copyPlane(dst.Cb, dst.CStride, u, cStride, cw, ch)
	copyPlane(dst.Cr, dst.CStride, v, cStride, cw, ch)
}

func copyPlane(dst []byte, stride int, src unsafe.Pointer, srcStride, w, h int) {
	from := unsafe.Slice((*byte)(src), (h-1)*srcStride+w)
	for y := range h {
		copy(dst[y*stride:y*stride+w], from[y*srcStride:])
	}
}
