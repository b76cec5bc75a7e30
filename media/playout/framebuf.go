package playout

import (
	"time"

	"github.com/pion/rtp"
)

const (
	frameSlots = 2048    // packets held: 2.5 MB of video, 8 s at 2.5 Mbit/s
	frameBytes = 4 << 20 // and never more than this
	maxJump    = frameSlots / 2
)

// packet is one slot of the frame buffer. It is in use while p is not nil.
type packet struct {
	p   *rtp.Packet
	seq int64
	at  time.Time
}

// span is a complete frame in the buffer: the packets first to last.
type span struct {
	first, last int64
	began       time.Time // when its first packet arrived
	ended       time.Time // when its last one did
	timestamp   uint32
}

// frameBuffer puts packets in order and finds the frames in them. A frame is
// there as soon as its last packet is, and everything before it. It knows
// sequence numbers and frame boundaries, nothing of decoding; the SSRC is not
// looked at, so that two paths that carry the same packets may feed it.
//
// It belongs to one goroutine at a time.
type frameBuffer struct {
	format Format
	slots  [frameSlots]packet
	bytes  int
	begun  bool
	next   int64 // the first packet not yet consumed
	high   int64 // the highest seen
	key    int64 // the newest packet that begins a key frame, -1 for none
	stray  int   // sequence number of the last implausible packet, -1 for none

	gap      bool // packets were skipped since the last frame taken
	late     uint64
	repeated uint64
	refused  uint64
	dropped  uint64 // frames of which something came, and that were given up
}

func newFrameBuffer(f Format) *frameBuffer { return &frameBuffer{format: f, key: -1, stray: -1} }

func (b *frameBuffer) slot(seq int64) *packet {
	if s := &b.slots[seq&(frameSlots-1)]; s.p != nil && s.seq == seq {
		return s
	}
	return nil
}

// push takes a packet, which belongs to the buffer from then on.
func (b *frameBuffer) push(p *rtp.Packet, now time.Time) {
	if !b.begun {
		// Far from 0, so that packets from before the first one have a place.
		b.begun = true
		b.next = 1<<20 + int64(p.SequenceNumber)
		b.high = b.next
	}
	seq := unwrap16(b.high, p.SequenceNumber)
	if seq-b.high >= maxJump || b.high-seq >= maxJump {
		if b.stray != int(p.SequenceNumber) {
			b.stray = int(p.SequenceNumber + 1)
			b.refused++
			return
		}
		// Two in a row: the sender has begun anew (RFC 3550 appendix A.1).
		b.restart(seq)
	}
	b.stray = -1
	if seq < b.next {
		b.late++
		return
	}
	if b.slot(seq) != nil {
		b.repeated++
		return
	}
	b.makeRoom(seq, len(p.Payload))
	b.slots[seq&(frameSlots-1)] = packet{p: p, seq: seq, at: now}
	b.bytes += len(p.Payload)
	b.high = max(b.high, seq)
	if start, key := b.format.Starts(p.Payload); start && key {
		b.key = max(b.key, seq)
	}
}

// makeRoom gives up the oldest packets until seq has its slot and its bytes fit.
func (b *frameBuffer) makeRoom(seq int64, bytes int) {
	for b.next <= b.high && (seq-b.next >= frameSlots || b.bytes+bytes > frameBytes) {
		b.giveUp()
	}
	if seq-b.next >= frameSlots {
		b.next, b.gap = seq, true
	}
}

// restart forgets everything and goes on at seq.
func (b *frameBuffer) restart(seq int64) {
	b.skipTo(b.high + 1)
	b.next, b.high, b.key, b.gap = seq, seq, -1, true
}

// skipTo gives up everything before seq, and counts the frames in it.
func (b *frameBuffer) skipTo(seq int64) {
	for ts, any := uint32(0), false; b.next < seq; b.next++ {
		s := b.slot(b.next)
		b.gap = true
		if s == nil {
			continue
		}
		if len(s.p.Payload) > 0 && (!any || s.p.Timestamp != ts) {
			ts, any = s.p.Timestamp, true
			b.dropped++
		}
		b.free(s)
	}
}

func (b *frameBuffer) free(s *packet) {
	b.bytes -= len(s.p.Payload)
	*s = packet{}
}

// giveUp skips to the next frame that begins in what has arrived, or past it all.
func (b *frameBuffer) giveUp() {
	seq := b.next + 1
	for ; seq <= b.high; seq++ {
		if s := b.slot(seq); s != nil {
			if start, _ := b.format.Starts(s.p.Payload); start {
				break
			}
		}
	}
	b.skipTo(seq)
}

// frame returns the next frame that can be taken: the next in order if it is
// complete, or a key frame behind a hole. If packets before it are missing, since
// is when the first packet behind the hole arrived; it is zero when nothing is
// known to be missing.
func (b *frameBuffer) frame() (f span, ok bool, since time.Time) {
	for b.begun && b.next <= b.high {
		s := b.slot(b.next)
		switch {
		case s != nil && len(s.p.Payload) == 0: // padding, sent to probe
			b.free(s)
			b.next++
			continue
		case s != nil:
			if start, _ := b.format.Starts(s.p.Payload); !start {
				b.giveUp() // the middle of a frame whose start is gone, or garbage
				continue
			}
			var is completeness
			if f, is = b.complete(b.next); is == whole {
				return f, true, time.Time{}
			} else if is == broken {
				b.giveUp()
				continue
			}
		}
		behind := b.behindHole()
		if behind == nil {
			break
		}
		if b.key > b.next {
			// A whole key frame behind the hole makes what is before it history, once
			// it is taken.
			if f, is := b.complete(b.key); is == whole {
				return f, true, time.Time{}
			}
		}
		return span{}, false, behind.at
	}
	return span{}, false, time.Time{}
}

// beyond reports whether there is a whole frame behind the first hole that is good
// for something.
func (b *frameBuffer) beyond(good func(span) bool) bool {
	for seq := b.next + 1; seq <= b.high; seq++ {
		s := b.slot(seq)
		if s == nil {
			continue
		}
		if start, _ := b.format.Starts(s.p.Payload); !start {
			continue
		}
		if f, is := b.complete(seq); is == whole {
			if good(f) {
				return true
			}
			seq = f.last
		}
	}
	return false
}

// payloads appends those of a whole frame to dst; they stay in the buffer.
func (b *frameBuffer) payloads(f span, dst [][]byte) [][]byte {
	for seq := f.first; seq <= f.last; seq++ {
		if s := b.slot(seq); s != nil && len(s.p.Payload) > 0 {
			dst = append(dst, s.p.Payload)
		}
	}
	return dst
}

// completeness is how much of a frame is there.
type completeness uint8

const (
	partial completeness = iota // more of it may come
	whole
	broken // what follows does not belong to it, and nothing is missing in between
)

// complete returns the frame that begins at first, as far as it is there.
func (b *frameBuffer) complete(first int64) (span, completeness) {
	s := b.slot(first)
	if s == nil {
		return span{}, partial
	}
	f := span{first: first, began: s.at, ended: s.at, timestamp: s.p.Timestamp}
	for seq := first; ; seq++ {
		s := b.slot(seq)
		if s == nil {
			return f, partial
		}
		if len(s.p.Payload) == 0 {
			continue // padding
		}
		if s.p.Timestamp != f.timestamp {
			f.last = seq - 1
			if start, _ := b.format.Starts(s.p.Payload); start {
				return f, whole // a sender without markers
			}
			return f, broken
		}
		if s.at.Before(f.began) {
			f.began = s.at
		}
		if s.at.After(f.ended) {
			f.ended = s.at
		}
		if s.p.Marker {
			f.last = seq
			return f, whole
		}
	}
}

// behindHole returns the first packet behind the first hole, or nil if there is
// no hole.
func (b *frameBuffer) behindHole() *packet {
	hole := false
	for seq := b.next; seq <= b.high; seq++ {
		s := b.slot(seq)
		if s == nil {
			hole = true
		} else if hole {
			return s
		}
	}
	return nil
}

// take consumes the frame that frame returned, and gives up what is before it: it
// appends its payloads to dst, and reports whether packets were missing before it.
func (b *frameBuffer) take(f span, dst [][]byte) (payloads [][]byte, gap bool) {
	b.skipTo(f.first)
	dst = b.payloads(f, dst)
	for ; b.next <= f.last; b.next++ {
		if s := b.slot(b.next); s != nil {
			b.free(s)
		}
	}
	gap, b.gap = b.gap, false
	return dst, gap
}
