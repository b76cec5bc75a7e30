package relay_test

import (
	"strings"
	"testing"
	"time"

	"candid/netstack/relay"
)

// A clock that is set does not touch a call under way, and keeps nobody out for
// longer than a new credential takes.
func TestRow48ClockSteps(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		c := newClock()
		s := serve(t, relay.Config{Now: c.Now, Limits: relay.Limits{TTL: 10 * time.Minute, Bitrate: 80_000, Burst: 4000}})
		a, _ := s.allocate(t, "udp", s.issue(t, anna))
		peer, at := peerSocket(t)
		s.issue(t, ben)
		if err := s.Signaled(ben, at); err != nil {
			t.Fatal(err)
		}
		send(t, a, "before", peer.LocalAddr())
		receive(t, peer, "before")
		c.add(step)
		kilobyte := strings.Repeat("x", 1000)
		for range 12 { // three times the burst, slower than the rate
			c.add(time.Second / 4)
			send(t, a, kilobyte, peer.LocalAddr())
			receive(t, peer, kilobyte)
		}
		s.allocate(t, "udp", s.issue(t, anna))
	}
}
