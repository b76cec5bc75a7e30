package playout

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
)

// counter may be added to from any goroutine.
type counter struct{ atomic.Uint64 }

func (c *counter) add(n uint64) { c.Add(n) }

// AudioStats is how a track is played. Names and meanings are those of W3C
// webrtc-stats (RTCInboundRtpStreamStats) where it has them. Counters count
// from the start of the Audio.
type AudioStats struct {
	TotalSamplesReceived uint64 // played or to be played, with those made up
	// ConcealedSamples were made up because packets were lost or late. What a
	// sender left out (muted, DTX) does not count.
	ConcealedSamples       uint64
	SilentConcealedSamples uint64 // of those, silence
	ConcealmentEvents      uint64
	// FECPacketsUsed counts lost packets restored from the copy in the next one.
	FECPacketsUsed uint64
	// CopiesUsed counts lost packets that came, in time, with a later one.
	CopiesUsed                     uint64
	InsertedSamplesForDeceleration uint64
	RemovedSamplesForAcceleration  uint64
	// JitterBufferDelay is summed over samples: how long each was held.
	// JitterBufferTargetDelay likewise: how long it should have been.
	// JitterBufferEmittedCount is how many samples.
	JitterBufferDelay        time.Duration
	JitterBufferTargetDelay  time.Duration
	JitterBufferEmittedCount uint64
	PacketsDiscarded         uint64 // came too late
	PacketsRepeated          uint64
	PacketsRefused           uint64 // made no sense
	// AudioLevel is the level of what was played last, 0 to 1; see
	// TotalAudioEnergy and TotalSamplesDuration for averages.
	AudioLevel           float64
	TotalAudioEnergy     float64
	TotalSamplesDuration time.Duration

	// Delay is how long sound is held now, Target how long it should be:
	// beyond what the fastest packet of late needed.
	Delay, Target time.Duration
}

// emitted counts n samples that were held for held ns, beside a target.
func (s *AudioStats) emitted(held, target, n int64) {
	s.JitterBufferDelay += time.Duration(held * n)
	s.JitterBufferTargetDelay += time.Duration(target * n)
	s.JitterBufferEmittedCount += uint64(n)
}

// audioStats hands figures from the puller to whoever asks. The puller never
// waits: if someone is reading, it publishes with its next block.
type audioStats struct {
	mu  sync.Mutex
	out AudioStats
}

// meterFall is how much of the level stays after each block of silence: the
// meter falls by 20 dB in 0.3 s.
const meterFall = 0.926

// publish measures a block, and returns its energy, 0 to 1.
func (s *audioStats) publish(p *playhead, pcm []int16, sounding bool) (energy float64) {
	if sounding {
		for _, v := range pcm {
			energy += float64(v) * float64(v)
		}
		energy /= float64(len(pcm)) * math.MaxInt16 * math.MaxInt16
		p.stats.Delay = time.Duration(p.delay() + blockNanos - p.delays.least) // a block further now
		p.stats.Target = time.Duration(p.target() - p.delays.least)
	}
	p.stats.AudioLevel = max(math.Sqrt(energy), p.stats.AudioLevel*meterFall)
	p.stats.TotalAudioEnergy += energy * media.BlockDuration.Seconds()
	p.stats.TotalSamplesDuration += media.BlockDuration
	if s.mu.TryLock() {
		s.out = p.stats
		s.mu.Unlock()
	}
	return energy
}

// Stats returns the figures as of the last block or the one before. It does not
// block the puller.
func (a *Audio) Stats() AudioStats {
	a.stat.mu.Lock()
	out := a.stat.out
	a.stat.mu.Unlock()
	out.PacketsRefused += a.refused.Load()
	out.PacketsDiscarded += a.overflow.Load()
	return out
}
