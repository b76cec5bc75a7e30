package studio

import (
	"errors"
	"image"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/io/video"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a driver that a test registers with mediadevices. It gives a picture
// or a chunk of sound whenever it is asked.
type fake struct {
	label, name string
	kind        driver.DeviceType
	mode        prop.Media

	opens, closes atomic.Int32
	fault         atomic.Pointer[error] // of opening
	broken        chan error            // what the next read returns

	mu      sync.Mutex
	closing chan struct{}
}

func (f *fake) Open() error {
	if err := f.fault.Load(); err != nil {
		return *err
	}
	f.opens.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closing = make(chan struct{})
	return nil
}

func (f *fake) Close() error {
	f.closes.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.closing)
	return nil
}

func (f *fake) Properties() []prop.Media { return []prop.Media{f.mode} }

// wait is the pace of the device.
func (f *fake) wait() error {
	f.mu.Lock()
	closing := f.closing
	f.mu.Unlock()
	select {
	case <-closing:
		return io.EOF
	case err := <-f.broken:
		return err
	case <-time.After(time.Millisecond):
		return nil
	}
}

// open reports whether the driver is open now.
func (f *fake) open() bool { return f.opens.Load() > f.closes.Load() }

func (f *fake) fail(err error) { f.fault.Store(&err) }
func (f *fake) heal()          { f.fault.Store(nil) }

type fakeCamera struct{ *fake }

func (f fakeCamera) VideoRecord(prop.Media) (video.Reader, error) {
	img := codec.NewI420(64, 36)
	for y := range 36 { // light on the left, dark on the right
		for x := range 64 {
			img.Y[y*img.YStride+x] = byte(235 - 3*x)
		}
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 128, 128
	}
	return video.ReaderFunc(func() (image.Image, func(), error) { return img, nil, f.wait() }), nil
}

type fakeMicrophone struct{ *fake }

func (f fakeMicrophone) AudioRecord(prop.Media) (audio.Reader, error) {
	pcm := make([]int16, media.BlockSamples)
	for i := range pcm {
		pcm[i] = int16(10000 * (i%2*2 - 1))
	}
	return audio.ReaderFunc(func() (wave.Audio, func(), error) {
		return &wave.Int16Interleaved{Data: pcm}, nil, f.wait()
	}), nil
}

func camera(label, name string) *fake {
	return &fake{label: label, name: name, kind: driver.Camera, broken: make(chan error, 1), mode: prop.Media{
		Video: prop.Video{Width: 64, Height: 36, FrameRate: 30, FrameFormat: frame.FormatI420}}}
}

func microphone(label, name string) *fake {
	return &fake{label: label, name: name, kind: driver.Microphone, broken: make(chan error, 1), mode: prop.Media{
		Audio: prop.Audio{SampleRate: media.SampleRate, ChannelCount: 1, SampleSize: 2, IsInterleaved: true}}}
}

// plug registers f, first of its kind if it is the default.
func (f *fake) plug(t *testing.T, isDefault bool) {
	t.Helper()
	priority := driver.PriorityNormal
	if isDefault {
		priority = driver.PriorityHigh
	}
	var a driver.Adapter = fakeCamera{f}
	if f.kind == driver.Microphone {
		a = fakeMicrophone{f}
	}
	info := driver.Info{Label: f.label, Name: f.name, DeviceType: f.kind, Priority: priority}
	if err := driver.GetManager().Register(a, info); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.unplug)
}

func (f *fake) unplug() {
	m := driver.GetManager()
	for _, d := range m.Query(func(d driver.Driver) bool { return d.Info().Label == f.label }) {
		m.Delete(d.ID())
	}
}

// fakeSpeakers are loudspeakers of a test.
type fakeSpeakers struct {
	mu      sync.Mutex
	devices []Device
	fault   error
	all     []*fakeOutput // every one that was ever opened
}

type fakeOutput struct {
	id     string
	voice  media.Voice
	lost   func(error)
	closed atomic.Bool
}

func (o *fakeOutput) Latency() time.Duration { return 20 * time.Millisecond }
func (o *fakeOutput) Close() error           { o.closed.Store(true); return nil }

func (f *fakeSpeakers) list() ([]Device, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.devices), nil
}

func (f *fakeSpeakers) open(d Device, v media.Voice, lost func(error)) (playout.Output, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		return nil, f.fault
	}
	o := &fakeOutput{id: d.ID, voice: v, lost: lost}
	f.all = append(f.all, o)
	return o, nil
}

func (f *fakeSpeakers) set(devices ...Device) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.devices = devices
}

// current returns the newest speaker opened.
func (f *fakeSpeakers) current() *fakeOutput {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.all) == 0 {
		return nil
	}
	return f.all[len(f.all)-1]
}

// openStudio opens a studio that looks at devices every few milliseconds and
// has no hardware but fakes.
func openStudio(t *testing.T, o Options) *Studio {
	t.Helper()
	o.interval = 2 * time.Millisecond
	if o.speakers == nil {
		o.speakers = &fakeSpeakers{}
	}
	if o.Retry == 0 {
		o.Retry = 20 * time.Millisecond
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// await reads events until one is of type E and satisfies is.
func await[E Event](t *testing.T, s *Studio, is func(E) bool) E {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e, ok := <-s.Events():
			if want, right := e.(E); right && is(want) {
				return want
			}
			if !ok {
				t.Fatalf("no %T: the studio was closed", *new(E))
			}
		case <-deadline:
			t.Fatalf("no %T\n%+v", *new(E), s.Snapshot())
		}
	}
}

// openedNow waits until the device with this name is in use.
func openedNow(t *testing.T, s *Studio, k Kind, name string) {
	t.Helper()
	await(t, s, func(e DeviceOpened) bool { return e.Kind == k && e.Device.Name == name })
}

// until waits for a condition that no event tells of.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("never: " + what)
}

var errBroken = errors.New("broken")
