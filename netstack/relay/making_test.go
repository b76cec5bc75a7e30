package relay

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// Who ends an allocation waits for the permission that pion is making: pion puts
// it into its list before it has a timer, and stops the timer of all in the list.
func TestPermissionIsMadeBeforeItEnds(t *testing.T) {
	s := New(Config{Loopback: true})
	peer := netip.MustParseAddrPort("127.0.0.1:5000")
	to := net.UDPAddrFromAddrPort(peer)
	m := &member{room: &room{}}
	x := &site{srv: s, out: nowhere{}, requests: make(chan request, 1)}
	ours, theirs := net.Pipe()
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	st := &stream{Conn: ours}
	for _, c := range []struct {
		name string
		of   client
		next func(*allocation) // that pion does when it is made
	}{
		{"UDP: reads on", &udpClient{site: x}, func(*allocation) {
			x.requests <- request{}
			_, _, _ = x.ReadFrom(nil)
		}},
		{"UDP: answers", &udpClient{site: x}, func(*allocation) { _, _ = x.WriteTo(nil, to) }},
		{"TCP: reads on", st, func(*allocation) { _, _ = st.Read(nil) }},
		{"TCP: answers", st, func(*allocation) { _, _ = st.Write(nil) }},
		{"one more permission", &pipe{}, func(a *allocation) {
			_, permit := s.talk(nil, func(netip.AddrPort) *allocation { return a })
			permit(to, peer.Addr().AsSlice())
		}},
		{"its channel", &pipe{}, func(a *allocation) { a.bindChannel(0x4000, peer, true) }},
	} {
		a := &allocation{srv: s, member: m, client: c.of, perms: map[netip.Addr]struct{}{}, byChan: map[uint16]netip.AddrPort{}, byPeer: map[netip.AddrPort]uint16{}}
		c.of.requests().making(a, peer.Addr())
		a.permit(peer.Addr(), true)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			a.permit(peer.Addr(), false)
		}()
		select {
		case <-ended:
			t.Errorf("%s: ended before", c.name)
		case <-time.After(20 * time.Millisecond):
		}
		c.next(a)
		<-ended
		if a.permitted(peer.Addr()) {
			t.Errorf("%s: it is still there", c.name)
		}
	}
}
