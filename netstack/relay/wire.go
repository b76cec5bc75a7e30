package relay

import (
	"encoding/binary"
	"net/netip"

	"github.com/pion/stun/v3"
)

const (
	cookie        = 0x2112A442
	stunHeader    = 20
	channelHeader = 4
	// headroom before a packet from a peer, for what is put around it towards
	// the client: at most the header of a Data indication with an IPv6
	// XOR-PEER-ADDRESS and the header of DATA, 20 + 24 + 4.
	headroom = 48
	tailroom = 4 // padding
	// maxFrame is the longest STUN message or ChannelData taken or sent. It is
	// pion's own measure, and more than fits a path.
	maxFrame = 1600

	firstChannel, lastChannel = 0x4000, 0x4FFF // RFC 8656 section 12
	dataIndication            = 0x0017
	attrPeer, attrData        = 0x0012, 0x0013
)

// channelData splits a ChannelData message (RFC 8656 section 12.4).
func channelData(p []byte) (channel uint16, data []byte, ok bool) {
	if len(p) < channelHeader {
		return 0, nil, false
	}
	channel = binary.BigEndian.Uint16(p)
	size := int(binary.BigEndian.Uint16(p[2:]))
	if channel < firstChannel || channel > lastChannel || size > len(p)-channelHeader {
		return 0, nil, false
	}
	return channel, p[channelHeader : channelHeader+size], true
}

// xorAddr reads an XOR-PEER-ADDRESS (RFC 8489 section 14.2) without allocating.
func xorAddr(v []byte, id [stun.TransactionIDSize]byte) (netip.AddrPort, bool) {
	if len(v) < 8 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ cookie>>16
	switch {
	case v[1] == 1 && len(v) == 8:
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(v[4:])^cookie)
		return netip.AddrPortFrom(netip.AddrFrom4(a), port), true
	case v[1] == 2 && len(v) == 20:
		var a [16]byte
		binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(v[4:])^cookie)
		for i := range id {
			a[4+i] = v[8+i] ^ id[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), port), true
	}
	return netip.AddrPort{}, false
}

// peerOf reads a message's first XOR-PEER-ADDRESS.
func peerOf(m *stun.Message) (netip.AddrPort, bool) {
	v, ok := m.Attributes.Get(stun.AttrXORPeerAddress)
	if !ok {
		return netip.AddrPort{}, false
	}
	return xorAddr(v.Value, m.TransactionID)
}

// putChannelData makes a ChannelData message of buf[off:off+n], in place. On a
// stream it is padded (RFC 8656 section 12.5).
func putChannelData(buf []byte, off, n int, channel uint16, stream bool) []byte {
	start, end := off-channelHeader, off+n
	binary.BigEndian.PutUint16(buf[start:], channel)
	binary.BigEndian.PutUint16(buf[start+2:], uint16(n))
	if stream {
		for (end-start)%4 != 0 {
			buf[end] = 0
			end++
		}
	}
	return buf[start:end]
}

// putIndication makes a Data indication (RFC 8656 section 11.6) of
// buf[off:off+n], in place.
func putIndication(buf []byte, off, n int, peer netip.AddrPort, id [stun.TransactionIDSize]byte) []byte {
	addr := 8
	if peer.Addr().Is6() {
		addr = 20
	}
	start, end := off-stunHeader-4-addr-4, off+n
	for (end-off)%4 != 0 {
		buf[end] = 0
		end++
	}
	h := buf[start:end]
	binary.BigEndian.PutUint16(h, dataIndication)
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)-stunHeader))
	binary.BigEndian.PutUint32(h[4:], cookie)
	copy(h[8:], id[:])
	h = h[stunHeader:]
	binary.BigEndian.PutUint16(h, attrPeer)
	binary.BigEndian.PutUint16(h[2:], uint16(addr))
	putXORAddr(h[4:4+addr], peer, id)
	h = h[4+addr:]
	binary.BigEndian.PutUint16(h, attrData)
	binary.BigEndian.PutUint16(h[2:], uint16(n))
	return buf[start:end]
}

// putXORAddr writes the value of an XOR address attribute; v is 8 bytes long
// for IPv4, 20 for IPv6.
func putXORAddr(v []byte, a netip.AddrPort, id [stun.TransactionIDSize]byte) {
	v[0], v[1] = 0, 1
	binary.BigEndian.PutUint16(v[2:], a.Port()^cookie>>16)
	if a.Addr().Is4() {
		b := a.Addr().As4()
		binary.BigEndian.PutUint32(v[4:], binary.BigEndian.Uint32(b[:])^cookie)
		return
	}
	v[1] = 2
	b := a.Addr().As16()
	binary.BigEndian.PutUint32(v[4:], binary.BigEndian.Uint32(b[:])^cookie)
	for i := range id {
		v[8+i] = b[4+i] ^ id[i]
	}
}

// putBindingSuccess writes the answer to a Binding request (RFC 8489 section
// 3) into buf, which must hold 44 bytes. It carries no FINGERPRINT: that serves
// to tell STUN from other protocols, and the answer goes to who asked in STUN.
func putBindingSuccess(buf []byte, client netip.AddrPort, id [stun.TransactionIDSize]byte) []byte {
	addr := 8
	if client.Addr().Is6() {
		addr = 20
	}
	b := buf[:stunHeader+4+addr]
	binary.BigEndian.PutUint16(b, 0x0101)
	binary.BigEndian.PutUint16(b[2:], uint16(4+addr))
	binary.BigEndian.PutUint32(b[4:], cookie)
	copy(b[8:], id[:])
	binary.BigEndian.PutUint16(b[20:], 0x0020)
	binary.BigEndian.PutUint16(b[22:], uint16(addr))
	putXORAddr(b[24:], client, id)
	return b
}
