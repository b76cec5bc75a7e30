package relay_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"candid/netstack/relay"
)

func TestBinding(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		s := serveAt(t, relay.Config{}, host)
		for _, network := range []string{"udp", "tcp"} {
			cl := s.dial(t, network, relay.Credential{})
			at, err := cl.SendBindingRequest()
			if err != nil {
				t.Fatalf("%s %s: %v", network, host, err)
			}
			if got := at.(*net.UDPAddr).IP.String(); got != host {
				t.Errorf("%s: mapped to %s, want %s", network, got, host)
			}
		}
	}
}

// Two members of a room reach each other by their relayed addresses, whatever
// each comes by; first in indications, then in a channel.
func TestRelayToRelay(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, pair := range [][2]string{{"udp", "udp"}, {"udp", "tcp"}, {"tcp", "tcp"}} {
			t.Run(fmt.Sprint(pair, " ", host), func(t *testing.T) {
				s := serveAt(t, relay.Config{Own: func(a netip.Addr) bool { return a.IsLoopback() }}, host)
				a, _ := s.allocate(t, pair[0], s.issue(t, anna))
				b, cb := s.allocate(t, pair[1], s.issue(t, ben))
				if err := cb.CreatePermission(a.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				for i := range 20 { // the client binds a channel on the way
					text := fmt.Sprintf("packet %d%s", i, strings.Repeat("x", i)) // pion's client holds back frames under 9 bytes
					send(t, a, text, b.LocalAddr())
					if from := receive(t, b, text); from.String() != a.LocalAddr().String() {
						t.Fatalf("from %v, want %v", from, a.LocalAddr())
					}
					send(t, b, text, a.LocalAddr())
					receive(t, a, text)
				}
				st := s.Stats()
				if st.Allocations != 2 || st.Up.Packets != 40 || st.Down.Packets != 40 {
					t.Errorf("stats: %d allocations, %d up, %d down", st.Allocations, st.Up.Packets, st.Down.Packets)
				}
				if got := st.Members[1].Allocations[0].Transport; string(got) != pair[1] {
					t.Errorf("transport %q, want %q", got, pair[1])
				}
			})
		}
	}
}

func peerSocket(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestSignaledPeer(t *testing.T) {
	s := serve(t, relay.Config{})
	peer, at := peerSocket(t)
	a, cl := s.allocate(t, "udp", s.issue(t, anna))
	s.issue(t, ben)
	s.issue(t, carol)
	refused := func(why string) {
		t.Helper()
		if err := cl.CreatePermission(peer.LocalAddr()); err == nil || !strings.Contains(err.Error(), "403") {
			t.Fatalf("%s: %v, want 403", why, err)
		}
	}
	refused("nobody signaled it")
	signaled := func(m relay.Member) {
		t.Helper()
		if err := s.Signaled(m, at); err != nil {
			t.Fatal(err)
		}
	}
	signaled(anna)
	refused("only the member itself signaled it")
	signaled(carol)
	refused("it was signaled in another room")
	signaled(ben)
	send(t, a, "hello", peer.LocalAddr())
	from := receive(t, peer, "hello")
	if from.String() != a.LocalAddr().String() {
		t.Errorf("from %v, want %v", from, a.LocalAddr())
	}
	send(t, peer, "back", from)
	receive(t, a, "back")

	// Another port of the same address was not signaled: nothing goes there,
	// and nothing comes from there.
	other, _ := peerSocket(t)
	send(t, a, "no", other.LocalAddr())
	send(t, other, "no", from)
	send(t, a, "again", peer.LocalAddr())
	receive(t, peer, "again")
	send(t, peer, "again", from)
	receive(t, a, "again")
	untouched(t, s, other)

	// With the member goes what it signaled.
	s.Revoke(ben)
	refused("who signaled it has left")
}

// untouched fails if anything was relayed to a socket. What was sent through
// the relay before has been dealt with when a Binding sent after is answered.
func untouched(t *testing.T, s *served, victim *net.UDPConn) {
	t.Helper()
	if _, err := s.dial(t, "udp", relay.Credential{}).SendBindingRequest(); err != nil {
		t.Fatal(err)
	}
	sentinel, err := net.DialUDP("udp4", nil, victim.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer sentinel.Close()
	if _, err := sentinel.Write([]byte("sentinel")); err != nil {
		t.Fatal(err)
	}
	receive(t, victim, "sentinel")
}

// One address of each special-purpose prefix, and forms that carry one.
var specialPeers = []string{
	"0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.2", "169.254.169.254",
	"172.16.0.1", "192.0.0.192", "192.0.2.200", "192.88.99.1", "192.168.0.1",
	"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
	"255.255.255.255", "0.0.0.0",
	"::127.0.0.1", "::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
	"2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254",
	"fe80::1", "ff02::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
}

func TestRow15SpecialPeersAreRefused(t *testing.T) {
	s := serve(t, relay.Config{})
	victim, _ := peerSocket(t)
	a, cl := s.allocate(t, "udp", s.issue(t, anna))
	for _, p := range append(specialPeers, "8.8.8.8", "2606:4700::1111") {
		err := cl.CreatePermission(&net.UDPAddr{IP: net.ParseIP(p), Port: 9999})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("permission for %s: %v, want 403", p, err)
		}
	}
	for range 10 {
		_, _ = a.WriteTo([]byte("attack"), victim.LocalAddr()) // the client refuses by itself
	}
	untouched(t, s, victim)
	if got := s.Stats().Refused; got < uint64(len(specialPeers)) {
		t.Errorf("%d refusals counted, want %d and more", got, len(specialPeers))
	}
}

func TestGarbageOnStreams(t *testing.T) {
	s := serve(t, relay.Config{})
	for _, p := range [][]byte{
		{0xff, 0xff, 0xff, 0xff},
		{0x00, 0x03, 0xff, 0xff, 0x21, 0x12, 0xa4, 0x42},
		{0x00, 0x03, 0x00, 0x03, 0x21, 0x12, 0xa4, 0x42},
		{0x40, 0x00, 0xff, 0xff},
	} {
		c, err := net.Dial("tcp", s.tcp)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		var timeout net.Error
		if _, err := c.Read(p); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("% x: not closed: %v", p, err)
		}
		_ = c.Close()
	}
}

func TestClosed(t *testing.T) {
	s := serve(t, relay.Config{})
	a, _ := s.allocate(t, "udp", s.issue(t, anna))
	b, _ := s.allocate(t, "tcp", s.issue(t, anna))
	_ = s.Close()
	_ = s.Close()
	if n := s.Stats().Allocations; n != 0 {
		t.Errorf("%d allocations after Close", n)
	}
	for _, x := range []net.PacketConn{a, b} {
		sock, err := net.ListenPacket("udp", x.LocalAddr().String())
		if err != nil {
			t.Errorf("a relay socket is still open: %v", err)
			continue
		}
		_ = sock.Close()
	}
	if _, err := s.Issue(anna, here); !errors.Is(err, relay.ErrClosed) {
		t.Errorf("Issue after Close: %v", err)
	}
	if _, err := s.Site(netip.MustParseAddrPort("127.0.0.1:1"), nil); !errors.Is(err, relay.ErrClosed) {
		t.Errorf("Site after Close: %v", err)
	}
}
