package portmap

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"candid/netstack"
)

// Each protocol opens the port for TCP and UDP, and closes it again.
func TestProtocols(t *testing.T) {
	for _, tc := range []struct {
		speaks string
		want   []Protocol // any of these
	}{
		{"pcp", []Protocol{PCP}},
		{"pmp", []Protocol{NATPMP}},
		{"upnp1", []Protocol{UPnP}},
		{"upnp2", []Protocol{UPnP}},
		{"pcp pmp upnp1", []Protocol{PCP, NATPMP, UPnP}},
	} {
		t.Run(tc.speaks, func(t *testing.T) {
			r := (&router{speaks: tc.speaks}).start(t)
			m := Open(r.config())
			s := outcome(t, m)
			if s.Outcome != Mapped || !strings.Contains(join(tc.want), string(s.Protocol)) || s.External.String() != "198.51.100.7:7788" {
				t.Errorf("state %+v", s)
			}
			if n := r.mappings(); n != 2 {
				t.Errorf("%d mappings, want TCP and UDP", n)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			if n := r.mappings(); n != 0 {
				t.Errorf("%d mappings left behind", n)
			}
			if m.State().Outcome != Closed {
				t.Errorf("closed, but %+v", m.State())
			}
		})
	}
}

func join(ps []Protocol) (s string) {
	for _, p := range ps {
		s += " " + string(p)
	}
	return s
}

// What came of it is told as it is.
func TestRow41Outcomes(t *testing.T) {
	for _, tc := range []struct {
		name    string
		router  *router
		outcome Outcome
		says    string
		code    int
	}{
		{"a router that speaks none", &router{}, NoAnswer, "forward the port there by hand", 0},
		{"NAT-PMP turned off", &router{speaks: "pmp", no: 2}, Refused, "turned off", 2},
		{"PCP not allowed", &router{speaks: "pcp", no: 2}, Refused, "not allowed", 2},
		{"UPnP not allowed", &router{speaks: "upnp1", no: 606}, Refused, "not allowed", 606},
		{"UPnP without leases", &router{speaks: "upnp1", forever: true}, Mapped, "reach you at 198.51.100.7:7788", 0},
		{"behind another router", &router{speaks: "upnp1", external: "192.168.1.5"}, DoubleNAT, "not a public one", 0},
		{"behind a carrier", &router{speaks: "pcp", external: "100.72.1.5"}, DoubleNAT, "not a public one", 0},
		{"no address yet", &router{speaks: "pmp", external: "0.0.0.0"}, Mapped, "did not tell its address", 0},
		{"a forged answer first", &router{speaks: "pcp", scramble: true}, Mapped, "198.51.100.7:7788", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tc.router.start(t)
			m := Open(r.config())
			defer m.Close()
			s := outcome(t, m)
			if s.Outcome != tc.outcome || s.Code != tc.code || !strings.Contains(s.Sentence(), tc.says) {
				t.Errorf("%+v: %s", s, s.Sentence())
			}
		})
	}
}

// A port that is taken outside is opened under another number, the same for
// TCP and UDP.
func TestTakenPort(t *testing.T) {
	for _, speaks := range []string{"upnp1", "pmp"} {
		r := (&router{speaks: speaks, taken: 7788}).start(t)
		m := Open(r.config())
		s := outcome(t, m)
		if s.Outcome != Mapped || s.External.Port() == 7788 || r.mappings() != 2 {
			t.Errorf("%s: %+v, %d mappings", speaks, s, r.mappings())
		}
		_ = m.Close()
		if r.mappings() != 0 {
			t.Errorf("%s: left behind", speaks)
		}
	}
}

func TestNoRouter(t *testing.T) {
	cfg := (&router{}).start(t).config()
	cfg.net.gateway = func() (gateway, error) { return gateway{}, errors.New("none") }
	m := Open(cfg)
	defer m.Close()
	if s := outcome(t, m); s.Outcome != NoRouter || s.Sentence() == "" {
		t.Errorf("%+v", s)
	}
}

// hourglass is a clock for waits: each comes to its end when turned.
type hourglass struct {
	waits chan time.Duration
	turn  chan time.Time
}

func (g *hourglass) after(d time.Duration) <-chan time.Time {
	g.waits <- d
	return g.turn
}

func (g *hourglass) next(t *testing.T) time.Duration {
	t.Helper()
	select {
	case d := <-g.waits:
		return d
	case <-time.After(patience):
		t.Fatal("nothing waits")
		return 0
	}
}

// A mapping is renewed after half its lease, whatever becomes of the router.
func TestRenewal(t *testing.T) {
	r := (&router{speaks: "pmp", life: 600}).start(t)
	cfg := r.config()
	g := &hourglass{make(chan time.Duration, 16), make(chan time.Time)}
	cfg.net.after = g.after
	states := make(chan State, 16)
	cfg.Changed = func(s State) { states <- s }
	m := Open(cfg)
	defer m.Close()
	if s := <-states; s.Outcome != Mapped {
		t.Fatalf("%+v", s)
	}
	if d := g.next(t); d != 300*time.Second || r.added() != 2 {
		t.Fatalf("renewal after %v, %d requests", d, r.added())
	}

	r.set(func() { r.external = "198.51.100.8" }) // the provider gave another
	g.turn <- time.Time{}
	if s := <-states; s.External.Addr().String() != "198.51.100.8" || r.added() != 4 {
		t.Errorf("after a renewal %+v, %d requests", s, r.added())
	}
	g.next(t)

	r.set(func() { r.silent = true }) // it restarts
	g.turn <- time.Time{}
	if d := g.next(t); d != shortestRenew {
		t.Errorf("next try after %v", d)
	}
	r.set(func() { r.silent = false; clear(r.table) })
	g.turn <- time.Time{}
	if g.next(t); r.mappings() != 2 {
		t.Errorf("%d mappings after the router's restart", r.mappings())
	}

	r.set(func() { r.no = 2 }) // someone turned it off
	g.turn <- time.Time{}
	eventually(t, "refused", func() bool { return m.State().Outcome == Refused })
	if d := g.next(t); d != retryAfter {
		t.Errorf("tried again after %v", d)
	}
	r.set(func() { r.no = 0 })
	m.Again()
	eventually(t, "mapped again", func() bool { return m.State().Outcome == Mapped })
}

// A lease so short or long that it would keep us or the router busy is not
// followed to the letter.
func TestRenewIn(t *testing.T) {
	for _, tc := range []struct{ life, want time.Duration }{
		{time.Second, shortestRenew}, {time.Hour, 30 * time.Minute}, {0, 30 * time.Minute}, {1 << 32 * time.Second, 30 * time.Minute},
	} {
		if got := (&held{life: tc.life}).renewIn(time.Hour); got != tc.want {
			t.Errorf("lease of %v: renew in %v, want %v", tc.life, got, tc.want)
		}
	}
}

func TestProbe(t *testing.T) {
	yes, no := netstack.Some(true), netstack.Some(false)
	for _, tc := range []struct {
		speaks string
		want   Available
	}{
		{"", Available{UPnP: no, NATPMP: no, PCP: no}},
		{"pcp", Available{UPnP: no, NATPMP: no, PCP: yes}},
		{"pmp upnp2", Available{UPnP: yes, NATPMP: yes, PCP: no, External: netip.MustParseAddr("198.51.100.7")}},
	} {
		r := (&router{speaks: tc.speaks}).start(t)
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		if got := probe(ctx, r.network()); got != tc.want || got.Any() != netstack.Some(tc.speaks != "") {
			t.Errorf("%q: %+v", tc.speaks, got)
		}
		cancel()
		if r.added() != 0 {
			t.Error("a probe opened a port")
		}
	}
}
