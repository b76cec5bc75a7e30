package capture

import (
	"fmt"
	"image"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/scene"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"
)

// The synthetic devices that are offered. A number after a slash makes those of
// another sender, told apart by its tone and the mark in its pictures:
// "synthetic:tone/2". "synthetic:" and the name of a .y4m or .wav file plays
// that file, over and over.
const (
	TestPicture = "synthetic:scene"
	TestTone    = "synthetic:tone"

	syntheticPrefix = "synthetic:"
)

func offers(k Kind) Device {
	if k == Cameras {
		return Device{ID: TestPicture, Kind: Cameras, Name: "Test picture", Synthetic: true}
	}
	return Device{ID: TestTone, Kind: Microphones, Name: "Test tone", Synthetic: true}
}

// Synthetic describes a synthetic device by its ID, and reports whether it is
// one. It can be opened whether it is on a list or not.
func Synthetic(k Kind, id string) (Device, bool) {
	rest, ok := strings.CutPrefix(id, syntheticPrefix)
	if !ok {
		return Device{}, false
	}
	d := offers(k)
	if _, numbered := strings.CutPrefix(id, d.ID+"/"); !numbered && d.ID != id {
		d.Name = filepath.Base(rest)
	}
	d.ID = id
	return d, true
}

func syntheticCamera(id string) (driver.Adapter, error) {
	if file, ok := strings.CutPrefix(id, syntheticPrefix); ok && strings.HasSuffix(file, ".y4m") {
		f, err := openY4M(file)
		if err != nil {
			return nil, err
		}
		return &testCamera{mode: f.mode, start: func(prop.Media) media.VideoSource { return f }, src: f}, nil
	}
	member, err := number(id, TestPicture)
	if err != nil {
		return nil, err
	}
	return &testCamera{mode: anySize, start: func(m prop.Media) media.VideoSource {
		return scene.NewCamera(scene.CameraOptions{
			Width: m.Width, Height: m.Height, FPS: int(math.Round(float64(m.FrameRate))), Member: member,
		})
	}}, nil
}

func syntheticMicrophone(id string) (driver.Adapter, error) {
	if file, ok := strings.CutPrefix(id, syntheticPrefix); ok && strings.HasSuffix(file, ".wav") {
		s, err := openWAV(file)
		if err != nil {
			return nil, err
		}
		return &testMicrophone{start: func() (media.AudioSource, error) { return s, nil }}, nil
	}
	member, err := number(id, TestTone)
	if err != nil {
		return nil, err
	}
	return &testMicrophone{start: func() (media.AudioSource, error) {
		return scene.NewMicrophone(scene.SoundOf(member))
	}}, nil
}

// number reads the 2 of "synthetic:tone/2"; none is 0.
func number(id, base string) (int, error) {
	if id == base {
		return 0, nil
	}
	digits, ok := strings.CutPrefix(id, base+"/")
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil {
		return 0, fmt.Errorf("synthetic device: %w", ErrNotFound)
	}
	return int(n), nil
}

// anySize is the mode of a source that comes in every size and rate.
var anySize = prop.Media{Video: prop.Video{FrameFormat: frame.FormatI420}}

// testCamera is a mediadevices driver that shows a media.VideoSource.
type testCamera struct {
	mode  prop.Media
	start func(prop.Media) media.VideoSource
	src   media.VideoSource
}

func (c *testCamera) Open() error              { return nil }
func (c *testCamera) Properties() []prop.Media { return []prop.Media{c.mode} }

func (c *testCamera) VideoRecord(p prop.Media) (video.Reader, error) {
	if p.Width > codec.MaxLongSide || p.Height > codec.MaxLongSide {
		return nil, fmt.Errorf("picture of %d×%d: %w", p.Width, p.Height, codec.ErrTooLarge)
	}
	src := c.start(p)
	c.src = src
	pic := &stampedPicture{}
	return video.ReaderFunc(func() (image.Image, func(), error) {
		f, err := src.ReadVideo()
		pic.YCbCr, pic.at = f.Image, f.Captured
		return pic, func() {}, err
	}), nil
}

// Close ends a read that waits.
func (c *testCamera) Close() error {
	if c.src == nil {
		return nil
	}
	return c.src.Close()
}

// stampedPicture is an I420 picture that knows when it was taken.
type stampedPicture struct {
	*image.YCbCr
	at time.Time
}

// testMicrophone is a mediadevices driver that plays a media.AudioSource.
type testMicrophone struct {
	start func() (media.AudioSource, error)
	src   media.AudioSource
}

func (m *testMicrophone) Open() error              { return nil }
func (m *testMicrophone) Properties() []prop.Media { return []prop.Media{blocks()} }

func (m *testMicrophone) AudioRecord(prop.Media) (audio.Reader, error) {
	src, err := m.start()
	if err != nil {
		return nil, err
	}
	m.src = src
	chunk := newStampedSound(nil)
	return audio.ReaderFunc(func() (wave.Audio, func(), error) {
		b, err := src.ReadAudio()
		chunk.Data, chunk.at = b.PCM, b.Captured
		return chunk, func() {}, err
	}), nil
}

// Close ends a read that waits.
func (m *testMicrophone) Close() error {
	if m.src == nil {
		return nil
	}
	return m.src.Close()
}
