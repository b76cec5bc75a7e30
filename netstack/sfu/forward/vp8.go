package forward

import (
	"encoding/binary"
	"errors"
)

// VP8 is what the payload descriptor of a packet says (RFC 7741 section 4.2),
// and where the parts are that are rewritten.
type VP8 struct {
	Start, Key    bool // first packet of a frame; of one that needs no other
	HasPicture    bool
	Picture       uint16 // 7 or 15 bits
	HasTL0        bool
	TL0           uint8
	Width, Height uint16 // of a key frame, in its first packet

	pictureAt, tl0At uint8
	long             bool // Picture has 15 bits
}

// ErrVP8 is returned for a payload that has no VP8 descriptor.
var ErrVP8 = errors.New("vp8: payload descriptor exceeds the packet")

// ParseVP8 reads the descriptor and the first bytes of a frame.
func ParseVP8(p []byte) (v VP8, err error) {
	if len(p) < 2 {
		return v, ErrVP8
	}
	v.Start = p[0]&0x10 != 0 && p[0]&0x07 == 0
	n := 1
	if p[0]&0x80 != 0 {
		if n, err = v.parseExtension(p); err != nil {
			return v, err
		}
	}
	if n >= len(p) {
		return v, ErrVP8
	}
	if frame := p[n:]; v.Start && frame[0]&1 == 0 {
		v.Key = true
		// RFC 6386 section 9.1: three bytes, a start code, width and height.
		if len(frame) >= 10 && frame[3] == 0x9d && frame[4] == 0x01 && frame[5] == 0x2a {
			v.Width, v.Height = binary.LittleEndian.Uint16(frame[6:])&0x3FFF, binary.LittleEndian.Uint16(frame[8:])&0x3FFF
		}
	}
	return v, nil
}

func (v *VP8) parseExtension(p []byte) (int, error) {
	bits, n := p[1], 2
	if bits&0x80 != 0 {
		if n >= len(p) {
			return 0, ErrVP8
		}
		v.HasPicture, v.pictureAt = true, uint8(n)
		v.Picture = uint16(p[n] & 0x7F)
		if v.long = p[n]&0x80 != 0; v.long {
			if n+1 >= len(p) {
				return 0, ErrVP8
			}
			v.Picture = v.Picture<<8 | uint16(p[n+1])
			n++
		}
		n++
	}
	if bits&0x40 != 0 {
		if n >= len(p) {
			return 0, ErrVP8
		}
		v.HasTL0, v.tl0At, v.TL0 = true, uint8(n), p[n]
		n++
	}
	if bits&0x30 != 0 {
		n++
	}
	return n, nil
}

// Patch writes other numbers into a payload this descriptor was read from.
func (v *VP8) Patch(p []byte, picture uint16, tl0 uint8) {
	if v.HasPicture {
		if v.long {
			p[v.pictureAt] = 0x80 | byte(picture>>8)&0x7F
			p[v.pictureAt+1] = byte(picture)
		} else {
			p[v.pictureAt] = byte(picture) & 0x7F
		}
	}
	if v.HasTL0 {
		p[v.tl0At] = tl0
	}
}
