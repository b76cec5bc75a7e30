package mix_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"candid/media"
	"candid/media/mix"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tone writes block n of a sine.
func tone(pcm []int16, n int, hz, amplitude float64) {
	for i := range pcm {
		t := float64(n*len(pcm)+i) / media.SampleRate
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*t)))
	}
}

func TestOneVoicePassesUntouched(t *testing.T) {
	var (
		in, out [media.BlockSamples]int16
		l       mix.Limiter
	)
	for n := range 50 {
		tone(in[:], n, 440, 29000)
		var sum [media.BlockSamples]int32
		mix.Add(sum[:], in[:], 1)
		l.Limit(out[:], sum[:])
		if in != out {
			t.Fatalf("block %d was changed", n)
		}
	}
}

func TestGain(t *testing.T) {
	for _, c := range []struct {
		gain float32
		in   int16
		want int32
	}{
		{0, 1000, 0}, {0.5, 1000, 500}, {1, -32768, -32768}, {2, 1000, 2000},
		{0.5, -1000, -500}, {-1, 1000, 0}, {100, 32767, 8 * 32767}, {float32(math.Inf(1)), 1, 8},
	} {
		sum := []int32{7}
		mix.Add(sum, []int16{c.in}, c.gain)
		if sum[0] != 7+c.want {
			t.Errorf("%v × %d gave %d, want %d", c.gain, c.in, sum[0]-7, c.want)
		}
	}
}

func TestSubtractUndoesAdd(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		gain := rng.Float32() * 3
		var pcm [media.BlockSamples]int16
		var sum, want [media.BlockSamples]int32
		for i := range pcm {
			pcm[i] = int16(rng.Uint32())
			sum[i] = int32(rng.IntN(1<<20) - 1<<19)
		}
		want = sum
		mix.Add(sum[:], pcm[:], gain)
		mix.Subtract(sum[:], pcm[:], gain)
		if sum != want {
			t.Fatalf("gain %v: the sum is not what it was", gain)
		}
	}
	sum := []int32{5}
	mix.Add(sum, []int16{-3}, 1)
	mix.Subtract(sum, []int16{-3}, 1)
	if sum[0] != 5 {
		t.Errorf("gain 1: %d, want 5", sum[0])
	}
}

// Six people shouting at once: no step between two samples may be much larger
// than that of the sound itself (that would be a click), and the level must
// come back when five of them stop.
func TestLoudMixStaysSmooth(t *testing.T) {
	var l mix.Limiter
	var out, voice [media.BlockSamples]int16
	last, lastSum, peak := 0, 0, 0
	hz := []float64{200, 310, 470, 530, 610, 790}
	for n := range 100 {
		var sum [media.BlockSamples]int32
		for _, f := range hz {
			if n >= 10 { // they start at full level in mid-stream
				tone(voice[:], n, f, 30000)
				mix.Add(sum[:], voice[:], 1)
			}
		}
		l.Limit(out[:], sum[:])
		for i, v := range out {
			own, step := abs(int(sum[i])-lastSum), abs(int(v)-last)
			if step > own+1500 { // full scale moved in 0.5 ms
				t.Fatalf("block %d sample %d: the sound moves by %d, what is played by %d", n, i, own, step)
			}
			peak = max(peak, abs(int(v)))
			last, lastSum = int(v), int(sum[i])
		}
	}
	if peak < 25000 {
		t.Errorf("peak %d: turned down more than needed", peak)
	}
	for n := range 200 {
		tone(voice[:], n, 440, 20000)
		var sum [media.BlockSamples]int32
		mix.Add(sum[:], voice[:], 1)
		l.Limit(out[:], sum[:])
	}
	if out != voice {
		t.Error("2 s after the shouting the gain is not back at 1")
	}
}

func TestLimiterBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var l mix.Limiter
	var out [media.BlockSamples]int16
	for range 1000 {
		var sum [media.BlockSamples]int32
		scale := 1 << rng.IntN(26)
		sign := make([]int32, len(sum))
		for i := range sum {
			sum[i] = int32(rng.IntN(2*scale) - scale)
			sign[i] = sum[i]
		}
		l.Limit(out[:], sum[:])
		for i, v := range out {
			if v > 0 && sign[i] < 0 || v < 0 && sign[i] > 0 {
				t.Fatalf("sample %d wrapped: %d became %d", i, sign[i], v)
			}
		}
	}
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}

func BenchmarkMixSix(b *testing.B) {
	var voice, out [media.BlockSamples]int16
	var sum [media.BlockSamples]int32
	var l mix.Limiter
	tone(voice[:], 0, 440, 20000)
	b.ReportAllocs()
	for b.Loop() {
		clear(sum[:])
		for range 6 {
			mix.Add(sum[:], voice[:], 0.7)
		}
		l.Limit(out[:], sum[:])
	}
}
