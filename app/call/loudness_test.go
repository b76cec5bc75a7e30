package call

import (
	"math"
	"testing"
)

func TestLoudness(t *testing.T) {
	for level, want := range map[float64]float64{
		0: 0, math.Sqrt2 / 2: 1, 1: 1, math.Sqrt2 / 2000: 0, math.Sqrt2 / 20: 2.0 / 3, -1: 0,
	} {
		if got := loudness(level); math.Abs(got-want) > 1e-9 {
			t.Errorf("loudness(%v) = %v, want %v", level, got, want)
		}
	}
}
