package codec

/*
#cgo pkg-config: vpx
#cgo noescape vp8_encoder_encode
#cgo nocallback vp8_encoder_encode
#include "vpx.h"
*/
import "C"

import (
	"fmt"
	"image"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"candid/media"
)

// VP8Options are the settings of an encoder.
type VP8Options struct {
	// Width and Height of the first picture; later ones may differ.
	Width, Height int
	// Bitrate to aim at, in bit/s.
	Bitrate int
	// Speed is libvpx's cpu-used, 1 (best) to 16 (fastest); 0 is DefaultVP8Speed,
	// or screenVP8Speed for a screen.
	Speed int
	// Screen is for text and windows: sharp rather than smooth. Pictures that
	// cannot be sharp at the bitrate are dropped, so that fewer come.
	Screen bool
}

// DefaultVP8Speed costs 1 to 1.6 dB against libvpx's own default, which takes
// seven times as long.
const DefaultVP8Speed = 8

// screenVP8Speed finds where a scrolled text went, which 6 and more do not: at
// 800 kbit/s they freeze until it stands. 4 is 2 dB better yet and costs twice
// as much.
const screenVP8Speed = 5

// The bitrates an encoder can be asked for, in bit/s. Below the lower one VP8
// has no picture worth sending.
const (
	MinVideoBitrate = 30_000
	MaxVideoBitrate = 20_000_000
)

const (
	videoClock  = 90000           // ticks a second, as in RTP (RFC 7741)
	frameTicks  = videoClock / 30 // for frames that carry no time
	minTickStep = videoClock / 1000
	maxTickStep = videoClock
	bitsPerKilo = 1000
)

// VP8Encoder encodes one stream of pictures. Encode belongs to one goroutine;
// SetBitrate and Close may be called from any.
type VP8Encoder struct {
	bitrate atomic.Int64

	mu     sync.Mutex // held over each call into the library
	opt    VP8Options
	c      *C.vp8_encoder
	rate   int // what c is set to, kbit/s
	out    []byte
	closed bool

	last time.Time // capture time of the frame before
	pts  int64     // of the next frame, in ticks of videoClock
}

// NewVP8Encoder makes an encoder for pictures of w×h at bitrate (bit/s).
func NewVP8Encoder(w, h, bitrate int) (*VP8Encoder, error) {
	return OpenVP8Encoder(VP8Options{Width: w, Height: h, Bitrate: bitrate})
}

// OpenVP8Encoder makes an encoder. Close must be called.
func OpenVP8Encoder(o VP8Options) (*VP8Encoder, error) {
	switch {
	case o.Speed == 0 && o.Screen:
		o.Speed = screenVP8Speed
	case o.Speed == 0:
		o.Speed = DefaultVP8Speed
	}
	if o.Speed < 1 || o.Speed > 16 {
		return nil, fmt.Errorf("open vp8 encoder: speed %d is not in 1..16", o.Speed)
	}
	e := &VP8Encoder{opt: o}
	e.SetBitrate(o.Bitrate)
	if err := e.open(o.Width, o.Height); err != nil {
		return nil, err
	}
	return e, nil
}

// SetBitrate sets what to aim at, in bit/s, from the next frame on; it is held
// within MinVideoBitrate and MaxVideoBitrate. It does not block.
func (e *VP8Encoder) SetBitrate(bps int) {
	e.bitrate.Store(int64(min(max(bps, MinVideoBitrate), MaxVideoBitrate)))
}

// Bitrate is what the encoder aims at, in bit/s.
func (e *VP8Encoder) Bitrate() int { return int(e.bitrate.Load()) }

// Encode encodes one picture, and reports whether it became a key frame, which
// it does when forceKey asks for it and when the size of the pictures changes.
// The bytes are valid until the next Encode or Close. They are empty, without
// error, for a frame that rate control dropped.
func (e *VP8Encoder) Encode(f media.VideoFrame, forceKey bool) (data []byte, key bool, err error) {
	p, err := planesOf(f.Image, image.YCbCrSubsampleRatio420)
	if err != nil {
		return nil, false, fmt.Errorf("encode vp8: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false, fmt.Errorf("encode vp8: %w", ErrClosed)
	}
	if p.w != e.opt.Width || p.h != e.opt.Height || e.c == nil {
		if err := e.open(p.w, p.h); err != nil {
			return nil, false, err
		}
	}
	if err := e.follow(); err != nil {
		return nil, false, err
	}
	step := e.step(f.Captured)
	e.pts += step
	out := C.vp8_encoder_encode(e.c,
		(*C.uint8_t)(&p.y[0]), (*C.uint8_t)(&p.u[0]), (*C.uint8_t)(&p.v[0]),
		C.int(p.yStride), C.int(p.cStride), C.int64_t(e.pts), C.int64_t(step), cBool(forceKey))
	if out.err != 0 {
		e.free() // its state is unknown: the next frame starts anew, with a key frame
		return nil, false, fmt.Errorf("encode vp8: %s", vpxError(out.err))
	}
	e.out = append(e.out[:0], unsafe.Slice((*byte)(out.data), out.size)...)
	return e.out, out.key != 0, nil
}

// Close frees the encoder. It may be called more than once.
func (e *VP8Encoder) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.free()
	return nil
}

// step is how long after the frame before this one was taken, in ticks. The
// encoder's rate control reckons with it, so a clock that jumps is not followed.
func (e *VP8Encoder) step(captured time.Time) int64 {
	before := e.last
	e.last = captured
	if captured.IsZero() || before.IsZero() {
		return frameTicks
	}
	ticks := captured.Sub(before) * videoClock / time.Second
	return min(max(int64(ticks), minTickStep), maxTickStep)
}

// open makes the library's encoder for pictures of w×h.
func (e *VP8Encoder) open(w, h int) error {
	if err := checkSize(w, h); err != nil {
		return fmt.Errorf("open vp8 encoder: %w", err)
	}
	e.free()
	rate := e.Bitrate() / bitsPerKilo
	var failed C.int
	c := C.vp8_encoder_new(C.vp8_settings{
		width: C.int(w), height: C.int(h), kbps: C.int(rate), speed: C.int(-e.opt.Speed), screen: cBool(e.opt.Screen),
	}, &failed)
	if c == nil {
		return fmt.Errorf("open vp8 encoder for %d×%d: %s", w, h, vpxError(failed))
	}
	e.c, e.rate, e.pts = c, rate, 0
	e.opt.Width, e.opt.Height = w, h
	return nil
}

// follow tells the library of a new bitrate.
func (e *VP8Encoder) follow() error {
	rate := e.Bitrate() / bitsPerKilo
	if rate == e.rate {
		return nil
	}
	if failed := C.vp8_encoder_set_rate(e.c, C.int(rate)); failed != 0 {
		return fmt.Errorf("set vp8 bitrate to %d kbit/s: %s", rate, vpxError(failed))
	}
	e.rate = rate
	return nil
}

func (e *VP8Encoder) free() {
	if e.c != nil {
		C.vp8_encoder_free(e.c)
		e.c = nil
	}
}

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func vpxError(code C.int) string { return C.GoString(C.vpx_error_text(code)) }
