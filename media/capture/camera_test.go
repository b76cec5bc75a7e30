package capture

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"syscall"
	"testing"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/frame"
	"go.uber.org/goleak"
)

func TestCameraFaults(t *testing.T) {
	for _, c := range []struct {
		name       string
		open, film error
		want       error
		closes     int32
	}{
		{name: "busy when opened", open: syscall.EBUSY, want: ErrBusy},
		{name: "busy when started", film: syscall.EBUSY, want: ErrBusy, closes: 1},
		{name: "denied", open: syscall.EACCES, want: ErrDenied},
		{name: "pulled out meanwhile", open: syscall.ENODEV, want: ErrNotFound},
	} {
		cam := newFakeCamera()
		cam.openErr, cam.recordErr = c.open, c.film
		unplug := plug(t, cam, driver.Camera, "usb-1", "Webcam")
		d := look(t, Options{})
		_, err := d.OpenCamera("", Format{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if cam.closes.Load() != c.closes {
			t.Errorf("%s: driver was closed %d times, want %d", c.name, cam.closes.Load(), c.closes)
		}
		unplug()
	}
	d := look(t, Options{})
	if _, err := d.OpenCamera("camera:none", Format{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("camera that is not there: %v", err)
	}
	if _, err := d.OpenCamera("", Format{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no camera at all: %v", err)
	}
}

func TestCameraLost(t *testing.T) {
	cam := newFakeCamera()
	plug(t, cam, driver.Camera, "usb-1", "Webcam")
	d := look(t, Options{})
	c, err := d.OpenCamera("camera:usb-1", Format{})
	if err != nil {
		t.Fatal(err)
	}
	cam.feed <- picture(64, 36)
	if _, err := c.ReadVideo(); err != nil {
		t.Fatal(err)
	}
	cam.feed <- syscall.ENODEV
	if _, err := c.ReadVideo(); !errors.Is(err, ErrLost) || !errors.Is(err, syscall.ENODEV) {
		t.Errorf("read after a read error: %v", err)
	}
	if err := c.Close(); err != nil || cam.closes.Load() != 1 {
		t.Errorf("close: %v, %d times", err, cam.closes.Load())
	}
}

// A driver may not notice that its device is gone and read for ever.
func TestCameraUnplugged(t *testing.T) {
	cam := newFakeCamera()
	unplug := plug(t, cam, driver.Camera, "usb-1", "Webcam")
	d := look(t, Options{})
	c, err := d.OpenCamera("", Format{})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() { _, err := c.ReadVideo(); result <- err }()
	unplug()
	d.Refresh()
	if err := <-result; !errors.Is(err, ErrLost) {
		t.Errorf("read of an unplugged camera: %v", err)
	}
	if cam.closes.Load() != 1 {
		t.Errorf("driver was closed %d times", cam.closes.Load())
	}
}

// Torn pictures are skipped, but not for ever.
func TestCameraTorn(t *testing.T) {
	cam := newFakeCamera()
	plug(t, cam, driver.Camera, "usb-1", "Webcam")
	c, err := look(t, Options{}).OpenCamera("", Format{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, err := range []error{jpeg.FormatError("torn"), io.ErrUnexpectedEOF, errors.New("frame length (10) less than expected (20)")} {
		cam.feed <- err
	}
	cam.feed <- picture(64, 36)
	if _, err := c.ReadVideo(); err != nil {
		t.Errorf("a picture after torn ones: %v", err)
	}
	for range maxBroken {
		cam.feed <- jpeg.FormatError("torn")
	}
	if _, err := c.ReadVideo(); !errors.Is(err, ErrLost) {
		t.Errorf("nothing but torn pictures: %v", err)
	}
}

// Off means closed: 100 times, while a read waits, and nothing stays behind.
func TestCameraOff(t *testing.T) {
	cam := newFakeCamera()
	plug(t, cam, driver.Camera, "usb-1", "Webcam")
	d := look(t, Options{})
	files := descriptorCount(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for i := range int32(100) {
		c, err := d.OpenCamera("", Format{})
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() { _, err := c.ReadVideo(); result <- err }()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if cam.opens.Load() != i+1 || cam.closes.Load() != i+1 {
			t.Fatalf("round %d: opened %d times, closed %d times", i, cam.opens.Load(), cam.closes.Load())
		}
		if err := <-result; err != io.EOF {
			t.Fatalf("read of a closed camera: %v", err)
		}
		if err := c.Close(); err != nil || cam.closes.Load() != i+1 {
			t.Fatal("closed twice")
		}
	}
	if n := descriptorCount(t); n > files {
		t.Errorf("%d files open, %d before", n, files)
	}
	if n := len(driver.GetManager().Query(driver.FilterVideoRecorder())); n != 1 {
		t.Errorf("%d drivers are registered, want the camera only", n)
	}
}

// What a camera sends becomes I420 in limited range.
func TestCameraFormats(t *testing.T) {
	fill := func(ratio image.YCbCrSubsampleRatio, y, cb, cr uint8) *image.YCbCr {
		img := image.NewYCbCr(image.Rect(0, 0, 64, 36), ratio)
		for i := range img.Y {
			img.Y[i] = y
		}
		for i := range img.Cb {
			img.Cb[i], img.Cr[i] = cb, cr
		}
		return img
	}
	gray := image.NewGray(image.Rect(0, 0, 64, 36))
	for i := range gray.Pix {
		gray.Pix[i] = 255
	}
	for _, c := range []struct {
		name string
		mode frame.Format
		img  image.Image
		want color.YCbCr
	}{
		{"I420", frame.FormatI420, fill(image.YCbCrSubsampleRatio420, 235, 100, 150), color.YCbCr{Y: 235, Cb: 100, Cr: 150}},
		{"YUYV", frame.FormatYUYV, fill(image.YCbCrSubsampleRatio422, 235, 100, 150), color.YCbCr{Y: 235, Cb: 100, Cr: 150}},
		{"JPEG 4:2:2", frame.FormatMJPEG, fill(image.YCbCrSubsampleRatio422, 255, 128, 128), color.YCbCr{Y: 235, Cb: 128, Cr: 128}},
		{"JPEG 4:2:0", frame.FormatMJPEG, fill(image.YCbCrSubsampleRatio420, 0, 255, 0), color.YCbCr{Y: 16, Cb: 240, Cr: 16}},
		{"JPEG without colour", frame.FormatMJPEG, gray, color.YCbCr{Y: 235, Cb: 128, Cr: 128}},
	} {
		cam := newFakeCamera(videoMode(64, 36, 30, c.mode))
		unplug := plug(t, cam, driver.Camera, "usb-1", "Webcam")
		cm, err := look(t, Options{}).OpenCamera("", Format{})
		if err != nil {
			t.Fatal(err)
		}
		cam.feed <- c.img
		f, err := cm.ReadVideo()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := f.Image.YCbCrAt(40, 20); got != c.want || f.Image.SubsampleRatio != image.YCbCrSubsampleRatio420 {
			t.Errorf("%s: %v in %v, want %v in 4:2:0", c.name, got, f.Image.SubsampleRatio, c.want)
		}
		if f.Captured.IsZero() {
			t.Errorf("%s: no time", c.name)
		}
		if err := cm.Close(); err != nil {
			t.Error(err)
		}
		unplug()
	}
}

func BenchmarkConvert(b *testing.B) {
	for _, c := range []struct {
		name  string
		ratio image.YCbCrSubsampleRatio
		mode  frame.Format
	}{
		{"I420", image.YCbCrSubsampleRatio420, frame.FormatI420},
		{"YUYV", image.YCbCrSubsampleRatio422, frame.FormatYUYV},
		{"JPEG", image.YCbCrSubsampleRatio422, frame.FormatMJPEG},
	} {
		b.Run(fmt.Sprintf("%s/720p", c.name), func(b *testing.B) {
			conv := converter{r: rangeOf(c.mode)}
			img := image.NewYCbCr(image.Rect(0, 0, 1280, 720), c.ratio)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := conv.convert(img); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
