package relay

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// Members find out how the NAT before them behaves as RFC 5780 says, with three
// differences. A Binding request must carry a proof, or a forged one would make
// this machine send to anybody from sockets that no firewall expects: USERHASH
// (RFC 8489 section 14.4, without a nonce, for USERNAME would make it an ICE
// check) and MESSAGE-INTEGRITY with the relay credential; OTHER-ADDRESS is told
// to nobody else. The alternate port is a socket of its own that closes soon
// after the last member asked, and is another at each address: the one told is
// that of the address asked. And where the machine has one address that the
// client can reach, OTHER-ADDRESS names that one.
const (
	attrUserHash stun.AttrType = 0x001E

	changeIP, changePort = 0x04, 0x02 // CHANGE-REQUEST, RFC 5780 section 7.2

	// alternateFor is how long the alternate port stays open unasked: ten
	// times what a probe takes.
	alternateFor = 30 * time.Second
)

type userHash [sha256.Size]byte

func hashUser(name, realm string) userHash { return sha256.Sum256([]byte(name + ":" + realm)) }

// proven reports whether a member of ours made the message.
func (s *Server) proven(m *stun.Message) bool {
	v, ok := m.Attributes.Get(attrUserHash)
	if !ok || len(v.Value) != sha256.Size {
		return false
	}
	s.mu.RLock()
	c := s.hashes[userHash(v.Value)]
	s.mu.RUnlock()
	return c != nil && stun.MessageIntegrity(c.key).Check(m) == nil
}

// binding answers a Binding request at a UDP socket.
func (x *site) binding(m *stun.Message, from netip.AddrPort) {
	change, asked := m.Attributes.Get(stun.AttrChangeRequest)
	if !x.srv.mayReply(from.Addr()) {
		return
	}
	if !m.Contains(attrUserHash) || !x.srv.proven(m) {
		if !asked { // an answer from here would mislead who wanted another
			x.guard.reply(putBindingSuccess(x.guard.cache[:], from, m.TransactionID), from)
		}
		return
	}
	flags := byte(0)
	if asked && len(change.Value) == 4 {
		flags = change.Value[3]
	}
	x.discover(m.TransactionID, flags, from)
}

// discover answers a proven request from the address it asks for, or not at
// all if there is no such address.
func (x *site) discover(id [stun.TransactionIDSize]byte, flags byte, to netip.AddrPort) {
	other := x.other()
	source := x
	if flags&changeIP != 0 {
		source = other
	}
	if source == nil {
		return
	}
	origin, send := source.local, source.out.WriteTo
	alternate := x.alternate()
	if flags&changePort != 0 {
		a := alternate
		if source != x {
			a = source.alternate()
		}
		if a == nil {
			return
		}
		origin, send = a.local, a.conn.WriteToUDPAddrPort
	}
	setters := []stun.Setter{
		&stun.Message{TransactionID: id}, stun.BindingSuccess,
		&stun.XORMappedAddress{IP: to.Addr().AsSlice(), Port: int(to.Port())},
		&stun.ResponseOrigin{IP: origin.Addr().AsSlice(), Port: int(origin.Port())},
	}
	if alternate != nil {
		at := alternate.local
		if other != nil {
			at = netip.AddrPortFrom(other.local.Addr(), at.Port())
		}
		setters = append(setters, &stun.OtherAddress{IP: at.Addr().AsSlice(), Port: int(at.Port())})
	}
	if m, err := stun.Build(setters...); err == nil {
		_, _ = send(m.Raw, to)
	}
}

// other is the site at another address of this machine that packets to the same
// clients may leave from: of the same family and reach, the lowest. A client in
// the internet would not get what leaves a private address, and think that its
// NAT had kept it out.
func (x *site) other() *site {
	x.srv.mu.RLock()
	defer x.srv.mu.RUnlock()
	var best *site
	for s := range x.srv.sites {
		a, b := s.local.Addr(), x.local.Addr()
		if s == x || a == b || a.Is4() != b.Is4() || a.IsLoopback() != b.IsLoopback() || inside(a) || inside(b) {
			continue
		}
		if best == nil || a.Less(best.local.Addr()) {
			best = s
		}
	}
	return best
}

// inside reports whether an address is of use within one network only.
func inside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || slices.ContainsFunc(carrier, func(p netip.Prefix) bool { return p.Contains(a) })
}

var carrier = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")} // RFC 6598

// alternate is a second UDP socket at a site's address.
type alternate struct {
	conn  *net.UDPConn
	local netip.AddrPort
}

// alternate returns the second socket, open for a while longer; nil if there
// can be none.
func (x *site) alternate() *alternate {
	x.altMu.Lock()
	defer x.altMu.Unlock()
	until := time.Now().Add(alternateFor)
	if x.alt != nil {
		_ = x.alt.conn.SetReadDeadline(until)
		return x.alt
	}
	select {
	case <-x.done:
		return nil
	default:
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(x.local.Addr(), 0)))
	if err != nil {
		x.srv.log.Debug("no alternate port for a member's probe", "err", err)
		return nil
	}
	_ = conn.SetReadDeadline(until)
	x.alt = &alternate{conn: conn, local: toAddrPort(conn.LocalAddr())}
	x.altDone.Add(1)
	go x.serveAlternate(x.alt)
	return x.alt
}

// serveAlternate answers Binding requests until nobody probes any more.
func (x *site) serveAlternate(a *alternate) {
	defer x.altDone.Done()
	defer x.closeAlternate(a)
	buf, answer := make([]byte, maxFrame), make([]byte, 64)
	m := new(stun.Message)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m.Raw = buf[:n]
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if m.Decode() == nil && m.Type == stun.BindingRequest && !m.Contains(stun.AttrChangeRequest) && x.srv.mayReply(from.Addr()) {
			_, _ = a.conn.WriteToUDPAddrPort(putBindingSuccess(answer, from, m.TransactionID), from)
		}
	}
}

func (x *site) closeAlternate(a *alternate) {
	x.altMu.Lock()
	defer x.altMu.Unlock()
	_ = a.conn.Close()
	if x.alt == a {
		x.alt = nil
	}
}
