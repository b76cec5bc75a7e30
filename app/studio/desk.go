package studio

import (
	"math"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/playout"
)

// desk is what the speaker plays: the voices of the others and the test sound.
// What goes to the speaker is told to the voice processor too, so that it can
// take the echo of it out of the microphone.
type desk struct {
	voices  playout.Mixer
	hearing *hearing
	sinks   fan[media.AudioSink]
	chime   atomic.Pointer[chime]
	latency atomic.Int64 // of the speaker, in nanoseconds
	playing atomic.Int64 // voices
	quiet   func()       // is called when the test sound has ended
}

// inUse reports whether there is anything to play, or anybody who listens to
// what is played.
func (d *desk) inUse(bool) bool {
	return d.playing.Load() > 0 || d.chime.Load() != nil || !d.sinks.empty()
}

// ReadBlock is called by the speaker, on its clock.
func (d *desk) ReadBlock(pcm []int16) bool {
	heard := d.voices.ReadBlock(pcm)
	if c := d.chime.Load(); c != nil {
		if !c.addTo(pcm) {
			d.chime.CompareAndSwap(c, nil)
			d.quiet()
		}
		heard = true
	}
	if d.hearing.cleaning() {
		// It fails after Close only, when there is no microphone any more.
		_ = d.hearing.voice.Render(pcm)
	}
	if !d.sinks.empty() {
		b := media.AudioBlock{PCM: pcm, Captured: time.Now().Add(time.Duration(d.latency.Load()))}
		d.sinks.each(func(s media.AudioSink) { s.WriteAudio(b) })
	}
	return heard
}

// chime is the test sound: two notes like a doorbell, once.
type chime struct{ played int } // samples; of the speaker's thread

const (
	chimeNote  = media.SampleRate * 2 / 5 // from one note to the next
	chimeEnd   = 3 * chimeNote
	chimeFade  = 0.15 // seconds until a note is down to 37 %
	chimeLevel = 0.3 * math.MaxInt16
)

// addTo adds the next samples and reports whether there are more.
func (c *chime) addTo(pcm []int16) bool {
	for i := range pcm {
		v := float64(pcm[i]) + chimeAt(c.played)
		pcm[i] = int16(min(max(v, math.MinInt16), math.MaxInt16))
		c.played++
	}
	return c.played < chimeEnd
}

// chimeAt is the sample n of the test sound.
func chimeAt(n int) float64 {
	sum := 0.0
	for i, freq := range [2]float64{880, 659.26} {
		if m := n - i*chimeNote; m >= 0 {
			t := float64(m) / media.SampleRate
			attack := min(t/0.005, 1) // no click
			sum += attack * math.Exp(-t/chimeFade) * math.Sin(2*math.Pi*freq*t)
		}
	}
	return chimeLevel * sum
}
