// Package mesh is the topology in which every participant sends to every
// other: a peer.Peer for each. There is no server half.
//
// Signaling is that of package peer, with Path P2P. One message more, from a
// receiver to a sender, says which of the sender's tracks it takes; what is not
// named stays as it was, and at first all are taken. What nobody takes need not
// be encoded. A picture that is taken again goes on with a key frame.
//
//	"x-wishes"  {"wishes": [{"track":"camera", "wanted":false}]}
//
// A receiver says it again whenever it makes a new connection.
package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/loop"
	"candid/netstack/peer"
	"candid/netstack/unbounded"

	"github.com/pion/webrtc/v4"
)

// Config makes a Transport.
type Config struct {
	Self     netstack.PeerID
	Signaler netstack.Signaler
	Peer     peer.Config // what all connections share; its zero value works
}

// Transport is a netstack.Transport of topology P2P.
type Transport struct {
	self     netstack.PeerID
	signaler netstack.Signaler
	factory  *peer.Factory
	log      *slog.Logger
	loop     *loop.Loop
	events   *unbounded.Channel[netstack.Event]
	closed   atomic.Bool
	// peers is what loop last made of slots, for readers elsewhere.
	peers atomic.Pointer[[]*peer.Peer]

	// What follows belongs to the loop.
	slots  map[netstack.PeerID]*slot
	early  map[netstack.PeerID][]netstack.Envelope // from who is not known yet
	tracks []webrtc.TrackLocal
	// refused are tracks of participants not here yet that are not wanted.
	refused  map[netstack.PeerID]map[string]bool
	demanded map[string]bool // of our tracks, as far as was told
}

var (
	_ netstack.Transport = (*Transport)(nil)

	errClosed = errors.New("mesh is closed")
)

// New starts a transport without peers. Close must be called.
func New(c Config) (*Transport, error) {
	if c.Self == "" || c.Signaler == nil {
		return nil, errors.New("starting a mesh: it needs to know who it is and how to signal")
	}
	factory, err := peer.NewFactory(c.Peer)
	if err != nil {
		return nil, fmt.Errorf("starting a mesh: %w", err)
	}
	t := &Transport{
		self: c.Self, signaler: c.Signaler, factory: factory, log: c.Peer.Logger,
		loop: loop.New(context.Background()), events: unbounded.New[netstack.Event](),
		slots: map[netstack.PeerID]*slot{}, early: map[netstack.PeerID][]netstack.Envelope{},
		refused: map[netstack.PeerID]map[string]bool{}, demanded: map[string]bool{},
	}
	if t.log == nil {
		t.log = slog.Default()
	}
	if c.Peer.Net == nil {
		t.loop.Go(func(ctx context.Context) { ifwatch.Watch(ctx, t.AddressesChanged) })
	}
	return t, nil
}

// Topology is P2P.
func (t *Transport) Topology() netstack.Topology { return netstack.P2P }

// Events yields what happened, in order; it is closed after Close.
func (t *Transport) Events() <-chan netstack.Event { return t.events.Out() }

// SetPeers names everyone else in the room. Our own id among them is ignored.
func (t *Transport) SetPeers(ids ...netstack.PeerID) {
	t.post(func() { t.setPeers(ids) })
}

// Publish sends track to everyone, now and in future. Its ID must be new; the
// same track may be published on other transports too.
func (t *Transport) Publish(track webrtc.TrackLocal) error {
	if track == nil {
		return errors.New("publishing: no track")
	}
	return t.do(func() error {
		for _, have := range t.tracks {
			if have.ID() == track.ID() {
				return fmt.Errorf("publishing %q: it is published already", track.ID())
			}
		}
		t.tracks = append(t.tracks, track)
		for _, s := range t.slots {
			s.publish(track)
		}
		t.demand("")
		return nil
	})
}

// Unpublish takes track back.
func (t *Transport) Unpublish(track webrtc.TrackLocal) error {
	return t.do(func() error {
		for i, have := range t.tracks {
			if have != track {
				continue
			}
			t.tracks = append(t.tracks[:i:i], t.tracks[i+1:]...)
			delete(t.demanded, track.ID())
			for _, s := range t.slots {
				s.unpublish(track)
			}
			return nil
		}
		return errors.New("unpublishing: the track is not published")
	})
}

// Handle takes an envelope addressed to this transport.
func (t *Transport) Handle(e netstack.Envelope) {
	if e.Path == netstack.P2P && e.From != t.self && (peer.Handles(e.Type) || e.Type == TypeWishes) {
		t.post(func() { t.handle(e) })
	}
}

// Links returns the newest statistics of every connection, in no order.
func (t *Transport) Links() []netstack.Link {
	peers := t.list()
	links := make([]netstack.Link, len(peers))
	for i, p := range peers {
		links[i] = p.Link()
	}
	return links
}

// SendBudget is that of the slowest peer: all are sent the same.
func (t *Transport) SendBudget() netstack.Opt[int] {
	var least netstack.Opt[int]
	for _, p := range t.list() {
		if b := p.SendBudget(); b.OK && (!least.OK || b.Value < least.Value) {
			least = b
		}
	}
	return least
}

// Restart restarts ICE towards id, or towards all if it is empty.
func (t *Transport) Restart(id netstack.PeerID, why string) {
	t.post(func() {
		for other, s := range t.slots {
			if id == "" || id == other {
				s.restart(why)
			}
		}
	})
}

// Select moves the line to a peer to a pair of its Link that has succeeded.
func (t *Transport) Select(id netstack.PeerID, pairID string) {
	t.post(func() {
		if s := t.slots[id]; s != nil && s.peer != nil {
			s.peer.Select(pairID)
		}
	})
}

// SetPolicy says which candidates are used. It makes every connection anew,
// since ICE gathers by one policy from its beginning; the old ones carry what
// is sent until the new ones do, 8 s at most.
func (t *Transport) SetPolicy(p peer.Policy) {
	t.post(func() {
		t.factory.SetPolicy(p)
		for _, s := range t.slots {
			if s.peer != nil {
				t.fade(s)
				t.connect(s, false)
			}
		}
		t.published()
	})
}

// SetICEServers replaces the STUN and TURN servers, from each connection's
// next restart on; the error says which makes no sense.
func (t *Transport) SetICEServers(servers []webrtc.ICEServer) error {
	return t.factory.SetICEServers(servers)
}

// SetRelayWait has connections made from now on wait so long for a direct pair
// before they take a relayed one: three round trips between participants.
func (t *Transport) SetRelayWait(d time.Duration) { t.factory.SetRelayWait(d) }

// AddressesChanged tells what addresses this machine has now. The transport
// watches the system's itself unless it was given a network.
func (t *Transport) AddressesChanged(all []ifwatch.Address) {
	t.factory.SetAddresses(all)
	for _, p := range t.list() {
		p.AddressesChanged(all)
	}
}

// Close ends all connections and waits for all that was started.
func (t *Transport) Close() error {
	if t.closed.Swap(true) {
		return nil
	}
	var slots map[netstack.PeerID]*slot
	if err := t.loop.Do(func() { slots, t.slots = t.slots, map[netstack.PeerID]*slot{} }); err != nil {
		return nil // closed by someone else meanwhile
	}
	for _, s := range slots {
		t.end(s)
	}
	t.loop.Close() // waits for the retiring
	t.events.Close()
	return t.factory.Close()
}

func (t *Transport) list() []*peer.Peer {
	if l := t.peers.Load(); l != nil {
		return *l
	}
	return nil
}

func (t *Transport) post(fn func()) {
	if !t.closed.Load() {
		_ = t.loop.Post(fn) // an error means closed: nothing is left to do
	}
}

// do runs fn on the loop, which never waits for the network.
func (t *Transport) do(fn func() error) error {
	if t.closed.Load() {
		return errClosed
	}
	var err error
	if e := t.loop.Do(func() { err = fn() }); e != nil {
		return errClosed
	}
	return err
}
