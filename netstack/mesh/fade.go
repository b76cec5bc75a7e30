package mesh

import (
	"context"
	"slices"
	"time"

	"candid/netstack/peer"
)

const (
	// fadeLimit is how long an old connection waits for the new one.
	fadeLimit = 8 * time.Second
	// fadeAfter is how long it goes on after that: until the new one has brought
	// a key frame, and what is under way has come.
	fadeAfter = time.Second
)

// fading is a connection that was replaced and still carries media. It tells
// nothing any more.
type fading struct{ peer *peer.Peer }

// fade lets the connection of a slot go on until its successor is up.
func (t *Transport) fade(s *slot) {
	s.quiet.Store(true)
	f := &fading{s.peer}
	s.peer, s.fading = nil, append(s.fading, f)
	t.after(fadeLimit, func() { t.faded(s, f) })
}

// up ends what faded for a connection, if it is still the one.
func (t *Transport) up(s *slot, p *peer.Peer) {
	if s.peer != p {
		return
	}
	for _, f := range s.fading {
		t.after(fadeAfter, func() { t.faded(s, f) })
	}
}

func (t *Transport) faded(s *slot, f *fading) {
	if i := slices.Index(s.fading, f); i >= 0 {
		s.fading = slices.Delete(s.fading, i, i+1)
		t.retire(f.peer)
	}
}

// end closes all connections of a slot.
func (t *Transport) end(s *slot) {
	t.retire(s.peer)
	for _, f := range s.fading {
		t.retire(f.peer)
	}
	s.fading = nil
}

// after runs fn on the loop some time later; not after the end.
func (t *Transport) after(d time.Duration, fn func()) {
	t.loop.Go(func(ctx context.Context) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			t.post(fn)
		}
	})
}
