package codec

import (
	"fmt"
	"sync"
)

// Redundancy puts copies of earlier packets into the Opus packets of one
// stream, so that what is lost arrives with a later one. The copies lie in the
// padding of the packet (RFC 6716 section 3.2.5), in the form that Opus
// extensions have (draft-ietf-mlcodec-opus-extension), under an experimental
// number: any receiver plays the packet, and one that does not know the copies
// passes over them. Nothing has to be negotiated, and whoever forwards packets
// need not know. It may be used from any goroutine.
type Redundancy struct {
	mu     sync.Mutex
	copies int // in each packet
	rest   int // packets until there are fewer, if nothing is lost any more
	now    int // how many copies the newest loss is worth
	recent [maxDistance]kept
	n      int // packets so far
	out    []byte
}

type kept struct {
	packet []byte
	ts     uint32
}

// How far apart copies are. Each carries the coarse copy of the one before
// itself (in-band FEC), so two of them, two packets apart, cover five lost in a
// row.
var distances = [...]int{2, 4}

const (
	maxDistance = 8 // that is accepted, in packets
	maxCopies   = 4

	// Loss in percent from which there is one copy, and two. Below, in-band FEC
	// and retransmission do.
	lossForOne, lossForTwo = 3, 8
	// restPackets is how long copies go on after the last loss: ten seconds.
	restPackets = 500
	// maxWrapped is the longest packet with copies, to fit one network packet.
	maxWrapped = 1000

	extension = 120 << 1 // experimental, to the end of the padding
	copyMark  = 'C'
)

// SetLoss says how many packets in a hundred got lost of late, as the receivers
// report. Copies begin at once, and go on for ten seconds after the last report
// that calls for as many: reports of a second each know nothing between bursts.
func (r *Redundancy) SetLoss(percent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case percent >= lossForTwo:
		r.now = 2
	case percent >= lossForOne:
		r.now = 1
	default:
		r.now = 0
	}
	if r.now >= r.copies {
		r.copies, r.rest = r.now, restPackets
	}
}

// Copies is how many copies each packet carries now. Each takes as many bytes
// as the packet itself, so the sender may want a lower bitrate.
func (r *Redundancy) Copies() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.copies
}

// Add returns packet with copies of earlier ones, valid until the next Add;
// packet itself if there are none to add. ts is its RTP timestamp; copies are
// made only of packets that follow each other in time.
func (r *Redundancy) Add(packet []byte, ts uint32) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest--; r.rest <= 0 {
		r.copies, r.rest = r.now, restPackets
	}
	out := packet
	if len(packet) > 1 && packet[0]&3 == 0 { // one frame, as our encoder makes
		if pad := r.paddingLocked(len(packet), ts); len(pad) > 0 {
			r.out = wrap(r.out[:0], packet, pad)
			out = r.out
		}
	}
	k := &r.recent[r.n%maxDistance]
	k.packet, k.ts = append(k.packet[:0], packet...), ts
	r.n++
	return out
}

// paddingLocked collects the copies for a packet of size bytes.
func (r *Redundancy) paddingLocked(size int, ts uint32) (pad []byte) {
	for _, d := range distances[:r.copies] {
		if d > r.n {
			break
		}
		k := r.recent[(r.n-d)%maxDistance]
		if ts-k.ts != uint32(d*OpusSamples) || len(k.packet) < 2 || size+len(pad)+len(k.packet) > maxWrapped {
			continue
		}
		if pad == nil {
			pad = []byte{extension, copyMark}
		}
		pad = append(pad, byte(d), byte(len(k.packet)>>8), byte(len(k.packet)))
		pad = append(pad, k.packet...)
	}
	return pad
}

// wrap makes a packet of one counted frame with padding of one of one frame.
func wrap(dst, packet, pad []byte) []byte {
	dst = append(dst, packet[0]|3, 0x40|1)
	n := len(pad)
	for ; n > 254; n -= 254 {
		dst = append(dst, 255)
	}
	dst = append(dst, byte(n))
	dst = append(dst, packet[1:]...)
	return append(dst, pad...)
}

// Copy is an earlier packet that came with a later one.
type Copy struct {
	Distance int // packets before the one it came with
	Packet   []byte
}

// TakeCopies returns a packet as it was before Redundancy added copies to it,
// and the copies, as many as into has room for. Both lie in the memory of
// packet, which is changed. Any other packet is returned as it is.
func TakeCopies(packet []byte, into []Copy) (plain []byte, copies []Copy, err error) {
	if len(packet) < 3 || packet[0]&3 != 3 || packet[1] != 0x40|1 {
		return packet, nil, nil
	}
	at, n := 2, 0
	for ; at < len(packet) && packet[at] == 255; at++ {
		n += 254
	}
	if at == len(packet) {
		return nil, nil, fmt.Errorf("opus padding without its length: %w", ErrMalformed)
	}
	n += int(packet[at])
	if n > len(packet)-at-1 {
		return nil, nil, fmt.Errorf("opus padding of %d bytes in a packet of %d: %w", n, len(packet), ErrMalformed)
	}
	pad := packet[len(packet)-n:]
	if len(pad) < 2 || pad[0] != extension || pad[1] != copyMark {
		return packet, nil, nil
	}
	packet[at] = packet[0] &^ 3
	plain = packet[at : len(packet)-n : len(packet)-n]
	copies = into[:0]
	for pad = pad[2:]; len(pad) > 3 && len(copies) < min(cap(into), maxCopies); {
		d, size := int(pad[0]), int(pad[1])<<8|int(pad[2])
		if d == 0 || d > maxDistance || size == 0 || size > len(pad)-3 {
			return nil, nil, fmt.Errorf("copy of %d bytes at distance %d in opus padding: %w", size, d, ErrMalformed)
		}
		copies = append(copies, Copy{d, pad[3 : 3+size : 3+size]})
		pad = pad[3+size:]
	}
	return plain, copies, nil
}
