package codec

import (
	"fmt"
	"math/bits"
)

// bitReader reads the headers of video codecs, the highest bit of each byte
// first. After the end it yields zeros and remembers.
type bitReader struct {
	data []byte
	pos  int // in bits
	over bool
}

func (r *bitReader) bit() int {
	if r.pos>>3 >= len(r.data) {
		r.over = true
		return 0
	}
	b := int(r.data[r.pos>>3]>>(7-r.pos&7)) & 1
	r.pos++
	return b
}

// bits reads n bits, at most 32.
func (r *bitReader) bits(n int) int {
	v := 0
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

func (r *bitReader) skip(n int) {
	for range n {
		r.bit()
	}
}

// ue reads an exponential Golomb code (H.264, section 9.1).
func (r *bitReader) ue() int {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; zeros > 31 || r.over {
			r.over = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// se reads a signed one (section 9.1.1).
func (r *bitReader) se() int {
	v := r.ue()
	if v&1 == 1 {
		return (v + 1) / 2
	}
	return -v / 2
}

// end says whether all that was read was there.
func (r *bitReader) end(what string) error {
	if r.over {
		return fmt.Errorf("%s is cut off: %w", what, ErrMalformed)
	}
	return nil
}

// leb128 reads a number of up to 32 bits (AV1, section 4.10.5) and returns what
// is behind it.
func leb128(data []byte) (v int, rest []byte, err error) {
	var u uint64
	for i := 0; i < 8 && i < len(data); i++ {
		u |= uint64(data[i]&0x7f) << (7 * i)
		if data[i]&0x80 == 0 {
			if bits.Len64(u) > 32 {
				break
			}
			return int(u), data[i+1:], nil
		}
	}
	return 0, nil, fmt.Errorf("av1 size: %w", ErrMalformed)
}
