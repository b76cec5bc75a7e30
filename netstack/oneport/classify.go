package oneport

import "encoding/binary"

// Kind is what a packet or a connection turned out to be by its first bytes.
type Kind uint8

// The kinds told apart. For packets: Relay and Media; for connections: TLS,
// HTTP and Relay.
const (
	Unknown Kind = iota
	Relay        // STUN and TURN for the host's own server (RFC 8489, RFC 8656)
	Media        // ICE checks, DTLS and SRTP of a call with the host
	TLS
	HTTP
)

var kindNames = [...]string{"unknown", "relay", "media", "TLS", "HTTP"}

func (k Kind) String() string { return kindNames[k] }

const (
	stunHeader    = 20
	stunCookie    = 0x2112A442
	stunUsername  = 0x0006
	methodBinding = 0x0001
)

// ClassifyPacket says who a UDP packet is for (RFC 7983 section 7). STUN on
// this port is either for the host's STUN and TURN server or an ICE check, and
// only the latter is a Binding that carries a USERNAME or answers one (RFC 8445
// section 7.2.2). It never reads beyond p, and allocates nothing.
func ClassifyPacket(p []byte) Kind {
	if len(p) == 0 {
		return Unknown
	}
	switch b := p[0]; {
	case b <= 3:
		return classifySTUN(p)
	case b >= 20 && b <= 63: // DTLS
		return Media
	case b >= 64 && b <= 79: // TURN ChannelData
		return Relay
	case b >= 128 && b <= 191: // RTP and RTCP
		return Media
	}
	return Unknown
}

func classifySTUN(p []byte) Kind {
	if len(p) < stunHeader || len(p)%4 != 0 ||
		binary.BigEndian.Uint32(p[4:]) != stunCookie ||
		int(binary.BigEndian.Uint16(p[2:])) != len(p)-stunHeader {
		return Unknown
	}
	t := binary.BigEndian.Uint16(p)
	method := t&0x000F | t&0x00E0>>1 | t&0x3E00>>2
	class := t&0x0010>>4 | t&0x0100>>7
	const request = 0
	switch {
	case method != methodBinding:
		return Relay
	case class != request: // the answer to a check, or a keep-alive
		return Media
	case hasUsername(p[stunHeader:]):
		return Media
	}
	return Relay
}

// hasUsername walks the attributes of a STUN message (RFC 8489 section 14).
func hasUsername(attrs []byte) bool {
	for len(attrs) >= 4 {
		if binary.BigEndian.Uint16(attrs) == stunUsername {
			return true
		}
		size := 4 + (int(binary.BigEndian.Uint16(attrs[2:]))+3)&^3
		if size > len(attrs) {
			return false
		}
		attrs = attrs[size:]
	}
	return false
}

// peekSize is how many first bytes of a connection decide: up to the end of
// STUN's magic cookie.
const peekSize = 8

// classifyStream says what a connection is by its first bytes. It returns
// Unknown with more = true while it cannot tell yet, which is never with
// peekSize bytes.
func classifyStream(p []byte) (k Kind, more bool) {
	if len(p) == 0 {
		return Unknown, true
	}
	switch b := p[0]; {
	case b == 0x16: // TLS handshake record (RFC 8446 section 5.1)
		return TLS, false
	case b <= 3: // STUN
		if len(p) < peekSize {
			return Unknown, true
		}
		if binary.BigEndian.Uint32(p[4:]) == stunCookie {
			return Relay, false
		}
	case b >= 'A' && b <= 'Z': // a method
		return HTTP, false
	}
	return Unknown, false
}
