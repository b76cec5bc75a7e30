package codec

import (
	"image"
	"slices"
	"testing"
	"time"

	"candid/media"
	"candid/media/scene"
)

// shared is how a screen arrives, in dB of luma at every fifth of 75 pictures:
// a page of text that is read for a second, scrolled for two, and read again.
func shared(t *testing.T, o VP8Options) (quality []float64, sent, rate int) {
	t.Helper()
	source := scene.NewPage(scene.CameraOptions{Width: o.Width, Height: 3 * o.Height, FPS: 1000})
	defer source.Close()
	page, err := source.ReadVideo()
	if err != nil {
		t.Fatal(err)
	}
	e, err := OpenVP8Encoder(o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d, err := NewVP8Decoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const fps, frames = 15, 75
	var shown *image.YCbCr
	for n := range frames {
		top := min(max(n-fps, 0), 2*fps) * 16
		img := page.Image.SubImage(image.Rect(0, top, o.Width, top+o.Height)).(*image.YCbCr)
		data, _, err := e.Encode(media.VideoFrame{Image: img, Captured: start.Add(time.Duration(n) * time.Second / fps)}, false)
		if err != nil {
			t.Fatal(err)
		}
		if rate += len(data) * 8 * fps / frames; len(data) > 0 {
			sent++
			if shown, err = d.Decode(data); err != nil {
				t.Fatal(err)
			}
		}
		if n%5 == 4 {
			quality = append(quality, psnr(shown, img))
		}
	}
	return quality, sent, rate
}

// A screen's text stays sharp where a camera's encoder blurs it, with fewer
// bits: below some 30 dB, small letters run into each other.
func TestScreenContent(t *testing.T) {
	o := VP8Options{Width: 1280, Height: 720, Bitrate: 800_000}
	blurred, _, much := shared(t, o)
	o.Screen = true
	sharp, sent, rate := shared(t, o)
	t.Logf("camera's encoder: %.1f dB with %d kbit/s", blurred, much/1000)
	t.Logf("screen's encoder: %.1f dB with %d kbit/s, %d of 75 pictures", sharp, rate/1000, sent)
	if worst, theirs := slices.Min(sharp), slices.Min(blurred); worst < 31 || worst < theirs+4 {
		t.Errorf("text falls to %.1f dB, a camera's encoder to %.1f dB", worst, theirs)
	}
	if last := sharp[len(sharp)-1]; last < 38 {
		t.Errorf("after two seconds of standing still: %.1f dB", last)
	}
	if rate > o.Bitrate*6/5 || sent < 50 {
		t.Errorf("%d kbit/s, %d of 75 pictures", rate/1000, sent)
	}
}
