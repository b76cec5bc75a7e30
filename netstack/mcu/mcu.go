// Package mcu mixes: it decodes what each member of a room sends, once, and
// makes of it one picture and one sound for those who cannot take many streams.
//
// An Engine knows no sockets and no signaling. RTP packets of members go in,
// RTP packets of mixes come out:
//
//   - A picture is composed and encoded once for each size and layout that
//     anyone watches, however many watch it. Everybody is in it, also the one
//     who watches: that is the price of sharing the encoder, which takes nine
//     tenths of the work.
//   - Sound is mixed minus oneself. Only those who speak are in it, so that all
//     who do not speak hear the same and share one encoder; each of the few
//     speakers has another, for a mix without him.
//
// Where the processor does not suffice, pictures get fewer and sound stays: it
// has a goroutine of its own that takes no lock of the pictures', and when that
// is woken late the pictures' rate is halved.
package mcu

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"candid/media/mix"
	"candid/media/playout"
	"candid/netstack"
	"candid/netstack/fault"

	"github.com/pion/rtp"
)

// MaxMembers is how many an Engine takes. The first mix.MaxTiles of them, by
// when they came, are seen; all are heard.
const MaxMembers = 64

// DefaultSpeakers is how many are heard at once: more who talk at the same time
// are not understood anyway.
const DefaultSpeakers = 3

// ErrClosed is returned after Close.
var ErrClosed = errors.New("mixer is closed")

// PacketSink takes packets; *webrtc.TrackLocalStaticRTP is one.
type PacketSink interface {
	// WriteRTP must not block for long, and must not keep or change p. A sink
	// that blocks loses packets of its own, nobody else's.
	WriteRTP(p *rtp.Packet) error
}

// VP8 is what members send, if nobody says otherwise.
const VP8 = "video/VP8"

// Config says what an Engine needs. The zero Config works.
type Config struct {
	// Font writes names into the picture; nil leaves them out.
	Font *mix.Font
	// Speakers is how many are heard at once; 0 is DefaultSpeakers. Each costs an
	// encoder while they speak.
	Speakers int
	// KeyFrame asks a member's sender for a key frame: at most every 300 ms.
	// Less asks for smaller pictures: what comes takes too long to decode. Both
	// are called from goroutines of the Engine and must not block, nor call it.
	KeyFrame, Less func(netstack.PeerID)
	// Faults counts panics met in what members send, each of which costs a frame;
	// nil: nowhere.
	Faults *fault.Counter
	Logger *slog.Logger
}

// Engine mixes one room. Its methods may be called from any goroutine; they do
// not block on anything but a picture being decoded.
type Engine struct {
	cfg     Config
	log     *slog.Logger
	epoch   time.Time
	serials atomic.Uint64 // of pictures
	roster  atomic.Pointer[roster]
	speaker atomic.Pointer[dominant]
	load    load
	sound   *sound
	quit    chan struct{}
	work    sync.WaitGroup

	mu      sync.Mutex // never held while calling out or waiting
	closed  bool
	members []*member // by when they came
	outputs map[spec]*output
	views   []*View
	hears   []*Hearing
	ended   []*playout.Video // to be closed
}

// roster is who is here, as the mixing goroutines see it. It does not change
// once it is published.
type roster struct {
	members []*member
	hears   []listener
	views   int
}

// listener is one who listens, and who they are among the members; nil if they
// are not.
type listener struct {
	*Hearing
	member *member
}

// dominant is who speaks most of late, and whether they speak now.
type dominant struct {
	id  netstack.PeerID
	now bool
}

// New starts an Engine. Close must be called.
func New(cfg Config) (*Engine, error) {
	if cfg.Speakers == 0 {
		cfg.Speakers = DefaultSpeakers
	}
	if cfg.Speakers < 0 || cfg.Speakers > MaxMembers {
		return nil, fmt.Errorf("start mixer: %d speakers at once is not in 1..%d", cfg.Speakers, MaxMembers)
	}
	if cfg.KeyFrame == nil {
		cfg.KeyFrame = func(netstack.PeerID) {}
	}
	if cfg.Less == nil {
		cfg.Less = func(netstack.PeerID) {}
	}
	if cfg.Faults == nil {
		cfg.Faults = new(fault.Counter)
	}
	e := &Engine{cfg: cfg, log: cfg.Logger, epoch: time.Now(), quit: make(chan struct{}), outputs: make(map[spec]*output)}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.roster.Store(&roster{})
	e.speaker.Store(&dominant{})
	s, err := newSound(e)
	if err != nil {
		return nil, fmt.Errorf("start mixer: %w", err)
	}
	e.sound = s
	e.work.Go(s.run)
	return e, nil
}

// AddMember takes in a member, whose packets go to Video and Audio.
func (e *Engine) AddMember(id netstack.PeerID, name string) error {
	m, err := newMember(e, id, name)
	if err == nil {
		err = e.change(func() error {
			switch {
			case e.find(id) != nil:
				return errors.New("is here already")
			case len(e.members) == MaxMembers:
				return fmt.Errorf("%d are here already", MaxMembers)
			}
			e.members = append(e.members, m)
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("add member %q: %w", id, err)
	}
	return nil
}

// RemoveMember lets a member go. What they watch and hear goes on until it is
// closed. It waits for a picture of theirs that is being decoded.
func (e *Engine) RemoveMember(id netstack.PeerID) {
	_ = e.change(func() error { // after Close nobody is here
		if m := e.find(id); m != nil {
			m.video.stopLocked()
			e.members = slices.DeleteFunc(e.members, func(o *member) bool { return o == m })
		}
		return nil
	})
}

// SetState says what a member has switched off and is called.
func (e *Engine) SetState(id netstack.PeerID, muted, cameraOff bool, name string) {
	_ = e.change(func() error {
		if m := e.find(id); m != nil {
			m.state.Store(&state{name: name, muted: muted, cameraOff: cameraOff})
		}
		return nil
	})
}

// SetCodec says what a member's picture is sent as, by its MIME type: one that
// codec.NewVideoDecoder knows. Of any other they are not seen.
func (e *Engine) SetCodec(id netstack.PeerID, mime string) {
	_ = e.change(func() error {
		if m := e.find(id); m != nil {
			m.video.setCodecLocked(mime)
		}
		return nil
	})
}

// Video is where a member's video packets go; nil, which takes and drops them,
// for one who is not here.
func (e *Engine) Video(id netstack.PeerID) *VideoInput {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.find(id); m != nil {
		return m.video
	}
	return nil
}

// Audio is Video for sound.
func (e *Engine) Audio(id netstack.PeerID) *AudioInput {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.find(id); m != nil {
		return m.audio
	}
	return nil
}

// Close stops everything and waits for it. No sink is called afterwards. It may
// be called more than once.
func (e *Engine) Close() error {
	var views []*View
	var hears []*Hearing
	err := e.change(func() error {
		e.closed = true
		close(e.quit)
		views, hears = e.views, e.hears
		e.views, e.hears = nil, nil
		for _, m := range e.members {
			m.video.stopLocked()
		}
		e.members = nil
		return nil
	})
	e.work.Wait()
	if err != nil { // closed before
		return nil
	}
	for _, v := range views {
		v.end()
	}
	for _, h := range hears {
		h.end()
	}
	return nil
}

// find returns a member or nil. mu is held.
func (e *Engine) find(id netstack.PeerID) *member {
	for _, m := range e.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

// change runs fn with mu held, and brings everything in line with what it
// changed. After Close it returns ErrClosed.
func (e *Engine) change(fn func() error) error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return ErrClosed
	}
	err := fn()
	e.settleLocked()
	ended := e.ended
	e.ended = nil
	e.mu.Unlock()
	for _, v := range ended {
		if err := v.Close(); err != nil {
			e.log.Warn("video not closed", "cause", err)
		}
	}
	return err
}

// settleLocked decodes whom somebody sees, and nobody else, and publishes who
// is here.
func (e *Engine) settleLocked() {
	for i, m := range e.members {
		if len(e.views) > 0 && i < mix.MaxTiles && !m.state.Load().cameraOff {
			m.video.startLocked()
		} else {
			m.video.stopLocked()
		}
	}
	r := &roster{members: slices.Clone(e.members), views: len(e.views)}
	for _, h := range e.hears {
		r.hears = append(r.hears, listener{h, e.find(h.id)})
	}
	e.roster.Store(r)
	e.sound.poke()
}
