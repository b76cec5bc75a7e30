package sfu

import "candid/netstack/sfu/forward"

// DefaultMemberBitrate is what a member may send, in bit/s: three layers of a
// camera and a screen take less than half of it.
const DefaultMemberBitrate = 20_000_000

const (
	leastBurst    = 4_000_000 // bits: the key frames of all layers at once
	smallPacket   = 4000      // bits, on average; smaller ones are bounded by their number
	leastPackets  = 500       // per second: sound and reports
	maxInbox      = 1 << 20   // bytes waiting for the engine
	inboxOfMember = maxInbox / 2
)

// door polices what one member sends, before anything is decrypted. It is under
// engine.mu.
type door struct {
	bits, count forward.Bucket
	round       uint64 // of the engine's draining
	waiting     int    // bytes in the inbox, of this round
}

func newDoor(bitrate int) door {
	bits, packets := float64(bitrate), max(float64(bitrate)/smallPacket, leastPackets)
	return door{
		bits:  forward.Bucket{Rate: bits, Burst: max(bits/2, leastBurst)},
		count: forward.Bucket{Rate: packets, Burst: packets / 2},
	}
}

// lets reports whether a packet of n bytes may wait for the engine.
func (d *door) lets(n int, round uint64, now int64) bool {
	if d.round != round {
		d.round, d.waiting = round, 0
	}
	if d.waiting+n > inboxOfMember || !d.count.Take(1, now) || !d.bits.Take(float64(8*n), now) {
		return false
	}
	d.waiting += n
	return true
}
