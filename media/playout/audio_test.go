package playout_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"
)

const half = 30 * time.Second

// What is said in most tests, encoded once: a tone (which Opus sends without
// FEC, as music), and sweeps, of which every packet carries FEC.
var said sync.Map

func tone(t testing.TB) []timed  { return once(t, "tone", sine(440)) }
func sweep(t testing.TB) []timed { return once(t, "sweep", sweeping) }

func sweeping(i int) float64 {
	s := math.Mod(float64(i)/media.SampleRate, 0.25)
	return 10000 * math.Sin(2*math.Pi*(200*s+3000*s*s))
}

func once(t testing.TB, name string, sound func(int) float64) []timed {
	v, ok := said.Load(name)
	if !ok {
		v, _ = said.LoadOrStore(name, talk(t, sound, half, codec.OpusOptions{LossPercent: 10}))
	}
	return v.([]timed)
}

func play(t testing.TB, packets []timed, net network, until time.Duration) *listener {
	t.Helper()
	l := listen(t, playout.AudioConfig{})
	l.run(carry(rand.New(rand.NewPCG(7, 7)), packets, net), until)
	return l
}

func TestAudioUntouchedNetwork(t *testing.T) {
	for phase := time.Duration(0); phase < media.BlockDuration; phase += 3 * time.Millisecond {
		t.Run(phase.String(), func(t *testing.T) {
			l := listen(t, playout.AudioConfig{})
			l.next = phase
			l.run(tone(t), half)
			s := l.a.Stats()
			if s.ConcealedSamples != 0 || s.InsertedSamplesForDeceleration != 0 || s.PacketsDiscarded != 0 {
				t.Errorf("made up %d, lengthened by %d, discarded %d packets", s.ConcealedSamples, s.InsertedSamplesForDeceleration, s.PacketsDiscarded)
			}
			// What is needed: less than a block, until the next pull.
			if s.Delay > 20*time.Millisecond || s.Target > 5*time.Millisecond {
				t.Errorf("holds %v, aims at %v", s.Delay, s.Target)
			}
			if snr := toneSNR(l.heard[3*media.SampleRate:], 440); snr < 40 {
				t.Errorf("tone at %.1f dB", snr)
			}
			if n := clicks(l.heard[media.SampleRate:], 440, 400); n != 0 {
				t.Errorf("%d clicks", n)
			}
		})
	}
}

// Loss with FEC: what is lost alone is restored, so only the second and later
// of a burst are made up.
func TestRow49AudioLoss(t *testing.T) {
	for _, c := range []struct {
		loss, most float64
	}{{0.01, 0.002}, {0.05, 0.01}, {0.1, 0.02}, {0.2, 0.06}, {0.3, 0.12}} {
		t.Run(fmt.Sprintf("%.0f%%", 100*c.loss), func(t *testing.T) {
			l := play(t, sweep(t), both(lossy(c.loss), jittery(4*time.Millisecond)), half)
			s := l.a.Stats()
			if share := concealedShare(s); share > c.most {
				t.Errorf("%.2f %% made up, want at most %.2f", 100*share, 100*c.most)
			}
			if s.FECPacketsUsed < uint64(c.loss*1500/2) {
				t.Errorf("FEC used for %d packets", s.FECPacketsUsed)
			}
			if s.Delay > 60*time.Millisecond {
				t.Errorf("delay grew to %v", s.Delay)
			}
		})
	}
}

func TestRow49AudioBurstsOfFive(t *testing.T) {
	burst, lost := 0, 0
	net := func(rng *rand.Rand, at time.Duration) []time.Duration {
		if burst == 0 && rng.Float64() < 0.02 {
			burst = 5
		}
		if burst > 0 {
			burst--
			lost++
			return nil
		}
		return []time.Duration{at}
	}
	l := play(t, sweep(t), net, half)
	s := l.a.Stats()
	// Of each five the last is restored.
	if share, want := concealedShare(s), 0.8*float64(lost)/1500; share > want+0.01 {
		t.Errorf("%.2f %% made up, want %.2f", 100*share, 100*want)
	}
	if s.ConcealmentEvents == 0 || s.ConcealmentEvents > 60 {
		t.Errorf("%d concealment events", s.ConcealmentEvents)
	}
	if s.Delay > 60*time.Millisecond {
		t.Errorf("delay grew to %v", s.Delay)
	}
}

// Lost packets that are sent again come later than all others. The target grows
// to hold them, and then nothing is made up, with FEC or without; where there
// is FEC as well, that is not waited for on top.
func TestAudioRepaired(t *testing.T) {
	net := func(rng *rand.Rand, at time.Duration) []time.Duration {
		if rng.Float64() < 0.05 {
			return []time.Duration{at + 30*time.Millisecond + time.Duration(rng.Int64N(int64(20*time.Millisecond)))}
		}
		return []time.Duration{at}
	}
	for name, said := range map[string][]timed{"without FEC": tone(t), "with FEC": sweep(t)} {
		t.Run(name, func(t *testing.T) {
			l := play(t, said, net, half)
			s := l.a.Stats()
			if share := concealedShare(s); share > 0.01 {
				t.Errorf("%.2f %% made up", 100*share)
			}
			if s.Target > 60*time.Millisecond {
				t.Errorf("aims at %v", s.Target)
			}
		})
	}
	l := play(t, tone(t), net, half)
	if n := clicks(l.heard[10*media.SampleRate:], 440, 400); n != 0 {
		t.Errorf("%d clicks after 10 s", n)
	}
}

func TestAudioJitter(t *testing.T) {
	for _, most := range []time.Duration{5, 20, 40, 80, 150} {
		most *= time.Millisecond
		t.Run(most.String(), func(t *testing.T) {
			l := play(t, tone(t), jittery(most), half)
			s := l.a.Stats()
			if share := concealedShare(s); share > 0.01 {
				t.Errorf("%.2f %% made up", 100*share)
			}
			if s.Target < most*9/10 || s.Target > most*11/10+5*time.Millisecond {
				t.Errorf("aims at %v", s.Target)
			}
			if s.Delay > s.Target+15*time.Millisecond {
				t.Errorf("holds %v, aims at %v", s.Delay, s.Target)
			}
			if n := clicks(l.heard[10*media.SampleRate:], 440, 400); n != 0 {
				t.Errorf("%d clicks after 10 s", n)
			}
		})
	}
}

// Jitter for ten seconds: the target follows it up at once, and comes back.
func TestAudioTargetAdapts(t *testing.T) {
	net := func(rng *rand.Rand, at time.Duration) []time.Duration {
		if at > 5*time.Second && at < 12*time.Second {
			at += time.Duration(rng.Int64N(int64(60 * time.Millisecond)))
		}
		return []time.Duration{at}
	}
	l := listen(t, playout.AudioConfig{})
	at := map[int]playout.AudioStats{}
	l.each = func(l *listener) { at[l.pulls/100] = l.a.Stats() }
	l.run(carry(rand.New(rand.NewPCG(1, 1)), tone(t), net), half)
	for _, c := range []struct {
		second   int
		from, to time.Duration
	}{{4, 0, 5}, {8, 40, 70}, {11, 50, 70}, {28, 0, 5}} {
		if got := at[c.second].Target; got < c.from*time.Millisecond || got > c.to*time.Millisecond {
			t.Errorf("after %d s aims at %v, want %v to %v ms", c.second, got, int(c.from), int(c.to))
		}
	}
	if got := at[28].Delay; got > 20*time.Millisecond {
		t.Errorf("in the end holds %v", got)
	}
	if n := clicks(l.heard[13*media.SampleRate:], 440, 400); n != 0 {
		t.Errorf("%d clicks while getting shorter", n)
	}
}

// The sound card's clock and the sender's differ: nothing runs dry, nothing
// grows, nothing clicks.
func TestAudioDrift(t *testing.T) {
	for _, ppm := range []time.Duration{-500, -100, 100, 500} {
		t.Run(fmt.Sprint(int(ppm)), func(t *testing.T) {
			l := listen(t, playout.AudioConfig{})
			l.period += media.BlockDuration * ppm / 1e6
			var most time.Duration
			l.each = func(l *listener) {
				if l.pulls > 300 {
					most = max(most, l.a.Stats().Delay)
				}
			}
			l.run(tone(t), half)
			s := l.a.Stats()
			if s.ConcealedSamples > 0 {
				t.Errorf("%d samples made up in %d events", s.ConcealedSamples, s.ConcealmentEvents)
			}
			if most > 25*time.Millisecond {
				t.Errorf("held up to %v", most)
			}
			if ppm < -100 && s.InsertedSamplesForDeceleration == 0 || ppm > 100 && s.RemovedSamplesForAcceleration < 400 {
				t.Errorf("lengthened by %d, shortened by %d samples", s.InsertedSamplesForDeceleration, s.RemovedSamplesForAcceleration)
			}
			if n := clicks(l.heard[media.SampleRate:], 440, 400); n != 0 {
				t.Errorf("%d clicks", n)
			}
		})
	}
}

// A sound system that asks for two blocks at a time, 20 ms apart, and is up to
// 8 ms late.
func TestAudioUnevenPulls(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	l := listen(t, playout.AudioConfig{})
	l.early = func(pull int) time.Duration {
		if pull%2 == 0 {
			return media.BlockDuration // with the next one
		}
		return time.Duration(rng.Int64N(int64(8 * time.Millisecond)))
	}
	l.run(tone(t), half)
	s := l.a.Stats()
	if s.ConcealedSamples > 0 || s.Delay > 35*time.Millisecond {
		t.Errorf("%d samples made up, holds %v", s.ConcealedSamples, s.Delay)
	}
	if snr := toneSNR(l.heard[5*media.SampleRate:], 440); snr < 40 {
		t.Errorf("tone at %.1f dB", snr)
	}
}
