package capture

import (
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
)

// maxBroken is how many pictures in a row may be undecodable before the camera
// counts as lost: one second of them. Webcams often start with a torn one.
const maxBroken = 30

// Camera is an open camera or screen: a media.VideoSource. It has one reader; whoever
// wants to see more than once shares the frames out.
type Camera struct {
	device Device
	format Format
	drv    driver.Driver
	remove func() // takes drv off mediadevices' list again
	forget func()
	reader video.Reader
	conv   converter

	closing chan struct{}
	lost    atomic.Bool
	once    sync.Once
	err     error
}

var _ media.VideoSource = (*Camera)(nil)

// OpenCamera opens the camera with this ID, or the default one for "", in the
// mode nearest to want. It blocks while the camera starts, up to a second. The
// error wraps ErrNotFound, ErrBusy or ErrDenied where that is known.
func (d *Devices) OpenCamera(id string, want Format) (*Camera, error) {
	dev, ok := d.find(Cameras, id)
	if !ok {
		return nil, fmt.Errorf("open camera %q: %w", id, ErrNotFound)
	}
	drv, remove, err := videoDriver(dev)
	if err != nil {
		return nil, openError(dev, err)
	}
	c, err := record(dev, drv, want.orDefault())
	if err != nil {
		remove()
		return nil, openError(dev, err)
	}
	c.remove = remove
	c.forget = d.opened(c)
	d.log.Debug("camera opened", "name", dev.Name, "width", c.format.Width, "height", c.format.Height, "fps", c.format.FPS)
	return c, nil
}

// videoDriver finds the driver of a camera, or registers a synthetic one.
func videoDriver(dev Device) (drv driver.Driver, remove func(), err error) {
	if dev.Synthetic {
		adapter, err := syntheticCamera(dev.ID)
		if err != nil {
			return nil, nil, err
		}
		return enlist(adapter, dev, driver.Camera)
	}
	drv, ok := cameraDriver(dev.ID)
	if !ok {
		return nil, nil, ErrNotFound
	}
	return drv, func() {}, nil
}

// record opens drv and starts it in the best of its modes. On an error drv is
// closed.
func record(dev Device, drv driver.Driver, want Format) (*Camera, error) {
	recorder, ok := drv.(driver.VideoRecorder)
	if !ok {
		return nil, errors.New("driver records no video")
	}
	if err := drv.Open(); err != nil {
		return nil, err
	}
	mode, ok := pick(sized(drv.Properties(), want), want)
	if !ok {
		return nil, errors.Join(errors.New("it sends no picture format that can be read"), drv.Close())
	}
	reader, err := recorder.VideoRecord(mode) // closes drv if it fails
	if err != nil {
		return nil, err
	}
	return &Camera{
		device:  dev,
		format:  Format{mode.Width, mode.Height, float64(mode.FrameRate)},
		drv:     drv,
		reader:  reader,
		conv:    converter{r: rangeOf(mode.FrameFormat)},
		closing: make(chan struct{}),
	}, nil
}

// rangeOf returns what the pictures of a mode are: JPEG uses all of 0..255.
func rangeOf(f frame.Format) codec.Range {
	if f == frame.FormatMJPEG {
		return codec.FullRange
	}
	return codec.LimitedRange
}

// sized fills in the wish where a driver can do any size or rate.
func sized(modes []prop.Media, want Format) []prop.Media {
	for i := range modes {
		if modes[i].Width == 0 && modes[i].Height == 0 {
			modes[i].Width, modes[i].Height = want.Width, want.Height
			modes[i].FrameRate = float32(want.FPS)
		}
	}
	return modes
}

// Device returns what was opened.
func (c *Camera) Device() Device { return c.device }

// Format returns what the camera was told to send; the rate is 0 where it does
// not tell.
func (c *Camera) Format() Format { return c.format }

// ReadVideo blocks until the next picture. After Close it returns io.EOF, and
// an error that wraps ErrLost if the camera is gone or sends nothing.
func (c *Camera) ReadVideo() (media.VideoFrame, error) {
	for range maxBroken {
		f, err := c.read()
		select {
		case <-c.closing:
			if c.lost.Load() {
				return media.VideoFrame{}, fmt.Errorf("read %v %q: %w: it was unplugged", c.device.Kind, c.device.Name, ErrLost)
			}
			return media.VideoFrame{}, io.EOF
		default:
		}
		if err == nil {
			return f, nil
		}
		if !torn(err) {
			return media.VideoFrame{}, fmt.Errorf("read %v %q: %w: %w", c.device.Kind, c.device.Name, ErrLost, err)
		}
	}
	return media.VideoFrame{}, fmt.Errorf("read %v %q: %w: its pictures cannot be decoded", c.device.Kind, c.device.Name, ErrLost)
}

func (c *Camera) read() (media.VideoFrame, error) {
	img, _, err := c.reader.Read() // release functions of drivers do nothing
	if err != nil {
		return media.VideoFrame{}, err
	}
	at := time.Now()
	if s, ok := img.(*stampedPicture); ok {
		at = s.at
	}
	pic, err := c.conv.convert(img)
	return media.VideoFrame{Image: pic, Captured: at}, err
}

// torn reports whether err is about one picture and not about the camera.
func torn(err error) bool {
	var format jpeg.FormatError
	var unsupported jpeg.UnsupportedError
	return errors.As(err, &format) || errors.As(err, &unsupported) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.HasPrefix(err.Error(), "frame length") // of mediadevices, which has no type for it
}

// lose is Close for a device that is gone.
func (c *Camera) lose() {
	c.lost.Store(true)
	_ = c.Close() // the reader is told
}

// Close turns the camera off, also while a ReadVideo waits, which then returns
// io.EOF. When Close returns, the device is closed.
func (c *Camera) Close() error {
	c.once.Do(func() {
		close(c.closing)
		halt(c.drv.Info())
		if err := c.drv.Close(); err != nil {
			c.err = fmt.Errorf("close %v %q: %w", c.device.Kind, c.device.Name, err)
		}
		c.remove()
		c.forget()
	})
	return c.err
}
