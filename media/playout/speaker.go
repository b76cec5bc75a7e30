package playout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"candid/media"

	"github.com/gen2brain/malgo"
)

// Output plays a voice: a Speaker or a NullSpeaker.
type Output interface {
	// Latency is about how long after a block was pulled it is heard. It does
	// not block.
	Latency() time.Duration
	// Close stops pulling, and waits until it has stopped.
	io.Closer
}

// ErrNoSpeaker says that there is no sound output on this machine, or not the
// one that was asked for.
var ErrNoSpeaker = errors.New("no such speaker")

// ErrSpeakerLost says that a speaker stopped by itself.
var ErrSpeakerLost = errors.New("the speaker stopped: unplugged, or the sound system is gone")

// SpeakerDevice is a sound output that can be opened.
type SpeakerDevice struct {
	ID      string // the same after a restart of this machine
	Name    string // as the system calls it
	Default bool
}

// SpeakerConfig says what a Speaker plays, and where.
type SpeakerConfig struct {
	// ID of the device; empty is the system's default.
	ID string
	// Voice is pulled every 10 ms by the sound device's thread.
	Voice media.Voice
	// Render, if set, is called with exactly what is played, after each pull:
	// the reference of an echo canceller. It must not block nor keep pcm.
	Render func(pcm []int16)
	// Lost, if set, is called once if the device stops by itself: unplugged, or
	// the sound server is gone. It must not block, and must not call the
	// Speaker: post it. Nothing is pulled then, until Switch.
	Lost func(error)
	// Logger may be nil.
	Logger *slog.Logger
}

const (
	// Ten ms periods, two of them: the least that runs without gaps on a desktop.
	speakerPeriod  = 10 // ms
	speakerPeriods = 2
	// A device that asked for nothing for so long is gone. Not every sound
	// system says so: PulseAudio just falls silent when its sink is unloaded.
	speakerSilence = 2 * time.Second
)

// Speaker plays a voice on a sound device. Its methods may be called from any
// goroutine.
type Speaker struct {
	cfg SpeakerConfig
	log *slog.Logger

	mu     sync.Mutex // one change of device at a time
	run    *speakerRun
	closed bool
	quit   chan struct{}
	done   sync.WaitGroup

	current atomic.Pointer[speakerRun] // the one that pulls
}

// speakerRun is one device in use, with a connection of its own to the sound
// system: when a sound server was restarted, the old connection leads nowhere.
type speakerRun struct {
	sound *soundSystem
	dev   *malgo.Device

	s      *Speaker
	lost   atomic.Bool
	pulled atomic.Int64 // when the device last asked, in ns since 1970

	// Of the device's thread.
	pcm  [media.BlockSamples]int16
	left int // samples at the end of pcm not yet played
}

// OpenSpeaker opens a device and begins to play. Close must be called.
func OpenSpeaker(cfg SpeakerConfig) (*Speaker, error) {
	if cfg.Voice == nil {
		return nil, errors.New("open speaker: no voice to play")
	}
	s := &Speaker{cfg: cfg, log: orDiscard(cfg.Logger), quit: make(chan struct{})}
	if err := s.Switch(cfg.ID); err != nil {
		return nil, err
	}
	s.done.Add(1)
	go s.watch()
	return s, nil
}

// Switch goes on playing on another device; empty is the default. If that one
// cannot be opened, the one in use is kept. It blocks while devices open and
// close, some 100 ms.
func (s *Speaker) Switch(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("switch speaker: it is closed")
	}
	run, err := s.open(id)
	if err != nil {
		return fmt.Errorf("open speaker: %w", err)
	}
	// Two devices must never pull at once.
	err = s.stop()
	run.pulled.Store(time.Now().UnixNano())
	s.current.Store(run)
	if failed := run.dev.Start(); failed != nil {
		s.current.Store(nil)
		return errors.Join(fmt.Errorf("start speaker: %w", failed), run.close(), err)
	}
	s.run = run
	s.log.Debug("speaker opened", "system", run.sound.Backend())
	return err
}

// watch looks whether the device in use still asks for sound.
func (s *Speaker) watch() {
	defer s.done.Done()
	tick := time.NewTicker(speakerSilence / 4)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case now := <-tick.C:
			if r := s.current.Load(); r != nil && now.UnixNano()-r.pulled.Load() > int64(speakerSilence) {
				r.stopped()
			}
		}
	}
}

// stop closes the device in use. It waits for its callback to return.
func (s *Speaker) stop() error {
	s.current.Store(nil)
	run := s.run
	s.run = nil
	if run == nil {
		return nil
	}
	return run.close()
}

func (s *Speaker) open(id string) (*speakerRun, error) {
	sound, err := openSound()
	if err != nil {
		return nil, err
	}
	run := &speakerRun{s: s, sound: sound}
	if err := run.open(id); err != nil {
		return nil, errors.Join(err, sound.Close())
	}
	return run, nil
}

func (r *speakerRun) open(id string) error {
	device, err := r.sound.find(id)
	if err != nil {
		return err
	}
	cfg := malgo.DefaultDeviceConfig(malgo.Playback)
	cfg.Playback.Format = malgo.FormatS16
	cfg.Playback.Channels = 1
	cfg.SampleRate = media.SampleRate
	cfg.PeriodSizeInMilliseconds = speakerPeriod
	cfg.Periods = speakerPeriods
	cfg.Pulse.StreamNamePlayback = "Candid"
	if id != "" {
		var pin runtime.Pinner
		defer pin.Unpin()
		pin.Pin(device)
		cfg.Playback.DeviceID = unsafe.Pointer(device)
	}
	r.dev, err = malgo.InitDevice(r.sound.Context, cfg, malgo.DeviceCallbacks{Data: r.data, Stop: r.stopped})
	return err
}

func (r *speakerRun) close() error {
	// Uninit alone waits for ever for a device that asks for nothing any more;
	// Stop wakes it. That it was stopped already is no error.
	if err := r.dev.Stop(); err != nil {
		r.s.log.Debug("speaker did not stop well", "cause", err)
	}
	r.dev.Uninit()
	return r.sound.Close()
}

// Latency is the device's buffer. What the system adds behind it (a sound
// server, the card, a wireless link) is not known.
func (s *Speaker) Latency() time.Duration {
	return speakerPeriod * speakerPeriods * time.Millisecond
}

// Close stops playing and gives the device back. When it returns, the voice is
// not pulled any more. It may be called more than once.
func (s *Speaker) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.quit)
	s.done.Wait()
	return s.stop()
}

// data is called by the device's thread for the next frames.
func (r *speakerRun) data(out, _ []byte, _ uint32) {
	r.pulled.Store(time.Now().UnixNano())
	for len(out) >= 2 {
		if r.left == 0 {
			r.s.cfg.Voice.ReadBlock(r.pcm[:])
			if r.s.cfg.Render != nil {
				r.s.cfg.Render(r.pcm[:])
			}
			r.left = len(r.pcm)
		}
		n := min(r.left, len(out)/2)
		for i, v := range r.pcm[len(r.pcm)-r.left:][:n] {
			binary.NativeEndian.PutUint16(out[2*i:], uint16(v))
		}
		out = out[2*n:]
		r.left -= n
	}
}

// stopped is called when the device has stopped: by itself, if it is still the
// one in use. It may be called by the device's thread and by watch.
func (r *speakerRun) stopped() {
	if r.s.current.Load() != r || r.lost.Swap(true) {
		return
	}
	if r.s.cfg.Lost != nil {
		r.s.cfg.Lost(ErrSpeakerLost)
	}
}
