package playout_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"

	"github.com/pion/rtp"
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
func TestAudioLoss(t *testing.T) {
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

func TestAudioBurstsOfFive(t *testing.T) {
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
// to hold them, and then nothing is made up although there is no FEC.
func TestAudioRepaired(t *testing.T) {
	net := func(rng *rand.Rand, at time.Duration) []time.Duration {
		if rng.Float64() < 0.05 {
			return []time.Duration{at + 30*time.Millisecond + time.Duration(rng.Int64N(int64(20*time.Millisecond)))}
		}
		return []time.Duration{at}
	}
	l := play(t, tone(t), net, half)
	s := l.a.Stats()
	if share := concealedShare(s); share > 0.01 {
		t.Errorf("%.2f %% made up", 100*share)
	}
	if s.Target > 60*time.Millisecond {
		t.Errorf("aims at %v", s.Target)
	}
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

// Every packet twice, over two paths of which the second is slower, and each
// path loses a tenth: hardly anything is missing, and the slower path sets no
// pace.
func TestAudioTwoPaths(t *testing.T) {
	net := func(rng *rand.Rand, at time.Duration) (out []time.Duration) {
		if rng.Float64() > 0.1 {
			out = append(out, at)
		}
		if rng.Float64() > 0.1 {
			out = append(out, at+25*time.Millisecond)
		}
		return out
	}
	l := play(t, tone(t), net, half)
	s := l.a.Stats()
	if share := concealedShare(s); share > 0.02 {
		t.Errorf("%.2f %% made up", 100*share)
	}
	if s.PacketsRepeated < 1000 {
		t.Errorf("%d packets known as copies", s.PacketsRepeated)
	}
	if s.Target > 32*time.Millisecond {
		t.Errorf("aims at %v", s.Target)
	}
}

// A muted sender sends nothing: that is silence, not concealment, and when it
// goes on it is heard as soon as before.
func TestAudioMuted(t *testing.T) {
	var sent []timed
	for _, p := range tone(t) {
		if p.at > 10*time.Second && p.at <= 20*time.Second {
			continue
		}
		q := *p.p
		q.SequenceNumber = uint16(len(sent)) // what was not sent is not counted
		sent = append(sent, timed{p.at, &q})
	}
	l := play(t, sent, perfect, half)
	s := l.a.Stats()
	if s.ConcealedSamples != 0 || s.ConcealmentEvents != 0 {
		t.Errorf("%d samples made up in %d events", s.ConcealedSamples, s.ConcealmentEvents)
	}
	for _, c := range []struct {
		from, to int // blocks
		sounding bool
	}{{20, 1000, true}, {1020, 2000, false}, {2004, 3000, true}} {
		for i, got := range l.blocks[c.from:c.to] {
			if got != c.sounding {
				t.Fatalf("block %d: sound is %v", c.from+i, got)
			}
		}
	}
	if s.Delay > 20*time.Millisecond {
		t.Errorf("holds %v", s.Delay)
	}
}

// The network stands for two seconds and then delivers everything: what is
// too old is left out, and the delay comes back.
func TestAudioStall(t *testing.T) {
	net := func(rng *rand.Rand, at time.Duration) []time.Duration {
		if at > 5*time.Second && at < 7*time.Second {
			at = 7 * time.Second
		}
		return []time.Duration{at}
	}
	l := listen(t, playout.AudioConfig{})
	var soon, later time.Duration
	l.each = func(l *listener) {
		switch l.pulls {
		case 850:
			soon = l.a.Stats().Delay
		case 2900:
			later = l.a.Stats().Delay
		}
	}
	l.run(carry(rand.New(rand.NewPCG(1, 1)), tone(t), net), half)
	if soon > 700*time.Millisecond || later > 20*time.Millisecond {
		t.Errorf("held %v after 1.5 s, %v after 22 s", soon, later)
	}
	s := l.a.Stats()
	if s.ConcealedSamples < 80000 || s.SilentConcealedSamples < 70000 {
		t.Errorf("%d samples made up, of them %d silent: 2 s were missing", s.ConcealedSamples, s.SilentConcealedSamples)
	}
}

// The speaker is changed, which takes three seconds.
func TestAudioPullerStalls(t *testing.T) {
	l := listen(t, playout.AudioConfig{})
	var soon time.Duration
	l.each = func(l *listener) {
		if l.pulls == 500 {
			l.next += 3 * time.Second
		}
		if l.pulls == 600 {
			soon = l.a.Stats().Delay
		}
	}
	l.run(tone(t), half)
	if soon > 60*time.Millisecond {
		t.Errorf("a second later holds %v", soon)
	}
	if snr := toneSNR(l.heard[8*media.SampleRate:], 440); snr < 40 {
		t.Errorf("tone at %.1f dB", snr)
	}
}

// A sender that begins anew, with other numbers and another clock.
func TestAudioSenderRestarts(t *testing.T) {
	var sent []timed
	for _, p := range tone(t) {
		q := *p.p
		if p.at > 10*time.Second {
			q.SequenceNumber += 30000
			q.Timestamp += 3 << 29
		}
		sent = append(sent, timed{p.at, &q})
	}
	l := play(t, sent, perfect, half)
	s := l.a.Stats()
	if s.ConcealedSamples > media.SampleRate/4 || s.Delay > 20*time.Millisecond {
		t.Errorf("%d samples made up, holds %v", s.ConcealedSamples, s.Delay)
	}
	if snr := toneSNR(l.heard[12*media.SampleRate:], 440); snr < 40 {
		t.Errorf("tone at %.1f dB", snr)
	}
}

// Garbage among the packets is refused and does no harm.
func TestAudioGarbage(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var sent []timed
	for _, p := range tone(t) {
		sent = append(sent, p)
		if p.at > 2*time.Second && rng.IntN(5) == 0 {
			junk := make([]byte, rng.IntN(2000))
			for i := range junk {
				junk[i] = byte(rng.Uint32())
			}
			sent = append(sent, timed{p.at, &rtp.Packet{
				Header:  rtp.Header{SequenceNumber: uint16(rng.Uint32()), Timestamp: rng.Uint32()},
				Payload: junk,
			}})
		}
	}
	l := play(t, sent, perfect, half)
	s := l.a.Stats()
	if s.PacketsRefused < 200 {
		t.Errorf("%d packets refused", s.PacketsRefused)
	}
	if snr := toneSNR(l.heard[3*media.SampleRate:], 440); snr < 40 {
		t.Errorf("tone at %.1f dB", snr)
	}
}

func TestAudioOpens(t *testing.T) {
	var sent []timed
	for i, p := range tone(t) {
		q := *p.p
		q.Payload = append([]byte{byte(i % 10)}, q.Payload...)
		sent = append(sent, timed{p.at, &q})
	}
	l := listen(t, playout.AudioConfig{Open: func(b []byte) ([]byte, error) {
		if b[0] == 3 {
			return nil, errors.New("wrong key")
		}
		return b[1:], nil
	}})
	l.run(sent, half)
	s := l.a.Stats()
	if share := concealedShare(s); share < 0.08 || share > 0.12 || s.PacketsRefused != 150 {
		t.Errorf("%.2f %% made up, %d refused: a tenth cannot be opened", 100*share, s.PacketsRefused)
	}
}

func TestAudioLevel(t *testing.T) {
	l := play(t, tone(t), perfect, half)
	s := l.a.Stats()
	want := 10000 / math.Sqrt2 / 32767
	if math.Abs(s.AudioLevel-want) > 0.02 {
		t.Errorf("level %.3f, want %.3f", s.AudioLevel, want)
	}
	if mean := math.Sqrt(s.TotalAudioEnergy / s.TotalSamplesDuration.Seconds()); math.Abs(mean-want) > 0.02 {
		t.Errorf("mean level %.3f, want %.3f", mean, want)
	}
	l.run(nil, half+2*time.Second)
	if s = l.a.Stats(); s.AudioLevel > 0.001 {
		t.Errorf("level %.3f in silence", s.AudioLevel)
	}
}

func TestAudioNeedsDecoder(t *testing.T) {
	if _, err := playout.NewAudio(playout.AudioConfig{}); err == nil {
		t.Error("no error")
	}
}

// The puller is the sound device's thread: it waits for nobody.
func TestAudioPullDoesNotBlock(t *testing.T) {
	l := listen(t, playout.AudioConfig{})
	l.run(tone(t)[:100], time.Second)
	defer l.a.HoldLocks()()
	var pcm [media.BlockSamples]int16
	l.a.ReadBlock(pcm[:]) // would hang
}

func TestAudioPullDoesNotAllocate(t *testing.T) {
	packets := carry(rand.New(rand.NewPCG(1, 1)), sweep(t), both(lossy(0.1), jittery(30*time.Millisecond)))
	l := listen(t, playout.AudioConfig{})
	l.blocks, l.heard = make([]bool, 0, 1e4), make([]int16, 0, 1e7)
	until := time.Second
	l.run(packets, until)
	allocs := testing.AllocsPerRun(500, func() {
		until += media.BlockDuration
		for len(packets) > 0 && packets[0].at < until-media.BlockDuration {
			packets = packets[1:]
		}
		l.run(packets, until)
	})
	if allocs != 0 {
		t.Errorf("%v allocations a block", allocs)
	}
}
