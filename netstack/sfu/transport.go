package sfu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/loop"
	"candid/netstack/peer"
	"candid/netstack/unbounded"

	"github.com/pion/webrtc/v4"
)

// TransportConfig makes a Transport.
type TransportConfig struct {
	Self     netstack.PeerID
	Signaler netstack.Signaler
	// Quiet connections carry nothing of a track before there is a Wish for it.
	Quiet bool
	Peer  peer.Config // its zero value works
}

// Transport is the client's half: a netstack.Transport over one connection to
// the host. Layers of a picture are published as tracks of their own, named by
// LayerID; key frames are asked for, and demand told, for each by its ID.
type Transport struct {
	self     netstack.PeerID
	signaler netstack.Signaler
	factory  *peer.Factory
	log      *slog.Logger
	loop     *loop.Loop
	events   *unbounded.Channel[netstack.Event]
	closed   atomic.Bool
	current  atomic.Pointer[peer.Peer]

	// What follows belongs to the loop.
	peer    *peer.Peer // nil while waiting to be made anew
	begun   bool
	early   []netstack.Envelope
	tracks  []webrtc.TrackLocal
	wishes  map[trackKey]Wish
	untaken map[string]bool // own tracks, as the host said
	told    []Wish          // that changed, not yet sent
	sending bool
	renewal time.Duration
	theirs  string
	past    []string
}

var (
	_ netstack.Transport = (*Transport)(nil)

	errTransportClosed = errors.New("the connection to the host is closed")
)

const (
	firstRenewal   = time.Second
	longestRenewal = 30 * time.Second
	earlyMessages  = 80
)

// LayerID is the track ID of a layer of a picture: 0 is the smallest, 2 the
// whole picture, which has the track's own.
func LayerID(track string, layer int) string {
	if layer < 0 || layer >= topLayer {
		return track
	}
	return track + "~" + rids[layer]
}

// NewTransport starts a transport; it connects with the first SetPeers, or
// when the host does. Close must be called.
func NewTransport(c TransportConfig) (*Transport, error) {
	if c.Self == "" || c.Signaler == nil {
		return nil, errors.New("connecting to the host: it needs to know who it is and how to signal")
	}
	factory, err := peer.NewFactory(c.Peer)
	if err != nil {
		return nil, fmt.Errorf("connecting to the host: %w", err)
	}
	t := &Transport{
		self: c.Self, signaler: c.Signaler, factory: factory, log: c.Peer.Logger, renewal: firstRenewal,
		loop: loop.New(context.Background()), events: unbounded.New[netstack.Event](), wishes: map[trackKey]Wish{},
		untaken: map[string]bool{},
	}
	if t.log == nil {
		t.log = slog.Default()
	}
	if c.Quiet {
		t.wishes[trackKey{Any, Any}] = Wish{Peer: Any, Track: Any}
	}
	if c.Peer.Net == nil {
		t.loop.Go(func(ctx context.Context) { ifwatch.Watch(ctx, t.AddressesChanged) })
	}
	return t, nil
}

// Topology is SFU.
func (t *Transport) Topology() netstack.Topology { return netstack.SFU }

// Events yields what happened, in order; it is closed after Close. TrackAdded
// names the member a track is from; everything else is of the host.
func (t *Transport) Events() <-chan netstack.Event { return t.events.Out() }

// SetPeers connects to the host, whoever is there: it knows the others.
func (t *Transport) SetPeers(...netstack.PeerID) { t.post(t.begin) }

// Publish sends a track to the host, for everyone. Its ID must be new.
func (t *Transport) Publish(track webrtc.TrackLocal) error {
	if track == nil {
		return errors.New("publishing: no track")
	}
	return t.do(func() error {
		if slices.ContainsFunc(t.tracks, func(have webrtc.TrackLocal) bool { return have.ID() == track.ID() }) {
			return fmt.Errorf("publishing %q: it is published already", track.ID())
		}
		t.tracks = append(t.tracks, track)
		if t.peer != nil {
			t.peer.Publish(track)
		}
		return nil
	})
}

// Unpublish takes a track back.
func (t *Transport) Unpublish(track webrtc.TrackLocal) error {
	return t.do(func() error {
		i := slices.Index(t.tracks, track)
		if i < 0 {
			return errors.New("unpublishing: the track is not published")
		}
		t.tracks = slices.Delete(t.tracks, i, i+1)
		delete(t.untaken, track.ID())
		if t.peer != nil {
			t.peer.Unpublish(track)
		}
		return nil
	})
}

// Wish tells the host what is to be seen of others' tracks. Wishes that follow
// each other closely go as one message.
func (t *Transport) Wish(wishes ...Wish) {
	wishes = slices.Clone(wishes)
	t.post(func() {
		for _, w := range wishes {
			key := trackKey{w.Peer, w.Track}
			if have, ok := t.wishes[key]; ok && have == w || !ok && len(t.wishes) >= maxWishes {
				continue
			}
			t.wishes[key] = w
			t.told = append(slices.DeleteFunc(t.told, func(o Wish) bool { return o.Peer == w.Peer && o.Track == w.Track }), w)
		}
		t.tellWishes()
	})
}

// tellWishes sends what changed, once what is queued has changed too.
func (t *Transport) tellWishes() {
	t.expect()
	if len(t.told) == 0 || t.sending {
		return
	}
	t.sending = true
	t.post(func() {
		t.send(TypeWishes, wishesBody{t.told})
		t.told, t.sending = nil, false
	})
}

// expect tells the connection whether its silence means anything.
func (t *Transport) expect() {
	if t.peer == nil {
		return
	}
	wanted := len(t.wishes) == 0
	for _, w := range t.wishes {
		wanted = wanted || w.Height > 0
	}
	t.peer.Expect(wanted)
}

// Handle takes an envelope of the host.
func (t *Transport) Handle(e netstack.Envelope) {
	if e.Path == netstack.SFU && e.From == netstack.HostID {
		t.post(func() { t.handle(e) })
	}
}

// Links is the newest sample of the connection to the host.
func (t *Transport) Links() []netstack.Link {
	if p := t.current.Load(); p != nil {
		return []netstack.Link{p.Link()}
	}
	return nil
}

// SendBudget is what congestion control allows all tracks together.
func (t *Transport) SendBudget() netstack.Opt[int] {
	if p := t.current.Load(); p != nil {
		return p.SendBudget()
	}
	return netstack.Opt[int]{}
}

// Restart restarts ICE towards the host; any other peer has no path of its own.
func (t *Transport) Restart(id netstack.PeerID, why string) {
	if p := t.current.Load(); p != nil && (id == "" || id == netstack.HostID) {
		p.Restart(why)
	}
}

// SetICEServers replaces the STUN and TURN servers, from the next restart on.
func (t *Transport) SetICEServers(servers []webrtc.ICEServer) error {
	return t.factory.SetICEServers(servers)
}

// AddressesChanged tells what addresses this machine has now. The transport
// watches the system's itself unless it was given a network.
func (t *Transport) AddressesChanged(all []ifwatch.Address) {
	t.factory.SetAddresses(all)
	if p := t.current.Load(); p != nil {
		p.AddressesChanged(all)
	}
}

// Close ends the connection and waits for all that was started.
func (t *Transport) Close() error {
	if t.closed.Swap(true) {
		return nil
	}
	if err := t.loop.Do(func() { t.retire() }); err != nil {
		return nil // closed by someone else meanwhile
	}
	t.loop.Close() // waits for the retiring
	t.events.Close()
	return t.factory.Close()
}

func (t *Transport) post(fn func()) {
	if !t.closed.Load() {
		_ = t.loop.Post(fn) // an error means closed: nothing is left to do
	}
}

func (t *Transport) do(fn func() error) error {
	if t.closed.Load() {
		return errTransportClosed
	}
	var err error
	if t.loop.Do(func() { err = fn() }) != nil {
		return errTransportClosed
	}
	return err
}

func (t *Transport) send(typ string, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		t.log.Error("message not written", "type", typ, "err", err)
		return
	}
	e := netstack.Envelope{Type: typ, From: t.self, To: netstack.HostID, Path: netstack.SFU, Body: b}
	if err := t.signaler.Send(context.Background(), e); err != nil {
		t.log.Debug("message not sent", "type", typ, "err", err)
	}
}
