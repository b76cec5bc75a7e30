package scene

import (
	"image"
	"io"
	"time"

	"candid/media"
)

// CameraOptions say what a Camera sees.
type CameraOptions struct {
	Width, Height int // 0: 640×360
	FPS           int // 0: 30
	// Member chooses the person and the room, and is the Sender of the marks.
	Member int
}

// Camera draws a Scene in real time and stamps it: a media.VideoSource.
type Camera struct {
	scene  *Scene
	member int
	beat   *pacer
	img    *image.YCbCr
	frame  uint32
}

// NewCamera starts a camera.
func NewCamera(o CameraOptions) *Camera {
	if o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = 640, 360
	}
	if o.FPS <= 0 {
		o.FPS = 30
	}
	return &Camera{
		scene:  New(o.Width, o.Height, PersonaOf(o.Member)),
		member: o.Member,
		beat:   newPacer(time.Second / time.Duration(o.FPS)),
		img:    image.NewYCbCr(image.Rect(0, 0, o.Width, o.Height), image.YCbCrSubsampleRatio420),
	}
}

// ReadVideo draws ahead, blocks until the picture is due, and stamps it with
// the time of that moment. A reader who comes late loses the pictures in
// between; they are not counted.
func (c *Camera) ReadVideo() (media.VideoFrame, error) {
	if now := int64(time.Since(c.beat.start) / c.beat.period); now > c.beat.n {
		c.beat.n = now
	}
	c.beat.n++
	due := c.beat.due(c.beat.n)
	c.scene.Draw(c.img, due, Chatter(c.member, due))
	if !c.beat.wait(due) {
		return media.VideoFrame{}, io.EOF
	}
	at := time.Now()
	Stamp(c.img, Mark{Frame: c.frame, Captured: at, Sender: uint16(c.member), Flash: Flashes(at)})
	c.frame++
	return media.VideoFrame{Image: c.img, Captured: at}, nil
}

// Close ends ReadVideo with io.EOF. It may be called more than once.
func (c *Camera) Close() error {
	c.beat.close()
	return nil
}
