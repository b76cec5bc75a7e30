package capture

import (
	"testing"

	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/prop"
)

func TestPick(t *testing.T) {
	const (
		yuyv  = frame.FormatYUYV
		mjpeg = frame.FormatMJPEG
	)
	webcam := []prop.Media{ // what a webcam of USB 2 offers
		videoMode(640, 480, 30, yuyv), videoMode(640, 360, 30, yuyv), videoMode(1280, 720, 10, yuyv),
		videoMode(640, 360, 30, mjpeg), videoMode(1280, 720, 30, mjpeg), videoMode(1920, 1080, 30, mjpeg),
	}
	for _, c := range []struct {
		name  string
		modes []prop.Media
		want  Format
		pick  prop.Media
	}{
		{"smooth before cheap", webcam, Format{1280, 720, 30}, webcam[4]},
		{"cheap where both are smooth", webcam, Format{640, 360, 30}, webcam[1]},
		{"raw is smooth enough", webcam, Format{1280, 720, 10}, webcam[2]},
		{"nothing named", webcam, Format{}, webcam[4]},
		{"rather small than large", []prop.Media{videoMode(320, 180, 30, yuyv), videoMode(1920, 1080, 30, yuyv)},
			Format{640, 360, 30}, videoMode(320, 180, 30, yuyv)},
		{"slow rather than none", []prop.Media{videoMode(640, 360, 5, yuyv)}, Format{640, 360, 30}, videoMode(640, 360, 5, yuyv)},
		{"the less slow", []prop.Media{videoMode(640, 360, 5, yuyv), videoMode(1280, 720, 15, yuyv)},
			Format{640, 360, 30}, videoMode(1280, 720, 15, yuyv)},
		{"unknown rate is believed", []prop.Media{videoMode(640, 360, 0, yuyv), videoMode(640, 360, 10, yuyv)},
			Format{640, 360, 30}, videoMode(640, 360, 0, yuyv)},
		{"nearest rate", []prop.Media{videoMode(640, 360, 120, yuyv), videoMode(640, 360, 30, yuyv)},
			Format{640, 360, 30}, videoMode(640, 360, 30, yuyv)},
		{"depth and odd sizes are no pictures", []prop.Media{videoMode(640, 360, 30, frame.FormatZ16), videoMode(641, 361, 30, yuyv), videoMode(320, 240, 30, yuyv)},
			Format{640, 360, 30}, videoMode(320, 240, 30, yuyv)},
	} {
		got, ok := pick(c.modes, c.want.orDefault())
		if !ok || got != c.pick {
			t.Errorf("%s: picked %d×%d at %v in %s (%v)", c.name, got.Width, got.Height, got.FrameRate, got.FrameFormat, ok)
		}
	}
	if _, ok := pick([]prop.Media{videoMode(640, 360, 30, frame.FormatZ16)}, hd); ok {
		t.Error("picked a mode that cannot be decoded")
	}
}
