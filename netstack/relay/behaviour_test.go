package relay_test

import (
	"crypto/sha256"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/netstack/relay"

	"github.com/pion/stun/v3"
)

// alsoAt serves at one more local address, on a port of its own.
func (s *served) alsoAt(t *testing.T, host string) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	site, err := s.Site(at, socket{conn})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				_ = site.Close()
				return
			}
			site.Packet(buf[:n], from)
		}
	})
	t.Cleanup(func() { _ = conn.Close(); wg.Wait() })
	return at
}

type discovery struct {
	*net.UDPConn
	t *testing.T
}

func discover(t *testing.T) discovery {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return discovery{c, t}
}

// ask sends a Binding request with these attributes and returns the answer and
// where it came from.
func (d discovery) ask(to string, more ...stun.Setter) (*stun.Message, netip.AddrPort, error) {
	d.t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, more...)...)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.WriteToUDPAddrPort(m.Raw, netip.MustParseAddrPort(to)); err != nil {
		d.t.Fatal(err)
	}
	_ = d.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	buf := make([]byte, 1500)
	n, from, err := d.ReadFromUDPAddrPort(buf)
	if err != nil {
		return nil, from, err
	}
	r := &stun.Message{Raw: buf[:n]}
	if err := r.Decode(); err != nil {
		d.t.Fatal(err)
	}
	if r.TransactionID != m.TransactionID {
		d.t.Fatal("an answer to another request")
	}
	if n > max(len(m.Raw), 32) { // 32: the plainest answer to the plainest request
		d.t.Errorf("answer of %d bytes to %d", n, len(m.Raw))
	}
	return r, from, nil
}

func change(flags byte) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrChangeRequest, Length: 4, Value: []byte{0, 0, 0, flags}}
}

// prove is what a member's probe adds, last.
func prove(c relay.Credential) []stun.Setter {
	h := sha256.Sum256([]byte(c.Username + ":candid"))
	return []stun.Setter{
		stun.RawAttribute{Type: 0x001E, Length: 32, Value: h[:]},
		stun.NewLongTermIntegrity(c.Username, "candid", c.Password),
	}
}

func proof(c relay.Credential, flags byte) []stun.Setter {
	return append([]stun.Setter{change(flags)}, prove(c)...)
}

// A member learns of the other address and port, and is answered from where it
// asks to be.
func TestBehaviourDiscovery(t *testing.T) {
	s := serve(t, relay.Config{})
	second := s.alsoAt(t, "127.0.0.2")
	c := s.issue(t, anna)
	d := discover(t)

	r, _, err := d.ask(s.udp, prove(c)...)
	if err != nil {
		t.Fatal(err)
	}
	var other stun.OtherAddress
	if err := other.GetFrom(r); err != nil {
		t.Fatal(err)
	}
	first := netip.MustParseAddrPort(s.udp)
	alternate := netip.AddrPortFrom(first.Addr(), uint16(other.Port))
	if !other.IP.Equal(net.IPv4(127, 0, 0, 2)) || alternate == first {
		t.Errorf("other address %v", other)
	}
	for _, tc := range []struct {
		name  string
		flags byte
		want  func(netip.AddrPort) bool
	}{
		{"neither", 0, func(a netip.AddrPort) bool { return a == first }},
		{"port", 2, func(a netip.AddrPort) bool { return a == alternate }},
		{"address", 4, func(a netip.AddrPort) bool { return a == second }},
		{"both", 6, func(a netip.AddrPort) bool { return a.Addr() == second.Addr() && a != second }},
	} {
		r, from, err := d.ask(s.udp, proof(c, tc.flags)...)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var origin stun.ResponseOrigin
		if err := origin.GetFrom(r); err != nil || origin.Port != int(from.Port()) || !tc.want(from) {
			t.Errorf("%s: from %v, says %v, %v", tc.name, from, origin, err)
		}
	}
	// The alternate port is a STUN server too, for the time being.
	r, from, err := d.ask(alternate.String())
	if err != nil || from != alternate {
		t.Fatalf("alternate port: %v from %v", err, from)
	}
	var x stun.XORMappedAddress
	if err := x.GetFrom(r); err != nil || x.Port != d.LocalAddr().(*net.UDPAddr).Port {
		t.Errorf("mapped %v, %v", x, err)
	}
}

// Nobody else makes the host send from elsewhere.
func TestBehaviourNeedsProof(t *testing.T) {
	s := serve(t, relay.Config{})
	c := s.issue(t, anna)
	d := discover(t)
	wrong := c
	wrong.Password = "guessed"
	gone := s.issue(t, ben)
	s.Revoke(ben)
	for _, tc := range []struct {
		name    string
		setters []stun.Setter
		answer  bool
	}{
		{"a stranger asks", nil, true},
		{"a stranger asks for another port", []stun.Setter{change(2)}, false},
		{"a wrong password", proof(wrong, 2), false},
		{"a member who left", proof(gone, 2), false},
		{"a hash of odd length", []stun.Setter{change(2), stun.RawAttribute{Type: 0x001E, Length: 4, Value: make([]byte, 4)}}, false},
		{"no other address here", proof(c, 4), false},
	} {
		r, _, err := d.ask(s.udp, tc.setters...)
		switch {
		case !tc.answer && !errors.Is(err, os.ErrDeadlineExceeded):
			t.Errorf("%s: answered, %v", tc.name, err)
		case tc.answer && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.answer && strings.Contains(r.String(), "OTHER-ADDRESS"):
			t.Errorf("%s: told of the alternate port", tc.name)
		}
	}
}
