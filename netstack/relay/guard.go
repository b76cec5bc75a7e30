package relay

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/pion/stun/v3"
)

// guard looks at every frame of one socket or connection before pion does. It
// belongs to the goroutine that reads there.
type guard struct {
	srv   *Server
	local netip.Addr
	reply func(frame []byte, to netip.AddrPort)
	alloc func(from netip.AddrPort) *allocation
	// binding, if not nil, answers Binding requests.
	binding func(m *stun.Message, from netip.AddrPort)

	msg   stun.Message
	cache [64]byte
}

// pass deals with a frame from a client and reports whether pion is to have
// it: requests that are allowed, and the first one of a client, which carries
// no proof and is answered with a nonce. Data is passed on right here.
func (g *guard) pass(p []byte, from netip.AddrPort) bool {
	if len(p) == 0 {
		return false
	}
	if p[0]&0xC0 == 0x40 {
		g.channelData(p, from)
		return false
	}
	// Raw ends where the message does: checking its integrity writes behind it.
	g.msg.Raw = p[:len(p):len(p)]
	if g.msg.Decode() != nil {
		return false
	}
	switch t := g.msg.Type; {
	case t.Class == stun.ClassIndication && t.Method == stun.MethodSend:
		g.send(from)
	case t.Class != stun.ClassRequest:
	case t.Method == stun.MethodBinding && g.binding != nil:
		g.binding(&g.msg, from)
	case t.Method == stun.MethodBinding:
		if g.srv.mayReply(from.Addr()) {
			g.reply(putBindingSuccess(g.cache[:], from, g.msg.TransactionID), from)
		}
	case t.Method == stun.MethodAllocate, t.Method == stun.MethodRefresh,
		t.Method == stun.MethodCreatePermission, t.Method == stun.MethodChannelBind:
		return g.request(from)
	}
	return false
}

func (g *guard) channelData(p []byte, from netip.AddrPort) {
	channel, data, ok := channelData(p)
	if !ok {
		return
	}
	a := g.alloc(from)
	if a == nil {
		return
	}
	if peer, ok := a.channel(channel); ok {
		a.fromClient(data, peer)
	}
}

// send passes on the data of a Send indication (RFC 8656 section 11.2).
func (g *guard) send(from netip.AddrPort) {
	peer, ok := peerOf(&g.msg)
	data, hasData := g.msg.Attributes.Get(stun.AttrData)
	if !ok || !hasData {
		return
	}
	if a := g.alloc(from); a != nil && a.permitted(peer.Addr()) {
		a.fromClient(data.Value, peer)
	}
}

// request decides about one of TURN's requests.
func (g *guard) request(from netip.AddrPort) bool {
	m := &g.msg
	if !m.Contains(stun.AttrMessageIntegrity) {
		return g.srv.mayReply(from.Addr()) // pion says 401 and gives a nonce
	}
	var cred *credential
	if user, ok := m.Attributes.Get(stun.AttrUsername); ok {
		cred = g.srv.lookup(string(user.Value))
	}
	if cred == nil || stun.MessageIntegrity(cred.key).Check(m) != nil {
		g.unauthorized(from)
		return false
	}
	a := g.alloc(from)
	if a == nil && !g.srv.mayReply(from.Addr()) {
		return false // the request may have been caught and sent again from anywhere
	}
	code := g.judge(cred, a)
	if code == 0 {
		return true
	}
	if code == stun.CodeUnauthorized {
		g.unauthorized(from)
		return false
	}
	if code == stun.CodeForbidden {
		cred.member.refused.Add(1)
		g.srv.total.refused.Add(1)
	}
	g.refuse(from, code, stun.MessageIntegrity(cred.key))
	return false
}

// judge returns 0 for a request that pion may answer, or the error to answer
// it with.
func (g *guard) judge(cred *credential, a *allocation) stun.ErrorCode {
	m := &g.msg
	if m.Type.Method == stun.MethodAllocate {
		return g.judgeAllocate(cred)
	}
	switch {
	case a == nil:
		return stun.CodeAllocMismatch
	case a.member != cred.member:
		return stun.CodeWrongCredentials
	case m.Type.Method == stun.MethodCreatePermission:
		return g.judgePeers(a, func(peer netip.AddrPort) bool { return g.srv.permits(a.member, peer.Addr()) })
	case m.Type.Method == stun.MethodChannelBind:
		return g.judgePeers(a, func(peer netip.AddrPort) bool {
			_, ok := g.srv.route(a.member, peer)
			return ok
		})
	}
	return 0
}

func (g *guard) judgeAllocate(cred *credential) stun.ErrorCode {
	m := &g.msg
	if g.srv.now().After(cred.Expires) {
		return stun.CodeUnauthorized
	}
	if !g.srv.relays(g.local) {
		return stun.CodeForbidden
	}
	const udp = 17
	if v, ok := m.Attributes.Get(stun.AttrRequestedTransport); ok && (len(v.Value) == 0 || v.Value[0] != udp) {
		return stun.CodeUnsupportedTransProto
	}
	// Neither is of use for ICE, and both would cost sockets.
	if m.Contains(stun.AttrEvenPort) || m.Contains(stun.AttrReservationToken) {
		return stun.CodeInsufficientCapacity
	}
	if v, ok := m.Attributes.Get(stun.AttrRequestedAddressFamily); ok {
		if len(v.Value) == 0 || (v.Value[0] == 2) != g.srv.relayFrom(g.local).Is6() {
			return stun.CodeAddrFamilyNotSupported
		}
	}
	return 0
}

// judgePeers asks for each peer address of a request.
func (g *guard) judgePeers(a *allocation, allowed func(netip.AddrPort) bool) stun.ErrorCode {
	found := false
	for _, v := range g.msg.Attributes {
		if v.Type != stun.AttrXORPeerAddress {
			continue
		}
		peer, ok := xorAddr(v.Value, g.msg.TransactionID)
		switch {
		case !ok:
			return stun.CodeBadRequest
		case !allowed(peer):
			return stun.CodeForbidden
		case peer.Addr().Is6() != a.relayed.Addr().Is6():
			return stun.CodePeerAddrFamilyMismatch
		}
		found = true
	}
	if !found {
		return stun.CodeBadRequest
	}
	return 0
}

// unauthorized answers wrong or expired credentials (RFC 8489 section 9.2.4),
// with the nonce the client used: the next one would not help it.
func (g *guard) unauthorized(from netip.AddrPort) {
	g.srv.total.authFailed.Add(1)
	if !g.srv.mayReply(from.Addr()) {
		return
	}
	nonce, _ := g.msg.Attributes.Get(stun.AttrNonce)
	g.refuse(from, stun.CodeUnauthorized, stun.NewRealm(g.srv.cfg.Realm),
		stun.RawAttribute{Type: stun.AttrNonce, Length: uint16(len(nonce.Value)), Value: nonce.Value})
}

func (g *guard) refuse(to netip.AddrPort, code stun.ErrorCode, more ...stun.Setter) {
	setters := []stun.Setter{
		&stun.Message{TransactionID: g.msg.TransactionID},
		stun.NewType(g.msg.Type.Method, stun.ClassErrorResponse),
		stun.ErrorCodeAttribute{Code: code, Reason: reason(code)},
	}
	m, err := stun.Build(append(setters, more...)...)
	if err != nil {
		return // a nonce of absurd length: no answer
	}
	g.reply(m.Raw, to)
}

func reason(c stun.ErrorCode) []byte {
	switch c {
	case stun.CodeBadRequest:
		return []byte("Bad Request")
	case stun.CodeUnauthorized:
		return []byte("Unauthorized")
	case stun.CodeForbidden:
		return []byte("Forbidden")
	case stun.CodeAllocMismatch:
		return []byte("Allocation Mismatch")
	case stun.CodeAddrFamilyNotSupported:
		return []byte("Address Family not Supported")
	case stun.CodeWrongCredentials:
		return []byte("Wrong Credentials")
	case stun.CodeUnsupportedTransProto:
		return []byte("Unsupported Transport Protocol")
	case stun.CodePeerAddrFamilyMismatch:
		return []byte("Peer Address Family Mismatch")
	case stun.CodeInsufficientCapacity:
		return []byte("Insufficient Capacity")
	}
	return nil
}

// frameSize tells how long the frame is that p begins with, on a stream
// (RFC 8656 section 12.5; RFC 8489 section 6.2.2): 0 if more must be read to
// tell, an error if it is no frame.
func frameSize(p []byte) (int, error) {
	if len(p) < channelHeader {
		return 0, nil
	}
	size := int(binary.BigEndian.Uint16(p[2:]))
	switch p[0] & 0xC0 {
	case 0x00:
		size += stunHeader
		if size%4 != 0 {
			return 0, errNoFrame
		}
	case 0x40:
		size = channelHeader + (size+3)&^3
	default:
		return 0, errNoFrame
	}
	if size > maxFrame {
		return 0, errNoFrame
	}
	return size, nil
}

// toAddrPort returns a client's address as pion names it.
func toAddrPort(a net.Addr) netip.AddrPort {
	var at netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at = a.AddrPort()
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
