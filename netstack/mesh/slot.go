package mesh

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/peer"

	"github.com/pion/webrtc/v4"
)

const (
	// What comes from someone not in the room yet is kept until SetPeers: the
	// list and the message take different ways through the program.
	earlySenders  = 32
	earlyMessages = 80 // an offer and its candidates

	// A connection that failed for good is made anew, at first soon.
	firstRenewal   = time.Second
	longestRenewal = 30 * time.Second
	// What the other side's earlier incarnations are called, so that their
	// messages are not taken for news.
	rememberedSessions = 8
)

// slot is one participant: the present connection and what outlives it.
type slot struct {
	id      netstack.PeerID
	peer    *peer.Peer // nil while waiting to be made anew
	fading  []*fading  // those before it, which go on until it is up
	renewal time.Duration
	quiet   *atomic.Bool        // peer tells nothing any more
	theirs  string              // their newest session
	said    []netstack.Envelope // what came of it first, for a connection that is made anew
	past    []string            // their earlier ones
	refused map[string]bool     // their tracks that we do not take
	untaken map[string]bool     // our tracks that they do not take
}

func (s *slot) publish(track webrtc.TrackLocal) {
	if s.peer != nil {
		s.peer.Publish(track)
	}
}

func (s *slot) unpublish(track webrtc.TrackLocal) {
	if s.peer != nil {
		s.peer.Unpublish(track)
	}
}

func (s *slot) restart(why string) {
	if s.peer != nil {
		s.peer.Restart(why)
	}
}

// stale reports whether a message is from an incarnation that was replaced, or
// from none.
func (s *slot) stale(e netstack.Envelope) bool {
	session := peer.Session(e)
	if session == "" {
		return true
	}
	for _, p := range s.past {
		if p == session {
			return true
		}
	}
	if session != s.theirs && s.theirs != "" {
		s.past = append(s.past, s.theirs)
		s.past = s.past[max(0, len(s.past)-rememberedSessions):]
		s.said = nil
	}
	s.theirs = session
	if len(s.said) < earlyMessages {
		s.said = append(s.said, e)
	}
	return false
}

func (t *Transport) setPeers(ids []netstack.PeerID) {
	wanted := map[netstack.PeerID]bool{}
	for _, id := range ids {
		if id != t.self && id != "" {
			wanted[id] = true
		}
	}
	for id, s := range t.slots {
		if !wanted[id] {
			delete(t.slots, id)
			t.refused[id] = s.refused
			t.end(s)
		}
	}
	for id := range wanted {
		if t.slots[id] != nil {
			continue
		}
		s := &slot{id: id, renewal: firstRenewal, refused: t.refused[id], untaken: map[string]bool{}}
		if s.refused == nil {
			s.refused = map[string]bool{}
		}
		t.slots[id] = s
		early := t.early[id]
		t.connect(s, slices.ContainsFunc(early, offers))
		for _, e := range early {
			t.handle(e)
		}
	}
	clear(t.early)
	t.published()
	t.demand("")
}

// offers reports whether a message may be what begins a connection. Anything
// else may follow something that was lost with an earlier connection.
func offers(e netstack.Envelope) bool { return e.Type == peer.TypeDescription }

// connect makes the connection of a slot; expected says that the other side's
// offer is here already.
func (t *Transport) connect(s *slot, expected bool) {
	var p *peer.Peer
	quiet := new(atomic.Bool)
	p, err := t.factory.New(peer.Options{
		Self: t.self, Remote: s.id, Topology: netstack.P2P, Signaler: t.signaler, Expected: expected,
		Emit: func(e netstack.Event) {
			if quiet.Load() {
				return
			}
			t.events.Put(e)
			if c, ok := e.(netstack.LinkChanged); ok && c.State == webrtc.PeerConnectionStateConnected {
				t.post(func() { t.up(s, p) })
			}
		},
		Lost: func(err error, _ netstack.Envelope) { t.post(func() { t.renew(s, p, err) }) },
	})
	if err != nil {
		t.log.Warn("connection not made", "err", err)
		t.events.Put(netstack.LinkChanged{Peer: s.id, State: webrtc.PeerConnectionStateFailed, Why: "the connection could not be made: " + err.Error()})
		return
	}
	s.peer, s.quiet = p, quiet
	t.tell(s)
	s.expect()
	for track, untaken := range s.untaken {
		p.SetTaken(track, !untaken)
	}
	for _, track := range t.tracks {
		p.Publish(track)
	}
}

// renew replaces a connection that cannot go on: at once if the other side
// began anew, after a while if it failed.
func (t *Transport) renew(s *slot, old *peer.Peer, err error) {
	if t.slots[s.id] != s || s.peer != old {
		return // it has left, or this is done
	}
	if errors.Is(err, peer.ErrSuperseded) {
		t.fade(s)
		t.connect(s, slices.ContainsFunc(s.said, offers))
		if s.peer != nil {
			// More than the first may have come until here: the old one took it,
			// and had no use for it.
			for _, e := range s.said {
				s.peer.Handle(e)
			}
		}
		t.published()
		return
	}
	t.retire(old)
	s.peer = nil
	t.published()
	wait := s.renewal
	s.renewal = min(2*s.renewal, longestRenewal)
	t.after(wait, func() {
		if t.slots[s.id] == s && s.peer == nil {
			t.connect(s, false)
			t.published()
		}
	})
}

func (t *Transport) handle(e netstack.Envelope) {
	s := t.slots[e.From]
	if s == nil {
		if have := t.early[e.From]; len(have) < earlyMessages && (have != nil || len(t.early) < earlySenders) {
			t.early[e.From] = append(have, e)
		}
		return
	}
	if e.Type == TypeWishes {
		if err := t.wished(e); err != nil {
			t.log.Debug("message refused", "err", err)
		}
		return
	}
	if s.stale(e) {
		return
	}
	if s.peer == nil { // failed here; they are ahead of us
		t.connect(s, offers(e))
		t.published()
	}
	if s.peer != nil {
		s.peer.Handle(e)
	}
}

// retire closes a connection without holding anyone up.
func (t *Transport) retire(p *peer.Peer) {
	if p == nil {
		return
	}
	t.loop.Go(func(context.Context) {
		if err := p.Close(); err != nil {
			t.log.Debug("closing a connection", "err", err)
		}
	})
}

// published renews what readers see.
func (t *Transport) published() {
	peers := make([]*peer.Peer, 0, len(t.slots))
	for _, s := range t.slots {
		if s.peer != nil {
			peers = append(peers, s.peer)
		}
	}
	t.peers.Store(&peers)
}
