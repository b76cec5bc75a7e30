package playout

import "candid/media/codec"

// copiesTaken is how many earlier packets are taken out of one: senders put in
// two (codec.Redundancy).
const copiesTaken = 4

// copied makes an arrival of an earlier packet that came with ar. It reports
// false if that cannot be: copies are of packets of the same length.
func copied(ar arrival, c codec.Copy) (arrival, bool) {
	n, err := codec.PacketSamples(c.Packet)
	if err != nil || n != int(ar.samples) {
		return arrival{}, false
	}
	ar.payload, ar.fec, ar.copied = c.Packet, carriesFEC(c.Packet), true
	ar.seq -= uint16(c.Distance)
	ar.ts -= uint32(c.Distance * n)
	return ar, true
}

// acceptCopy puts the copy of a packet in its place, if the packet itself is
// not there: it counts as one that came late, so that the delay grows to where
// copies are in time, as it does for packets that are sent again.
func (p *playhead) acceptCopy(ar arrival) {
	if !p.begun {
		return
	}
	seq, ts := unwrap16(p.highSeq, ar.seq), unwrap32(p.highTS, ar.ts)
	s := &p.slots[seq&(audioSlots-1)]
	x := ar.at - nanos(ts)
	if seq < p.origin || seq >= p.highSeq || s.seq >= seq || p.highSeq-seq >= audioSlots || x-p.lastX > audioSkew || p.lastX-x > audioSkew {
		return
	}
	p.delays.add(x, ar.at)
	if seq < p.nextSeq {
		*s = audioPacket{seq: seq, from: ar.source} // too late, but known
		return
	}
	*s = audioPacket{arrival: ar, seq: seq, ts: ts, waiting: true, from: ar.source}
	p.stats.CopiesUsed++
}
