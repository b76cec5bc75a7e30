package netlab

import (
	"math/rand/v2"
	"time"
)

// defaultQueue is what a home router holds.
const defaultQueue = 100 * time.Millisecond

// fate is what becomes of a packet.
type fate int

const (
	passed fate = iota
	doubled
	lost    // by Params.Loss or Params.Cut
	dropped // there was no room in the queue
)

// shaper decides the fate of the packets of one direction. It has no clock and
// no packets, only what it must remember of them.
type shaper struct {
	rnd  *rand.Rand
	bad  bool      // in a run of losses
	free time.Time // when the line has sent all it was given
	last time.Time // departure of the last packet that kept the order
}

// judge decides about a packet of n bytes that arrives at now, and says when it
// leaves. What must is never lost at random, but delayed and queued.
func (s *shaper) judge(p Params, now time.Time, n int, must bool) (fate, time.Time) {
	if p.Cut {
		return lost, now
	}
	at, room := s.queue(p, now, n)
	if !room {
		return dropped, now
	}
	if s.lose(p) && !must {
		return lost, now
	}
	delay := max(0, p.Delay+s.jitter(p))
	if s.chance(p.Reorder) {
		return passed, at.Add(delay / 4)
	}
	at = at.Add(delay)
	if at.Before(s.last) {
		at = s.last
	}
	s.last = at
	if s.chance(p.Duplicate) {
		return doubled, at
	}
	return passed, at
}

// queue says when the line has sent a packet that arrives at now, and whether
// there is room for it.
func (s *shaper) queue(p Params, now time.Time, n int) (time.Time, bool) {
	if p.Rate <= 0 {
		return now, true
	}
	limit := p.Queue
	if limit == 0 {
		limit = defaultQueue
	}
	if s.free.Before(now) {
		s.free = now
	}
	if s.free.Sub(now) > limit {
		return now, false
	}
	s.free = s.free.Add(time.Duration(float64(n*8) / float64(p.Rate) * float64(time.Second)))
	return s.free, true
}

// lose reports whether the next packet is lost. Runs are those of a Gilbert
// model: every packet of the bad state is lost.
func (s *shaper) lose(p Params) bool {
	switch {
	case p.Loss <= 0:
		s.bad = false
	case p.Loss >= 1:
		s.bad = true
	case p.Burst <= 1:
		s.bad = s.chance(p.Loss)
	case s.bad:
		s.bad = !s.chance(1 / p.Burst)
	default:
		s.bad = s.chance(p.Loss / (1 - p.Loss) / p.Burst)
	}
	return s.bad
}

func (s *shaper) jitter(p Params) time.Duration {
	if p.Jitter <= 0 {
		return 0
	}
	return time.Duration((s.rnd.Float64()*2 - 1) * float64(p.Jitter))
}

func (s *shaper) chance(share float64) bool { return share > 0 && s.rnd.Float64() < share }
