package mcu

import (
	"errors"

	"candid/media/playout"
)

// What members send meets no code of ours that is not run safely: were there a
// fault in it, a frame would be lost and not the host.

var errPanicked = errors.New("panicked")

// safely runs fn and reports whether it came to its end. If not, that is counted.
func (e *Engine) safely(fn func()) (done bool) {
	e.cfg.Faults.Guard(e.log, func() { fn(); done = true }, nil)
	return done
}

// safeFormat reads packets safely.
type safeFormat struct {
	playout.Format
	safe func(func()) bool
}

func (f safeFormat) Starts(payload []byte) (start, key bool) {
	if !f.safe(func() { start, key = f.Format.Starts(payload) }) {
		return false, false
	}
	return start, key
}

func (f safeFormat) Assemble(dst []byte, payloads [][]byte) (frame []byte, info playout.FrameInfo, err error) {
	if !f.safe(func() { frame, info, err = f.Format.Assemble(dst, payloads) }) {
		return dst, info, errPanicked
	}
	return frame, info, err
}

// safeSound decodes sound safely.
type safeSound struct {
	playout.AudioDecoder
	safe func(func()) bool
}

func (d safeSound) Decode(packet []byte, pcm []int16) (n int, err error) {
	if !d.safe(func() { n, err = d.AudioDecoder.Decode(packet, pcm) }) {
		return 0, errPanicked
	}
	return n, err
}

func (d safeSound) DecodeFEC(next []byte, pcm []int16) (err error) {
	if !d.safe(func() { err = d.AudioDecoder.DecodeFEC(next, pcm) }) {
		return errPanicked
	}
	return err
}
