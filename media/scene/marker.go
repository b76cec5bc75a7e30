package scene

import (
	"math"

	"candid/media"
)

// A markerFinder looks for chirps in a stream of sound. It works at a quarter
// of the sample rate: low-pass and decimate, take out the tones below the
// chirps, and correlate with each chirp in both phases, coarsely until something
// comes up, then sample by sample. It costs about 15 µs per 10 ms and chirp.
type markerFinder struct {
	kinds  []int
	shapes []markerShape

	low   []float64 // taps at the full rate
	high  []float64 // taps at the lower rate
	raw   []float64 // newest input, for low
	dec   []float64 // decimated, for high
	clean []float64 // what is searched
	base  int       // index of clean[0], in decimated samples since the start

	found func(kind int, sample float64) // start of a chirp, in samples since the start
}

// markerShape is one chirp in both phases, and what is being made of a hit.
type markerShape struct {
	cos, sin []float64
	norm     float64
	best     float64
	bestAt   int
	quiet    int // decimated samples until this chirp can come again
}

const (
	decimation    = 4
	decRate       = media.SampleRate / decimation
	shapeSamples  = markerSamples / decimation
	lowTaps       = 33
	highTaps      = 65
	coarse        = 4    // decimated samples between two looks
	likeness      = 0.3  // of 1: how alike to a chirp is one, with three others on top
	quietest      = 3e-6 // mean square of what can be a chirp: -55 dBFS
	searchSpan    = 3 * coarse
	quietAfterHit = decRate / 4

	// filterDelay is how much later the searched samples are than the sound, in
	// samples; half a decimation is how samples of two rates lie to each other.
	filterDelay = lowTaps/2 + highTaps/2*decimation + (decimation-1)/2.0
)

func newMarkerFinder(kinds []int, found func(kind int, sample float64)) *markerFinder {
	f := &markerFinder{kinds: kinds, found: found}
	f.low = lowPass(lowTaps, 5200.0/media.SampleRate)
	f.high = lowPass(highTaps, 1150.0/decRate)
	for i := range f.high { // what a low-pass takes away is a high-pass
		f.high[i] = -f.high[i]
	}
	f.high[highTaps/2]++
	f.raw = make([]float64, lowTaps-1)
	f.dec = make([]float64, highTaps-1)
	for _, kind := range kinds {
		s := markerShape{}
		for i := range shapeSamples {
			s.cos = append(s.cos, chirp(kind, i, shapeSamples, 0))
			s.sin = append(s.sin, chirp(kind, i, shapeSamples, math.Pi/2))
			s.norm += s.cos[i] * s.cos[i]
		}
		f.shapes = append(f.shapes, s)
	}
	return f
}

// lowPass is a windowed sinc; cutoff is a fraction of the sample rate.
func lowPass(taps int, cutoff float64) []float64 {
	h := make([]float64, taps)
	var sum float64
	for i := range h {
		x := float64(i - taps/2)
		h[i] = 2 * cutoff
		if x != 0 {
			h[i] = math.Sin(2*math.Pi*cutoff*x) / (math.Pi * x)
		}
		h[i] *= 0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/float64(taps-1))
		sum += h[i]
	}
	for i := range h {
		h[i] /= sum
	}
	return h
}

// add takes the next samples (full scale is 1); their number is a multiple of
// decimation.
func (f *markerFinder) add(x []float64) {
	f.raw = append(f.raw, x...)
	for i := 0; i+lowTaps <= len(f.raw); i += decimation {
		f.dec = append(f.dec, dot(f.low, f.raw[i:]))
	}
	f.raw = keepLast(f.raw, lowTaps-1)
	from := len(f.clean)
	for i := 0; i+highTaps <= len(f.dec); i++ {
		f.clean = append(f.clean, dot(f.high, f.dec[i:]))
	}
	f.dec = keepLast(f.dec, highTaps-1)
	f.search(from)
	drop := max(len(f.clean)-2*shapeSamples-searchSpan, 0)
	drop -= drop % coarse
	f.clean = f.clean[:copy(f.clean, f.clean[drop:])]
	f.base += drop
}

// search looks for chirps that end after index from of clean.
func (f *markerFinder) search(from int) {
	first := max(from-shapeSamples+1, 0)
	first += (coarse - first%coarse) % coarse
	for at := first; at+shapeSamples <= len(f.clean); at += coarse {
		window := f.clean[at : at+shapeSamples]
		energy := dot(window, window)
		for k := range f.shapes {
			f.look(k, at, energy)
		}
	}
}

// look compares what begins at index at of clean with chirp k, and decides,
// once past a peak.
func (f *markerFinder) look(k, at int, energy float64) {
	s := &f.shapes[k]
	if s.quiet > 0 {
		s.quiet -= coarse
		return
	}
	if energy >= quietest*shapeSamples {
		if like := s.like(f.clean[at:], energy); like > likeness && like > s.best {
			s.best, s.bestAt = like, f.base+at
		}
	}
	if s.best > 0 && f.base+at >= s.bestAt+searchSpan {
		at := s.refine(f.clean, s.bestAt-f.base)
		f.found(f.kinds[k], (float64(f.base)+at)*decimation-filterDelay)
		s.best, s.quiet = 0, quietAfterHit
	}
}

// like is how alike x is to the chirp, whatever its level and phase: 0 to 1.
func (s *markerShape) like(x []float64, energy float64) float64 {
	return math.Sqrt(s.power(x) / (s.norm * energy))
}

func (s *markerShape) power(x []float64) float64 {
	c, q := dot(s.cos, x), dot(s.sin, x)
	return c*c + q*q
}

// refine finds the peak near index at, to a fraction of a sample.
func (s *markerShape) refine(clean []float64, at int) float64 {
	var p [2*coarse + 1]float64
	best := coarse
	for i := range p {
		from := at - coarse + i
		if from < 0 || from+shapeSamples > len(clean) {
			continue
		}
		if p[i] = s.power(clean[from:]); p[i] > p[best] {
			best = i
		}
	}
	peak := float64(at - coarse + best)
	if best == 0 || best == len(p)-1 {
		return peak
	}
	a, b, c := p[best-1], p[best], p[best+1]
	if d := a - 2*b + c; d < 0 {
		peak += (a - c) / (2 * d)
	}
	return peak
}

func dot(a, b []float64) (sum float64) {
	b = b[:len(a)]
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func keepLast(x []float64, n int) []float64 {
	return x[:copy(x, x[len(x)-n:])]
}
