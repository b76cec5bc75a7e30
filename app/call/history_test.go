package call

import (
	"testing"
	"time"

	"candid/netstack"
)

func TestSample(t *testing.T) {
	l := netstack.Link{
		At:  time.Unix(1, 0),
		RTT: netstack.Some(20 * time.Millisecond),
		In: []netstack.Stream{
			{Bitrate: netstack.Some(900_000), FractionLost: netstack.Some(0.1), Jitter: netstack.Some(time.Millisecond)},
			{Bitrate: netstack.Some(100_000), FractionLost: netstack.Some(0.0), Jitter: netstack.Some(3 * time.Millisecond)},
			{}, // not measured yet
		},
	}
	s := sample(l)
	if s.Receive != netstack.Some(1_000_000) || s.Loss != netstack.Some(0.09) || s.Jitter != netstack.Some(3*time.Millisecond) || s.RTT != l.RTT {
		t.Errorf("got %+v", s)
	}
	if s.Send.OK {
		t.Errorf("nothing was sent, yet send is %v", s.Send)
	}
	if s := sample(netstack.Link{}); s.RTT.OK || s.Loss.OK || s.Jitter.OK || s.Receive.OK {
		t.Errorf("nothing was measured, yet %+v", s)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	var got []Sample
	for i := range 2 * HistoryLength {
		at := time.Unix(int64(i), 0)
		h.add(netstack.Link{At: at})
		got = h.add(netstack.Link{At: at}) // read twice between two samples
	}
	if len(got) != HistoryLength || !got[len(got)-1].At.Equal(time.Unix(2*HistoryLength-1, 0)) {
		t.Errorf("%d samples, the newest at %v", len(got), got[len(got)-1].At)
	}
	before := got[0]
	h.add(netstack.Link{At: time.Unix(1e6, 0)})
	if got[0] != before {
		t.Error("a history that was handed out has changed")
	}
}
