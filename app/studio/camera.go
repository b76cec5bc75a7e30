package studio

import (
	"errors"
	"image"
	"io"
	"sync"
	"sync/atomic"

	"candid/media"
	"candid/media/capture"
	"candid/media/codec"
)

// previewWidth is the widest self view that is drawn. Larger costs more to
// paint than the call's own picture, and nobody needs it.
const previewWidth = 640

// lens is where the pictures of whichever camera is open go.
type lens struct {
	sinks  fan[media.VideoSink]
	screen atomic.Pointer[media.Screen]
}

// setScreen sets where the self view goes; nil is nowhere.
func (l *lens) setScreen(s media.Screen) {
	if s == nil {
		l.screen.Store(nil)
		return
	}
	l.screen.Store(&s)
}

// film is an open camera at work.
type film struct {
	cam     *capture.Camera
	lens    *lens
	painter codec.Painter
	pump    sync.WaitGroup
}

func (s *Studio) openCamera(d Device) (running, error) {
	cam, err := s.devices.OpenCamera(d.ID, s.format)
	if err != nil {
		return nil, err
	}
	return &film{cam: cam, lens: &s.lens}, nil
}

func (f *film) start(lost func(error)) {
	f.pump.Go(func() {
		for {
			frame, err := f.cam.ReadVideo()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				lost(err)
				return
			}
			// The encoder first: it is what others wait for.
			f.lens.sinks.each(func(s media.VideoSink) { s.WriteVideo(frame) })
			f.preview(frame.Image)
		}
	})
}

// preview draws the self view, which is a mirror.
func (f *film) preview(img *image.YCbCr) {
	screen := f.lens.screen.Load()
	if screen == nil {
		return
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w > previewWidth {
		w, h = previewWidth, max(h*previewWidth/w, 1)
	}
	pic := (*screen).Buffer(w, h)
	if pic == nil {
		return // all in use: this frame is left out
	}
	if err := f.painter.Paint(pic.Image, img, true); err != nil {
		clear(pic.Image.Pix) // cannot happen: the sizes are ours
	}
	(*screen).Show(pic)
}

func (f *film) close() {
	_ = f.cam.Close() // closed as far as we can close it
	f.pump.Wait()
}
