//go:build lab && linux

package netlab

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// soon is longer than anything here takes that does happen.
const soon = 5 * time.Second

// socket is a UDP socket of a host.
type socket struct {
	t *testing.T
	net.PacketConn
}

func open(t *testing.T, n *NS, address string) socket {
	t.Helper()
	c, err := n.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return socket{t, c}
}

func (s socket) addr() netip.AddrPort { return s.LocalAddr().(*net.UDPAddr).AddrPort() }

func (s socket) send(to netip.AddrPort, text string) {
	s.t.Helper()
	if _, err := s.WriteTo([]byte(text), net.UDPAddrFromAddrPort(to)); err != nil {
		s.t.Fatal(err)
	}
}

// get returns the next packet, or "".
func (s socket) get(within time.Duration) (string, netip.AddrPort) {
	s.t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(within)); err != nil {
		s.t.Fatal(err)
	}
	var b [2000]byte
	n, from, err := s.ReadFrom(b[:])
	if err != nil {
		return "", netip.AddrPort{}
	}
	a := from.(*net.UDPAddr).AddrPort()
	return string(b[:n]), netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// answers reports whether an address answers a TCP connection from the host,
// be it with a refusal.
func answers(t *testing.T, n *NS, address string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	c, err := n.Dial(ctx, "tcp", net.JoinHostPort(address, "7"))
	if err == nil {
		c.Close()
		return true
	}
	return isRefused(err)
}
