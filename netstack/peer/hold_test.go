package peer

import (
	"net/netip"
	"testing"
	"time"

	"candid/netstack/ifwatch"

	"github.com/pion/webrtc/v4"
)

const (
	iceNew       = webrtc.ICEConnectionStateNew
	iceConnected = webrtc.ICEConnectionStateConnected
	iceGone      = webrtc.ICEConnectionStateDisconnected
	iceFailed    = webrtc.ICEConnectionStateFailed
)

// When a path is suspected, by what ICE says and what arrives.
func TestSuspect(t *testing.T) {
	for name, c := range map[string]struct {
		ice       webrtc.ICEConnectionState
		rate      uint64 // bytes a watch before the silence
		expecting bool
		after     time.Duration // of silence, or in the state
		want      bool
	}{
		"looking":                  {iceNew, 0, false, 9 * time.Second, false},
		"looking for long":         {iceNew, 0, false, 10 * time.Second, true},
		"well":                     {iceConnected, 1000, true, 500 * time.Millisecond, false},
		"media stops":              {iceConnected, 1000, true, 2 * time.Second, true},
		"nobody sends":             {iceConnected, 1000, false, time.Minute, false},
		"reports stop":             {iceConnected, 30, true, 2 * time.Second, false},
		"reports stop for long":    {iceConnected, 30, true, 8 * time.Second, true},
		"disconnected for a blink": {iceGone, 1000, true, 100 * time.Millisecond, false},
		"disconnected":             {iceGone, 1000, true, 600 * time.Millisecond, true},
		"failed":                   {iceFailed, 0, false, 0, true},
	} {
		var h hold
		now := time.Unix(1000, 0)
		h.init(now)
		bytes := uint64(0)
		for range 40 {
			now = now.Add(WatchEvery)
			bytes += c.rate
			h.silence.Heard(bytes, now)
		}
		if c.ice != iceConnected {
			h.iceChanged(c.ice, now)
		}
		now = now.Add(c.after)
		h.silence.Heard(bytes, now)
		if got := h.suspect(c.ice, c.expecting, now); (got != "") != c.want {
			t.Errorf("%s: %q, want suspicion %v", name, got, c.want)
		}
	}
}

// Tries follow each other at growing distance; the polite side waits a little
// first; after ten steady seconds all is forgotten.
func TestTriesGrowRare(t *testing.T) {
	start := time.Unix(1000, 0)
	tries := func(h *hold, polite bool, from time.Time, d time.Duration, why string) (out []time.Duration) {
		for at := from; at.Before(from.Add(d)); at = at.Add(WatchEvery) {
			if h.due(why, polite, at) {
				out = append(out, at.Sub(from))
			}
		}
		return out
	}
	var h hold
	h.init(start)
	got := tries(&h, false, start, time.Minute, "trouble")
	want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second, 30 * time.Second, 45 * time.Second}
	if len(got) != len(want) {
		t.Fatalf("tries at %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("try %d after %v, want %v", i, got[i], want[i])
		}
	}
	if out := tries(&h, false, start.Add(time.Minute), 20*time.Second, ""); len(out) > 0 {
		t.Errorf("tries at %v although all is well", out)
	}
	if out := tries(&h, true, start.Add(80*time.Second), 2*time.Second, "again"); len(out) == 0 || out[0] != politeWait {
		t.Errorf("the polite side tries at %v, want first after %v", out, politeWait)
	}
}

func TestAdmit(t *testing.T) {
	var h hold
	now := time.Unix(1000, 0)
	n := 0
	for range 100 {
		if h.admit(now) {
			n++
		}
	}
	if n != askedPerMinute {
		t.Errorf("%d admitted, want %d", n, askedPerMinute)
	}
	if !h.admit(now.Add(61 * time.Second)) {
		t.Error("refused a minute later")
	}
}

func TestPairPriority(t *testing.T) {
	// RFC 8445 section 6.1.2.3: both sides get the same number.
	if a, b := pairPriority(100, 7, true), pairPriority(7, 100, false); a != b || a != 7<<32+2*100+1 {
		t.Errorf("%d and %d", a, b)
	}
	if a, b := pairPriority(7, 100, true), pairPriority(100, 7, false); a != b || a != 7<<32+2*100 {
		t.Errorf("%d and %d", a, b)
	}
}

func TestFromNTP(t *testing.T) {
	want := time.Date(2026, 3, 4, 5, 6, 7, 500_000_000, time.UTC)
	got := fromNTP(uint64(want.Unix()+2208988800)<<32 | 1<<31)
	if !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\r\nb\x1b[31m\u202ec" + string(make([]byte, 200)) + "d"); got != "ab[31mcd" {
		t.Errorf("%q", got)
	}
}

func TestUsable(t *testing.T) {
	at := func(ip, name string, bridge bool) ifwatch.Address {
		return ifwatch.Address{IP: netip.MustParseAddr(ip), Interface: name, Bridge: bridge}
	}
	got := usable([]ifwatch.Address{at("192.0.2.1", "eth0", false), at("172.17.0.1", "docker0", true), at("fe80::1", "veth1", false), at("127.0.0.1", "lo", false), at("2001:db8::1", "eth0", false)})
	if len(got) != 2 || !got[netip.MustParseAddr("192.0.2.1")] || !got[netip.MustParseAddr("2001:db8::1")] {
		t.Errorf("%v", got)
	}
}
