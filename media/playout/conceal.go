package playout

import "candid/media"

// opusGrain is the unit of Opus: 2.5 ms.
const opusGrain = media.SampleRate / 400

// fill decodes until n samples are there to be played, and makes up what is
// missing.
func (p *playhead) fill(n int, now int64) {
	for p.q.len() < n {
		s := p.next()
		if s != nil && s.samples == 0 { // padding
			s.waiting = false
			p.nextSeq++
			continue
		}
		if s == nil {
			if s = p.first(p.nextSeq); s == nil {
				p.expand(n - p.q.len())
				if p.quiet {
					return
				}
				continue
			}
		}
		p.settle(s)
		if s.ts-p.nextTS > maxGap || s.ts-p.nextTS < -maxGap {
			p.quiet = true // to begin anew; what is decoded is played out
			p.q.silence(max(n-p.q.len(), 0))
			return
		}
		if s.seq > p.nextSeq {
			p.bridge(s, now)
			continue
		}
		if gap := s.ts - p.nextTS; gap > 0 { // the sender was silent in between
			gap = min(gap, int64(n-p.q.len()))
			p.q.silence(int(gap))
			p.nextTS += gap
			continue
		}
		p.decode(s, now)
	}
}

// decode plays a packet whose turn it is.
func (p *playhead) decode(s *audioPacket, now int64) {
	held := now - s.at + nanos(int64(p.q.len()))
	got, err := p.dec.Decode(s.payload, p.scratch[:])
	if err != nil {
		got = int(s.samples)
		p.guess(p.scratch[:got])
		p.conceal(concealed{all: p.append(got, s.ts+int64(got))})
		p.stats.PacketsRefused++
	} else {
		p.inEvent = false
		p.stats.TotalSamplesReceived += uint64(p.append(got, s.ts+int64(got)))
	}
	p.stats.emitted(held, p.target()-p.delays.least, int64(got))
	p.span = int64(s.samples)
	p.nextSeq++
	s.arrival, s.waiting = arrival{}, false
}

// append takes over the scratch's n samples, which end at position end: all
// that are not played yet. It returns how many these are.
func (p *playhead) append(n int, end int64) int64 {
	fresh := min(max(end-p.nextTS, 0), int64(n))
	p.q.write(p.scratch[n-int(fresh) : n])
	p.nextTS += fresh
	return fresh
}

// guess conceals with the decoder.
func (p *playhead) guess(pcm []int16) {
	if err := p.dec.DecodePLC(pcm); err != nil {
		clear(pcm)
	}
}

// bridge fills the hole before s, whose packets did not come in time: from the
// copy in s as far as that reaches, with guesses before.
func (p *playhead) bridge(s *audioPacket, now int64) {
	gap := s.ts - p.nextTS
	if gap <= 0 { // what was played while waiting covers it
		p.skip(s, now)
		return
	}
	span := int64(s.samples)
	if s.fec && gap <= span {
		if err := p.dec.DecodeFEC(s.payload, p.scratch[:span]); err == nil {
			p.stats.TotalSamplesReceived += uint64(p.append(int(span), s.ts))
			p.stats.FECPacketsUsed++
			p.inEvent = false
			p.skip(s, now)
			return
		}
	}
	if s.fec && gap > span {
		gap -= span
	}
	n := min(gap, media.BlockSamples)
	n += (opusGrain - n%opusGrain) % opusGrain
	p.guess(p.scratch[:n])
	p.conceal(concealed{all: p.append(int(n), p.nextTS+min(n, gap))})
}

// skip gives up the packets before s as lost.
func (p *playhead) skip(s *audioPacket, now int64) {
	for ; p.nextSeq < s.seq; p.nextSeq++ {
		p.delays.lost(now)
		if e := p.next(); e != nil {
			e.waiting = false
		}
	}
}

// expand plays on without a packet: a guess that fades, then nothing. n is how
// many samples are wanted.
func (p *playhead) expand(n int) {
	step := int(p.expanded / media.BlockSamples)
	if step >= fadeBlocks {
		p.quiet = true
		p.q.silence(n)
		p.expanded += int64(n)
		p.pending.all += int64(n)
		p.pending.silent += int64(n)
		return
	}
	pcm := p.q.grow(media.BlockSamples)
	p.guess(pcm)
	if step >= fullBlocks {
		level := func(k int) int32 { return int32(fadeBlocks-k) << 8 / (fadeBlocks - fullBlocks) }
		from, to := level(step), level(step+1)
		for i, v := range pcm {
			gain := from + (to-from)*int32(i)/media.BlockSamples
			pcm[i] = int16(int32(v) * gain >> 8)
		}
	}
	p.expanded += media.BlockSamples
	p.pending.all += media.BlockSamples
}

// settle tells, now that a packet has come, what the samples were that were
// played without one. If it follows the last one in number and not in time, the
// sender had been silent: then nothing was concealed. If it does not follow,
// they stand for what was lost, else they have delayed it.
func (p *playhead) settle(s *audioPacket) {
	if p.expanded == 0 {
		return
	}
	gap := s.ts - p.nextTS
	lost := (s.seq - p.nextSeq) * int64(s.samples)
	switch {
	case lost == 0 && gap*2 >= p.expanded:
		p.pending = concealed{}
	case lost > 0 && lost < p.pending.all: // silent, and then something was lost
		p.pending.all = lost
		p.pending.silent = min(p.pending.silent, lost)
	}
	p.nextTS += min(max(gap, 0), p.expanded)
	p.conceal(p.pending)
	p.expanded, p.pending = 0, concealed{}
}

// conceal counts samples that were made up.
func (p *playhead) conceal(c concealed) {
	if c.all == 0 {
		return
	}
	if !p.inEvent {
		p.stats.ConcealmentEvents++
		p.inEvent = true
	}
	p.stats.ConcealedSamples += uint64(c.all)
	p.stats.SilentConcealedSamples += uint64(c.silent)
	p.stats.TotalSamplesReceived += uint64(c.all)
}
