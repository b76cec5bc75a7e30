package bandwidth

import "encoding/binary"

// feedback walks through the packets of one feedback message.
type feedback struct {
	seq    uint16
	left   int
	at     int64 // µs
	chunks []byte
	deltas []byte

	chunk    uint16
	inChunk  int
	position int
}

// findDeltas finds where the deltas begin: after as many chunks as it takes to
// describe all packets.
func (f *feedback) findDeltas() error {
	n, at := 0, 0
	for n < f.left {
		if at+2 > len(f.chunks) {
			return ErrFeedback
		}
		c := binary.BigEndian.Uint16(f.chunks[at:])
		at += 2
		n += chunkLen(c)
		if chunkLen(c) == 0 {
			return ErrFeedback
		}
	}
	f.deltas, f.chunks = f.chunks[at:], f.chunks[:at]
	return nil
}

func chunkLen(c uint16) int {
	switch {
	case c&0x8000 == 0: // run length
		return int(c & 0x1FFF)
	case c&0x4000 == 0: // 14 symbols of a bit
		return 14
	}
	return 7
}

// nextPacket returns the next packet and, if it arrived, when (µs of the
// receiver's clock).
func (f *feedback) nextPacket() (seq uint16, at int64, ok, more bool) {
	if f.left == 0 {
		return 0, 0, false, false
	}
	if f.inChunk == 0 {
		f.chunk = binary.BigEndian.Uint16(f.chunks)
		f.chunks = f.chunks[2:]
		f.inChunk, f.position = chunkLen(f.chunk), 0
	}
	symbol := f.symbol()
	f.inChunk--
	f.position++
	f.left--
	seq = f.seq
	f.seq++
	switch {
	case symbol == 1 && len(f.deltas) >= 1:
		f.at += int64(f.deltas[0]) * 250
		f.deltas = f.deltas[1:]
	case symbol == 2 && len(f.deltas) >= 2:
		f.at += int64(int16(binary.BigEndian.Uint16(f.deltas))) * 250
		f.deltas = f.deltas[2:]
	default:
		return seq, 0, false, true
	}
	return seq, f.at, true, true
}

func (f *feedback) symbol() uint16 {
	switch {
	case f.chunk&0x8000 == 0:
		return f.chunk >> 13 & 3
	case f.chunk&0x4000 == 0:
		return f.chunk >> (13 - f.position) & 1
	}
	return f.chunk >> (12 - 2*f.position) & 3
}
