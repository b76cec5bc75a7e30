package scene

import (
	"image"
	"io"
	"time"

	"candid/media"
)

// reel is what drawn sources have in common: pictures one after the other, each
// at its time, with a stamp.
type reel struct {
	member int
	beat   *pacer
	img    *image.YCbCr
	frame  uint32
}

func newReel(o CameraOptions) reel {
	return reel{
		member: o.Member,
		beat:   newPacer(time.Second / time.Duration(o.FPS)),
		img:    image.NewYCbCr(image.Rect(0, 0, o.Width, o.Height), image.YCbCrSubsampleRatio420),
	}
}

// next has the picture drawn that is due next, blocks until it is, and stamps
// it. A reader who comes late loses the pictures in between.
func (r *reel) next(draw func(due time.Time)) (media.VideoFrame, error) {
	if now := int64(time.Since(r.beat.start) / r.beat.period); now > r.beat.n {
		r.beat.n = now
	}
	r.beat.n++
	due := r.beat.due(r.beat.n)
	draw(due)
	if !r.beat.wait(due) {
		return media.VideoFrame{}, io.EOF
	}
	at := time.Now()
	Stamp(r.img, Mark{Frame: r.frame, Captured: at, Sender: uint16(r.member), Flash: Flashes(at)})
	r.frame++
	return media.VideoFrame{Image: r.img, Captured: at}, nil
}

// Close ends ReadVideo with io.EOF. It may be called more than once.
func (r *reel) Close() error {
	r.beat.close()
	return nil
}
