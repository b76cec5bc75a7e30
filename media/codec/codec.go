// Package codec turns pictures and sound into packets and back: VP8 (libvpx),
// Opus (libopus), VP9, H.264 and AV1 of other clients (libavcodec, decoding
// only), and the pixel work around them (libyuv). It is the only door to those
// libraries.
//
// Pictures are I420, BT.601 limited range, as media.VideoFrame says. Sound is
// 48 kHz mono. Every type here keeps its buffers: what a method returns is
// valid until the next call of the same method on the same value, unless it
// says otherwise. No method blocks on anything but the processor.
package codec

import (
	"errors"
	"fmt"
	"image"
)

// The largest picture this package encodes or decodes. The longer side may lie
// either way, so that a telephone held upright is welcome. A VP8 header of ten
// bytes can claim 16383×16383, which costs its decoder 400 MB.
const (
	MaxLongSide  = 1920
	MaxShortSide = 1200
)

var (
	// ErrTooLarge refuses a picture beyond MaxLongSide × MaxShortSide.
	ErrTooLarge = fmt.Errorf("picture is larger than %d×%d", MaxLongSide, MaxShortSide)
	// ErrKeyFrameNeeded is returned for a frame that depends on one the decoder
	// does not have: nothing can be decoded until a key frame comes.
	ErrKeyFrameNeeded = errors.New("key frame needed")
	// ErrHidden is returned for a frame that was decoded but is not for showing.
	// It is not a loss.
	ErrHidden = errors.New("frame is not to be shown")
	// ErrMalformed is returned for data that is not what it claims to be.
	ErrMalformed = errors.New("malformed data")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("codec is closed")
)

// NewI420 allocates a picture of w×h.
func NewI420(w, h int) *image.YCbCr {
	return image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
}

// Fit returns img if it is an I420 picture of w×h, otherwise a new one: for
// keeping one buffer over a change of size.
func Fit(img *image.YCbCr, w, h int) *image.YCbCr {
	if img != nil && img.SubsampleRatio == image.YCbCrSubsampleRatio420 && img.Rect.Dx() == w && img.Rect.Dy() == h {
		return img
	}
	return NewI420(w, h)
}

// checkSize reports whether a picture of w×h may be handled at all.
func checkSize(w, h int) error {
	if w <= 0 || h <= 0 {
		return fmt.Errorf("picture of %d×%d: %w", w, h, ErrMalformed)
	}
	if max(w, h) > MaxLongSide || min(w, h) > MaxShortSide {
		return fmt.Errorf("picture of %d×%d: %w", w, h, ErrTooLarge)
	}
	return nil
}
