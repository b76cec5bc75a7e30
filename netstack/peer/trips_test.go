package peer

import (
	"testing"
	"time"

	"candid/netstack"
)

// One late answer changes nothing, a line that became slower shows within the
// third check, and another pair begins anew.
func TestTripsTellChangesOnly(t *testing.T) {
	var trips trips
	answered := uint64(0)
	check := func(pair string, ms int) time.Duration {
		answered++
		p := netstack.Pair{ID: pair, ResponsesReceived: answered, RTT: netstack.Some(time.Duration(ms) * time.Millisecond)}
		trips.median(p)
		return trips.median(p).Value / time.Millisecond // a sample without an answer in between
	}
	for i, c := range []struct {
		pair     string
		ms, want int
	}{
		{"a", 300, 300}, {"a", 40, 40}, {"a", 41, 41}, {"a", 140, 41}, {"a", 40, 41}, {"a", 42, 41},
		{"a", 90, 42}, {"a", 91, 90}, {"a", 90, 90}, {"b", 20, 20}, {"b", 21, 20},
	} {
		if got := check(c.pair, c.ms); got != time.Duration(c.want) {
			t.Errorf("check %d: %d ms, want %d", i, got, c.want)
		}
	}
	if got := trips.median(netstack.Pair{ID: "c"}); got.OK {
		t.Errorf("%v without an answer", got)
	}
}
