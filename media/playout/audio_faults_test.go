package playout_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"candid/media"
	"candid/media/playout"

	"github.com/pion/rtp"
)

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
	l := listen(t, playout.AudioConfig{Open: func(_ uint32, b []byte) ([]byte, error) {
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
