package mcu

import (
	"errors"
	"fmt"
	"image"
	"runtime"
	"time"

	"candid/media/codec"
	"candid/media/playout"
)

// What a sender may ask of a decoder.
const (
	// frameBudget is processor time for one frame: the largest picture there may
	// be takes a fifth of it.
	frameBudget = 50 * time.Millisecond
	// overruns within overrunFrames are too many: the sender is asked for less,
	// and not decoded for restTime.
	overruns      = 3
	overrunFrames = 30
	// decodeShare is how much of a processor one sender may take, on average over
	// a second, with however many small frames.
	decodeShare = 0.4
	restTime    = 5 * time.Second
	// Pictures may change their size sizeBurst times at once, and then once
	// every sizeEvery. What is beyond that waits: each size is new memory.
	sizeBurst = 6
	sizeEvery = 500 * time.Millisecond
)

var (
	errResting  = errors.New("frames take too long to decode: resting")
	errRestless = errors.New("size changes too often")
)

// guard stands before a decoder whose input may come from anyone. Package codec
// refuses what is malformed or too large; guard refuses what costs too much.
type guard struct {
	dec  playout.VideoDecoder
	mime string               // of what it decodes
	safe func(fn func()) bool // runs fn, and reports whether it did not panic
	cost func() time.Duration // processor time used so far
	rest func(bool)           // told when resting begins and ends
	bad  func(bool)           // told of each frame

	since  int           // frames since over was last counted from 0
	over   int           // of them, how many overran
	debt   time.Duration // processor time beyond decodeShare
	paid   time.Time     // when debt was last reckoned
	until  time.Time     // resting
	w, h   int
	size   float64 // how many changes of size are free
	filled time.Time
}

func newGuard(dec playout.VideoDecoder, mime string, in *VideoInput) *guard {
	return &guard{
		dec: dec, mime: mime, safe: in.e.safely, cost: processorTime, size: sizeBurst,
		rest: func(on bool) {
			if in.resting.Swap(on) != on && on {
				in.e.cfg.Less(in.id)
			}
		},
		bad: func(bad bool) {
			if bad {
				in.bad.Add(1)
			} else {
				in.bad.Store(0)
			}
		},
	}
}

// Decode is that of the decoder behind, or an error.
func (g *guard) Decode(frame []byte) (*image.YCbCr, error) {
	now := time.Now()
	if now.Before(g.until) {
		return nil, errResting
	}
	if !g.until.IsZero() {
		g.until = time.Time{}
		g.rest(false)
	}
	if w, h := codec.DeclaredSize(g.mime, frame); w > 0 && !g.resize(w, h, now) {
		return nil, fmt.Errorf("picture of %d×%d: %w", w, h, errRestless)
	}
	img, took, err := g.decode(frame)
	g.charge(took, now)
	g.bad(err != nil && !errors.Is(err, codec.ErrHidden))
	return img, err
}

// decode also returns what it cost. Each thread's time is counted for itself.
func (g *guard) decode(frame []byte) (*image.YCbCr, time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := g.cost()
	var img *image.YCbCr
	err := errPanicked
	g.safe(func() { img, err = g.dec.Decode(frame) })
	return img, g.cost() - began, err
}

// Close closes the decoder.
func (g *guard) Close() error { return g.dec.Close() }

// resize reports whether a picture of w×h may come now.
func (g *guard) resize(w, h int, now time.Time) bool {
	if w == g.w && h == g.h {
		return true
	}
	if !g.filled.IsZero() {
		g.size = min(g.size+float64(now.Sub(g.filled))/float64(sizeEvery), sizeBurst)
	}
	g.filled = now
	if g.size < 1 {
		return false
	}
	g.size--
	g.w, g.h = w, h
	return true
}

// charge counts what a frame took.
func (g *guard) charge(took time.Duration, now time.Time) {
	if g.since++; g.since > overrunFrames {
		g.since, g.over = 0, 0
	}
	g.debt = max(0, g.debt-time.Duration(decodeShare*float64(now.Sub(g.paid)))) + took
	g.paid = now
	if took > frameBudget {
		g.over++
	}
	if g.over < overruns && float64(g.debt) < decodeShare*float64(time.Second) {
		return
	}
	g.since, g.over, g.debt = 0, 0, 0
	g.until = now.Add(restTime)
	g.rest(true)
}
