//go:build cgo

package voice

/*
#cgo pkg-config: webrtc-audio-processing
#cgo CXXFLAGS: -std=c++11 -Wno-deprecated
#cgo noescape apm_capture
#cgo nocallback apm_capture
#cgo noescape apm_render
#cgo nocallback apm_render
#include "apm_linux.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
)

// Name says what does the work, for the user to read.
const Name = "WebRTC audio processing 0.3"

// Available reports whether New returns a processor that does anything.
func Available() bool { return true }

// processor is webrtc-audio-processing: an adaptive filter against echo that
// finds the delay by itself around the hint, a noise suppressor, a digital gain
// control with a limiter, and a high-pass filter whenever one of them is on.
type processor struct {
	delay atomic.Int64 // ms

	mu  sync.Mutex // the library's calls exclude each other
	c   *C.apm     // nil after Close
	opt Options
}

// New makes a processor. Close must be called.
func New(o Options) (Processor, error) {
	var failed C.int
	c := C.apm_new(&failed)
	if c == nil {
		return nil, fmt.Errorf("open voice processing: error %d", int(failed))
	}
	p := &processor{c: c}
	if err := p.SetOptions(o); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *processor) Capture(block []int16) error {
	if len(block) != media.BlockSamples {
		return fmt.Errorf("clean voice: block of %d samples, not %d", len(block), media.BlockSamples)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c == nil {
		return fmt.Errorf("clean voice: %w", ErrClosed)
	}
	if p.opt == (Options{}) {
		return nil
	}
	if code := C.apm_capture(p.c, (*C.int16_t)(&block[0]), C.int(p.delay.Load())); code != 0 {
		return fmt.Errorf("clean voice: error %d", int(code))
	}
	return nil
}

func (p *processor) Render(block []int16) error {
	if len(block) != media.BlockSamples {
		return fmt.Errorf("note what is played: block of %d samples, not %d", len(block), media.BlockSamples)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c == nil {
		return fmt.Errorf("note what is played: %w", ErrClosed)
	}
	if !p.opt.Echo {
		return nil
	}
	if code := C.apm_render(p.c, (*C.int16_t)(&block[0])); code != 0 {
		return fmt.Errorf("note what is played: error %d", int(code))
	}
	return nil
}

func (p *processor) SetDelay(d time.Duration) {
	p.delay.Store(min(max(d, 0), MaxDelay).Milliseconds())
}

func (p *processor) SetOptions(o Options) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c == nil {
		return fmt.Errorf("set voice options: %w", ErrClosed)
	}
	if code := C.apm_set_options(p.c, flag(o.Echo), flag(o.Noise), flag(o.Gain)); code != 0 {
		return fmt.Errorf("set voice options: error %d", int(code))
	}
	p.opt = o
	return nil
}

func (p *processor) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c != nil {
		C.apm_free(p.c)
		p.c = nil
	}
	return nil
}

func flag(on bool) C.int {
	if on {
		return 1
	}
	return 0
}
