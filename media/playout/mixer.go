package playout

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/mix"
)

// Mixer sums voices into one: it is itself a media.Voice, pulled by one caller
// at a time. Voices may be added, removed and made louder or softer meanwhile.
// The zero Mixer is ready, and silent.
type Mixer struct {
	mu     sync.Mutex // among those who change voices
	voices atomic.Pointer[[]*mixed]
	blocks atomic.Uint64 // odd while one is being made

	// Of the puller.
	pcm     [media.BlockSamples]int16
	sum     [media.BlockSamples]int32
	limiter mix.Limiter
}

type mixed struct {
	voice media.Voice
	gain  atomic.Uint32 // float32 bits
	last  float32       // gain of the block before; the puller's
}

// Add begins to play v, at gain 1. Adding it again does nothing.
func (m *Mixer) Add(v media.Voice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.find(v) != nil {
		return
	}
	e := &mixed{voice: v, last: 1}
	e.gain.Store(math.Float32bits(1))
	list := append(append([]*mixed(nil), m.list()...), e)
	m.voices.Store(&list)
}

// Remove stops playing v. When it returns, v is not being pulled and will not
// be again; it waits for a block in the making. It must not be called by a
// voice or from a render hook.
func (m *Mixer) Remove(v media.Voice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*mixed
	for _, e := range m.list() {
		if e.voice != v {
			list = append(list, e)
		}
	}
	m.voices.Store(&list)
	// The puller may still go through the list of before. It is the sound
	// device's thread, so it is watched from here rather than made to wait.
	for n := m.blocks.Load(); n%2 == 1 && m.blocks.Load() == n; {
		time.Sleep(time.Millisecond)
	}
}

// SetGain sets how loud v is played: 1 is as it comes, 0 is not at all, 8 the
// most. The change is faded. It does nothing if v is not there.
func (m *Mixer) SetGain(v media.Voice, gain float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.find(v); e != nil {
		e.gain.Store(math.Float32bits(float32(gain)))
	}
}

func (m *Mixer) list() []*mixed {
	if l := m.voices.Load(); l != nil {
		return *l
	}
	return nil
}

func (m *Mixer) find(v media.Voice) *mixed {
	for _, e := range m.list() {
		if e.voice == v {
			return e
		}
	}
	return nil
}

// ReadBlock fills pcm with the next 10 ms of all voices; see media.Voice. It
// does not block and does not allocate, unless a voice does.
func (m *Mixer) ReadBlock(pcm []int16) bool {
	m.blocks.Add(1)
	defer m.blocks.Add(1)
	clear(m.sum[:])
	sounding := false
	for _, e := range m.list() {
		gain := math.Float32frombits(e.gain.Load())
		if e.voice.ReadBlock(m.pcm[:]) {
			sounding = true
			addFading(m.sum[:], m.pcm[:], e.last, gain)
		}
		e.last = gain
	}
	m.limiter.Limit(pcm[:media.BlockSamples], m.sum[:])
	return sounding
}

// addFading adds pcm to sum while the gain goes from one value to another.
func addFading(sum []int32, pcm []int16, from, to float32) {
	if from == to {
		mix.Add(sum, pcm, to)
		return
	}
	const steps, n = 32, media.BlockSamples / 32
	for i := range steps {
		gain := from + (to-from)*float32(i+1)/steps
		mix.Add(sum[i*n:(i+1)*n], pcm[i*n:(i+1)*n], gain)
	}
}
