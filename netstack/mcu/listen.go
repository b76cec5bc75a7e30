package mcu

import (
	"errors"
	"fmt"
	"image"
	"time"

	"candid/media"
	"candid/media/mix"
	"candid/netstack"
)

// Listen begins to send mixed sound to sink: everyone who speaks but id, who
// need not be a member. Packets of 20 ms come without pause, also of silence.
// Close must be called.
func (e *Engine) Listen(id netstack.PeerID, st Stream, sink PacketSink) (*Hearing, error) {
	if sink == nil {
		return nil, errors.New("listen: no sink")
	}
	h := &Hearing{e: e, id: id}
	err := e.change(func() error {
		h.out = newOutlet(sink, st, hearRoom)
		e.hears = append(e.hears, h)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return h, nil
}

// Wanted is the size in which a member is seen at most; zero while nobody sees
// them. A sender of several layers best sends the one that is as large.
func (e *Engine) Wanted(id netstack.PeerID) (size image.Point) {
	speaker := e.speaker.Load().id
	e.mu.Lock()
	defer e.mu.Unlock()
	at, large := -1, 0
	for i, m := range e.members[:min(len(e.members), mix.MaxTiles)] {
		if m.id == id && !m.state.Load().cameraOff {
			at = i
		}
		if m.id == speaker {
			large = i
		}
	}
	if at < 0 {
		return size
	}
	for _, o := range e.outputs {
		if len(*o.views.Load()) == 0 {
			continue
		}
		canvas := sizes[o.spec.size].size
		tile := o.spec.layout.Tiles(nil, len(e.members), large, canvas.X, canvas.Y)[at].Size()
		if tile.X > size.X {
			size = tile
		}
	}
	return size
}

// VideoTime is the RTP timestamp of pictures made at t: what a sender report
// ties to t.
func (e *Engine) VideoTime(t time.Time) uint32 {
	return uint32(int64(t.Sub(e.epoch)/time.Microsecond) * (videoClock / 1000) / 1000)
}

// AudioTime is the RTP timestamp of sound mixed at t.
func (e *Engine) AudioTime(t time.Time) uint32 {
	return uint32(int64(t.Sub(e.epoch)/time.Microsecond) * (media.SampleRate / 1000) / 1000)
}

// audioTimeOf is the timestamp of a block, counted from 0.
func (e *Engine) audioTimeOf(block int64) uint32 { return uint32(block * media.BlockSamples) }

// Stats is what an Engine does. Counters count from its start.
type Stats struct {
	Outputs []OutputStats
	// Speaker is who has the word; empty if nobody ever had.
	Speaker netstack.PeerID
	// PacketsEncoded counts packets of sound; SoundLost is how much sound was
	// left out because the processor was busy.
	PacketsEncoded uint64
	SoundLost      time.Duration
	// SlowedBy is how often the pictures' rate is halved at present.
	SlowedBy int
}

// OutputStats is one mixed picture, shared by its viewers.
type OutputStats struct {
	Size              image.Point
	Layout            mix.Layout
	Viewers           int
	Bitrate           int // aimed at, bit/s
	Frames, KeyFrames uint64
	// Processor is the time spent on composing and encoding.
	Processor time.Duration
}

// Stats returns the newest figures.
func (e *Engine) Stats() Stats {
	s := Stats{
		Speaker:        e.speaker.Load().id,
		PacketsEncoded: e.sound.encodes.Load(),
		SoundLost:      time.Duration(e.sound.lost.Load()) * media.BlockDuration,
		SlowedBy:       int(e.load.level.Load()),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.outputs {
		s.Outputs = append(s.Outputs, OutputStats{
			Size: sizes[o.spec.size].size, Layout: o.spec.layout, Viewers: len(*o.views.Load()),
			Bitrate: int(o.bitrate.Load()), Frames: o.frames.Load(), KeyFrames: o.keys.Load(),
			Processor: time.Duration(o.spent.Load()),
		})
	}
	return s
}
