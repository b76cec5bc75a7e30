package mcu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/loop"
	"candid/netstack/sfu"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// The names of the tracks a mix is sent as; their owner is netstack.HostID.
const (
	MixTrack = "mix"     // the picture
	MicTrack = "mix-mic" // the sound
)

// The names of the tracks that are mixed: those of our own clients.
const (
	cameraTrack = "camera"
	micTrack    = "mic"
)

// followEvery is how often sizes and bitrates are brought in line with what
// viewers' windows and lines can take.
const followEvery = 500 * time.Millisecond

// Room is the server half of the topology: it mixes the members of an SFU's
// room, for those who are to get the mix, and sends it them there as two tracks
// more. While it mixes for nobody it decodes nothing and holds no codec.
type Room struct {
	forwarder *sfu.Room
	cfg       Config
	log       *slog.Logger
	loop      *loop.Loop
	inputs    atomic.Pointer[map[netstack.PeerID]input]  // as the tap sees them
	codecs    atomic.Pointer[map[netstack.PeerID]string] // of the pictures that are sent, MIME types

	// What follows belongs to the loop.
	members map[netstack.PeerID]*attendant
	order   []netstack.PeerID
	mixed   map[netstack.PeerID]*audience
	engine  *Engine  // nil: nobody is mixed for
	tap     *sfu.Tap // the same
	stop    context.CancelFunc
}

// attendant is a member as the room knows them.
type attendant struct {
	name             string
	muted, cameraOff bool
	height           int // of the picture that is tapped
}

type input struct {
	video *VideoInput
	audio *AudioInput
}

// NewRoom makes the mixing half of an SFU's room. KeyFrame, Less and Faults of cfg
// are the room's own. Close must be called, before the SFU's room is closed.
func NewRoom(r *sfu.Room, cfg Config) *Room {
	cfg.Faults = r.Faults()
	m := &Room{forwarder: r, cfg: cfg, log: cfg.Logger, loop: loop.New(context.Background()),
		members: map[netstack.PeerID]*attendant{}, mixed: map[netstack.PeerID]*audience{}}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.inputs.Store(&map[netstack.PeerID]input{})
	m.codecs.Store(&map[netstack.PeerID]string{})
	return m
}

// Topology is MCU.
func (r *Room) Topology() netstack.Topology { return netstack.MCU }

// Join takes in a member of the SFU's room, to be in the mix of others.
func (r *Room) Join(id netstack.PeerID, name string) error {
	return r.do(func() error {
		switch {
		case r.members[id] != nil:
			return fmt.Errorf("letting %q in: it is here", id)
		case len(r.members) == MaxMembers:
			return fmt.Errorf("letting %q in: %d are here already", id, MaxMembers)
		}
		r.members[id] = &attendant{name: name}
		r.order = append(r.order, id)
		if r.engine != nil {
			r.feed(id)
		}
		return nil
	})
}

// Leave lets a member go, from the mix and from those it is made for.
func (r *Room) Leave(id netstack.PeerID) {
	r.post(func() {
		if r.members[id] == nil {
			return
		}
		r.unmix(id)
		delete(r.members, id)
		for i, o := range r.order {
			if o == id {
				r.order = append(r.order[:i:i], r.order[i+1:]...)
				break
			}
		}
		if r.engine != nil {
			r.tap.Forget(id)
			r.engine.RemoveMember(id)
			r.publish()
			r.follow()
		}
	})
}

// SetState says what a member has switched off and is called.
func (r *Room) SetState(id netstack.PeerID, muted, cameraOff bool, name string) {
	r.post(func() {
		m := r.members[id]
		if m == nil {
			return
		}
		m.name, m.muted, m.cameraOff = name, muted, cameraOff
		if r.engine != nil {
			r.engine.SetState(id, muted, cameraOff, name)
			r.wish(id)
		}
	})
}

// SetMixed says whether a member is offered the mix. They are sent it, and it is
// made, as far as they wish it of the SFU like any other track.
func (r *Room) SetMixed(id netstack.PeerID, on bool) error {
	return r.do(func() error {
		switch {
		case r.members[id] == nil:
			return fmt.Errorf("mixing for %q: it is not here", id)
		case !on:
			r.unmix(id)
		case r.mixed[id] == nil:
			return r.mix(id)
		}
		return nil
	})
}

// Stats is what the engine does; zero while nobody is mixed for.
func (r *Room) Stats() (s Stats) {
	_ = r.do(func() error {
		if r.engine != nil {
			s = r.engine.Stats()
		}
		return nil
	})
	return s
}

// Close ends all mixing, and waits for it.
func (r *Room) Close() error {
	err := r.do(func() error {
		for id := range r.mixed {
			r.unmix(id)
		}
		return nil
	})
	r.loop.Close()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

func (r *Room) post(fn func()) { _ = r.loop.Post(fn) } // an error means closed

func (r *Room) do(fn func() error) error {
	var err error
	if r.loop.Do(func() { err = fn() }) != nil {
		return ErrClosed
	}
	return err
}

// start begins to mix, with everyone who is here.
func (r *Room) start() error {
	cfg := r.cfg
	var tap *sfu.Tap // set before there is a member to ask for key frames of
	cfg.KeyFrame = func(id netstack.PeerID) { tap.RequestKeyFrame(id, cameraTrack) }
	cfg.Less = nil
	engine, err := New(cfg)
	if err != nil {
		return err
	}
	if tap, err = r.forwarder.Tap(&ladle{r}); err != nil {
		return errors.Join(err, engine.Close())
	}
	r.engine, r.tap = engine, tap
	for _, id := range r.order {
		r.feed(id)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	r.loop.Go(func(life context.Context) {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-life.Done():
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				r.post(r.follow)
			}
		}
	})
	return nil
}

// end ends mixing.
func (r *Room) end() {
	r.stop()
	r.tap.Close()
	if err := r.engine.Close(); err != nil {
		r.log.Warn("mixer not closed", "cause", err)
	}
	r.engine, r.tap = nil, nil
	r.inputs.Store(&map[netstack.PeerID]input{})
	for _, m := range r.members {
		m.height = 0
	}
}

// feed takes a member into the mix.
func (r *Room) feed(id netstack.PeerID) {
	m := r.members[id]
	if err := r.engine.AddMember(id, m.name); err != nil {
		r.log.Warn("member is not mixed", "cause", err)
		return
	}
	r.engine.SetState(id, m.muted, m.cameraOff, m.name)
	r.recode(id)
	r.publish()
	r.wish(id)
}

// recode has a member's picture decoded as what it is sent as.
func (r *Room) recode(id netstack.PeerID) {
	if mime := (*r.codecs.Load())[id]; mime != "" {
		r.engine.SetCodec(id, mime)
	}
}

// publish tells the tap whose packets go where.
func (r *Room) publish() {
	next := make(map[netstack.PeerID]input, len(r.order))
	for _, id := range r.order {
		next[id] = input{r.engine.Video(id), r.engine.Audio(id)}
	}
	r.inputs.Store(&next)
}

// wish asks the SFU for what the mix needs of a member: no sound of who is muted,
// no picture that nobody sees, and otherwise the layer of its tile.
func (r *Room) wish(id netstack.PeerID) {
	m := r.members[id]
	sound := 1
	if m.muted || !r.heard() {
		sound = 0
	}
	m.height = r.engine.Wanted(id).Y
	r.tap.Wish(sfu.Wish{Peer: id, Track: cameraTrack, Height: m.height}, sfu.Wish{Peer: id, Track: micTrack, Height: sound})
}

// ladle takes what the tap gives to where it belongs.
type ladle struct{ r *Room }

// Changed notes what each member's picture is sent as.
func (l *ladle) Changed(tracks []sfu.Source, _ []netstack.PeerID) {
	next := map[netstack.PeerID]string{}
	for _, t := range tracks {
		if t.Track == cameraTrack && t.Kind == webrtc.RTPCodecTypeVideo {
			next[t.Peer] = t.MIME()
		}
	}
	if before := l.r.codecs.Swap(&next); maps.Equal(*before, next) {
		return
	}
	l.r.post(func() {
		if l.r.engine == nil {
			return
		}
		for _, id := range l.r.order {
			l.r.recode(id)
		}
	})
}

func (l *ladle) TakeRTP(from sfu.Source, p *rtp.Packet) {
	in := (*l.r.inputs.Load())[from.Peer]
	switch {
	case from.Track == cameraTrack && from.Kind == webrtc.RTPCodecTypeVideo:
		_ = in.video.WriteRTP(p) // never fails
	case from.Track == micTrack && from.Kind == webrtc.RTPCodecTypeAudio:
		_ = in.audio.WriteRTP(p)
	}
}

func (l *ladle) TakeReport(from sfu.Source, s netstack.SenderReport) {
	in := (*l.r.inputs.Load())[from.Peer]
	switch from.Track {
	case cameraTrack:
		in.video.SetReport(reportOf(s))
	case micTrack:
		in.audio.SetReport(reportOf(s))
	}
}
