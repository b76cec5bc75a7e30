package playout

import (
	"errors"
	"sync"
	"time"

	"candid/media"
)

// NullConfig says what a NullSpeaker plays.
type NullConfig struct {
	// Voice is pulled every 10 ms.
	Voice media.Voice
	// Render is as in SpeakerConfig; may be nil.
	Render func(pcm []int16)
	// Listen, if set, hears what is played: Captured is when it was pulled, and
	// Delay later. It must not block nor keep the block.
	Listen media.AudioSink
	// Delay is a latency to pretend; 0 is none.
	Delay time.Duration
}

// maxCatchUp is how much a NullSpeaker that could not run makes up for; what is
// beyond is left out, as on a sound card that ran dry.
const maxCatchUp = 200 * time.Millisecond

// NullSpeaker plays to nobody, by the machine's clock: for machines without
// sound, for the demo and for tests.
type NullSpeaker struct {
	cfg  NullConfig
	quit chan struct{}
	once sync.Once
	done sync.WaitGroup
}

// NewNullSpeaker begins to play. Close must be called.
func NewNullSpeaker(cfg NullConfig) (*NullSpeaker, error) {
	if cfg.Voice == nil {
		return nil, errors.New("open null speaker: no voice to play")
	}
	s := &NullSpeaker{cfg: cfg, quit: make(chan struct{})}
	s.done.Add(1)
	go s.run()
	return s, nil
}

// Latency is what the configuration says.
func (s *NullSpeaker) Latency() time.Duration { return s.cfg.Delay }

// Close stops playing. When it returns, the voice is not pulled any more. It
// may be called more than once.
func (s *NullSpeaker) Close() error {
	s.once.Do(func() { close(s.quit) })
	s.done.Wait()
	return nil
}

func (s *NullSpeaker) run() {
	defer s.done.Done()
	var pcm [media.BlockSamples]int16
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-timer.C:
		}
		now := time.Now()
		if now.Sub(due) > maxCatchUp {
			due = now
		}
		for ; !due.After(now); due = due.Add(media.BlockDuration) {
			s.play(pcm[:])
		}
		timer.Reset(time.Until(due))
	}
}

func (s *NullSpeaker) play(pcm []int16) {
	at := time.Now() // not when it was due: a listener must not hear what was not there
	s.cfg.Voice.ReadBlock(pcm)
	if s.cfg.Render != nil {
		s.cfg.Render(pcm)
	}
	if s.cfg.Listen != nil {
		s.cfg.Listen.WriteAudio(media.AudioBlock{PCM: pcm, Captured: at.Add(s.cfg.Delay)})
	}
}
