package playout

import (
	"time"

	"candid/media"
)

// How the delay is brought to its target.
const (
	tooLong   = int64(3 * time.Millisecond)   // over the goal by so much: shorten
	tooShort  = int64(1 * time.Millisecond)   // under it by so much: lengthen
	reluctant = int64(3 * time.Millisecond)   // room there must be beyond the target to give up a block
	hurry     = int64(80 * time.Millisecond)  // over by so much: as fast as it goes
	hopeless  = int64(250 * time.Millisecond) // over by so much: cut
	restPulls = 5                             // between two changes: at most a fifth faster or slower
	likeAtAll = 0.4                           // how like itself sound must be at the least to be changed
	likeMuch  = 0.9                           // … and at first, getting less with every try
	likeStep  = 0.02
)

// excess is how much longer sound is held than it has to be, in ns.
//
// A packet is needed when the block is pulled in which it begins. If it begins
// in the middle of that block, the part before delays the sound and gives the
// packet no more time. So the delays worth having are those at which packets
// begin where blocks begin: they lie 10 ms apart, and the goal is the least of
// them that meets the target.
func (p *playhead) excess() int64 {
	delay, target := p.delay(), p.target()
	idle := (p.highTS - p.position()) % media.BlockSamples
	goal := delay - nanos((idle+media.BlockSamples)%media.BlockSamples)
	if goal < target {
		goal += (target - goal + blockNanos - 1) / blockNanos * blockNanos
	} else if room := goal - target - reluctant; room > 0 {
		goal -= room / blockNanos * blockNanos
	}
	return delay - goal
}

// pace makes what is played shorter or longer, a little at a time, so that the
// delay comes nearer to its target.
func (p *playhead) pace() {
	if p.expanded > 0 {
		return // nothing is here to be changed
	}
	over := p.excess()
	switch {
	case over > hopeless:
		p.cut()
		p.quiet = true
		p.stats.RemovedSamplesForAcceleration += uint64(samplesOf(over))
		return
	case over <= tooLong && over >= -tooShort:
		p.tries = 0
		return
	case p.pulls-p.lastAdjust < restPulls && over < hurry:
		return
	}
	p.prepare()
	like := max(likeMuch-likeStep*float64(p.tries), likeAtAll)
	var n int
	if over > 0 {
		n = p.q.shorten(int(samplesOf(over)), like)
		p.stats.RemovedSamplesForAcceleration += uint64(n)
	} else {
		n = p.q.lengthen(max(int(samplesOf(-over)), 2*shortestPeriod), like)
		p.stats.InsertedSamplesForDeceleration += uint64(n)
	}
	p.tries++
	if n > 0 {
		p.tries, p.lastAdjust = 0, p.pulls
	}
}

// prepare decodes ahead what is here anyway, so that there is sound enough to
// find its period in.
func (p *playhead) prepare() {
	for p.q.len() < 2*longestPeriod {
		s := p.next()
		if s == nil || s.samples == 0 || s.ts != p.nextTS {
			return
		}
		p.decode(s, p.early())
	}
}

var _ media.Voice = (*Audio)(nil)
