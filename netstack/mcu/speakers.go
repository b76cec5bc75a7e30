package mcu

import "math"

// Who is in the sound, and who is the speaker. Levels are in dB below full
// scale, times in blocks of 10 ms.
const (
	silence    = -100.0
	loudEnough = -52.0 // speech at arm's length is 20 dB above, a quiet room below
	envFall    = 0.5   // per block: a level is remembered for the length of a word
	hangover   = 80    // someone stays in the mix for so long after they fell silent
	incumbent  = 6.0   // who is in the mix stays against someone who is not louder by that

	scoreBlocks  = 70.0 // over which the speaker is the loudest
	speakerLead  = 4.0  // by which another must be louder
	speakerHold  = 150  // a speaker stays at least so long
	speakerQuiet = 60   // … but for who has been silent for so long
)

// voice is what the sound goroutine knows of a member.
type voice struct {
	level    float64 // of the newest block
	env      float64 // level, falling slowly
	score    float64 // level in the long run, above silence
	lastLoud int64   // block; neverLoud at first
	active   bool    // in the mix, or on the way out of it
	gain     float32 // now
	pcm, out []int16 // as received; as it is in the mix
}

const neverLoud = math.MinInt64 / 2

// heard takes over the level of a block. Levels of who is muted do not count.
func (v *voice) heard(level float64, block int64) {
	v.level = level
	v.env = max(level, v.env-envFall, silence)
	v.score += (level - silence - v.score) / scoreBlocks
	if level >= loudEnough {
		v.lastLoud = block
	}
}

// elect sets who of voices is active: at most n, the loudest of those who spoke
// of late.
func elect(voices []*member, n int, block int64) {
	chosen := 0
	for _, m := range voices {
		v := &m.voice
		v.active = v.active && block-v.lastLoud <= hangover
		if v.active {
			chosen++
		}
	}
	for chosen > n { // n may be smaller than what members stay active for
		drop(voices)
		chosen--
	}
	for {
		var best *voice
		for _, m := range voices {
			if v := &m.voice; !v.active && v.lastLoud == block && (best == nil || v.env > best.env) {
				best = v
			}
		}
		if best == nil {
			return
		}
		if chosen == n {
			if w := weakest(voices); w == nil || best.env < w.env+incumbent {
				return
			}
			drop(voices)
			chosen--
		}
		best.active = true
		chosen++
	}
}

func drop(voices []*member) {
	if w := weakest(voices); w != nil {
		w.active = false
	}
}

// weakest returns the active voice with the lowest level, or nil.
func weakest(voices []*member) (w *voice) {
	for _, m := range voices {
		if v := &m.voice; v.active && (w == nil || v.env < w.env) {
			w = v
		}
	}
	return w
}

// stage is who has the word.
type stage struct {
	cur   *member
	since int64
}

// follow returns who speaks most of late. It changes seldom enough to be looked
// at.
func (s *stage) follow(voices []*member, block int64) *member {
	var best *member
	here := false
	for _, m := range voices {
		here = here || m == s.cur
		if m.voice.active && (best == nil || m.voice.score > best.voice.score) {
			best = m
		}
	}
	switch {
	case !here:
		s.cur = best
		s.since = block
	case best == nil || best == s.cur:
	case block-s.cur.voice.lastLoud > speakerQuiet,
		block-s.since >= speakerHold && best.voice.score > s.cur.voice.score+speakerLead:
		s.cur, s.since = best, block
	}
	return s.cur
}

// levelOf is the level of a block.
func levelOf(pcm []int16) float64 {
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return silence
	}
	return max(10*math.Log10(sum/float64(len(pcm))/(math.MaxInt16*math.MaxInt16)), silence)
}
