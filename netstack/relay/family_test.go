package relay_test

import (
	"net"
	"net/netip"
	"testing"

	"candid/netstack/relay"

	"github.com/pion/turn/v5"
)

// Who comes by IPv6 gets a relayed address of IPv4 where the relay has one, so
// that members with one family each reach each other.
func TestRow40RelayedAddressesAreOfOneFamily(t *testing.T) {
	s := serve(t, relay.Config{})
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	_ = c.Close()
	six := s.alsoAt(t, "::1")
	a, ca := s.allocate(t, "udp", s.issue(t, anna))
	cred := s.issue(t, ben)
	sock, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	cb, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: six.String(), TURNServerAddr: six.String(), Conn: sock, Username: cred.Username, Password: cred.Password,
		RequestedAddressFamily: turn.RequestedAddressFamilyIPv4,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cb.Close()
	if err := cb.Listen(); err != nil {
		t.Fatal(err)
	}
	b, err := cb.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if at := b.LocalAddr().(*net.UDPAddr).AddrPort().Addr(); at.Unmap() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("relayed at %v", at)
	}
	if err := ca.CreatePermission(b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := cb.CreatePermission(a.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	send(t, a, "by IPv4", b.LocalAddr())
	receive(t, b, "by IPv4")
	send(t, b, "by IPv6", a.LocalAddr())
	receive(t, a, "by IPv6")
}
