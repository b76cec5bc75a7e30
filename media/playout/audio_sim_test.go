package playout_test

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"

	"github.com/pion/rtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epoch is when every simulation starts.
var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// timed is a packet and when it arrives, after epoch.
type timed struct {
	at time.Duration
	p  *rtp.Packet
}

// network says when a packet sent at a time arrives: at none, one or several
// moments.
type network func(rng *rand.Rand, sent time.Duration) []time.Duration

func perfect(_ *rand.Rand, sent time.Duration) []time.Duration { return []time.Duration{sent} }

// lossy loses a share of packets.
func lossy(share float64) network {
	return func(rng *rand.Rand, sent time.Duration) []time.Duration {
		if rng.Float64() < share {
			return nil
		}
		return []time.Duration{sent}
	}
}

// jittery delays each packet evenly between 0 and most, so that they overtake
// each other.
func jittery(most time.Duration) network {
	return func(rng *rand.Rand, sent time.Duration) []time.Duration {
		return []time.Duration{sent + time.Duration(rng.Int64N(int64(most)))}
	}
}

// both sends what one lets through over two.
func both(one, two network) network {
	return func(rng *rand.Rand, sent time.Duration) (out []time.Duration) {
		for _, at := range one(rng, sent) {
			out = append(out, two(rng, at)...)
		}
		return out
	}
}

func sine(hz float64) func(int) float64 {
	return func(i int) float64 { return 10000 * math.Sin(2*math.Pi*hz*float64(i)/media.SampleRate) }
}

// talk encodes length of sound as a sender would: a packet every 20 ms, sent
// when its last sample was taken.
func talk(t testing.TB, sound func(int) float64, length time.Duration, o codec.OpusOptions) []timed {
	t.Helper()
	enc, err := codec.NewOpusEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	const n = codec.OpusSamples
	var out []timed
	pcm := make([]int16, n)
	for k := range int(length / (20 * time.Millisecond)) {
		for i := range pcm {
			pcm[i] = int16(math.Round(sound(k*n + i)))
		}
		data, err := enc.Encode(pcm)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, timed{time.Duration(k+1) * 20 * time.Millisecond, &rtp.Packet{
			Header:  rtp.Header{SequenceNumber: uint16(65500 + k), Timestamp: uint32(1<<32 - 48000 + k*n)},
			Payload: append([]byte(nil), data...),
		}})
	}
	return out
}

// carry sends packets over a network.
func carry(rng *rand.Rand, sent []timed, net network) []timed {
	var out []timed
	for _, s := range sent {
		for _, at := range net(rng, s.at) {
			p := *s.p
			out = append(out, timed{at, &p})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].at < out[j].at })
	return out
}

// listener plays an Audio in virtual time.
type listener struct {
	a      *playout.Audio
	now    time.Duration
	next   time.Duration // when to pull next
	heard  []int16
	blocks []bool
	// period is 10 ms by the sound card's clock; early moves each pull.
	period time.Duration
	early  func(pull int) time.Duration
	each   func(*listener) // after each pull
	pulls  int
}

func listen(t testing.TB, cfg playout.AudioConfig) *listener {
	t.Helper()
	l := &listener{period: media.BlockDuration, next: 3 * time.Millisecond}
	if cfg.Decoder == nil {
		dec, err := codec.NewOpusDecoder()
		if err != nil {
			t.Fatal(err)
		}
		cfg.Decoder = dec
	}
	cfg.Now = func() time.Time { return epoch.Add(l.now) }
	a, err := playout.NewAudio(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.a = a
	return l
}

// run feeds and pulls until the given time.
func (l *listener) run(packets []timed, until time.Duration) {
	i := 0
	var pcm [media.BlockSamples]int16
	for {
		at := l.next
		if l.early != nil {
			at += l.early(l.pulls)
		}
		if at > until {
			return
		}
		for ; i < len(packets) && packets[i].at <= at; i++ {
			l.now = packets[i].at
			l.a.Push(packets[i].p, epoch.Add(l.now))
		}
		l.now = at
		l.blocks = append(l.blocks, l.a.ReadBlock(pcm[:]))
		l.heard = append(l.heard, pcm[:]...)
		if l.each != nil {
			l.each(l)
		}
		l.pulls++
		l.next += l.period
	}
}

// concealedShare is the share of samples that were made up.
func concealedShare(s playout.AudioStats) float64 {
	return float64(s.ConcealedSamples) / float64(s.TotalSamplesReceived)
}

// toneSNR is the power of a tone in pcm against everything else, in dB. The
// tone is fitted in pieces of 100 ms, so that its phase may drift.
func toneSNR(pcm []int16, hz float64) float64 {
	const piece = media.SampleRate / 10
	var signal, noise float64
	for ; len(pcm) >= piece; pcm = pcm[piece:] {
		var re, im, power float64
		for i, v := range pcm[:piece] {
			w := 2 * math.Pi * hz * float64(i) / media.SampleRate
			re += float64(v) * math.Cos(w)
			im += float64(v) * math.Sin(w)
			power += float64(v) * float64(v)
		}
		s := 2 * (re*re + im*im) / piece
		signal += s
		noise += max(power-s, 0)
	}
	return 10 * math.Log10(signal/max(noise, 1e-9))
}

// clicks counts places where the sound leaves a tone by more than limit: a sine
// obeys x[i+1] = 2cos(w)·x[i] − x[i−1].
func clicks(pcm []int16, hz, limit float64) int {
	c := 2 * math.Cos(2*math.Pi*hz/media.SampleRate)
	n, last := 0, -1000
	for i := 1; i+1 < len(pcm); i++ {
		if math.Abs(float64(pcm[i+1])-c*float64(pcm[i])+float64(pcm[i-1])) > limit && i-last > 480 {
			n++
			last = i
		}
	}
	return n
}
