// Package mix makes one of many: it sums sound, and composes pictures. It holds
// no device, no goroutine and no lock.
package mix

import "math"

// Add adds gain × pcm to sum, sample by sample; 1 is as it is. The shorter of
// the two says how many samples there are. A sum has room for thousands of
// voices at full scale; Limiter brings it back into 16 bits.
func Add(sum []int32, pcm []int16, gain float32) {
	n := min(len(sum), len(pcm))
	sum, pcm = sum[:n], pcm[:n]
	if gain == 1 {
		for i, v := range pcm {
			sum[i] += int32(v)
		}
		return
	}
	// Fixed point, 12 bits: enough for steps of 0.002 dB, and no rounding mode
	// that depends on the machine.
	g := int32(math.Round(float64(min(max(gain, 0), maxGain)) * 4096))
	for i, v := range pcm {
		sum[i] += (int32(v)*g + 2048) >> 12
	}
}

// Subtract takes out of sum what Add put in with the same arguments: the mix
// for someone who shall not hear themselves.
func Subtract(sum []int32, pcm []int16, gain float32) {
	n := min(len(sum), len(pcm))
	sum, pcm = sum[:n], pcm[:n]
	g := int32(math.Round(float64(min(max(gain, 0), maxGain)) * 4096))
	for i, v := range pcm {
		sum[i] -= (int32(v)*g + 2048) >> 12
	}
}

// maxGain keeps the products of Add inside 32 bits.
const maxGain = 8

// The limiter's numbers.
const (
	ceiling = 29204 // −1 dB of full scale: above it gain is taken back
	release = 0.04  // of the way back to full gain per 10 ms: 90 % in 0.6 s
	attack  = 24    // samples, 0.5 ms: the shortest ramp that does not click
)

// Limiter brings a sum back into 16 bits: loud sums are turned down for a
// while, smoothly, rather than clipped, and a sum that fits is not touched at
// all. The zero Limiter is ready. It belongs to one stream of blocks.
type Limiter struct {
	cut float32 // gain is 1-cut; so the zero value is full gain
}

// Limit writes sum into pcm, which is as long. It looks at the whole block
// before it writes, so that the gain is down before the peak comes.
func (l *Limiter) Limit(pcm []int16, sum []int32) {
	peak, first := loudest(sum)
	gain := 1 - l.cut
	want := min(1, gain+l.cut*release)
	if float32(peak)*want > ceiling {
		want = ceiling / float32(peak)
	}
	if want > 0.998 { // 0.02 dB: the way back ends
		want = 1
	}
	if gain == 1 && want == 1 {
		for i, v := range sum {
			pcm[i] = int16(v)
		}
		return
	}
	ramp := len(sum)
	if want < gain {
		ramp = min(max(first, attack), len(sum))
	}
	step := (want - gain) / float32(ramp)
	for i, v := range sum {
		if i < ramp {
			gain += step
		} else {
			gain = want
		}
		pcm[i] = knee(float32(v) * gain)
	}
	l.cut = 1 - want
}

// loudest returns the largest magnitude in sum, and where the first sample
// above the ceiling is.
func loudest(sum []int32) (peak int32, first int) {
	first = len(sum)
	for i, v := range sum {
		if v < 0 {
			v = -v
		}
		if v > ceiling && i < first {
			first = i
		}
		peak = max(peak, v)
	}
	return peak, first
}

// knee bends what is still above the ceiling (a peak at the very start of a
// block) so that it approaches full scale and never reaches it.
func knee(v float32) int16 {
	const room = math.MaxInt16 - ceiling
	switch {
	case v > ceiling:
		d := (v - ceiling) / room
		return int16(ceiling + room*d/(1+d))
	case v < -ceiling:
		d := (-v - ceiling) / room
		return int16(-ceiling - room*d/(1+d))
	}
	return int16(v)
}

// Fade writes pcm into dst, which is as long, while its gain goes from one
// value to another.
func Fade(dst, pcm []int16, from, to float32) {
	n := min(len(dst), len(pcm))
	dst, pcm = dst[:n], pcm[:n]
	if from == 1 && to == 1 {
		copy(dst, pcm)
		return
	}
	step := (to - from) / float32(max(n, 1))
	for i, v := range pcm {
		from += step
		dst[i] = int16(min(max(float32(v)*from, math.MinInt16), math.MaxInt16))
	}
}
