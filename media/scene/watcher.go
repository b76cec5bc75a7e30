package scene

import (
	"slices"
	"sync"
	"time"
)

// A Watcher measures, at the far end, pictures that carry a Mark: give it the
// mark of every picture as it is shown. It may be used from any goroutine. One
// Watcher watches one sender.
type Watcher struct {
	mu       sync.Mutex
	any      bool
	next     uint32 // one above the highest frame seen
	first    uint32
	seen     int
	repeated int
	late     int
	unread   int
	latency  []time.Duration
	flashed  int64 // the last second whose flash was seen
	flash    []time.Duration
	longest  time.Duration
	lastAt   time.Time
}

// Seen is what a Watcher knows.
type Seen struct {
	Frames   int // shown for the first time
	Missing  int // numbers not shown in their turn, between the first and the last
	Repeated int // shown again
	Late     int // shown after a newer one
	Unread   int // pictures without a mark that could be read
	First    uint32
	Last     uint32
	// Latency from the camera to the screen, one figure a frame, oldest first.
	Latency []time.Duration
	// Flash is the same for the first flashing picture of each second: what
	// sound is to be compared with.
	Flash []time.Duration
	// Freeze is the longest time between two pictures shown.
	Freeze time.Duration
}

// See notes a picture that was shown at the time at. ok is ReadStamp's.
func (w *Watcher) See(m Mark, ok bool, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.lastAt.IsZero() {
		w.longest = max(w.longest, at.Sub(w.lastAt))
	}
	w.lastAt = at
	switch {
	case !ok:
		w.unread++
		return
	case !w.any:
		w.any, w.first = true, m.Frame
	case m.Frame == w.next-1:
		w.repeated++
		return
	case int32(m.Frame-w.next) < 0: // numbers go round
		w.late++
		return
	}
	w.seen++
	w.next = m.Frame + 1
	w.latency = keep(w.latency, at.Sub(m.Captured))
	if second := m.Captured.Unix(); m.Flash && second != w.flashed {
		w.flashed = second
		w.flash = keep(w.flash, at.Sub(m.Captured))
	}
}

// Seen returns what was measured so far.
func (w *Watcher) Seen() Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Seen{
		Frames: w.seen, Repeated: w.repeated, Late: w.late, Unread: w.unread, Freeze: w.longest,
		Latency: slices.Clone(w.latency), Flash: slices.Clone(w.flash),
	}
	if w.any {
		s.First, s.Last = w.first, w.next-1
		s.Missing = int(w.next-w.first) - w.seen
	}
	return s
}

// Reset forgets every figure: a measurement begins with the next picture.
func (w *Watcher) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
}

// LipSync is how much later sound is than picture, in the median of what was
// measured of one sender: positive when the picture leads. It reports false
// while either was not measured yet.
func LipSync(h Heard, s Seen) (time.Duration, bool) {
	if len(h.Latency) == 0 || len(s.Latency) == 0 {
		return 0, false
	}
	sound := slices.Sorted(slices.Values(h.Latency))
	picture := slices.Sorted(slices.Values(s.Latency))
	return Quantile(sound, 0.5) - Quantile(picture, 0.5), true
}

func (w *Watcher) forget() {
	w.any, w.next, w.first, w.seen = false, 0, 0, 0
	w.repeated, w.late, w.unread = 0, 0, 0
	w.latency, w.flash, w.flashed = nil, nil, 0
	w.longest, w.lastAt = 0, time.Time{}
}
