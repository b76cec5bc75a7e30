//go:build lab && linux

package netlab

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
)

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// TestNAT checks mapping and filtering of each kind (RFC 4787 sections 4.1 and
// 5).
func TestNAT(t *testing.T) {
	for _, x := range []struct {
		nat                 NAT
		onePort             bool // the same one for all destinations
		otherPort, stranger bool // may send in
	}{
		{NoNAT, true, true, true},
		{FullCone, true, true, true},
		{AddressRestricted, true, true, false},
		{PortRestricted, true, false, false},
		{Symmetric, false, false, false},
	} {
		t.Run(x.nat.String(), func(t *testing.T) {
			lab := New(t)
			inet := lab.Internet(V4)
			home := lab.Router("home", x.nat, inet)
			client, one, two := lab.Host("client"), lab.Host("one"), lab.Host("two")
			client.Join(home.LAN)
			one.Join(inet)
			two.Join(inet)
			c := open(t, client, ":5000")
			s1, s1b, s2 := open(t, one, one.Addr4().String()+":3478"), open(t, one, one.Addr4().String()+":3479"), open(t, two, two.Addr4().String()+":3478")

			outside := ask(t, c, s1)
			// The answer that must come is sent last: what came before it is all
			// that gets in.
			s2.send(outside, "stranger")
			s1b.send(outside, "other port")
			s1.send(outside, "answer")
			got := map[string]bool{}
			for text := ""; text != "answer"; got[text] = true {
				if text, _ = c.get(soon); text == "" {
					t.Fatal("the answer did not come in")
				}
			}
			if got["other port"] != x.otherPort || got["stranger"] != x.stranger {
				t.Errorf("from the other port: %v, want %v; from a stranger: %v, want %v",
					got["other port"], x.otherPort, got["stranger"], x.stranger)
			}
			again, third := ask(t, c, s1b), ask(t, c, s2)
			if same := again == outside && third == outside; same != x.onePort {
				t.Errorf("seen from outside as %v, %v and %v", outside, again, third)
			}
			if hidden := outside.Addr() == home.WAN.addrs[0].Addr(); hidden != (x.nat != NoNAT) {
				t.Errorf("seen from outside as %v", outside)
			}
		})
	}
}

// ask lets c send to s and returns what s saw it as.
func ask(t *testing.T, c, s socket) netip.AddrPort {
	t.Helper()
	c.send(s.addr(), "hello")
	text, from := s.get(soon)
	if text != "hello" {
		t.Fatalf("%v got %q", s.addr(), text)
	}
	return from
}

func TestTwoBehindOneNAT(t *testing.T) {
	for _, nat := range []NAT{FullCone, AddressRestricted, PortRestricted, Symmetric} {
		t.Run(nat.String(), func(t *testing.T) {
			lab := New(t)
			inet := lab.Internet(V4)
			home := lab.Router("home", nat, inet)
			a, b, s := lab.Host("a"), lab.Host("b"), lab.Host("s")
			a.Join(home.LAN)
			b.Join(home.LAN)
			s.Join(inet)
			// The same port inside: one of them gets another outside.
			ca, cb, cs := open(t, a, ":5000"), open(t, b, ":5000"), open(t, s, s.Addr4().String()+":3478")
			seenA, seenB := ask(t, ca, cs), ask(t, cb, cs)
			if seenA == seenB || seenA.Addr() != seenB.Addr() {
				t.Errorf("seen as %v and %v", seenA, seenB)
			}
			cs.send(seenA, "to a")
			cs.send(seenB, "to b")
			if text, _ := ca.get(soon); text != "to a" {
				t.Errorf("a got %q", text)
			}
			if text, _ := cb.get(soon); text != "to b" {
				t.Errorf("b got %q", text)
			}
			ca.send(cb.addr4(b), "inside")
			if text, from := cb.get(soon); text != "inside" || from.Addr() != a.Addr4() {
				t.Errorf("b got %q from %v", text, from)
			}
		})
	}
}

// addr4 is the socket's address as others on the LAN know it.
func (s socket) addr4(n *NS) netip.AddrPort { return netip.AddrPortFrom(n.Addr4(), s.addr().Port()) }

func TestForgetting(t *testing.T) {
	for _, nat := range []NAT{FullCone, PortRestricted, Symmetric} {
		t.Run(nat.String(), func(t *testing.T) {
			lab := New(t)
			inet := lab.Internet(V4)
			home := lab.Router("home", nat, inet)
			a, s := lab.Host("a"), lab.Host("s")
			a.Join(home.LAN)
			s.Join(inet)
			ca, cs := open(t, a, ":5000"), open(t, s, s.Addr4().String()+":3478")
			before := ask(t, ca, cs)
			home.Forget()
			cs.send(before, "late")
			after := ask(t, ca, cs)
			cs.send(after, "answer")
			if text, _ := ca.get(soon); text != "answer" {
				t.Errorf("got %q in past a router that had forgotten", text)
			}
			if same := before == after; same != (nat != Symmetric) {
				t.Errorf("seen as %v, then as %v", before, after)
			}
		})
	}
}

func TestForwarding(t *testing.T) {
	lab := New(t)
	inet := lab.Internet(V4)
	home := lab.Router("home", PortRestricted, inet)
	a, s := lab.Host("a"), lab.Host("s")
	a.Join(home.LAN)
	s.Join(inet)
	home.Forward(7788, a)
	ca, cs := open(t, a, ":7788"), open(t, s, ":0")
	wan := home.WAN.addrs[0].Addr()
	cs.send(netip.AddrPortFrom(wan, 7788), "in")
	text, from := ca.get(soon)
	if text != "in" || from.Addr() != s.Addr4() {
		t.Fatalf("got %q from %v", text, from)
	}
	ca.send(from, "out")
	if text, from := cs.get(soon); text != "out" || from != netip.AddrPortFrom(wan, 7788) {
		t.Errorf("got %q from %v", text, from)
	}
	for port, want := range map[uint16]bool{7788: true, 7789: false} {
		if got := tcpPasses(t, s, netip.AddrPortFrom(wan, port)); got != want {
			t.Errorf("TCP to port %d passes: %v, want %v", port, got, want)
		}
	}
}

func TestFilters(t *testing.T) {
	lab := New(t)
	inet := lab.Internet(Dual)
	home := lab.Router("home", PortRestricted, inet, Inside(Dual), Allow(Filter{NoUDP: true}))
	a, s := lab.Host("a"), lab.Host("s")
	a.Join(home.LAN)
	s.Join(inet)
	reach := func(when string, udp, tcp443, tcp80 bool) {
		t.Helper()
		for _, addr := range []netip.Addr{s.Addr4(), s.Addr6()} {
			if got := udpPasses(t, a, s, addr); got != udp {
				t.Errorf("%s: UDP to %v passes: %v, want %v", when, addr, got, udp)
			}
			for port, want := range map[string]bool{"443": tcp443, "80": tcp80} {
				if got := tcpPasses(t, a, netip.MustParseAddrPort(join(addr, port))); got != want {
					t.Errorf("%s: TCP to %v port %s passes: %v, want %v", when, addr, port, got, want)
				}
			}
		}
	}
	reach("without UDP", false, true, true)
	home.SetFilter(Filter{OnlyTCP: []uint16{443}})
	reach("with TCP 443 only", false, true, false)
	home.SetFilter(Filter{})
	reach("without a filter", true, true, true)
}
