package mcu

// maxFragment is how much of a frame goes into one packet, in bytes: with all
// headers it fits into 1280, the least that IPv6 carries.
const maxFragment = 1120

const vp8Start = 0x10 // S: a frame begins here (RFC 7741 section 4.2)

// fragments cuts a VP8 frame into payloads of RTP (RFC 7741), all of one size
// but for the last, so that they can leave in one train. There is no picture ID:
// a stream may change from one mix to another, and sequence numbers say enough.
func fragments(frame []byte) [][]byte {
	if len(frame) == 0 {
		return nil
	}
	n := (len(frame) + maxFragment - 1) / maxFragment
	size := (len(frame) + n - 1) / n
	slab := make([]byte, 0, len(frame)+n)
	out := make([][]byte, 0, n)
	for first := true; len(frame) > 0; first = false {
		take := min(size, len(frame))
		at := len(slab)
		descriptor := byte(0)
		if first {
			descriptor = vp8Start
		}
		slab = append(append(slab, descriptor), frame[:take]...)
		out = append(out, slab[at:len(slab):len(slab)])
		frame = frame[take:]
	}
	return out
}
