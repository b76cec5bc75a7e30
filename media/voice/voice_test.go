package voice

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"candid/media"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rate = media.SampleRate

func newProcessor(t testing.TB, o Options) Processor {
	t.Helper()
	if !Available() {
		t.Skipf("no voice processing here: %s", Name)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// speech is a few seconds of talking at 48 kHz: from espeak-ng where it is
// installed, otherwise voiced and unvoiced syllables with pauses.
func speech(t testing.TB, voice, text string, seconds int, seed uint64) []float64 {
	t.Helper()
	out := spoken(voice, text)
	if len(out) < rate {
		t.Log("no espeak-ng: speech is synthetic")
		out = syllables(seed, seconds)
	}
	for len(out) < seconds*rate {
		out = append(out, out...)
	}
	return out[:seconds*rate]
}

func spoken(voice, text string) []float64 {
	wav, err := exec.Command("espeak-ng", "-v", voice, "--stdout", text).Output()
	if err != nil || len(wav) < 48 {
		return nil
	}
	// A canonical WAV header of 44 bytes; espeak-ng speaks 22050 Hz mono.
	from := int(binary.LittleEndian.Uint32(wav[24:]))
	pcm := wav[44:]
	sample := func(i int) float64 { return float64(int16(binary.LittleEndian.Uint16(pcm[2*i:]))) }
	n := len(pcm)/2 - 1
	out := make([]float64, n*rate/from)
	for i := range out {
		x := float64(i) * float64(from) / rate
		k := min(int(x), n-1)
		out[i] = sample(k) + (x-float64(k))*(sample(k+1)-sample(k))
	}
	return out
}

// syllables is speech-like: harmonics of a gliding pitch through two resonances,
// hissing in between, and pauses.
func syllables(seed uint64, seconds int) []float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	out := make([]float64, 0, seconds*rate)
	var phase float64
	for len(out) < seconds*rate {
		n := rate/8 + r.IntN(rate/6)
		pitch, f1, f2 := 90+r.Float64()*120, 300+r.Float64()*500, 900+r.Float64()*1400
		voiced, silent := r.Float64() < 0.75, r.Float64() < 0.15
		for i := range n {
			env := math.Sin(math.Pi * float64(i) / float64(n))
			v := 0.0
			switch {
			case silent:
			case voiced:
				phase += 2 * math.Pi * pitch / rate
				for h := 1.0; h*pitch < 4000; h++ {
					f := h * pitch
					gain := 1/(1+math.Pow((f-f1)/120, 2)) + 0.5/(1+math.Pow((f-f2)/180, 2)) + 0.02
					v += gain * math.Sin(h*phase)
				}
				v *= 6000
			default:
				v = r.NormFloat64() * 1500
			}
			out = append(out, v*env)
		}
	}
	return out
}

// room is what a microphone hears of a loudspeaker: delay, level, and a tail of
// reflections.
func room(far []float64, delay time.Duration, db float64) []float64 {
	r := rand.New(rand.NewPCG(3, 4))
	type tap struct {
		at   int
		gain float64
	}
	taps := []tap{{0, 1}}
	energy := 1.0
	for i := 1; i < rate*40/1000; i++ {
		if r.Float64() < 0.05 {
			g := r.NormFloat64() * 0.35 * math.Exp(-float64(i)/500)
			taps = append(taps, tap{i, g})
			energy += g * g
		}
	}
	scale := math.Pow(10, db/20) / math.Sqrt(energy)
	out := make([]float64, len(far))
	shift := int(delay * rate / time.Second)
	for _, t := range taps {
		for i := shift + t.at; i < len(out); i++ {
			out[i] += scale * t.gain * far[i-shift-t.at]
		}
	}
	return out
}

func clip(v float64) int16 { return int16(math.Round(min(max(v, -32768), 32767))) }

func pcm(x []float64) []int16 {
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = clip(v)
	}
	return out
}

// run puts near through p while far is played, block by block.
func run(t testing.TB, p Processor, near, far []int16) []int16 {
	t.Helper()
	out := slices.Clone(near)
	const n = media.BlockSamples
	for i := 0; i+n <= len(out); i += n {
		if err := p.Render(far[i : i+n]); err != nil {
			t.Fatal(err)
		}
		if err := p.Capture(out[i : i+n]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// reduction is how much less there is in out than in in, in dB, over the blocks
// from second `from` on in which there is something to hear.
func reduction(in, out []int16, from int) float64 {
	var before, after float64
	for i := from * rate; i+media.BlockSamples <= len(in); i += media.BlockSamples {
		x, y := energy(in[i:i+media.BlockSamples]), energy(out[i:i+media.BlockSamples])
		if x > 200*200*media.BlockSamples {
			before, after = before+x, after+y
		}
	}
	return 10 * math.Log10((before+1)/(after+1))
}

func energy(x []int16) (sum float64) {
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

const (
	farText  = "Good morning everyone. The new bridge opens on Thursday, and the ferry stops an hour later. We should decide today who writes to the harbour office."
	nearText = "I think the second plan is better, because it leaves the old road open while they work on the other side of the valley."
)

// What the far end says, played into a room and heard again, is taken out.
func TestEchoIsTakenOut(t *testing.T) {
	far := speech(t, "en", farText, 12, 1)
	noise := rand.New(rand.NewPCG(5, 6))
	for _, tt := range []struct {
		name  string
		opt   Options
		delay time.Duration
		hint  time.Duration
	}{
		{"echo alone, 60 ms", Options{Echo: true}, 60 * time.Millisecond, 60 * time.Millisecond},
		{"everything on, 60 ms", Default(), 60 * time.Millisecond, 60 * time.Millisecond},
		{"everything on, 60 ms, hint 30 ms off", Default(), 60 * time.Millisecond, 30 * time.Millisecond},
		{"everything on, 180 ms", Default(), 180 * time.Millisecond, 180 * time.Millisecond},
	} {
		echo := room(far, tt.delay, -10)
		for i := range echo {
			echo[i] += noise.NormFloat64() * 20
		}
		in := pcm(echo)
		p := newProcessor(t, tt.opt)
		p.SetDelay(tt.hint)
		out := run(t, p, in, pcm(far))
		got := reduction(in, out, 3)
		t.Logf("%s: %.1f dB lower after 3 s, %.1f dB from the start", tt.name, got, reduction(in, out, 0))
		if got < 25 {
			t.Errorf("%s: echo only %.1f dB lower after 3 s, want 25", tt.name, got)
		}
	}
}

// With echo cancellation off, the echo stays.
func TestEchoStaysWhenOff(t *testing.T) {
	far := speech(t, "en", farText, 6, 1)
	in := pcm(room(far, 60*time.Millisecond, -10))
	p := newProcessor(t, Options{Noise: true})
	p.SetDelay(60 * time.Millisecond)
	if got := reduction(in, run(t, p, in, pcm(far)), 3); got > 6 {
		t.Errorf("echo %.1f dB lower although cancellation is off", got)
	}
}

// Someone speaking in a silent call is heard at about their own level.
func TestNearEndPasses(t *testing.T) {
	near := pcm(speech(t, "en+f3", nearText, 8, 2))
	silence := make([]int16, len(near))
	for _, tt := range []struct {
		name     string
		opt      Options
		min, max float64 // reduction, dB; gain control may raise the level
	}{
		{"echo alone", Options{Echo: true}, -1.5, 3},
		{"echo and noise", Options{Echo: true, Noise: true}, -1.5, 4},
		{"everything", Default(), -15, 4},
	} {
		p := newProcessor(t, tt.opt)
		p.SetDelay(60 * time.Millisecond)
		out := run(t, p, near, silence)
		got := reduction(near, out, 2)
		alike := similarity(near, out)
		t.Logf("%s: %.1f dB lower, envelope alike %.3f", tt.name, got, alike)
		if got < tt.min || got > tt.max {
			t.Errorf("%s: near end is %.1f dB lower, want %.1f to %.1f", tt.name, got, tt.min, tt.max)
		}
		if alike < 0.9 {
			t.Errorf("%s: envelope alike only %.3f", tt.name, alike)
		}
	}
}

// similarity correlates the loudness of two signals over blocks of 20 ms, at
// the lag that suits best: processing delays the sound by some ms.
func similarity(a, b []int16) float64 {
	best := -1.0
	for lag := 0; lag <= 30*rate/1000; lag += rate / 1000 {
		best = max(best, loudnessCorrelation(a[2*rate:len(a)-lag], b[2*rate+lag:]))
	}
	return best
}

func loudnessCorrelation(a, b []int16) float64 {
	const n = 2 * media.BlockSamples
	var sa, sb, saa, sbb, sab, k float64
	for i := 0; i+n <= len(a); i += n {
		x, y := math.Sqrt(energy(a[i:i+n])), math.Sqrt(energy(b[i:i+n]))
		sa, sb, saa, sbb, sab, k = sa+x, sb+y, saa+x*x, sbb+y*y, sab+x*y, k+1
	}
	return (k*sab - sa*sb) / math.Sqrt((k*saa-sa*sa)*(k*sbb-sb*sb))
}

func TestNoiseIsLowered(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	in := make([]int16, 8*rate)
	for i := range in {
		in[i] = clip(r.NormFloat64() * 400)
	}
	silence := make([]int16, len(in))
	on := reduction(in, run(t, newProcessor(t, Options{Noise: true}), in, silence), 4)
	off := reduction(in, run(t, newProcessor(t, Options{Echo: true}), in, silence), 4)
	t.Logf("steady noise: %.1f dB lower, %.1f dB with the feature off", on, off)
	if on < 8 || off > 3 {
		t.Errorf("noise %.1f dB lower with suppression (want 8), %.1f without (want none)", on, off)
	}
}

func TestGainLiftsQuietSpeech(t *testing.T) {
	quiet := speech(t, "en", farText, 8, 1)
	for i := range quiet {
		quiet[i] *= 0.1
	}
	in := pcm(quiet)
	silence := make([]int16, len(in))
	level := func(o Options) float64 {
		out := run(t, newProcessor(t, o), in, silence)
		return 10 * math.Log10(energy(out[4*rate:])/energy(in[4*rate:]))
	}
	on, off := level(Options{Gain: true}), level(Options{Echo: true})
	t.Logf("quiet speech: %.1f dB louder, %.1f dB with the feature off", on, off)
	if on < 3 || math.Abs(off) > 3 {
		t.Errorf("gain lifts quiet speech by %.1f dB (want 3 or more), and by %.1f when off", on, off)
	}
}

func TestOffPassesThrough(t *testing.T) {
	in := pcm(speech(t, "en", farText, 2, 1))
	for name, p := range map[string]Processor{"all off": newProcessor(t, Options{}), "pass through": PassThrough()} {
		if out := run(t, p, in, in); !slices.Equal(in, out) {
			t.Errorf("%s: the sound was changed", name)
		}
	}
	p := newProcessor(t, Default())
	run(t, p, in, in)
	if err := p.SetOptions(Options{}); err != nil {
		t.Fatal(err)
	}
	if out := run(t, p, in, in); !slices.Equal(in, out) {
		t.Error("turned off at run time: the sound was changed")
	}
	if err := p.SetOptions(Default()); err != nil {
		t.Fatal(err)
	}
	if out := run(t, p, in, in); slices.Equal(in, out) {
		t.Error("turned on again: the sound was not changed")
	}
}

// Speaker, microphone and settings have goroutines of their own.
func TestFromManyGoroutines(t *testing.T) {
	p := newProcessor(t, Default())
	var wg sync.WaitGroup
	each := func(fn func(block []int16, i int) error) {
		wg.Go(func() {
			block := make([]int16, media.BlockSamples)
			for i := range 200 {
				if err := fn(block, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	each(func(b []int16, _ int) error { return p.Capture(b) })
	each(func(b []int16, _ int) error { return p.Render(b) })
	each(func(_ []int16, i int) error {
		p.SetDelay(time.Duration(i) * 5 * time.Millisecond)
		return p.SetOptions(Options{Echo: i%2 == 0, Noise: i%3 == 0, Gain: i%5 == 0})
	})
	wg.Wait()
}

func TestBadBlocksAndClose(t *testing.T) {
	p := newProcessor(t, Default())
	for _, n := range []int{0, 1, media.BlockSamples - 1, media.BlockSamples + 1} {
		if p.Capture(make([]int16, n)) == nil || p.Render(make([]int16, n)) == nil {
			t.Errorf("a block of %d samples was taken", n)
		}
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	block := make([]int16, media.BlockSamples)
	for _, err := range []error{p.Capture(block), p.Render(block), p.SetOptions(Default())} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v, want ErrClosed", err)
		}
	}
}

func BenchmarkProcessor(b *testing.B) {
	p := newProcessor(b, Default())
	p.SetDelay(60 * time.Millisecond)
	far := pcm(speech(b, "en", farText, 4, 1))
	near := pcm(room(speech(b, "en", farText, 4, 1), 60*time.Millisecond, -10))
	const n = media.BlockSamples
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i+n > len(far) {
			i = 0
		}
		if err := p.Render(far[i : i+n]); err != nil {
			b.Fatal(err)
		}
		if err := p.Capture(near[i : i+n]); err != nil {
			b.Fatal(err)
		}
		i += n
	}
}
