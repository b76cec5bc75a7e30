package call

import (
	"image"
	"time"
)

// Video bitrates, in bits per second. What is sent is fixed by the picture's
// size and capped by congestion control.
const (
	startVideoBitrate = 600_000
	minVideoBitrate   = 50_000
	// bitsPerPixel at 30 frames a second is where VP8 at speed −8 looks clean
	// on moving people: 640×360 at 1 Mbit/s, 1280×720 at 2.5 with the power
	// law below.
	bitsPerPixel   = 4.3
	audioBitrate   = 32_000
	audioOverhead  = 16_000 // RTP, SRTP, UDP and IP headers of 50 packets a second
	frameSpacing30 = time.Second / 30
)

// maxVideoBitrate is what a picture of this size is worth sending.
func maxVideoBitrate(size image.Point) int {
	pixels := float64(size.X * size.Y)
	const whole = 640 * 360
	if pixels > whole { // larger pictures need less for each pixel
		pixels = whole + (pixels-whole)/2
	}
	return int(pixels * bitsPerPixel)
}

// ladder makes pictures smaller, then fewer, when the bitrate is too low for
// them: few sharp pixels look better than many smeared ones. The zero ladder
// is on its top rung.
type ladder struct {
	rung int
	last time.Time // of the frame sent last
}

// rungs: below each bitrate for the 640×360 of a small call, scaled to the
// picture, the next rung is taken. It is left again 40 % higher, so that the
// picture does not change size at every breath of the estimate.
var rungs = []struct {
	below   int           // bit/s at 640×360
	divide  int           // width and height are divided by this
	spacing time.Duration // between frames
}{
	{0, 1, 0},
	{220_000, 2, 0},
	{110_000, 2, 2 * frameSpacing30},
	{70_000, 4, 2 * frameSpacing30},
}

// step returns the size to send a picture of this size in, and whether to skip
// it.
func (l *ladder) step(size image.Point, bitrate int, at time.Time) (image.Point, bool) {
	scale := float64(size.X*size.Y) / (640 * 360)
	if scale < 1 {
		scale = 1
	}
	for l.rung+1 < len(rungs) && float64(bitrate) < float64(rungs[l.rung+1].below)*scale {
		l.rung++
	}
	for l.rung > 0 && float64(bitrate) > 1.4*float64(rungs[l.rung].below)*scale {
		l.rung--
	}
	r := rungs[l.rung]
	// A third of a frame of slack: cameras are not exact.
	if !l.last.IsZero() && at.Sub(l.last) < r.spacing-frameSpacing30/3 {
		return size, true
	}
	l.last = at
	return image.Pt(max(size.X/r.divide&^1, 2), max(size.Y/r.divide&^1, 2)), false
}
