// Package voice cleans what the microphone hears: it takes out the echo of the
// speakers and steady noise, and evens out the loudness. It is the only door to
// the library that does so.
package voice

import (
	"errors"
	"io"
	"time"
)

// Options say what is to be done. Each may change at any time.
type Options struct {
	Echo  bool // take out what the speakers play
	Noise bool // take out steady noise
	Gain  bool // bring every speaker to one loudness
}

// Default is what a call starts with: everything on.
func Default() Options { return Options{Echo: true, Noise: true, Gain: true} }

// MaxDelay is the longest delay SetDelay can tell of.
const MaxDelay = 500 * time.Millisecond

// ErrClosed is returned after Close.
var ErrClosed = errors.New("voice processing is closed")

// A Processor works on blocks of media.BlockSamples samples. Capture and Render
// may be called from two goroutines, the others from any; none blocks for
// longer than the work on one block takes (about 0.2 ms).
type Processor interface {
	// Capture cleans a block from the microphone, in place. With every option
	// off the block is not touched.
	Capture(block []int16) error
	// Render tells what the speakers are about to play: every block, as it is
	// handed to the device. block is only read.
	Render(block []int16) error
	// SetDelay tells how long a block takes from Render until it comes back in
	// Capture: the latencies of speaker and microphone together. It is a hint,
	// but without one a far end 180 ms away is not cancelled.
	SetDelay(time.Duration)
	// SetOptions turns features on and off.
	SetOptions(Options) error
	io.Closer
}

// passThrough is the processor of platforms without one.
type passThrough struct{}

func (passThrough) Capture([]int16) error    { return nil }
func (passThrough) Render([]int16) error     { return nil }
func (passThrough) SetDelay(time.Duration)   {}
func (passThrough) SetOptions(Options) error { return nil }
func (passThrough) Close() error             { return nil }

// PassThrough returns a processor that leaves every block as it is: for
// microphones that need nothing done, such as a synthetic one.
func PassThrough() Processor { return passThrough{} }
