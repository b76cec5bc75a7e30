package capture

import (
	"image"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candid/media/codec"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDriver is a driver that a test registers with mediadevices.
type fakeDriver struct {
	openErr, recordErr error
	modes              []prop.Media
	feed               chan any // image.Image, []int16 or error: what Read returns

	opens, closes atomic.Int32
	mu            sync.Mutex
	closing       chan struct{}
}

func (f *fakeDriver) Open() error {
	if f.openErr != nil {
		return f.openErr
	}
	f.opens.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closing = make(chan struct{})
	return nil
}

func (f *fakeDriver) Close() error {
	f.closes.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.closing)
	return nil
}

func (f *fakeDriver) Properties() []prop.Media { return f.modes }

func (f *fakeDriver) next() (any, error) {
	f.mu.Lock()
	closing := f.closing
	f.mu.Unlock()
	select {
	case <-closing:
		return nil, io.EOF
	case v := <-f.feed:
		if err, bad := v.(error); bad {
			return nil, err
		}
		return v, nil
	}
}

type fakeCamera struct{ fakeDriver }

func (f *fakeCamera) VideoRecord(prop.Media) (video.Reader, error) {
	if f.recordErr != nil {
		return nil, f.recordErr
	}
	return video.ReaderFunc(func() (image.Image, func(), error) {
		v, err := f.next()
		if err != nil {
			return nil, nil, err
		}
		return v.(image.Image), nil, nil
	}), nil
}

type fakeMicrophone struct{ fakeDriver }

func (f *fakeMicrophone) AudioRecord(prop.Media) (audio.Reader, error) {
	if f.recordErr != nil {
		return nil, f.recordErr
	}
	return audio.ReaderFunc(func() (wave.Audio, func(), error) {
		v, err := f.next()
		if err != nil {
			return nil, nil, err
		}
		return &wave.Int16Interleaved{Data: v.([]int16)}, nil, nil
	}), nil
}

func newFakeCamera(modes ...prop.Media) *fakeCamera {
	if len(modes) == 0 {
		modes = []prop.Media{videoMode(64, 36, 30, frame.FormatI420)}
	}
	return &fakeCamera{fakeDriver{modes: modes, feed: make(chan any, 64)}}
}

func newFakeMicrophone() *fakeMicrophone {
	return &fakeMicrophone{fakeDriver{modes: []prop.Media{blocks()}, feed: make(chan any, 64)}}
}

func videoMode(w, h int, fps float32, f frame.Format) prop.Media {
	return prop.Media{Video: prop.Video{Width: w, Height: h, FrameRate: fps, FrameFormat: f}}
}

// plug registers a driver as mediadevices' own would and returns a function
// that takes it away.
func plug(t *testing.T, a driver.Adapter, kind driver.DeviceType, label, name string) (unplug func()) {
	t.Helper()
	m := driver.GetManager()
	if err := m.Register(a, driver.Info{Label: label, Name: name, DeviceType: kind}); err != nil {
		t.Fatal(err)
	}
	unplug = func() {
		for _, d := range m.Query(func(d driver.Driver) bool { return d.Info().Label == label }) {
			m.Delete(d.ID())
		}
	}
	t.Cleanup(unplug)
	return unplug
}

// look returns Devices without hardware that look only when told to.
func look(t *testing.T, o Options) *Devices {
	t.Helper()
	o.Interval, o.NoHardware = time.Hour, true
	d := New(o)
	t.Cleanup(d.Close)
	<-d.Ready()
	return d
}

func picture(w, h int) *image.YCbCr { return codec.NewI420(w, h) }

func chunk(n int) []int16 { return make([]int16, n) }

// descriptorCount is how many files this process has open.
func descriptorCount(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("open files cannot be counted here: %v", err)
	}
	return len(entries)
}
