package studio

import (
	"errors"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"candid/media"
	"candid/media/capture"
	"candid/media/voice"
)

// hearing is where the sound of whichever microphone is open goes.
type hearing struct {
	sinks fan[media.AudioSink]
	voice voice.Processor
	muted atomic.Bool
	raw   atomic.Bool // what is heard needs no cleaning, or nothing is heard
	level meter
}

// cleaning reports whether the voice is being cleaned now.
func (h *hearing) cleaning() bool { return !h.raw.Load() && !h.muted.Load() }

// needsMicrophone says when the microphone is open. A muted one is never opened.
// But one that is open stays so in a call: opening takes up to a second with a
// wireless headset, which also changes how it plays, and the first word after
// unmuting or in push-to-talk would be lost. Nothing of what it hears goes
// anywhere then, and its level still tells "you are muted". It costs 1 % of a
// core, against 3 % with everything on.
func (h *hearing) needsMicrophone(open bool) bool {
	return !h.muted.Load() || open && !h.sinks.empty()
}

// mic is an open microphone at work.
type mic struct {
	src  *capture.Microphone
	out  *hearing
	pump sync.WaitGroup
	pcm  [media.BlockSamples]int16
}

func (s *Studio) openMicrophone(d Device) (running, error) {
	src, err := s.devices.OpenMicrophone(d.ID)
	if err != nil {
		return nil, err
	}
	return &mic{src: src, out: &s.hearing}, nil
}

func (m *mic) start(lost func(error)) {
	m.out.raw.Store(m.src.Device().Synthetic) // a tone would be taken for noise
	m.pump.Go(func() {
		for {
			b, err := m.src.ReadAudio()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				lost(err)
				return
			}
			m.take(b)
		}
	})
}

// take cleans a block and hands it on, or does neither while muted.
func (m *mic) take(b media.AudioBlock) {
	if m.out.muted.Load() {
		m.out.level.measure(b.PCM)
		return
	}
	copy(m.pcm[:], b.PCM)
	if m.out.cleaning() {
		// It fails after Close only, and then nobody listens.
		_ = m.out.voice.Capture(m.pcm[:])
	}
	m.out.level.measure(m.pcm[:])
	b.PCM = m.pcm[:]
	m.out.sinks.each(func(s media.AudioSink) { s.WriteAudio(b) })
}

func (m *mic) close() {
	_ = m.src.Close() // closed as far as we can close it
	m.pump.Wait()
	m.out.raw.Store(true)
	m.out.level.reset()
}

// meter is a level for the eye: at once up, slowly down.
type meter struct{ bits atomic.Uint64 }

const (
	meterFloor = 60.0       // dB below full scale that read as 0
	meterFall  = 0.5 / 60.0 // per block: 30 dB in 600 ms
)

// measure takes 10 ms of sound. It belongs to one goroutine.
func (m *meter) measure(pcm []int16) {
	m.store(max(loudness(pcm), m.value()-meterFall))
}

func (m *meter) value() float64  { return math.Float64frombits(m.bits.Load()) }
func (m *meter) store(v float64) { m.bits.Store(math.Float64bits(v)) }
func (m *meter) reset()          { m.store(0) }

// loudness is the mean power of a block on a scale from 0 to 1, in decibels: 0
// is meterFloor below a full-scale sine, 1 is such a sine.
func loudness(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return 0
	}
	const full = math.MaxInt16 * math.MaxInt16 / 2.0
	db := 10 * math.Log10(sum/float64(len(pcm))/full)
	return min(max(1+db/meterFloor, 0), 1)
}
