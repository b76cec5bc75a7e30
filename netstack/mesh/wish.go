package mesh

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"candid/netstack"
)

// TypeWishes is the type of envelope that says which tracks are taken; see the
// package comment.
const TypeWishes = "x-wishes"

const (
	maxWishes = 64 // in a message, and remembered of one peer
	maxBody   = 16 << 10

	maxRemembered = 256 // participants who are not here
)

type wish struct {
	Track  string `json:"track"`
	Wanted bool   `json:"wanted"`
}

type wishesBody struct {
	Wishes []wish `json:"wishes"`
}

// Wish says whether a track of another participant is taken. It may be said
// before the other is named by SetPeers.
func (t *Transport) Wish(id netstack.PeerID, track string, wanted bool) {
	t.post(func() {
		if s := t.slots[id]; s != nil {
			if s.refused[track] == !wanted {
				return
			}
			s.refused[track] = !wanted
			s.expect()
			t.tell(s, wish{track, wanted})
			return
		}
		if len(t.refused) > maxRemembered { // people who left long ago
			clear(t.refused)
		}
		if t.refused[id] == nil {
			t.refused[id] = map[string]bool{}
		}
		t.refused[id][track] = !wanted
	})
}

// tell sends wishes, or if none are given all that were ever made: the other side
// may remember those of an earlier connection.
func (t *Transport) tell(s *slot, wishes ...wish) {
	if len(wishes) == 0 {
		for track, refused := range s.refused {
			wishes = append(wishes, wish{track, !refused})
		}
	}
	if len(wishes) == 0 {
		return
	}
	b, err := json.Marshal(wishesBody{wishes})
	if err == nil {
		err = t.signaler.Send(context.Background(), netstack.Envelope{Type: TypeWishes, From: t.self, To: s.id, Path: netstack.P2P, Body: b})
	}
	if err != nil {
		t.log.Debug("wishes not sent", "peer", s.id, "err", err)
	}
}

// expect tells the connection whether its silence means anything.
func (s *slot) expect() {
	if s.peer == nil {
		return
	}
	wanted := len(s.refused) == 0
	for _, refused := range s.refused {
		wanted = wanted || !refused
	}
	s.peer.Expect(wanted)
}

// wished takes what another participant wishes of us.
func (t *Transport) wished(e netstack.Envelope) error {
	s := t.slots[e.From]
	if s == nil {
		return fmt.Errorf("wishes of %q: not here", e.From)
	}
	var body wishesBody
	if len(e.Body) > maxBody {
		return fmt.Errorf("wishes of %q: %d bytes, %d are allowed", e.From, len(e.Body), maxBody)
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return fmt.Errorf("wishes of %q: %w", e.From, err)
	}
	for _, w := range body.Wishes[:min(len(body.Wishes), maxWishes)] {
		if _, known := s.untaken[w.Track]; !known && len(s.untaken) >= maxWishes {
			continue
		}
		s.untaken[w.Track] = !w.Wanted
		if s.peer != nil {
			s.peer.SetTaken(w.Track, w.Wanted)
		}
	}
	t.demand(e.From)
	return nil
}

// demand reports tracks that nobody takes any more, or that somebody does
// again, because of what a participant said or did.
func (t *Transport) demand(because netstack.PeerID) {
	for _, track := range t.tracks {
		id := track.ID()
		wanted := slices.ContainsFunc(slices.Collect(maps.Values(t.slots)), func(s *slot) bool { return !s.untaken[id] })
		if t.demanded[id] != wanted {
			t.demanded[id] = wanted
			t.events.Put(netstack.DemandChanged{Peer: because, TrackID: id, Wanted: wanted})
		}
	}
}
