package capture

import (
	"cmp"
	"math"

	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/prop"
)

// Format is a wish for the pictures of a camera; it gives the nearest it can.
type Format struct {
	Width, Height int
	FPS           float64
}

// HD is 1280×720 at 30 pictures a second.
var hd = Format{Width: 1280, Height: 720, FPS: 30}

// orDefault fills in what was not asked for.
func (f Format) orDefault() Format {
	if f.Width <= 0 || f.Height <= 0 {
		f.Width, f.Height = hd.Width, hd.Height
	}
	if f.FPS <= 0 {
		f.FPS = hd.FPS
	}
	return f
}

// cost ranks what a camera can send by what it takes to make I420 of it. JPEG
// comes last: its decoder is written in Go.
var cost = map[frame.Format]int{
	frame.FormatI420: 1, frame.FormatNV12: 2, frame.FormatNV21: 2,
	frame.FormatYUYV: 3, frame.FormatYUY2: 3, frame.FormatUYVY: 3,
	frame.FormatMJPEG: 4,
}

// pick chooses the mode nearest to want: smooth before sharp, since a camera
// that sends raw pictures over USB 2 offers 720p at 10 a second and less; then
// the size; then the cheaper format. It reports false if there is no mode that
// can be decoded.
func pick(modes []prop.Media, want Format) (best prop.Media, ok bool) {
	for _, m := range modes {
		if cost[m.FrameFormat] == 0 || m.Width <= 0 || m.Height <= 0 || m.Width%2 != 0 || m.Height%2 != 0 {
			continue
		}
		if !ok || better(m, best, want) {
			best, ok = m, true
		}
	}
	return best, ok
}

func better(a, b prop.Media, want Format) bool {
	return cmp.Or(
		cmp.Compare(stutter(a, want), stutter(b, want)),
		cmp.Compare(misfit(a, want), misfit(b, want)),
		cmp.Compare(cost[a.FrameFormat], cost[b.FrameFormat]),
		cmp.Compare(math.Abs(float64(a.FrameRate)-want.FPS), math.Abs(float64(b.FrameRate)-want.FPS)),
	) < 0
}

// stutter is how far the rate falls short, in steps of which the first, 80 % of
// the wish and above, counts as good. A camera that does not tell its rate is
// believed.
func stutter(m prop.Media, want Format) int {
	share := float64(m.FrameRate) / want.FPS
	switch {
	case m.FrameRate == 0, share >= 0.8:
		return 0
	case share >= 0.45:
		return 1
	}
	return 2
}

// misfit is the distance between sizes: 0 for equal ones, 1 for twice or half
// as wide. What is larger than the wish has to be scaled down and costs double.
func misfit(m prop.Media, want Format) float64 {
	d := func(have, want int) float64 {
		r := math.Log2(float64(have) / float64(want))
		if r > 0 {
			return 2 * r
		}
		return -r
	}
	return d(m.Width, want.Width) + d(m.Height, want.Height)
}
