package peer

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"candid/netstack"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// side is one Peer of a test, with what it sent and saw. What it sends goes to
// other, if there is one.
type side struct {
	t    testing.TB
	peer *Peer

	mu      sync.Mutex
	other   *side
	mangle  func(netstack.Envelope) []netstack.Envelope
	sent    []netstack.Envelope
	events  []netstack.Event
	lost    []error
	changed chan struct{}
}

// newSide makes a Peer that talks to nobody yet.
func newSide(t testing.TB, self, remote netstack.PeerID, c Config) *side {
	t.Helper()
	c.Logger = testLog()
	f, err := NewFactory(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &side{t: t, changed: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peer, err = f.New(Options{Self: self, Remote: remote, Topology: netstack.P2P, Signaler: s,
		Emit: func(e netstack.Event) { s.note(func() { s.events = append(s.events, e) }) },
		Lost: func(err error, _ netstack.Envelope) { s.note(func() { s.lost = append(s.lost, err) }) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.peer.Close(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func testLog() *slog.Logger {
	if os.Getenv("CANDID_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// join has two sides hear each other, what was said before included.
func join(a, b *side) {
	for _, x := range [][2]*side{{a, b}, {b, a}} {
		from, to := x[0], x[1]
		from.mu.Lock()
		from.other = to
		for _, e := range from.sent {
			from.passLocked(e)
		}
		from.mu.Unlock()
	}
}

func (s *side) passLocked(e netstack.Envelope) {
	out := []netstack.Envelope{e}
	if s.mangle != nil {
		out = s.mangle(e)
	}
	for _, e := range out {
		s.other.peer.Handle(e)
	}
}

// Send is the Peer's signaler.
func (s *side) Send(_ context.Context, e netstack.Envelope) error {
	s.note(func() {
		s.sent = append(s.sent, e)
		if s.other != nil {
			s.passLocked(e)
		}
	})
	return nil
}

func (s *side) note(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until ok holds; it is called with s locked.
func (s *side) await(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		done, changed := ok(), s.changed
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			s.mu.Lock()
			s.t.Logf("saw %+v, lost %v", s.events, s.lost)
			s.mu.Unlock()
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// sync waits until the Peer has handled all it was given so far.
func (s *side) sync() {
	s.t.Helper()
	if err := s.peer.loop.Do(func() {}); err != nil {
		s.t.Fatal(err)
	}
}

// saw counts events. It is called with s locked or when nothing happens.
func (s *side) saw(count func(netstack.Event) bool) int {
	n := 0
	for _, e := range s.events {
		if count(e) {
			n++
		}
	}
	return n
}

func step(m netstack.Milestone) func(netstack.Event) bool {
	return func(e netstack.Event) bool { r, ok := e.(netstack.MilestoneReached); return ok && r.Step == m }
}

func (s *side) awaitStep(m netstack.Milestone) {
	s.t.Helper()
	s.await(string(m), func() bool { return s.saw(step(m)) > 0 })
}

// firstOffer returns the first description s sent.
func (s *side) firstOffer() descriptionBody {
	s.t.Helper()
	var body descriptionBody
	s.await("an offer", func() bool {
		for _, e := range s.sent {
			if e.Type == TypeDescription {
				if err := json.Unmarshal(e.Body, &body); err != nil {
					s.t.Fatal(err)
				}
				return true
			}
		}
		return false
	})
	return body
}

// tell hands the Peer a message as if it came from the other side.
func (s *side) tell(typ string, body any) {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.peer.Handle(netstack.Envelope{Type: typ, From: s.peer.Remote(), Path: netstack.P2P, Body: b})
}

func local() Config { return Config{Loopback: true, NoTCP: true} }

func BenchmarkSample(b *testing.B) {
	x, y := newSide(b, "anna", "bert", local()), newSide(b, "bert", "anna", local())
	join(x, y)
	x.awaitStep(netstack.DTLSConnected)
	for b.Loop() {
		if err := x.peer.loop.Do(func() { x.peer.sample(time.Now()) }); err != nil {
			b.Fatal(err)
		}
	}
}
