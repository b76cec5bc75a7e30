package sfu

import (
	"errors"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"
)

// thinSocket sends to one address at a bounded rate, with a queue of 300 ms
// before it; what does not fit is lost.
type thinSocket struct {
	udpSocket
	wg sync.WaitGroup

	mu    sync.Mutex
	to    netip.AddrPort // zero: everybody has a wide line
	rate  float64        // bytes per second
	free  time.Time      // when the line is
	queue chan late
}

type late struct {
	p  []byte
	to netip.AddrPort
	at time.Time
}

func (s *thinSocket) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

func (s *thinSocket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to != s.to {
		return s.udpSocket.WriteTo(p, to)
	}
	if s.rate == 0 {
		return len(p), nil // nothing gets through
	}
	now := time.Now()
	if s.free.Before(now) {
		s.free = now
	}
	if s.free.Sub(now) > 300*time.Millisecond {
		return len(p), nil
	}
	s.free = s.free.Add(time.Duration(float64(len(p)) / s.rate * float64(time.Second)))
	select {
	case s.queue <- late{append([]byte(nil), p...), to, s.free}:
	default:
	}
	return len(p), nil
}

func (s *thinSocket) run() {
	for l := range s.queue {
		time.Sleep(time.Until(l.at))
		_, _ = s.udpSocket.WriteTo(l.p, l.to)
	}
}

// narrow bounds what goes to an address; the zero address ends it.
func (s *thinSocket) narrow(to netip.AddrPort, bits float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to, s.rate = to, bits/8
}

// A receiver whose line narrows to 300 kbit/s falls to a lower layer and goes on
// with ten pictures a second or more, while others keep the best one; when the
// line is wide again, the best one returns. It is to take 3 and 15 seconds at
// most; the test grants a busy machine twice that.
func TestRow49ThinLine(t *testing.T) {
	var thin *thinSocket
	h := newHallAt(t, func(u udpSocket) socket {
		thin = &thinSocket{udpSocket: u, queue: make(chan late, 1000)}
		thin.wg.Go(thin.run)
		return thin
	})
	t.Cleanup(func() { close(thin.queue); thin.wg.Wait() })
	h.join("zoe", newStudio(t, true))
	poor, rich := h.join("anna", nil), h.join("bert", nil)
	camera := trackKey{"zoe", "camera"}
	last := func(c *client) int {
		if r := c.tracks[camera]; r != nil && len(r.heights) > 0 {
			return r.heights[len(r.heights)-1]
		}
		return 0
	}
	for _, c := range []*client{poor, rich} {
		c.Wish(Wish{Peer: "zoe", Track: "camera", Height: 720})
		c.await("the best layer", func() bool { return last(c) == 720 })
	}
	begun := time.Now()
	thin.narrow(h.address("anna"), 300_000)
	poor.await("a lower layer", func() bool { return last(poor) < 720 })
	within(t, "a lower layer", begun, 6*time.Second)
	poor.await("ten pictures a second", func() bool {
		f := poor.tracks[camera].frames
		return len(f) > 30 && f[len(f)-31].After(begun) && time.Since(f[len(f)-31]) <= 3*time.Second
	})
	poor.await("its going on", func() bool { return last(poor) < 720 && time.Since(begun) > 5*time.Second })
	rich.mu.Lock()
	if last(rich) != 720 {
		t.Errorf("the other one has layer %d", last(rich))
	}
	rich.mu.Unlock()
	begun = time.Now()
	thin.narrow(netip.AddrPort{}, 0)
	poor.await("the best layer again", func() bool { return last(poor) == 720 })
	within(t, "the best layer again", begun, 30*time.Second)
}

// within notes how long something took, and fails if it was too long.
func within(t *testing.T, what string, begun time.Time, most time.Duration) {
	t.Helper()
	took := time.Since(begun)
	t.Logf("%s: %v", what, took.Round(10*time.Millisecond))
	if took > most {
		t.Errorf("%s took %v, want %v at most", what, took, most)
	}
}
