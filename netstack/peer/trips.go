package peer

import (
	"slices"
	"time"

	"candid/netstack"
)

// window is over how many checks, one a second, a round trip is told: one that
// a busy machine answered late is no news, three of five are.
const window = 5

// trips are the newest round trips on the pair in use. Each is of one check:
// what is sent again is a check of its own (RFC 8445 section 7.2.5.2.2).
type trips struct {
	pair     string
	answered uint64
	newest   []time.Duration
}

// median takes what a sample says of the pair in use, and returns the round trip
// in the middle.
func (t *trips) median(p netstack.Pair) netstack.Opt[time.Duration] {
	if t.pair != p.ID {
		*t = trips{pair: p.ID}
	}
	if p.RTT.OK && p.ResponsesReceived != t.answered {
		t.answered = p.ResponsesReceived
		t.newest = append(t.newest, p.RTT.Value)
		t.newest = t.newest[max(0, len(t.newest)-window):]
	}
	if len(t.newest) == 0 {
		return p.RTT
	}
	sorted := slices.Sorted(slices.Values(t.newest))
	return netstack.Some(sorted[(len(sorted)-1)/2])
}
