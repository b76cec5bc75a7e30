package relay

import (
	"net/netip"
	"testing"
	"time"
)

type nowhere struct{}

func (nowhere) WriteTo(p []byte, _ netip.AddrPort) (int, error) { return len(p), nil }

// The alternate port closes when nobody asks, opens again when somebody does,
// and does not outlive its site.
func TestAlternateCloses(t *testing.T) {
	s := New(Config{Loopback: true})
	opened, err := s.Site(netip.MustParseAddrPort("127.0.0.1:1"), nowhere{})
	if err != nil {
		t.Fatal(err)
	}
	x := opened.(*site)
	a := x.alternate()
	if a == nil || x.alternate() != a {
		t.Fatal("not one alternate port")
	}
	_ = a.conn.SetReadDeadline(time.Now()) // as if the time were over
	x.altDone.Wait()
	if x.alt != nil {
		t.Error("still there")
	}
	if b := x.alternate(); b == nil || b == a {
		t.Error("did not open again")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if x.alternate() != nil {
		t.Error("opened after the end")
	}
}

func TestOther(t *testing.T) {
	for _, tc := range []struct{ at, also, want string }{
		{"198.51.100.1", "198.51.100.2", "198.51.100.2"},
		{"198.51.100.1", "192.168.1.2", ""}, // of another reach
		{"192.168.1.2", "10.8.0.2", ""},     // two networks
		{"100.64.0.1", "100.64.0.2", ""},
		{"198.51.100.1", "2001:db8::1", ""},
		{"2001:db8::1", "2001:db8::2", "2001:db8::2"},
		{"198.51.100.1", "127.0.0.1", ""},
		{"127.0.0.1", "127.0.0.2", "127.0.0.2"},
	} {
		s := New(Config{Loopback: true})
		a := &site{srv: s, local: netip.AddrPortFrom(netip.MustParseAddr(tc.at), 1)}
		b := &site{srv: s, local: netip.AddrPortFrom(netip.MustParseAddr(tc.also), 1)}
		s.sites = map[*site]struct{}{a: {}, b: {}}
		got := ""
		if o := a.other(); o != nil {
			got = o.local.Addr().String()
		}
		if got != tc.want {
			t.Errorf("other than %s, of %s: %q, want %q", tc.at, tc.also, got, tc.want)
		}
	}
}
