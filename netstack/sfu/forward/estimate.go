package forward

import (
	"encoding/binary"
	"errors"
	"time"
)

// Estimate is how much one receiver's line takes, from its transport-wide
// feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): how much of
// what was sent arrived, and how long it waited in queues on the way. A queue
// is told by the one-way delay above the least of the last seconds, which needs
// no common clock.
type Estimate struct {
	history  []onWay
	next     uint16
	bits     float64
	fed      bool
	acked    Rate
	base     [2]int64 // least delay of the last two spans of baseSpan, µs
	baseAt   int64
	haveBase bool
	queue    float64 // smoothed, µs
	loss     float64 // smoothed share
	grewAt   int64
	overAt   int64 // last overuse
	hold     int64 // no growth for so long after it
}

type onWay struct {
	sent uint32 // µs, wraps
	size uint16
	seq  uint16
	used bool
}

const (
	historyLen = 2048 // packets on their way: a second of a full grid
	// FirstEstimate is where an estimate begins: one good picture. Most lines
	// take it, and those that do not say so within a quarter of a second.
	FirstEstimate = 2_000_000
	leastEstimate = 60_000
	mostEstimate  = 50_000_000

	baseSpan  = int64(10 * time.Second)
	queueLong = 80_000.0 // µs: a queue longer than this is ours
	queueNone = 25_000.0
	lossMuch  = 0.10

	// grow is by how much an estimate grows per second while no queue is seen;
	// from 300 kbit/s to two megabits in six seconds.
	grow = 0.38
	// After overuse nothing grows for firstHold, then twice as long, up to
	// mostHold, until calmAfter passes without any: each vain attempt costs
	// everybody a key frame, and waiting longer delays the return.
	firstHold = int64(3 * time.Second)
	mostHold  = int64(7 * time.Second)
	calmAfter = int64(25 * time.Second)
)

// ErrFeedback is returned for feedback that does not hold together.
var ErrFeedback = errors.New("twcc: feedback exceeds the packet")

// Send notes a packet about to be sent and returns its transport-wide number.
func (e *Estimate) Send(size int, now int64) uint16 {
	if e.history == nil {
		e.history = make([]onWay, historyLen)
	}
	n := e.next
	e.history[n%historyLen] = onWay{uint32(now / 1000), uint16(size), n, true}
	e.next++
	return n
}

// Bits is what may be sent, in bits per second.
func (e *Estimate) Bits() int {
	if !e.fed {
		return FirstEstimate
	}
	return int(e.bits)
}

// Known reports whether the receiver has ever said anything.
func (e *Estimate) Known() bool { return e.fed }

// Queue is how long packets wait on the way, Loss the share that is lost.
func (e *Estimate) Queue() time.Duration { return time.Duration(e.queue) * time.Microsecond }

// Loss is the share of packets that is lost.
func (e *Estimate) Loss() float64 { return e.loss }

// Feedback takes the body of a transport-wide feedback, after the two SSRCs.
func (e *Estimate) Feedback(b []byte, now int64) error {
	if len(b) < 8 {
		return ErrFeedback
	}
	f := feedback{seq: binary.BigEndian.Uint16(b), left: int(binary.BigEndian.Uint16(b[2:])),
		at: int64(binary.BigEndian.Uint32(b[4:])>>8) * 64_000, chunks: b[8:]}
	if err := f.findDeltas(); err != nil {
		return err
	}
	if e.history == nil {
		return nil // about packets we never sent
	}
	got, lost := 0, 0
	for {
		seq, arrived, ok, more := f.nextPacket()
		if !more {
			break
		}
		h := &e.history[seq%historyLen]
		if !h.used || h.seq != seq {
			continue
		}
		if !ok {
			lost++ // perhaps only late: the next feedback may have it
			continue
		}
		h.used = false
		got++
		e.acked.Add(int(h.size), now)
		e.delay(arrived-int64(h.sent), now)
	}
	if got+lost > 0 {
		e.loss += (float64(lost)/float64(got+lost) - e.loss) * 0.3
		e.update(now)
	}
	return nil
}

// delay takes one one-way delay, of clocks that have nothing in common.
func (e *Estimate) delay(d int64, now int64) {
	// The send time wraps after 71 minutes: bring it near the last.
	const wrap = 1 << 32
	if e.haveBase {
		for d-e.base[0] > wrap/2 {
			d -= wrap
		}
		for d-e.base[0] < -wrap/2 {
			d += wrap
		}
	}
	switch {
	case !e.haveBase:
		e.base, e.baseAt, e.haveBase = [2]int64{d, d}, now, true
	case now-e.baseAt > baseSpan:
		e.base, e.baseAt = [2]int64{d, e.base[0]}, now
	case d < e.base[0]:
		e.base[0] = d
	}
	waited := float64(d - min(e.base[0], e.base[1]))
	e.queue += (waited - e.queue) * 0.1
}

// update moves the estimate after feedback.
func (e *Estimate) update(now int64) {
	acked := float64(e.acked.Bits(now))
	if !e.fed {
		e.fed, e.bits, e.grewAt, e.hold = true, FirstEstimate, now, firstHold
	}
	passed := min(float64(now-e.grewAt)/1e9, 1)
	e.grewAt = now
	switch {
	case e.queue > queueLong || e.loss > lossMuch && e.queue > queueNone:
		e.over(0.85*float64(e.acked.Recent(now)), now)
	case e.loss > 2*lossMuch:
		e.over(acked, now)
	case e.queue < queueNone && e.loss < lossMuch && now-e.overAt > e.hold:
		e.bits = max(e.bits*(1+grow*passed), acked)
		if now-e.overAt > calmAfter {
			e.hold = firstHold
		}
	}
	e.bits = min(max(e.bits, leastEstimate), mostEstimate)
}

// over lowers the estimate. Within the time feedback needs to show the effect,
// once is enough.
func (e *Estimate) over(to float64, now int64) {
	const react = int64(200 * time.Millisecond)
	if now-e.overAt < react && e.overAt != 0 {
		return
	}
	if e.overAt != 0 && now-e.overAt > int64(time.Second) {
		e.hold = min(2*e.hold, mostHold)
	}
	e.overAt = now
	e.bits = min(e.bits, max(to, leastEstimate))
}

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
