package forward

import "time"

// MaxLayers is how many simulcast layers a track may have.
const MaxLayers = 3

// Wish is what one receiver wants of one track, and what there is of it. The
// lowest layer comes first.
type Wish struct {
	Layers   int // 0: the track has none that flows
	Bitrate  [MaxLayers]int
	Height   [MaxLayers]int // 0: not known yet
	Flows    [MaxLayers]bool
	Tile     int  // height of the tile in pixels; 0: not wanted at all
	Priority int  // greater is served first (pinned, screen, speaker)
	Audio    bool // sound is never given up
}

// headroom is what a layer's measured rate is multiplied by: key frames and
// repair come on top of it.
const headroom = 1.15

// unknownBitrate stands for a layer that has not flowed yet.
var unknownBitrate = [MaxLayers]int{150_000, 500_000, 1_500_000}

// Choose shares a budget (bits per second) among tracks and writes the layer
// of each into out, -1 for none. Sound first; then the lowest layer of each
// picture by priority; then one layer more for each in turn, as long as it is
// not larger than the tile needs.
func Choose(budget int, wishes []Wish, out []int) {
	left := float64(budget)
	for i := range wishes {
		w := &wishes[i]
		out[i] = -1
		if w.Audio && w.Layers > 0 {
			out[i] = 0
			left -= headroom * float64(w.Bitrate[0])
		}
	}
	for level := range MaxLayers {
		for prio := maxPriority; prio >= 0; prio-- {
			for i := range wishes {
				w := &wishes[i]
				if w.Audio || w.Tile == 0 || min(max(w.Priority, 0), maxPriority) != prio {
					continue
				}
				if next := w.above(out[i], level); next >= 0 {
					if cost := w.cost(next) - w.cost(out[i]); cost <= left {
						left -= cost
						out[i] = next
					}
				}
			}
		}
	}
}

// maxPriority is the greatest Priority told apart.
const maxPriority = 3

// above returns the layer to try in a round: the lowest that flows in the
// first, the next one that is not too large later; -1: none.
func (w *Wish) above(have, round int) int {
	if round > 0 && (have < 0 || !w.grows(have)) {
		return -1
	}
	for l := have + 1; l < w.Layers; l++ {
		if w.Flows[l] {
			return l
		}
	}
	return -1
}

// grows reports whether more than layer l would be seen: a tile takes up to a
// quarter more than the layer's own height before that is worth its bits.
func (w *Wish) grows(l int) bool {
	return w.Height[l] == 0 || 4*w.Tile > 5*w.Height[l]
}

func (w *Wish) cost(l int) float64 {
	switch {
	case l < 0:
		return 0
	case w.Bitrate[l] > 0:
		return headroom * float64(w.Bitrate[l])
	}
	return headroom * float64(unknownBitrate[l])
}

// Speaker follows who speaks.
type Speaker struct {
	level  float64 // smoothed loudness above the floor, dB
	last   int64
	since  int64 // loud without a longer pause
	Recent int64 // when it was last the active speaker
}

// How loudness becomes speech.
const (
	speechFloor = 60.0 // -dBov; quieter is a room
	speechOn    = 8.0  // smoothed dB above the floor
	smooth      = int64(250 * time.Millisecond)
	// takeOver is how long another must be louder to become the speaker: a
	// cough is not a speech.
	takeOver = int64(400 * time.Millisecond)
	louder   = 3.0 // dB
)

// Heard takes the level of one packet (RFC 6464).
func (s *Speaker) Heard(level uint8, now int64) {
	s.decay(now)
	above := max(0, speechFloor-float64(level))
	s.level += (above - s.level) * 0.2
	switch {
	case s.level < speechOn:
		s.since = 0
	case s.since == 0:
		s.since = now
	}
}

func (s *Speaker) decay(now int64) {
	if gone := now - s.last; s.last != 0 && gone > smooth {
		s.level, s.since = 0, 0 // nothing came: it says nothing
	}
	s.last = now
}

// Speaking reports whether it speaks now.
func (s *Speaker) Speaking(now int64) bool {
	return s.since != 0 && now-s.last <= smooth
}

// Active picks the active speaker: index of the one that is now, or of one who
// has spoken longer and louder; -1 if nobody ever was.
func Active(all []*Speaker, current int, now int64) int {
	best := current
	for i, s := range all {
		if i == current || !s.Speaking(now) || now-s.since < takeOver {
			continue
		}
		if best < 0 || !all[best].Speaking(now) || s.level > all[best].level+louder {
			best = i
		}
	}
	if best >= 0 && all[best].Speaking(now) {
		all[best].Recent = now
	}
	return best
}
