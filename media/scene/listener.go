package scene

import (
	"math"
	"slices"
	"sync"
	"time"

	"candid/media"
)

// A Listener measures, at the far end, sound made by Tones: give it every block
// that goes to the speaker. It may be used from any goroutine, and needs about
// 40 µs per block and member.
type Listener struct {
	mu     sync.Mutex
	ears   []*ear
	finder *markerFinder
	block  []float64

	samples int       // taken so far
	times   timeline  // when they were played
	window  *window   // being filled
	waiting []*window // full, but a marker may still be found in them
}

// ear is what is known of one member.
type ear struct {
	sound    Sound
	cos, sin []float64 // of the tone, over a window
	snr      []float64 // per window, dB
	latency  []time.Duration
	signal   float64 // energy of the tone over all windows counted
	rest     float64 // energy of what is not a tone, over the same
	silent   int
	heard    bool    // ever
	level    float64 // newest, dBFS
}

// window is 100 ms of sound, in which every tone has whole cycles.
type window struct {
	start    int
	n        int
	energy   float64
	sum      float64
	cos, sin []float64 // per ear
	marked   bool
}

const (
	windowSamples = media.SampleRate / 10
	// presentLevel is what a tone needs to count as heard, in dBFS: 26 dB less
	// than it is sent with.
	presentLevel = -46.0
	// markerBefore and markerAfter are how far a codec smears a marker.
	markerBefore = media.SampleRate * 15 / 1000
	markerAfter  = media.SampleRate * 25 / 1000
	// keptFigures bounds what is kept for medians; the oldest go.
	keptFigures = 1 << 14
)

// NewListener makes a Listener for the sounds of these members.
func NewListener(sounds ...Sound) (*Listener, error) {
	l := &Listener{block: make([]float64, media.BlockSamples)}
	var kinds []int
	for _, s := range sounds {
		if err := s.check(); err != nil {
			return nil, err
		}
		l.ears = append(l.ears, newEar(s))
		if !slices.Contains(kinds, s.Chirp) {
			kinds = append(kinds, s.Chirp)
		}
	}
	l.finder = newMarkerFinder(kinds, l.markerFound)
	l.window = l.newWindow(0)
	return l, nil
}

func newEar(s Sound) *ear {
	e := &ear{sound: s, level: math.Inf(-1), cos: make([]float64, windowSamples), sin: make([]float64, windowSamples)}
	for i := range e.cos {
		e.sin[i], e.cos[i] = math.Sincos(2 * math.Pi * float64(s.Freq) * float64(i) / media.SampleRate)
	}
	return e
}

func (l *Listener) newWindow(start int) *window {
	return &window{start: start, cos: make([]float64, len(l.ears)), sin: make([]float64, len(l.ears))}
}

// WriteAudio takes 10 ms of sound. b.Captured is when its first sample is
// played (or handed to the device, if that is what is to be measured).
func (l *Listener) WriteAudio(b media.AudioBlock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(b.PCM) != media.BlockSamples {
		return
	}
	for i, v := range b.PCM {
		l.block[i] = float64(v) / math.MaxInt16
	}
	l.times.add(l.samples, b.Captured)
	l.measure()
	l.finder.add(l.block)
	l.samples += len(l.block)
	if l.window.n == windowSamples {
		l.turn()
	}
}

// measure adds the block to the window.
func (l *Listener) measure() {
	w := l.window
	for i, e := range l.ears {
		w.cos[i] += dot(l.block, e.cos[w.n:])
		w.sin[i] += dot(l.block, e.sin[w.n:])
	}
	for _, v := range l.block {
		w.energy += v * v
		w.sum += v
	}
	w.n += len(l.block)
}

// turn begins a new window, and counts the one before the one that is full.
func (l *Listener) turn() {
	l.waiting = append(l.waiting, l.window)
	l.window = l.newWindow(l.samples)
	if len(l.waiting) > 1 {
		l.count(l.waiting[0])
		l.waiting = append(l.waiting[:0], l.waiting[1:]...)
	}
}

// count fits the tones to the window by least squares, which for whole cycles
// is a projection on each, and takes what is left as noise.
func (l *Listener) count(w *window) {
	rest := w.energy - w.sum*w.sum/windowSamples
	power := make([]float64, len(l.ears))
	for i := range l.ears {
		power[i] = 2 * (w.cos[i]*w.cos[i] + w.sin[i]*w.sin[i]) / windowSamples
		rest -= power[i]
	}
	rest = max(rest, 1e-12)
	for i, e := range l.ears {
		e.level = 10 * math.Log10(power[i]/windowSamples+1e-12)
		if e.level < presentLevel {
			e.silent++
			continue
		}
		first := !e.heard
		e.heard = true
		if first || w.marked { // the first may have begun in silence
			continue
		}
		e.snr = keep(e.snr, 10*math.Log10(power[i]/rest))
		e.signal += power[i]
		e.rest += rest
	}
}

// markerFound is called by the finder, with the lock held.
func (l *Listener) markerFound(kind int, sample float64) {
	at, ok := l.times.of(sample)
	for _, w := range append(l.waiting, l.window) {
		if w.start < int(sample)+markerSamples+markerAfter && w.start+windowSamples > int(sample)-markerBefore {
			w.marked = true
		}
	}
	if !ok {
		return
	}
	for _, e := range l.ears {
		// A chirp belongs to those of its kind who can be heard.
		if e.sound.Chirp == kind && e.level >= presentLevel {
			e.latency = keep(e.latency, sinceSecond(at))
		}
	}
}

// sinceSecond is how long after a whole second t is; the last 100 ms of a
// second count as before the next, for clocks and codecs are not exact.
func sinceSecond(t time.Time) time.Duration {
	d := time.Duration(t.Nanosecond())
	if d > 900*time.Millisecond {
		d -= time.Second
	}
	return d
}

func keep[T any](s []T, v T) []T {
	if len(s) == keptFigures {
		s = append(s[:0], s[keptFigures/2:]...)
	}
	return append(s, v)
}

// timeline remembers when the last blocks were played.
type timeline struct {
	start [256]int // 2.56 s
	at    [256]time.Time
	n     int
}

func (t *timeline) add(sample int, at time.Time) {
	t.start[t.n%len(t.start)], t.at[t.n%len(t.at)] = sample, at
	t.n++
}

// of returns when sample was played.
func (t *timeline) of(sample float64) (time.Time, bool) {
	for i := t.n - 1; i >= max(0, t.n-len(t.start)); i-- {
		start := float64(t.start[i%len(t.start)])
		if sample >= start && sample < start+media.BlockSamples {
			return t.at[i%len(t.at)].Add(time.Duration((sample - start) * float64(time.Second) / media.SampleRate)), true
		}
	}
	return time.Time{}, false
}

// Heard is what a Listener knows of one member.
type Heard struct {
	Sound Sound
	// Level of the tone in the newest 100 ms, in dB below full scale.
	Level float64
	// Heard now, or else not.
	Present bool
	// SNR of the tone in dB: the median over windows of 100 ms in which the
	// tone is heard and no marker. SNRWorst is what 95 % of them reach, SNRAll
	// is all of them taken as one, in which one bad moment weighs heavily.
	SNR, SNRWorst, SNRAll float64
	Windows               int // counted
	Silent                int // in which the tone was missing
	// Latency from mouth to ear, one figure a marker, oldest first.
	Latency []time.Duration
}

// Heard returns what was measured so far of each member, in the order they were
// given to NewListener.
func (l *Listener) Heard() []Heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Heard, len(l.ears))
	for i, e := range l.ears {
		snr := slices.Sorted(slices.Values(e.snr))
		out[i] = Heard{
			Sound: e.sound, Level: e.level, Present: e.level >= presentLevel,
			SNR: Quantile(snr, 0.5), SNRWorst: Quantile(snr, 0.05),
			Windows: len(snr), Silent: e.silent, Latency: slices.Clone(e.latency),
		}
		if e.rest > 0 {
			out[i].SNRAll = 10 * math.Log10(e.signal/e.rest)
		}
	}
	return out
}

// Reset forgets every figure: a measurement begins here.
func (l *Listener) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.ears {
		e.snr, e.latency = e.snr[:0], e.latency[:0]
		e.signal, e.rest, e.silent, e.heard = 0, 0, 0, false
	}
}

// Quantile returns the value below which the share q (0 to 1) of sorted lies;
// zero if there is none.
func Quantile[T float64 | time.Duration](sorted []T, q float64) T {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
