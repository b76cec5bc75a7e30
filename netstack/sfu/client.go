package sfu

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/peer"

	"github.com/pion/webrtc/v4"
)

// begin makes the connection, and handles what came before it.
func (t *Transport) begin() {
	if t.begun {
		return
	}
	t.begun = true
	early := t.early
	t.early = nil
	t.connect(slices.ContainsFunc(early, offers))
	for _, e := range early {
		t.handle(e)
	}
}

func offers(e netstack.Envelope) bool { return e.Type == peer.TypeDescription }

// connect makes a connection; expected says that the host's offer is here.
func (t *Transport) connect(expected bool) {
	if len(t.wishes) > 0 { // the host may have begun anew, and forgotten them
		t.send(TypeWishes, wishesBody{slices.Collect(maps.Values(t.wishes))})
	}
	var p *peer.Peer
	p, err := t.factory.New(peer.Options{
		Self: t.self, Remote: netstack.HostID, Topology: netstack.SFU, Signaler: t.signaler, Expected: expected,
		Emit: t.emit,
		Lost: func(err error, first netstack.Envelope) { t.post(func() { t.renew(p, err, first) }) },
	})
	if err != nil {
		t.log.Warn("connection to the host not made", "err", err)
		t.events.Put(netstack.LinkChanged{Peer: netstack.HostID, State: webrtc.PeerConnectionStateFailed, Why: "the connection to the host could not be made: " + err.Error()})
		return
	}
	t.peer = p
	t.current.Store(p)
	for _, track := range t.tracks {
		p.Publish(track)
	}
	t.begunAnew()
}

// begunAnew takes back what was said about an earlier connection: the host
// takes everything at first, and may have forgotten what we wish.
func (t *Transport) begunAnew() {
	for track := range t.untaken {
		t.events.Put(netstack.DemandChanged{Peer: netstack.HostID, TrackID: track, Wanted: true})
	}
	clear(t.untaken)
	t.told = slices.Collect(maps.Values(t.wishes))
	t.tellWishes()
}

// emit passes on what the connection saw; a track is its member's.
func (t *Transport) emit(e netstack.Event) {
	if a, ok := e.(netstack.TrackAdded); ok {
		a.Peer = netstack.PeerID(a.Track.StreamID())
		e = a
	}
	t.events.Put(e)
}

// renew replaces a connection that cannot go on: at once if the host began
// anew, after a while if it failed.
func (t *Transport) renew(old *peer.Peer, err error, first netstack.Envelope) {
	if t.peer != old {
		return
	}
	t.retire()
	if errors.Is(err, peer.ErrSuperseded) {
		t.connect(offers(first))
		if t.peer != nil {
			t.peer.Handle(first)
		}
		return
	}
	wait := t.renewal
	t.renewal = min(2*t.renewal, longestRenewal)
	t.loop.Go(func(ctx context.Context) {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			t.post(func() {
				if t.peer == nil {
					t.connect(false)
				}
			})
		}
	})
}

// retire closes the connection without holding anyone up.
func (t *Transport) retire() {
	p := t.peer
	t.peer = nil
	t.current.Store(nil)
	if p == nil {
		return
	}
	t.loop.Go(func(context.Context) {
		if err := p.Close(); err != nil {
			t.log.Debug("closing the connection to the host", "err", err)
		}
	})
}

func (t *Transport) handle(e netstack.Envelope) {
	switch {
	case e.Type == TypeDemand:
		t.demand(e)
	case e.Type == TypeSpeakers:
		var body speakersBody
		if decode(e, &body) == nil {
			t.events.Put(netstack.SpeakersChanged{Speakers: body.Speakers})
		}
	case !peer.Handles(e.Type):
	case !t.begun:
		if len(t.early) < earlyMessages {
			t.early = append(t.early, e)
		}
	case t.stale(e):
	default:
		if t.peer == nil { // failed here; the host is ahead of us
			t.connect(offers(e))
		}
		if t.peer != nil {
			t.peer.Handle(e)
		}
	}
}

func (t *Transport) demand(e netstack.Envelope) {
	var body demandBody
	if err := decode(e, &body); err != nil {
		t.log.Debug("message refused", "err", err)
		return
	}
	for _, d := range body.Layers {
		if slices.ContainsFunc(t.tracks, func(have webrtc.TrackLocal) bool { return have.ID() == d.Track }) {
			if t.untaken[d.Track] = true; d.Wanted {
				delete(t.untaken, d.Track)
			}
			if t.peer != nil {
				t.peer.SetTaken(d.Track, d.Wanted)
			}
			t.events.Put(netstack.DemandChanged{Peer: netstack.HostID, TrackID: d.Track, Wanted: d.Wanted})
		}
	}
}

// stale reports whether a message is from an incarnation that was replaced.
func (t *Transport) stale(e netstack.Envelope) bool {
	session := peer.Session(e)
	if session == "" || slices.Contains(t.past, session) {
		return true
	}
	if session != t.theirs && t.theirs != "" {
		t.past = append(t.past, t.theirs)
		t.past = t.past[max(0, len(t.past)-rememberedSessions):]
	}
	t.theirs = session
	return false
}
