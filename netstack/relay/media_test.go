package relay

import (
	"net/netip"
	"testing"
)

// The machine's own media server is reached through the relay by members, and
// nothing else at its addresses is, nor by anything but media.
func TestRouteToMedia(t *testing.T) {
	own, other := netip.MustParseAddr("192.168.1.2"), netip.MustParseAddr("192.168.1.3")
	const port = 7788
	s := New(Config{
		Own:       func(a netip.Addr) bool { return a == own || a.IsLoopback() },
		MediaPort: func() uint16 { return port },
		IsMedia:   func(p []byte) bool { return p[0] == 0x80 },
	})
	if _, err := s.Issue(Member{"r", "anna"}, far); err != nil {
		t.Fatal(err)
	}
	m := s.members[Member{"r", "anna"}]
	for _, tc := range []struct {
		at netip.AddrPort
		ok bool
	}{
		{netip.AddrPortFrom(own, port), true},
		{netip.AddrPortFrom(own, port+1), false},
		{netip.AddrPortFrom(other, port), false},
		{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), false},
	} {
		if target, ok := s.route(m, tc.at); ok != tc.ok || target != nil {
			t.Errorf("to %v: %v, want %v", tc.at, ok, tc.ok)
		}
	}
	if !s.permits(m, own) || s.permits(m, other) {
		t.Error("a permission follows from being the machine's own")
	}
	a := &allocation{srv: s, member: m}
	a.fromClient([]byte{0x00, 0x03}, netip.AddrPortFrom(own, port)) // would be an Allocate from here
	if m.refused.Load() != 1 {
		t.Error("what is no media went to the media server's port")
	}
}
