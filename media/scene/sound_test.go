package scene

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Unix(1_900_000_000, 137_000_000)

// play gives l the given sounds, mixed, for a time; what Tones make passes
// through change, 20 ms at a time, and is heard delay after it was made.
func play(t *testing.T, l *Listener, sounds []Sound, length, delay time.Duration, change func(pcm []int16) []int16) {
	t.Helper()
	var tones []*Tone
	for _, s := range sounds {
		tone, err := NewTone(s)
		if err != nil {
			t.Fatal(err)
		}
		tones = append(tones, tone)
	}
	const n = 2 * media.BlockSamples
	pcm, one := make([]int16, n), make([]int16, n)
	for at := start; at.Before(start.Add(length)); at = at.Add(2 * media.BlockDuration) {
		clear(pcm)
		for _, tone := range tones {
			tone.Fill(one, at)
			for i, v := range one {
				pcm[i] += v
			}
		}
		out := change(pcm)
		for i := 0; i < n; i += media.BlockSamples {
			played := at.Add(delay + time.Duration(i)*time.Second/media.SampleRate)
			l.WriteAudio(media.AudioBlock{PCM: out[i : i+media.BlockSamples], Captured: played})
		}
	}
}

func same(pcm []int16) []int16 { return pcm }

// throughOpus encodes and decodes; lost says which packets do not arrive.
func throughOpus(t *testing.T, o codec.OpusOptions, lost func(n int) bool) func([]int16) []int16 {
	t.Helper()
	enc, err := codec.NewOpusEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := codec.NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int16, codec.MaxOpusSamples)
	n := 0
	return func(pcm []int16) []int16 {
		packet, err := enc.Encode(pcm)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if lost(n) {
			if err := dec.DecodePLC(out[:len(pcm)]); err != nil {
				t.Fatal(err)
			}
			return out[:len(pcm)]
		}
		got, err := dec.Decode(packet, out)
		if err != nil {
			t.Fatal(err)
		}
		return out[:got]
	}
}

func none(int) bool { return false }

func newListener(t *testing.T, sounds ...Sound) *Listener {
	t.Helper()
	l, err := NewListener(sounds...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func median(d []time.Duration) time.Duration { return Quantile(slices.Sorted(slices.Values(d)), 0.5) }

func TestListenerHearsAClearTone(t *testing.T) {
	for i := range 16 {
		s := SoundOf(i)
		l := newListener(t, s)
		const delay = 83400 * time.Microsecond
		play(t, l, []Sound{s}, 5*time.Second, delay, same)
		h := l.Heard()[0]
		if !h.Present || h.SNR < 60 || h.SNRWorst < 50 || h.Windows < 30 || h.Silent > 0 {
			t.Errorf("%+v: present %v, SNR %.1f (worst %.1f) dB in %d windows, %d silent", s, h.Present, h.SNR, h.SNRWorst, h.Windows, h.Silent)
		}
		if want := 20 * math.Log10(ToneLevel/math.Sqrt2); math.Abs(h.Level-want) > 0.2 {
			t.Errorf("%+v: level %.2f dB, want %.2f", s, h.Level, want)
		}
		if len(h.Latency) != 5 {
			t.Errorf("%+v: %d markers in 5 s", s, len(h.Latency))
		}
		for _, d := range h.Latency {
			if off := d - delay; off.Abs() > 100*time.Microsecond {
				t.Errorf("%+v: latency %v, want %v", s, d, delay)
			}
		}
	}
}

// The codec's own delay is part of what is measured: 6.5 ms.
func TestListenerThroughOpus(t *testing.T) {
	const lookAhead = 6500 * time.Microsecond
	for _, bitrate := range []int{24_000, 40_000, 64_000} {
		for _, loss := range []int{0, 10} {
			for _, member := range []int{0, 3} {
				s := SoundOf(member)
				l := newListener(t, s)
				const delay = 40 * time.Millisecond
				play(t, l, []Sound{s}, 8*time.Second, delay, throughOpus(t, codec.OpusOptions{Bitrate: bitrate, LossPercent: loss}, none))
				h := l.Heard()[0]
				off := median(h.Latency) - delay - lookAhead
				t.Logf("%d bit/s, ready for %d %% loss, %d Hz: SNR %.1f dB (worst %.1f, all %.1f), %d markers, %v off",
					bitrate, loss, s.Freq, h.SNR, h.SNRWorst, h.SNRAll, len(h.Latency), off)
				if len(h.Latency) < 7 || len(h.Latency) > 8 || off.Abs() > 2*time.Millisecond {
					t.Errorf("%d bit/s %+v: %d markers in 8 s, %v off", bitrate, s, len(h.Latency), off)
				}
				if bitrate >= 40_000 && h.SNR < 28 {
					t.Errorf("%d bit/s, %d %% loss, %+v: SNR only %.1f dB", bitrate, loss, s, h.SNR)
				}
			}
		}
	}
}

func TestListenerTellsWhoIsHeard(t *testing.T) {
	all := []Sound{SoundOf(0), SoundOf(1), SoundOf(2), SoundOf(3), SoundOf(4)}
	for _, heard := range [][]int{{}, {0}, {2}, {1, 3}, {0, 1, 2, 3}} {
		l := newListener(t, all...)
		var sounds []Sound
		for _, i := range heard {
			sounds = append(sounds, all[i])
		}
		play(t, l, sounds, 5*time.Second, 50*time.Millisecond, throughOpus(t, codec.OpusOptions{Bitrate: 64_000}, none))
		for i, h := range l.Heard() {
			if want := slices.Contains(heard, i); h.Present != want {
				t.Errorf("playing %v: member %d heard %v at %.1f dB", heard, i, h.Present, h.Level)
			} else if want && (len(h.Latency) < 4 || (median(h.Latency)-56500*time.Microsecond).Abs() > 2*time.Millisecond) {
				t.Errorf("playing %v: member %d has latencies %v", heard, i, h.Latency)
			}
		}
	}
}

// What spoils the sound shows: noise, loss, a pause.
func TestListenerNoticesDamage(t *testing.T) {
	s := SoundOf(0)
	r := rand.New(rand.NewPCG(1, 2))
	noisy := func(db float64) func([]int16) []int16 {
		sigma := ToneLevel / math.Sqrt2 * math.Pow(10, -db/20) * math.MaxInt16
		return func(pcm []int16) []int16 {
			for i := range pcm {
				pcm[i] += int16(r.NormFloat64() * sigma)
			}
			return pcm
		}
	}
	for _, db := range []float64{10, 20, 30} {
		l := newListener(t, s)
		play(t, l, []Sound{s}, 5*time.Second, 0, noisy(db))
		h := l.Heard()[0]
		if math.Abs(h.SNR-db) > 1 || math.Abs(h.SNRAll-db) > 1 {
			t.Errorf("noise at %.0f dB: SNR %.1f, all %.1f", db, h.SNR, h.SNRAll)
		}
	}
	l := newListener(t, s)
	n := 0
	play(t, l, []Sound{s}, 6*time.Second, 0, func(pcm []int16) []int16 {
		if n++; n > 100 && n <= 200 {
			clear(pcm)
		}
		return pcm
	})
	if h := l.Heard()[0]; h.Silent < 18 || h.Silent > 21 {
		t.Errorf("two silent seconds are %d silent windows, want 20", h.Silent)
	}
	l = newListener(t, s)
	play(t, l, []Sound{s}, 6*time.Second, 0, throughOpus(t, codec.OpusOptions{Bitrate: 40_000}, func(n int) bool { return n%25 == 0 }))
	if h := l.Heard()[0]; h.SNRWorst > h.SNR-3 {
		t.Errorf("4 %% of packets lost: SNR %.1f, worst %.1f: no difference", h.SNR, h.SNRWorst)
	}
}

// Speech-like noise and silence have no markers in them.
func TestNoMarkersWhereNoneAre(t *testing.T) {
	l := newListener(t, SoundOf(0), SoundOf(1), SoundOf(2), SoundOf(3))
	var found int
	l.finder.found = func(int, float64) { found++ }
	r := rand.New(rand.NewPCG(3, 4))
	tone, err := NewTone(SoundOf(5))
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, media.BlockSamples)
	for n := range 3000 { // half a minute
		at := time.Unix(1_900_000_000, int64(10+n%80)*int64(media.BlockDuration)) // between two markers
		if n%80 >= 80-1 || n%80 == 0 {
			clear(pcm)
		}
		tone.Fill(pcm, at)
		loud := math.Pow(math.Sin(float64(n)/17), 2) * 3000
		for i := range pcm {
			pcm[i] += int16(r.NormFloat64() * loud)
		}
		l.WriteAudio(media.AudioBlock{PCM: pcm, Captured: at})
	}
	if found > 0 {
		t.Errorf("%d markers found in noise", found)
	}
}

func TestListenerReset(t *testing.T) {
	s := SoundOf(0)
	l := newListener(t, s)
	play(t, l, []Sound{s}, 2*time.Second, 0, same)
	l.Reset()
	if h := l.Heard()[0]; h.Windows != 0 || len(h.Latency) != 0 || h.SNR != 0 {
		t.Errorf("after Reset: %+v", h)
	}
	l.WriteAudio(media.AudioBlock{PCM: make([]int16, 3)}) // no block: ignored
}

func TestBadSounds(t *testing.T) {
	for _, s := range []Sound{{}, {Freq: 445}, {Freq: 100}, {Freq: 2000}, {Freq: 440, Chirp: 4}, {Freq: 440, Chirp: -1}} {
		if _, err := NewTone(s); err == nil {
			t.Errorf("NewTone took %+v", s)
		}
		if _, err := NewListener(s); err == nil {
			t.Errorf("NewListener took %+v", s)
		}
		if _, err := NewMicrophone(s); err == nil {
			t.Errorf("NewMicrophone took %+v", s)
		}
	}
}

// Members keep their tones, and no two are alike.
func TestSoundOf(t *testing.T) {
	seen := map[int]bool{}
	for i := range 16 {
		s := SoundOf(i)
		if err := s.check(); err != nil {
			t.Error(err)
		}
		if seen[s.Freq] {
			t.Errorf("member %d shares %d Hz", i, s.Freq)
		}
		seen[s.Freq] = true
	}
	if SoundOf(-1) != SoundOf(15) || SoundOf(16) != SoundOf(0) {
		t.Error("members beyond 16 do not start over")
	}
}

func BenchmarkListener(b *testing.B) {
	l, err := NewListener(SoundOf(0))
	if err != nil {
		b.Fatal(err)
	}
	tone, err := NewTone(SoundOf(0))
	if err != nil {
		b.Fatal(err)
	}
	pcm := make([]int16, media.BlockSamples)
	b.ReportAllocs()
	at := start
	for b.Loop() {
		tone.Fill(pcm, at)
		l.WriteAudio(media.AudioBlock{PCM: pcm, Captured: at})
		at = at.Add(media.BlockDuration)
	}
}
