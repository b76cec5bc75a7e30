package studio

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/capture"
	"candid/media/playout"
)

// speakerInterval is how often to look which speakers there are. Each look
// connects to the sound system, which takes 3 ms.
const speakerInterval = 2 * time.Second

// speakerLinger is how long a speaker stays open after the last voice is gone:
// one who comes right after is heard from the first word.
const speakerLinger = 3 * time.Second

// loudspeakers lists and opens what can play: this computer's, none, or a
// test's.
type loudspeakers interface {
	list() ([]Device, error)
	// open begins to play v. lost is called if the speaker stops by itself.
	open(d Device, v media.Voice, lost func(error)) (playout.Output, error)
}

// realSpeakers are those of this computer.
type realSpeakers struct{ log *slog.Logger }

func (r realSpeakers) list() ([]Device, error) {
	found, err := playout.SpeakerDevices(r.log)
	if errors.Is(err, playout.ErrNoSpeaker) {
		return nil, nil
	}
	list := make([]Device, 0, len(found))
	for _, d := range found {
		list = append(list, Device{ID: d.ID, Name: d.Name, Default: d.Default})
	}
	return list, err
}

func (r realSpeakers) open(d Device, v media.Voice, lost func(error)) (playout.Output, error) {
	return playout.OpenSpeaker(playout.SpeakerConfig{ID: d.ID, Voice: v, Lost: lost, Logger: r.log})
}

// noSpeakers is for those who want silence.
type noSpeakers struct{}

func (noSpeakers) list() ([]Device, error) { return nil, nil }

func (noSpeakers) open(Device, media.Voice, func(error)) (playout.Output, error) {
	return nil, ErrNotFound
}

// shelf keeps the newest list of speakers.
type shelf struct {
	speakers loudspeakers
	devices  atomic.Pointer[[]Device]
	failed   bool // the last look did; of the goroutine that looks
}

func (s *shelf) list(string) []Device {
	if l := s.devices.Load(); l != nil {
		return *l
	}
	return nil
}

// look reports whether the list has changed. One look that fails is not taken
// for a computer without speakers; two are.
func (s *shelf) look() bool {
	list, err := s.speakers.list()
	if err != nil && !s.failed {
		s.failed = true
		return false
	}
	s.failed = err != nil
	old := s.devices.Swap(&list)
	return old == nil || !slices.Equal(*old, list)
}

// seldom is every how many times a machine without a speaker is looked at:
// finding the sound system anew costs 15 ms each time.
const seldom = 5

// watch looks until ctx ends, and calls changed after each look that found
// something else.
func (s *shelf) watch(ctx context.Context, every time.Duration, changed func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		if n%seldom == 0 || len(s.list("")) > 0 {
			if s.look() {
				changed()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// output is an open speaker.
type output struct {
	s    *Studio
	out  playout.Output
	gate *gate

	mu   sync.Mutex
	lost func(error)
	err  error // lost before start
}

// gate lets a speaker play only once the one before it has stopped: they are
// open at the same time, but the desk is for one.
type gate struct {
	media.Voice
	open atomic.Bool
}

func (g *gate) ReadBlock(pcm []int16) bool {
	if g.open.Load() {
		return g.Voice.ReadBlock(pcm)
	}
	clear(pcm)
	return false
}

func (s *Studio) openSpeaker(d Device) (running, error) {
	o := &output{s: s, gate: &gate{Voice: &s.desk}}
	out, err := s.shelf.speakers.open(d, o.gate, o.ended)
	switch {
	case errors.Is(err, playout.ErrNoSpeaker):
		return nil, errors.Join(ErrNotFound, err)
	case err != nil && capture.Reason(err) != nil:
		return nil, errors.Join(capture.Reason(err), err)
	case err != nil:
		return nil, err
	}
	o.out = out
	return o, nil
}

// noSpeaker pulls the desk where there is no speaker: what the others say is
// then decoded and measured as ever.
func (s *Studio) noSpeaker() running {
	o := &output{s: s, gate: &gate{Voice: &s.desk}}
	out, err := playout.NewNullSpeaker(playout.NullConfig{Voice: o.gate})
	if err != nil {
		s.log.Error("playing to nobody failed", "err", err) // it has a voice, so it cannot
		return nil
	}
	o.out = out
	return o
}

// ended is called by the speaker when it stops by itself.
func (o *output) ended(err error) {
	err = errors.Join(ErrLost, err)
	o.mu.Lock()
	lost := o.lost
	o.err = err
	o.mu.Unlock()
	if lost != nil {
		lost(err)
	}
}

func (o *output) start(lost func(error)) {
	o.s.desk.latency.Store(int64(o.out.Latency()))
	o.s.hearing.voice.SetDelay(o.out.Latency() + microphoneLatency)
	o.gate.open.Store(true)
	o.mu.Lock()
	o.lost = lost
	err := o.err
	o.mu.Unlock()
	if err != nil {
		lost(err)
	}
}

func (o *output) close() { _ = o.out.Close() } // closed as far as we can close it

// microphoneLatency is what a microphone adds to the way from the speaker back
// to us: a block, and the device's own period.
const microphoneLatency = 2 * media.BlockDuration
