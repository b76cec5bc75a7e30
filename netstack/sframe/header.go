package sframe

import (
	"encoding/binary"
	"math/bits"
)

// maxHeader is the longest SFrame header: one byte, eight of KID, eight of CTR.
const maxHeader = 17

// appendHeader appends an SFrame header (RFC 9605 section 4.3): a byte of two
// halves, X|K and Y|C, that hold a number below 8, or its length less one.
func appendHeader(dst []byte, kid, ctr uint64) []byte {
	at := len(dst)
	dst = append(dst, 0)
	k, dst := appendNumber(dst, kid)
	c, dst := appendNumber(dst, ctr)
	dst[at] = k<<4 | c
	return dst
}

func appendNumber(dst []byte, n uint64) (half byte, out []byte) {
	if n < 8 {
		return byte(n), dst
	}
	size := (bits.Len64(n) + 7) / 8
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return 8 | byte(size-1), append(dst, b[8-size:]...)
}

// parseHeader reads a header and how long it is. A number that is written
// longer than it needs be is refused: there is one header for each frame.
func parseHeader(b []byte) (kid, ctr uint64, size int, err error) {
	if len(b) == 0 {
		return 0, 0, 0, ErrMalformed
	}
	kid, used, ok := parseNumber(b[0]>>4, b[1:])
	if !ok {
		return 0, 0, 0, ErrMalformed
	}
	size = 1 + used
	ctr, used, ok = parseNumber(b[0]&0xf, b[size:])
	if !ok {
		return 0, 0, 0, ErrMalformed
	}
	return kid, ctr, size + used, nil
}

func parseNumber(half byte, b []byte) (n uint64, used int, ok bool) {
	if half < 8 {
		return uint64(half), 0, true
	}
	used = int(half&7) + 1
	if len(b) < used || b[0] == 0 {
		return 0, 0, false
	}
	for _, v := range b[:used] {
		n = n<<8 | uint64(v)
	}
	return n, used, n >= 8
}
