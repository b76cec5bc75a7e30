package scene

import (
	"io"
	"sync"
	"time"

	"candid/media"
)

// pacer wakes its owner at regular times, counted from its start, so that late
// wake-ups do not add up. Its clock is the machine's.
type pacer struct {
	start  time.Time
	period time.Duration
	n      int64 // of the next beat

	closed chan struct{}
	once   sync.Once
}

func newPacer(period time.Duration) *pacer {
	return &pacer{start: time.Now(), period: period, closed: make(chan struct{})}
}

// due is when beat n is.
func (p *pacer) due(n int64) time.Time { return p.start.Add(time.Duration(n) * p.period) }

// wait blocks until t, and reports false if the pacer was closed.
func (p *pacer) wait(t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		select {
		case <-p.closed:
			return false
		default:
			return true
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.closed:
		return false
	case <-timer.C:
		return true
	}
}

func (p *pacer) close() { p.once.Do(func() { close(p.closed) }) }

// Microphone plays a Sound in real time: a media.AudioSource.
type Microphone struct {
	tone  *Tone
	beat  *pacer
	block []int16
}

// maxBehind is how many blocks a reader may be late before some are left out,
// as a sound device would.
const maxBehind = 20

// NewMicrophone starts a microphone that hears s.
func NewMicrophone(s Sound) (*Microphone, error) {
	t, err := NewTone(s)
	if err != nil {
		return nil, err
	}
	return &Microphone{tone: t, beat: newPacer(media.BlockDuration), block: make([]int16, media.BlockSamples)}, nil
}

// ReadAudio blocks until the last sample of the block would have been heard.
func (m *Microphone) ReadAudio() (media.AudioBlock, error) {
	if now := int64(time.Since(m.beat.start) / m.beat.period); now-m.beat.n > maxBehind {
		m.beat.n = now
	}
	at := m.beat.due(m.beat.n)
	m.beat.n++
	m.tone.Fill(m.block, at)
	if !m.beat.wait(m.beat.due(m.beat.n)) {
		return media.AudioBlock{}, io.EOF
	}
	return media.AudioBlock{PCM: m.block, Captured: at}, nil
}

// Close ends ReadAudio with io.EOF. It may be called more than once.
func (m *Microphone) Close() error {
	m.beat.close()
	return nil
}
