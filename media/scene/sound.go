package scene

import (
	"fmt"
	"math"
	"time"

	"candid/media"
)

// Sound is what a synthetic microphone plays: a tone that never stops, and at
// each whole second of the wall clock a marker, a short chirp. Which tones are
// heard says who is heard; when a chirp is heard says how late.
type Sound struct {
	// Freq of the tone in Hz: a multiple of 10 from 200 to 1000, so that 100 ms
	// hold whole cycles and no tone is mistaken for another.
	Freq int
	// Chirp is the marker: 0 to Chirps-1.
	Chirp int
}

// Chirps is how many markers can be told apart when played at once.
const Chirps = 4

// memberFreqs keep clear of each other's overtones.
var memberFreqs = [...]int{440, 530, 620, 710, 350, 830, 970, 390, 490, 570, 670, 770, 910, 310, 870, 270}

// SoundOf gives member i a tone of its own (up to 16 members), and one of the
// markers.
func SoundOf(i int) Sound {
	i = ((i % len(memberFreqs)) + len(memberFreqs)) % len(memberFreqs)
	return Sound{Freq: memberFreqs[i], Chirp: i % Chirps}
}

func (s Sound) check() error {
	if s.Freq < 200 || s.Freq > 1000 || s.Freq%10 != 0 {
		return fmt.Errorf("tone of %d Hz is not a multiple of 10 from 200 to 1000", s.Freq)
	}
	if s.Chirp < 0 || s.Chirp >= Chirps {
		return fmt.Errorf("marker %d is not in 0..%d", s.Chirp, Chirps-1)
	}
	return nil
}

const (
	// ToneLevel is the peak of a tone (1 is full scale): six at once do not clip.
	ToneLevel   = 0.15
	markerLevel = 0.2

	// MarkerTime is how long a marker lasts.
	MarkerTime    = 40 * time.Millisecond
	markerSamples = media.SampleRate / 25

	// FlashTime is how long the picture flashes at each whole second.
	FlashTime = 100 * time.Millisecond
)

// chirp is sample i of n of a marker, at any sample rate: up or down through
// one of two bands that speech codecs keep, fading in and out. quarter turns it
// by 90°.
func chirp(kind, i, n int, quarter float64) float64 {
	band := [2][2]float64{{1400, 2600}, {2800, 4000}}[kind/2]
	from, to := band[0], band[1]
	if kind%2 == 1 {
		from, to = to, from
	}
	x := (float64(i) + 0.5) / float64(n)
	t := x * MarkerTime.Seconds()
	cycles := from*t + (to-from)*t*x/2
	fade := math.Sin(math.Pi * x)
	return fade * math.Cos(2*math.Pi*cycles-quarter)
}

// Tone generates a Sound. It belongs to one goroutine.
type Tone struct {
	cycle  []float64 // one second of the tone
	marker []float64
}

// NewTone prepares s.
func NewTone(s Sound) (*Tone, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("make tone: %w", err)
	}
	t := &Tone{cycle: make([]float64, media.SampleRate), marker: make([]float64, markerSamples)}
	for i := range t.cycle {
		t.cycle[i] = ToneLevel * math.Sin(2*math.Pi*float64(s.Freq)*float64(i)/media.SampleRate)
	}
	for i := range t.marker {
		t.marker[i] = markerLevel * chirp(s.Chirp, i, markerSamples, 0)
	}
	return t, nil
}

// Fill writes the sound of the time from at on. Blocks whose times follow each
// other join without a seam.
func (t *Tone) Fill(pcm []int16, at time.Time) {
	n := sampleOfSecond(at)
	for i := range pcm {
		v := t.cycle[n]
		if n < len(t.marker) {
			v += t.marker[n]
		}
		pcm[i] = int16(math.Round(v * math.MaxInt16))
		if n++; n == media.SampleRate {
			n = 0
		}
	}
}

// sampleOfSecond is how many samples ago the last whole second was.
func sampleOfSecond(at time.Time) int {
	n := (int64(at.Nanosecond())*media.SampleRate + int64(time.Second)/2) / int64(time.Second)
	return int(n % media.SampleRate)
}

// Flashes reports whether a picture taken at t flashes.
func Flashes(t time.Time) bool { return time.Duration(t.Nanosecond()) < FlashTime }
