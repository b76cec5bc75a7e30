package capture

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"candid/media"

	"github.com/gen2brain/malgo"
	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"
)

// silence is how long a microphone may give nothing at all before it counts as
// lost. The first block of some takes 2 s.
const silence = 5 * time.Second

// microphone returns the adapter of a listed microphone.
func (s *soundSystem) microphone(id string) (*soundInput, error) {
	in := &soundInput{sys: s, ring: newBlockRing(), gone: make(chan struct{}), closing: make(chan struct{})}
	err := s.each(func(dev Device, raw malgo.DeviceID) {
		if dev.ID == id {
			in.id = &raw
		}
	})
	if err != nil {
		return nil, err
	}
	if in.id == nil {
		return nil, ErrNotFound
	}
	return in, nil
}

// soundInput is a mediadevices driver for one microphone. It copies what
// miniaudio lends it, in blocks of 10 ms, and never keeps the sound device
// waiting.
type soundInput struct {
	sys *soundSystem
	id  *malgo.DeviceID // apart from the struct: C gets to see it

	ring    *blockRing
	ctx     *soundContext
	dev     *malgo.Device
	gone    chan struct{} // closed when the device stopped by itself
	goneOne sync.Once
	closing chan struct{}
	closed  sync.Once
}

var _ driver.Adapter = (*soundInput)(nil)

func (m *soundInput) Open() error {
	ctx, err := m.sys.connect()
	m.ctx = ctx
	return err
}

func (m *soundInput) Properties() []prop.Media {
	return []prop.Media{blocks()}
}

// blocks is the one mode of our own microphones.
func blocks() prop.Media {
	return prop.Media{Audio: prop.Audio{
		ChannelCount: 1, SampleRate: media.SampleRate, SampleSize: 2, IsInterleaved: true, Latency: media.BlockDuration,
	}}
}

// AudioRecord starts the microphone. miniaudio mixes down and resamples.
func (m *soundInput) AudioRecord(prop.Media) (audio.Reader, error) {
	cfg := malgo.DefaultDeviceConfig(malgo.Capture)
	cfg.Capture.Format = malgo.FormatS16
	cfg.Capture.Channels = 1
	cfg.SampleRate = media.SampleRate
	cfg.PeriodSizeInMilliseconds = uint32(media.BlockDuration.Milliseconds())
	cfg.Pulse.StreamNameCapture = "Candid"
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(m.id)
	cfg.Capture.DeviceID = unsafe.Pointer(m.id)

	dev, err := malgo.InitDevice(m.ctx.Context, cfg, malgo.DeviceCallbacks{
		Data: func(_, in []byte, _ uint32) {
			if len(in) >= 2 {
				m.ring.write(unsafe.Slice((*int16)(unsafe.Pointer(&in[0])), len(in)/2), time.Now())
			}
		},
		Stop: func() { m.goneOne.Do(func() { close(m.gone) }) },
	})
	if err != nil {
		return nil, err
	}
	if err := dev.Start(); err != nil {
		dev.Uninit()
		return nil, err
	}
	m.dev = dev
	return &soundReader{m: m, out: newStampedSound(nil)}, nil
}

// Close stops the microphone and ends a read that waits.
func (m *soundInput) Close() error {
	m.closed.Do(func() {
		close(m.closing)
		if m.dev != nil {
			_ = m.dev.Stop() // wakes its thread; Uninit alone waits for sound, for ever if none comes
			m.dev.Uninit()
		}
		if m.ctx != nil {
			m.ctx.release()
		}
	})
	return nil
}

type soundReader struct {
	m     *soundInput
	out   *stampedSound
	taken bool
}

// stampedSound is a chunk that knows when it was taken.
type stampedSound struct {
	wave.Int16Interleaved
	at time.Time
}

func newStampedSound(pcm []int16) *stampedSound {
	s := &stampedSound{}
	s.Data = pcm
	s.Size = wave.ChunkInfo{Len: media.BlockSamples, Channels: 1, SamplingRate: media.SampleRate}
	return s
}

// Read returns the next 10 ms. They are valid until the next Read.
func (r *soundReader) Read() (wave.Audio, func(), error) {
	m := r.m
	if r.taken {
		m.ring.done()
		r.taken = false
	}
	timeout := time.NewTimer(silence)
	defer timeout.Stop()
	for {
		if b := m.ring.next(); b != nil {
			r.taken = true
			r.out.Data, r.out.at = b.pcm[:], b.at
			return r.out, func() {}, nil
		}
		select {
		case <-m.ring.wake:
		case <-m.closing:
			return nil, nil, io.EOF
		case <-m.gone:
			return nil, nil, errors.New("the sound system stopped it")
		case <-timeout.C:
			return nil, nil, fmt.Errorf("no sound for %v", silence)
		}
	}
}
