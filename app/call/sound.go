package call

import (
	"log/slog"
	"sync/atomic"
	"time"

	"candid/media/codec"
	"candid/media/playout"
	"candid/netstack"
)

// sound is what is heard of one member, whichever paths it arrives over: all of
// them fill one jitter buffer. It belongs to the session's loop, but for what
// is atomic.
type sound struct {
	studio Studio
	sync   *playout.Sync
	log    *slog.Logger

	audio   atomic.Pointer[playout.Audio] // nil: not played
	report  atomic.Pointer[netstack.SenderReport]
	packets [netstack.MCU + 1]atomic.Uint64 // that came, by path
	newest  [netstack.MCU + 1]atomic.Int64  // when the newest did, Unix ns

	open    func(ts uint32, packet []byte) ([]byte, error) // nil: not encrypted
	begun   bool                                           // a track has come
	unplay  func()                                         // takes the voice out of the speaker
	setGain func(float64)
	gain    float64 // as the person set it
	hushed  bool    // another sound stands for it
}

// play begins to play, if it does not.
func (s *sound) play() error {
	if s.audio.Load() != nil {
		return nil
	}
	decoder, err := codec.NewOpusDecoder()
	if err != nil {
		return err
	}
	audio, err := playout.NewAudio(playout.AudioConfig{
		Decoder: decoder, Open: s.open, Report: s.reported, Sync: s.sync, OutputLatency: s.studio.SpeakerLatency, Logger: s.log,
	})
	if err != nil {
		return err
	}
	s.unplay, s.setGain = s.studio.Play(audio)
	s.audio.Store(audio)
	s.level()
	return nil
}

// stop ends what play began.
func (s *sound) stop() {
	if s.audio.Swap(nil) != nil {
		s.unplay()
		s.unplay, s.setGain = nil, nil
	}
}

// hush makes the sound inaudible, or audible again; the mixer fades it.
func (s *sound) hush(hushed bool) {
	if s.hushed != hushed {
		s.hushed = hushed
		s.level()
	}
}

func (s *sound) setVolume(gain float64) {
	s.gain = gain
	s.level()
}

func (s *sound) level() {
	switch {
	case s.setGain == nil:
	case s.hushed:
		s.setGain(0)
	default:
		s.setGain(s.gain)
	}
}

func (s *sound) reported() (playout.SenderReport, bool) {
	r := s.report.Load()
	if r == nil {
		return playout.SenderReport{}, false
	}
	return playout.SenderReport{NTP: r.NTP, RTPTime: r.RTPTime, At: r.At}, true
}

// read takes what one path brings until that ends.
func (s *sound) read(path netstack.Topology, t netstack.RemoteTrack) {
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			s.log.Debug("audio track ended", "err", err)
			return
		}
		now := time.Now()
		if r := t.SenderReport(); r.OK {
			s.report.Store(&r.Value)
		}
		s.packets[path].Add(1)
		s.newest[path].Store(now.UnixNano())
		if a := s.audio.Load(); a != nil {
			a.PushFrom(uint8(path), p, now)
		}
	}
}

// flows reports whether a path has brought something just now.
func (s *sound) flows(path netstack.Topology, now time.Time) bool {
	return now.UnixNano()-s.newest[path].Load() < int64(freshSound)
}

// freshSound is how long after a packet another is still awaited.
const freshSound = 300 * time.Millisecond

// concealed counts samples that were made up.
func (s *sound) concealed() uint64 {
	if a := s.audio.Load(); a != nil {
		return a.Stats().ConcealedSamples
	}
	return 0
}
