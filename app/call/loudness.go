package call

import "math"

// loudnessFloor is what reads as 0, in dB below a full-scale sine.
const loudnessFloor = 60.0

// loudness puts an audioLevel as in W3C webrtc-stats, which is linear, on the
// scale of the studio's microphone, which is in decibels: levels of all members
// can then be compared.
func loudness(audioLevel float64) float64 {
	if audioLevel <= 0 {
		return 0
	}
	const fullSine = math.Sqrt2 / 2
	return min(max(1+20*math.Log10(audioLevel/fullSine)/loudnessFloor, 0), 1)
}
