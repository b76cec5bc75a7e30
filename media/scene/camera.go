package scene

import (
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
	reel
	scene *Scene
}

// NewCamera starts a camera.
func NewCamera(o CameraOptions) *Camera {
	if o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = 640, 360
	}
	if o.FPS <= 0 {
		o.FPS = 30
	}
	return &Camera{newReel(o), New(o.Width, o.Height, PersonaOf(o.Member))}
}

// ReadVideo draws ahead, blocks until the picture is due, and stamps it with
// the time of that moment. A reader who comes late loses the pictures in
// between; they are not counted.
func (c *Camera) ReadVideo() (media.VideoFrame, error) {
	return c.next(func(due time.Time) { c.scene.Draw(c.img, due, Chatter(c.member, due)) })
}
