package probe

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// CHANGE-REQUEST (RFC 5780 section 7.2).
const (
	changeIP   = 4
	changePort = 2
)

// filterWait is how long an answer from elsewhere is waited for, in round
// trips and at least: three sendings are within the least.
const (
	filterTrips = 4
	filterLeast = 800 * time.Millisecond
	hairpinWait = 400 * time.Millisecond
)

// seen is our address as a server sees that of one socket.
type seen struct{ by, mapped netip.AddrPort }

// filters is what came of the tests of filtering by one server. A test that
// could not be made has the zero value of both.
type filters struct {
	// otherPort and otherIP tell whether something came from there unasked;
	// the proofs, whether it would have come if we had sent there first.
	otherPort, portProof bool
	otherIP, ipProof     bool
	asked                bool
}

// natTest finds out how the NAT behaves on the way to one server.
type natTest struct {
	net        sockets
	base       *udpSocket // the one all servers are asked from
	server     netip.AddrPort
	user, pass string
}

func from(at netip.AddrPort) func(netip.AddrPort) bool {
	return func(a netip.AddrPort) bool { return a == at }
}

// bind asks one address for our own, from a socket.
func (t natTest) bind(ctx context.Context, s *udpSocket, at netip.AddrPort) (netip.AddrPort, *stun.Message, time.Duration, error) {
	m, rtt, err := s.ask(ctx, at, binding(t.user, t.pass, 0), from(at))
	if err != nil {
		return netip.AddrPort{}, nil, 0, err
	}
	mapped, err := answered(m)
	return mapped, m, rtt, err
}

// run makes the tests of RFC 5780 section 4 that the server takes part in.
func (t natTest) run(ctx context.Context, note func(seen)) (f filters) {
	mapped, m, rtt, err := t.bind(ctx, t.base, t.server)
	if err != nil {
		return f
	}
	note(seen{t.server, mapped})
	var other stun.OtherAddress
	var origin stun.ResponseOrigin
	if other.GetFrom(m) != nil || origin.GetFrom(m) != nil {
		return f
	}
	wait := max(filterLeast, filterTrips*rtt)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	alternate := toAddrPort(other.IP, other.Port)
	port := netip.AddrPortFrom(t.server.Addr(), alternate.Port())
	// The other address is of use only if the server itself knows the one we
	// reach it by: before a server behind a NAT the two are of no one network.
	second := netip.AddrPortFrom(alternate.Addr(), t.server.Port())
	hasSecond := alternate.Addr() != t.server.Addr() && toAddrPort(origin.IP, origin.Port).Addr() == t.server.Addr()

	var wg sync.WaitGroup
	proof := func(at netip.AddrPort, ok *bool) {
		if mapped, _, _, err := t.bind(ctx, t.base, at); err == nil {
			note(seen{at, mapped})
			*ok = true
		}
	}
	wg.Go(func() { proof(port, &f.portProof) })
	wg.Go(func() { f.otherPort, f.asked = t.fromElsewhere(ctx, changePort) })
	if hasSecond {
		wg.Go(func() { proof(second, &f.ipProof) })
		wg.Go(func() { f.otherIP, _ = t.fromElsewhere(ctx, changeIP) })
	}
	wg.Wait()
	return f
}

// fromElsewhere reports whether an answer from elsewhere comes through to a
// socket that sent only to the server; asked, whether the server was heard on
// that socket at all.
func (t natTest) fromElsewhere(ctx context.Context, change byte) (came, asked bool) {
	s, err := t.net.openUDP(t.server.Addr())
	if err != nil {
		return false, false
	}
	defer s.close()
	var wg sync.WaitGroup
	wg.Go(func() { _, _, _, err := t.bind(ctx, s, t.server); asked = err == nil })
	_, _, err = s.ask(ctx, t.server, binding(t.user, t.pass, change), func(a netip.AddrPort) bool { return a != t.server })
	wg.Wait()
	return err == nil, asked
}

// hairpin reports whether two sockets reach each other by their addresses
// outside, when both try, as the two ends of a call do. ok is false if there
// is nothing to test.
func (t natTest) hairpin(ctx context.Context, local func(netip.Addr) bool) (works, ok bool) {
	var socks [2]*udpSocket
	var mapped [2]netip.AddrPort
	for i := range socks {
		s, err := t.net.openUDP(t.server.Addr())
		if err != nil {
			return false, false
		}
		defer s.close()
		socks[i] = s
		if mapped[i], _, _, err = t.bind(ctx, s, t.server); err != nil || local(mapped[i].Addr()) {
			return false, false
		}
	}
	m := binding("", "", 0)
	a, doneA := socks[0].expect(m.TransactionID)
	b, doneB := socks[1].expect(m.TransactionID)
	defer doneA()
	defer doneB()
	ctx, cancel := context.WithTimeout(ctx, hairpinWait)
	defer cancel()
	for {
		socks[0].send(m, mapped[1])
		socks[1].send(m, mapped[0])
		select {
		case <-a:
			return true, true
		case <-b:
			return true, true
		case <-ctx.Done():
			return false, true
		case <-time.After(hairpinWait / 4):
		}
	}
}
