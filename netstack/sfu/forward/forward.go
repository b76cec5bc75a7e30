// Package forward is the heart of the SFU without its sockets: what is known of
// a published track and its layers, how their packets become those of one
// receiver, what a receiver's line can take, and who speaks. Everything here is
// plain data that one goroutine owns; nothing allocates per packet, starts
// anything or reads a clock: times are nanoseconds the caller passes in.
//
// Packets of others are never trusted: whatever the bytes, the functions return
// an error or a bounded result.
package forward

import (
	"encoding/binary"
	"errors"
)

// MaxPacket bounds a packet, RTP header included; larger ones are not media.
const MaxPacket = 1500

// fixedHeader is the size of an RTP header without CSRC and extension.
const fixedHeader = 12

// What is wrong with a packet.
var (
	ErrShort     = errors.New("rtp: packet is too short")
	ErrVersion   = errors.New("rtp: not version 2")
	ErrExtension = errors.New("rtp: header extension exceeds the packet")
	ErrPadding   = errors.New("rtp: padding exceeds the payload")
)

// Packet is an RTP packet taken apart (RFC 3550 section 5.1). Its slices are
// parts of the packet's own bytes.
type Packet struct {
	Marker    bool
	PT        uint8
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	Payload   []byte // without padding

	ext     []byte // the elements of the extension
	profile uint16
}

// HeaderSize returns where the payload of a packet begins, after CSRC list and
// extension; what is before it is in clear also in SRTP.
func HeaderSize(b []byte) (int, error) {
	if len(b) < fixedHeader {
		return 0, ErrShort
	}
	if b[0]>>6 != 2 {
		return 0, ErrVersion
	}
	n := fixedHeader + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return 0, ErrExtension
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if len(b) < n {
		return 0, ErrExtension
	}
	return n, nil
}

// Parse reads a decrypted packet.
func (p *Packet) Parse(b []byte) error {
	n, err := HeaderSize(b)
	if err != nil {
		return err
	}
	p.Marker, p.PT = b[1]&0x80 != 0, b[1]&0x7F
	p.Seq, p.Timestamp, p.SSRC = binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	p.ext, p.profile = nil, 0
	if b[0]&0x10 != 0 {
		at := fixedHeader + 4*int(b[0]&0x0F)
		p.profile, p.ext = binary.BigEndian.Uint16(b[at:]), b[at+4:n]
	}
	p.Payload = b[n:]
	if b[0]&0x20 != 0 {
		if len(p.Payload) == 0 {
			return ErrPadding
		}
		pad := int(p.Payload[len(p.Payload)-1])
		if pad == 0 || pad > len(p.Payload) {
			return ErrPadding
		}
		p.Payload = p.Payload[:len(p.Payload)-pad]
	}
	return nil
}

// The two forms of RFC 8285.
const (
	oneByte     = 0xBEDE
	twoByte     = 0x1000
	twoByteMask = 0xFFF0
)

// Extension returns the element with an id, nil if there is none.
func (p *Packet) Extension(id uint8) []byte {
	switch e := p.ext; {
	case id == 0:
	case p.profile == oneByte:
		for len(e) > 0 {
			if e[0] == 0 { // padding
				e = e[1:]
				continue
			}
			got, n := e[0]>>4, int(e[0]&0x0F)+1
			if got == 15 || len(e) < 1+n {
				return nil
			}
			if got == id {
				return e[1 : 1+n]
			}
			e = e[1+n:]
		}
	case p.profile&twoByteMask == twoByte:
		for len(e) > 1 {
			if e[0] == 0 {
				e = e[1:]
				continue
			}
			n := int(e[1])
			if len(e) < 2+n {
				return nil
			}
			if e[0] == id {
				return e[2 : 2+n]
			}
			e = e[2+n:]
		}
	}
	return nil
}

// Level reads an audio level (RFC 6464 section 3): loudness in -dBov, 0 the
// loudest, 127 silence.
func Level(ext []byte) (level uint8, ok bool) {
	if len(ext) != 1 {
		return 127, false
	}
	return ext[0] & 0x7F, true
}

// Extensions are the ids a receiver negotiated; 0: not wanted.
type Extensions struct{ Transport, Level uint8 }

// header sizes of what is sent
const (
	extHeader   = 4
	elementSize = 4 // an element of one or two bytes, padded
)

// Out is the header of a packet for one receiver.
type Out struct {
	Marker    bool
	PT        uint8
	Seq       uint64 // extended: rollover counter and number (RFC 3711 section 3.3.1)
	Timestamp uint32
	SSRC      uint32
	Level     uint8 // raw byte of RFC 6464, if HasLevel
	HasLevel  bool
	Transport uint16 // transport-wide number, if the receiver wants one
}

// AppendHeader writes the header of a packet. Only extensions the receiver
// negotiated are in it, made anew: nothing of the sender's is copied.
func (o *Out) AppendHeader(b []byte, ext Extensions) []byte {
	level, transport := o.HasLevel && ext.Level != 0, ext.Transport != 0
	first := byte(0x80)
	if level || transport {
		first |= 0x10
	}
	second := o.PT
	if o.Marker {
		second |= 0x80
	}
	b = append(b, first, second)
	b = binary.BigEndian.AppendUint16(b, uint16(o.Seq))
	b = binary.BigEndian.AppendUint32(b, o.Timestamp)
	b = binary.BigEndian.AppendUint32(b, o.SSRC)
	if first&0x10 == 0 {
		return b
	}
	words := byte(0)
	at := len(b)
	b = append(b, oneByte>>8, oneByte&0xFF, 0, 0)
	if transport {
		b = append(b, ext.Transport<<4|1, byte(o.Transport>>8), byte(o.Transport), 0)
		words++
	}
	if level {
		b = append(b, ext.Level<<4, o.Level, 0, 0)
		words++
	}
	b[at+3] = words
	return b
}

// MaxOverhead is what AppendHeader writes at most.
const MaxOverhead = fixedHeader + extHeader + 2*elementSize
