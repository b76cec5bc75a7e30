package playout_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"
)

// doubled is what a sender makes of its packets that hears of this loss, in
// percent, after two seconds.
func doubled(sent []timed, loss int) []timed {
	var r codec.Redundancy
	var out []timed
	for _, s := range sent {
		if s.at > 2*time.Second {
			r.SetLoss(loss)
		}
		p := *s.p
		p.Payload = bytes.Clone(r.Add(s.p.Payload, s.p.Timestamp))
		out = append(out, timed{s.at, &p})
	}
	return out
}

// bursts loses a share of packets, five in a row.
func bursts(share float64) network {
	left := 0
	return func(rng *rand.Rand, at time.Duration) []time.Duration {
		if left == 0 && rng.Float64() < share/5/(1-share) {
			left = 5
		}
		if left > 0 {
			left--
			return nil
		}
		return []time.Duration{at}
	}
}

// distant is a path of 100 ms there and back, with a little jitter.
func distant(net network) network {
	return both(net, func(rng *rand.Rand, at time.Duration) []time.Duration {
		return []time.Duration{at + 50*time.Millisecond + time.Duration(rng.Int64N(int64(6*time.Millisecond)))}
	})
}

// With copies in later packets, next to nothing is made up at losses at which
// in-band FEC alone leaves holes, and without a round trip.
func TestRow49AudioCopies(t *testing.T) {
	for _, c := range []struct {
		name      string
		loss      int
		net       func() network
		most      float64
		mostDelay time.Duration
	}{
		{"5 % random", 5, func() network { return lossy(0.05) }, 0.01, 60 * time.Millisecond},
		{"10 % random", 10, func() network { return lossy(0.1) }, 0.01, 100 * time.Millisecond},
		{"30 % random", 30, func() network { return lossy(0.3) }, 0.03, 100 * time.Millisecond},
		{"10 % in bursts of five", 10, func() network { return bursts(0.1) }, 0.03, 100 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			var without, with, delay, worst float64
			const runs = 4
			for seed := range uint64(runs) {
				share := func(sent []timed) (float64, playout.AudioStats) {
					l := listen(t, playout.AudioConfig{})
					var early playout.AudioStats
					l.each = func(l *listener) {
						if l.pulls == 400 { // 4 s: the sender has heard, the buffer has grown
							early = l.a.Stats()
						}
					}
					l.run(carry(rand.New(rand.NewPCG(seed, 5)), sent, distant(c.net())), half)
					s := l.a.Stats()
					return float64(s.ConcealedSamples-early.ConcealedSamples) / float64(s.TotalSamplesReceived-early.TotalSamplesReceived), s
				}
				plain, _ := share(sweep(t))
				better, s := share(doubled(sweep(t), c.loss))
				without, with, worst = without+plain/runs, with+better/runs, max(worst, better)
				delay = max(delay, float64(s.Delay/time.Millisecond))
				if s.CopiesUsed == 0 {
					t.Error("no copy was used")
				}
			}
			t.Logf("made up: %.2f %% with FEC alone, %.2f %% with copies (worst %.2f %%); held at most %.0f ms", 100*without, 100*with, 100*worst, delay)
			if worst > c.most || with > without/2 {
				t.Errorf("%.2f %% made up, want at most %.2f", 100*worst, 100*c.most)
			}
			if delay > float64(c.mostDelay/time.Millisecond) {
				t.Errorf("held %.0f ms", delay)
			}
		})
	}
}

// Copies of what is there change nothing: neither the sound nor the delay.
func TestAudioCopiesUnneeded(t *testing.T) {
	plain := play(t, tone(t), perfect, half)
	with := play(t, doubled(tone(t), 20), perfect, half)
	a, b := plain.a.Stats(), with.a.Stats()
	if b.ConcealedSamples != 0 || b.PacketsRefused != 0 || b.PacketsRepeated != 0 || b.CopiesUsed != 0 || b.Target != a.Target {
		t.Errorf("with copies %+v, without %+v", b, a)
	}
	if snr := toneSNR(with.heard[3*media.SampleRate:], 440); snr < 40 {
		t.Errorf("tone at %.1f dB", snr)
	}
}

// When the loss is over, so is the delay.
func TestAudioCopiesEnd(t *testing.T) {
	net := func(rng *rand.Rand, at time.Duration) []time.Duration {
		if at < 10*time.Second && rng.Float64() < 0.3 {
			return nil
		}
		return []time.Duration{at}
	}
	l := play(t, doubled(sweep(t), 30), net, half)
	if s := l.a.Stats(); s.Delay > 30*time.Millisecond {
		t.Errorf("holds %v 20 s after the last loss", s.Delay)
	}
}
