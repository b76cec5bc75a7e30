package bandwidth

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// Limits bound an estimate, in bits per second.
type Limits struct{ First, Least, Most int }

// Estimate is how much one receiver's line takes, from its transport-wide
// feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): how much of
// what was sent arrived, and how long it waited in queues on the way. A queue
// is told by the one-way delay above the least of the last seconds, which needs
// no common clock; by that of the packet that waited least, because a queue holds
// up all, a busy machine some.
//
// How it grows again after a queue was seen depends on who sends. One who sends
// in steps, of layers, waits and then grows fast: a step too high costs a key
// frame. One who follows it closely (Smooth) feels for the limit as RFC 9438
// does: back to where the queue was seen within plateau, slowly past it, and
// the faster the longer nothing is in the way.
//
// The zero Estimate is within the default Limits.
type Estimate struct {
	Limits Limits
	Smooth bool

	history  []onWay
	next     uint16
	bits     float64
	fed      bool
	acked    Rate     // by the receiver's clock
	arrived  int64    // the newest, ns of that clock
	base     [2]int64 // least delay of the last two spans of baseSpan, µs
	baseAt   int64
	haveBase bool
	trips    [2]int64 // least round trip of the last two spans, µs; 0: none is known
	tripAt   int64
	movedAt  int64   // when packets began to go another way; 0: never
	shortest float64 // queue since it is too long, µs
	shortAt  int64   // when it was; 0: it is not too long
	proven   int     // what arrived before it was too long, in bits per second
	queue    float64 // of the packets that waited least, smoothed, µs
	loss     float64 // smoothed share
	borne    float64 // of it that sending less does not lower
	lossAt   int64   // when too much was seen first; 0: it is not
	lossThen float64 // what it was
	bitsThen float64 // and the estimate
	grewAt   int64
	overAt   int64   // last overuse
	ceiling  float64 // what arrived then, in bits per second
	hold     int64   // no growth for so long after it
}

type onWay struct {
	sent uint32 // µs, wraps
	size uint16
	seq  uint16
	used bool
	lost bool // reported once as not arrived
}

const (
	historyLen = 2048 // packets on their way: a second of a full grid
	// firstEstimate is where an estimate begins: one good picture. Most lines
	// take it, and those that do not say so within a quarter of a second.
	firstEstimate = 2_000_000
	leastEstimate = 60_000
	mostEstimate  = 50_000_000

	baseSpan  = int64(10 * time.Second)
	queueLong = 60_000.0 // µs: a queue longer than this is ours
	queueNone = 25_000.0
	lossMuch  = 0.10
	// fewPackets says less about the loss than more do.
	fewPackets = 12.0
	// Sending less lowers the loss to that share of it in that time, if the line
	// is full. What it does not lower is borne, but not all.
	helpsIn   = int64(time.Second)
	helpsBy   = int64(5 * time.Second) // later it is another loss
	helped    = 0.7
	mostBorne = 0.25

	// grow is by how much an estimate grows per second while no queue is seen;
	// from 300 kbit/s to two megabits in six seconds.
	grow = 0.38
	// After overuse nothing grows for firstHold, then twice as long, up to
	// mostHold, until calmAfter passes without any: each vain attempt costs
	// everybody a key frame, and waiting longer delays the return.
	firstHold = int64(3 * time.Second)
	mostHold  = int64(7 * time.Second)
	calmAfter = int64(25 * time.Second)

	// backOff is what is taken of what arrives while a queue is seen, so that
	// it drains.
	backOff    = 0.85
	leastDrain = 0.5
	drainOver  = 1_500_000.0 // µs
	// mostCut is the least that is believed of what arrived in the last second:
	// a machine that stood still for a moment is no line that narrowed to nothing.
	mostCut = 0.5
	// A queue that does not get shorter in sparedFor, though less is sent, is not
	// ours: the way itself has become longer.
	sparedFor = int64(3 * time.Second)
	shorter   = 5_000.0 // µs
	// plateau is after how long a smooth sender is back where a queue was seen.
	// From 500 kbit/s to a megabit takes ten seconds.
	plateau = 3500 * time.Millisecond
)

// ErrFeedback is returned for feedback that does not hold together.
var ErrFeedback = errors.New("twcc: feedback exceeds the packet")

// Send notes a packet about to be sent and returns its transport-wide number.
func (e *Estimate) Send(size int, now int64) uint16 {
	n := e.next
	e.next++
	e.Sent(n, size, now)
	return n
}

// Sent notes a packet that somebody else has numbered.
func (e *Estimate) Sent(number uint16, size int, now int64) {
	if e.history == nil {
		e.history = make([]onWay, historyLen)
	}
	e.history[number%historyLen] = onWay{uint32(now / 1000), uint16(size), number, true, false}
}

// Restart begins anew at bits per second, and forgets what the line did.
func (e *Estimate) Restart(bits int) {
	e.bits, e.overAt, e.ceiling, e.hold = float64(bits), 0, 0, firstHold
}

// Moved tells that from now on packets go another way, whose delay may be another.
func (e *Estimate) Moved(now int64) {
	e.haveBase, e.movedAt, e.queue, e.shortAt, e.trips = false, now, 0, 0, [2]int64{}
}

// OverAt is when the line was last seen to be full, on the clock of Feedback;
// 0: never.
func (e *Estimate) OverAt() int64 { return e.overAt }

// Bits is what may be sent, in bits per second.
func (e *Estimate) Bits() int {
	if !e.fed {
		return cmp.Or(e.Limits.First, firstEstimate)
	}
	return int(e.bits)
}

// Known reports whether the receiver has ever said anything.
func (e *Estimate) Known() bool { return e.fed }

// Queue is how long packets wait on the way, Loss the share that is lost.
func (e *Estimate) Queue() time.Duration { return time.Duration(e.queue) * time.Microsecond }

// Trip is the round trip, with the time that the receiver takes to answer; 0: not
// known yet.
func (e *Estimate) Trip() time.Duration {
	return time.Duration(min(e.trips[0], e.trips[1])) * time.Microsecond
}

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
	got, lost, least := 0, 0, math.MaxFloat64
	trip := int64(math.MaxInt64)
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
			if !h.lost { // what comes in disorder is reported again
				lost++
			}
			h.lost = true // or only late: a later feedback may have it
			continue
		}
		if got++; h.lost {
			lost-- // it was late
		}
		h.used = false
		e.arrived = arrived * 1000
		e.acked.Add(int(h.size), e.arrived)
		if e.movedAt > 0 && now-e.movedAt < baseSpan && int32(h.sent-uint32(e.movedAt/1000)) < 0 {
			continue // went the old way
		}
		least = min(least, e.waited(arrived-int64(h.sent), now))
		trip = min(trip, int64(uint32(now/1000)-h.sent))
	}
	if least < math.MaxFloat64 {
		e.queued(least, now)
		e.answered(trip, now)
	}
	if lost = max(lost, 0); got+lost > 0 {
		n := float64(got + lost)
		e.loss += (float64(lost)/n - e.loss) * min(n/fewPackets, 1) * 0.3
		e.update(now)
	}
	return nil
}

// answered takes one round trip, in µs.
func (e *Estimate) answered(trip, now int64) {
	switch {
	case e.trips[0] == 0:
		e.trips, e.tripAt = [2]int64{trip, trip}, now
	case now-e.tripAt > baseSpan:
		e.trips, e.tripAt = [2]int64{trip, e.trips[0]}, now
	case trip < e.trips[0]:
		e.trips[0] = max(trip, 1)
	}
}

// waited takes one one-way delay, of clocks that have nothing in common, and
// returns how much of it, in µs, was spent in queues.
func (e *Estimate) waited(d int64, now int64) float64 {
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
	return float64(d - min(e.base[0], e.base[1]))
}

// queued takes what the packet waited that waited least.
func (e *Estimate) queued(wait float64, now int64) {
	e.queue += (wait - e.queue) / 2
	switch {
	case e.queue <= queueLong:
		e.shortAt, e.proven = 0, e.acked.Bits(e.arrived)
	case e.shortAt == 0 || wait < e.shortest-shorter:
		e.shortest, e.shortAt = wait, now
	case now-e.shortAt > sparedFor:
		d := min(e.base[0], e.base[1]) + int64(e.shortest)
		e.base, e.baseAt, e.queue, e.shortAt = [2]int64{d, d}, now, 0, 0
		e.Restart(max(e.proven, int(e.bits)))
	}
}

// update moves the estimate after feedback.
func (e *Estimate) update(now int64) {
	if !e.fed {
		e.bits, e.fed, e.grewAt, e.hold = float64(e.Bits()), true, now, firstHold
	}
	passed := min(float64(now-e.grewAt)/1e9, 1)
	e.grewAt = now
	acked := float64(e.acked.Bits(e.arrived))
	switch {
	case e.queue > queueLong || e.loss > e.borne+lossMuch && e.queue > queueNone:
		e.over(max(float64(e.acked.Recent(e.arrived)), mostCut*acked), e.drain(), now)
	case e.loss > e.borne+2*lossMuch:
		e.losing(acked, now)
	case e.queue < queueNone && e.loss < lossMuch:
		e.lossAt, e.borne = 0, 0
		e.grow(acked, passed, now)
	}
	e.bits = min(max(e.bits, e.least()), float64(cmp.Or(e.Limits.Most, mostEstimate)))
}

// losing lowers the estimate because much is lost, unless that has not helped: a
// way that loses however little is sent is bad, not full.
func (e *Estimate) losing(acked float64, now int64) {
	switch {
	case e.lossAt == 0 || now-e.lossAt > helpsBy:
		e.lossAt, e.lossThen, e.bitsThen = now, e.loss, e.bits
	case now-e.lossAt > helpsIn && e.loss > helped*e.lossThen:
		e.borne = min(e.loss, mostBorne)
		e.Restart(int(e.bitsThen))
		e.lossAt = 0
		return
	}
	e.over(acked, 1, now)
}

// grow raises the estimate for the seconds that passed without a queue.
func (e *Estimate) grow(acked, passed float64, now int64) {
	since := now - e.overAt
	if since > calmAfter {
		e.hold = firstHold
	}
	fast := e.bits * (1 + grow*passed)
	switch {
	case e.Smooth && e.ceiling > 0:
		x := float64(since)/float64(plateau) - 1
		e.bits = max(e.bits, min(fast, e.ceiling*(1+(1-backOff)*math.Pow(x, 3))))
	case e.Smooth || since > e.hold:
		e.bits = max(fast, acked)
	}
}

// drain is the share of what a line takes that is sent while its queue drains:
// the less, the longer it is, because sound waits in it too.
func (e *Estimate) drain() float64 {
	return max(backOff-(e.queue-queueLong)/drainOver, leastDrain)
}

// over lowers the estimate to a share of what arrives. Within the time feedback
// needs to show the effect, once is enough.
func (e *Estimate) over(arrives, share float64, now int64) {
	const react = int64(200 * time.Millisecond)
	if now-e.overAt < react && e.overAt != 0 {
		return
	}
	if e.overAt != 0 && now-e.overAt > int64(time.Second) {
		e.hold = min(2*e.hold, mostHold)
	}
	e.overAt, e.ceiling = now, max(arrives, e.least())
	e.bits = min(e.bits, max(share*arrives, e.least()))
}

func (e *Estimate) least() float64 { return float64(cmp.Or(e.Limits.Least, leastEstimate)) }
