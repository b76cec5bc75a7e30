package forward

// Down is one track as one receiver gets it: a single stream with numbers that
// go on without a break, whatever layer they come from. Layers are changed at
// key frames only. What a change does to the numbers is constant until the
// next, so a few segments say for every packet sent where it came from, and a
// NACK needs no memory per packet.
//
// Timestamps are the sender's. Only a key frame that comes after a change, of an
// instant that was sent already, is put a tick after the picture before it.
type Down struct {
	SSRC uint32
	PT   uint8
	// PTs are those of packets with another codec than the track's; 0: the
	// receiver does not take it.
	PTs [Codecs]uint8
	// Aligned streams begin and change at key frames; others (sound, codecs
	// that are not looked into) at any packet.
	Aligned bool

	segments [segmentsKept]segment
	count    int // of segments ever begun
	highest  uint64
	open     bool // the newest segment takes packets
	lastTS   uint32
	clocks   [MaxLayers]uint32 // what makes the layers' timestamps those of one clock
	picture  uint16
	tl0      uint8
	sent     *sentRing
}

const segmentsKept = 8

// segment is a run of packets from one layer.
type segment struct {
	layer      int8
	in, out    uint64 // numbers of its first packet
	clock      uint32 // added to its timestamps
	late       bool   // begins at or before the picture sent last:
	key        uint32 // its first timestamp,
	barrier    uint32 // and the last one sent before
	pictureOff uint16
	tl0Off     uint8
}

// sentRing remembers which transport-wide number a packet went out with, so
// that it goes out again byte for byte: sealing different bytes with the same
// SRTP index would give the key away (RFC 7714 section 11).
type sentRing [512]struct {
	seq       uint32
	transport uint16
	used      bool
	again     uint8 // the tick in which it went out again, from 1; 0: never
}

// A tick is how exactly that is known, in ns; after ticks of them it begins anew.
const (
	tick  = 10_000_000
	ticks = 255
)

// maxJump is how far ahead the timestamps of another layer may be to be of one
// clock, ten minutes at 90 kHz: so long may nothing have been sent.
const maxJump = 54_000_000

// sameInstant is how far behind the key frame of another layer may be: 200 ms.
const sameInstant = 18_000

const oneFrame = 3000 // a thirtieth of a second

// Layer is the layer packets are taken from, -1 if none yet.
func (d *Down) Layer() int {
	if d.count == 0 || !d.open {
		return -1
	}
	return int(d.current().layer)
}

// Pause takes no more packets until the next key frame, or if not aligned, the
// next that is wanted.
func (d *Down) Pause() { d.open = false }

func (d *Down) current() *segment { return &d.segments[(d.count-1)%segmentsKept] }

// Map says how a packet of a layer goes out, if it does. want is the layer the
// receiver should have; a key frame of it begins a new segment.
func (d *Down) Map(layer, want int, k *Kept) (Out, bool) {
	if k.Codec != 0 && d.PTs[k.Codec] == 0 {
		return Out{}, false
	}
	if !d.Aligned {
		return d.pass(layer, want, k)
	}
	if d.begins(layer, want, k) {
		d.begin(layer, k)
	}
	if !d.open || int(d.current().layer) != layer {
		return Out{}, false
	}
	s := d.current()
	if k.Seq < s.in {
		return Out{}, false
	}
	o := d.out(s, k)
	if o.Seq >= d.highest { // the next segment goes on from here
		d.highest, d.lastTS = o.Seq, o.Timestamp
		d.picture, d.tl0 = k.VP8.Picture+s.pictureOff, k.VP8.TL0+s.tl0Off
	}
	return o, true
}

func (d *Down) begins(layer, want int, k *Kept) bool {
	if layer != want || !k.VP8.Key {
		return false
	}
	if d.count == 0 || !d.open {
		return d.count == 0 || int(d.current().layer) != layer || k.Seq >= d.current().in
	}
	return int(d.current().layer) != layer
}

func (d *Down) begin(layer int, k *Kept) {
	s := segment{layer: int8(layer), in: k.Seq, out: d.highest + 1}
	if d.count == 0 {
		s.out = k.Seq & 0xFFFF
	} else {
		ahead := int32(k.Timestamp + d.clocks[layer] - d.lastTS)
		if ahead <= -sameInstant || ahead >= maxJump && d.open { // another clock
			d.clocks[layer] = d.lastTS + oneFrame - k.Timestamp
			ahead = oneFrame
		}
		s.late, s.key, s.barrier = ahead <= 0, k.Timestamp+d.clocks[layer], d.lastTS
		s.pictureOff = d.picture + 1 - k.VP8.Picture
		s.tl0Off = d.tl0 + 1 - k.VP8.TL0
	}
	s.clock = d.clocks[layer]
	d.segments[d.count%segmentsKept] = s
	d.count++
	d.open = true
}

func (d *Down) out(s *segment, k *Kept) Out {
	o := Out{
		Marker: k.Marker, PT: d.PT, SSRC: d.SSRC, Level: k.Level, HasLevel: k.HasLevel,
		Seq: s.out + (k.Seq - s.in), Timestamp: s.timestamp(k.Timestamp),
	}
	if k.Codec != 0 {
		o.PT = d.PTs[k.Codec]
	}
	return o
}

// timestamp squeezes pictures not later than the last one of the layer before
// in behind it.
func (s *segment) timestamp(ts uint32) uint32 {
	ts += s.clock
	if s.late && int32(ts-s.barrier) <= 0 {
		return s.barrier + 1 + (ts-s.key)>>8
	}
	return ts
}

// pass leaves the sender's numbers as they are, but for the rollover counter,
// which begins at 0 for a receiver that came later. After a pause they go on
// from where they were: what was not sent must not look lost.
func (d *Down) pass(layer, want int, k *Kept) (Out, bool) {
	switch {
	case layer != want:
		return Out{}, false
	case d.count == 0:
		d.segments[0] = segment{layer: int8(layer), in: k.Seq &^ 0xFFFF}
		d.count, d.open = 1, true
	case !d.open:
		d.segments[d.count%segmentsKept] = segment{layer: int8(layer), in: k.Seq, out: d.highest + 1}
		d.count++
		d.open = true
	}
	s := d.current()
	if int(s.layer) != layer || k.Seq < s.in {
		return Out{}, false
	}
	o := d.out(s, k)
	d.highest = max(d.highest, o.Seq)
	return o, true
}

// Patch writes the receiver's picture numbers into a copy of k's payload.
func (d *Down) Patch(k *Kept, seq uint64, payload []byte) {
	if !d.Aligned {
		return
	}
	if s := d.at(seq); s != nil {
		k.VP8.Patch(payload, k.VP8.Picture+s.pictureOff, k.VP8.TL0+s.tl0Off)
	}
}

// at finds the segment of a packet that was sent, nil if it is forgotten.
func (d *Down) at(seq uint64) *segment {
	for i := d.count - 1; i >= 0 && i >= d.count-segmentsKept; i-- {
		if s := &d.segments[i%segmentsKept]; seq >= s.out {
			return s
		}
	}
	return nil
}

// Find says which packet of which layer went out under a number that a NACK
// names; ok is false if none did, or so long ago that it is forgotten.
func (d *Down) Find(number uint16) (layer int, in, out uint64, ok bool) {
	if d.count == 0 {
		return 0, 0, 0, false
	}
	behind := uint16(d.highest) - number
	if int(behind) >= len(sentRing{}) || uint64(behind) > d.highest {
		return 0, 0, 0, false
	}
	out = d.highest - uint64(behind)
	s := d.at(out)
	if s == nil {
		return 0, 0, 0, false
	}
	return int(s.layer), s.in + (out - s.out), out, true
}

// Again is Map for a packet that went out before, or should have.
func (d *Down) Again(k *Kept, out uint64) (Out, bool) {
	s := d.at(out)
	if s == nil {
		return Out{}, false
	}
	return d.out(s, k), true
}

// Sent notes the transport-wide number a packet went out with.
func (d *Down) Sent(seq uint64, transport uint16) {
	if d.sent == nil {
		d.sent = new(sentRing)
	}
	e := &d.sent[seq%uint64(len(d.sent))]
	e.seq, e.transport, e.used, e.again = uint32(seq), transport, true, 0
}

// WasSent returns the transport-wide number a packet went out with.
func (d *Down) WasSent(seq uint64) (uint16, bool) {
	if d.sent == nil {
		return 0, false
	}
	e := &d.sent[seq%uint64(len(d.sent))]
	return e.transport, e.used && e.seq == uint32(seq)
}

// Repaired notes that a packet that was sent goes out again.
func (d *Down) Repaired(seq uint64, now int64) {
	if _, ok := d.WasSent(seq); ok {
		d.sent[seq%uint64(len(d.sent))].again = uint8(now/tick%ticks) + 1
	}
}

// OnItsWay reports whether a packet went out again less than trip ns ago, up to
// two seconds.
func (d *Down) OnItsWay(seq uint64, now, trip int64) bool {
	if _, ok := d.WasSent(seq); !ok {
		return false
	}
	again := int64(d.sent[seq%uint64(len(d.sent))].again)
	return again > 0 && (now/tick%ticks+1-again+ticks)%ticks*tick < trip
}

// Rewinds reports whether a picture of a layer is from long before the newest
// one sent: to send it now would put all that follows on another clock.
func (d *Down) Rewinds(layer int, timestamp uint32) bool {
	return d.count > 0 && int32(timestamp+d.clocks[layer]-d.lastTS) <= -sameInstant
}

// Highest is the highest number sent, extended; 0 if none was.
func (d *Down) Highest() uint64 { return d.highest }

// LastTimestamp is that of the newest picture sent.
func (d *Down) LastTimestamp() uint32 { return d.lastTS }

// Offset is what is added to the sender's timestamps now: 0 unless its layers
// have clocks of their own.
func (d *Down) Offset() uint32 {
	if d.count == 0 {
		return 0
	}
	return d.current().clock
}
