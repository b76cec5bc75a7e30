package studio

import (
	"errors"
	"image"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"candid/media"
	"candid/media/scene"
	"candid/media/voice"

	"go.uber.org/goleak"
)

type videoSink struct{ frames atomic.Int64 }

func (s *videoSink) WriteVideo(media.VideoFrame) { s.frames.Add(1) }

type audioSink struct{ blocks atomic.Int64 }

func (s *audioSink) WriteAudio(media.AudioBlock) { s.blocks.Add(1) }

// Nothing at all is a state that can be told, and the rest goes on.
func TestRow34NoDevices(t *testing.T) {
	s := openStudio(t, Options{})
	await(t, s, func(DevicesChanged) bool { return true })
	until(t, "every kind is known to be missing", func() bool {
		snap := s.Snapshot()
		for k := range kinds {
			if st := snap.Of(k); st.Open || !errors.Is(st.Err, ErrNotFound) || st.Problem == "" || st.Next == "" {
				return false
			}
		}
		return true
	})
	if d := s.Snapshot().Camera.Devices; len(d) != 1 || !d[0].Synthetic {
		t.Errorf("offered %+v in place of a camera", d)
	}
	heard := &audioSink{}
	defer s.AddSpeakerSink(heard)()
	until(t, "voices are pulled without a speaker", func() bool { return heard.blocks.Load() > 3 })
	if s.MicrophoneLevel() != 0 {
		t.Error("a microphone that is not there has a level")
	}
	s.UseCamera(s.Snapshot().Camera.Devices[0].ID)
	openedNow(t, s, Camera, "Test picture")
	if p := s.Snapshot().Camera.Problem; p != "" {
		t.Errorf("problem with the test picture: %s", p)
	}
}

func TestRow35UnplugAndReturn(t *testing.T) {
	cam, other, mic := camera("cam", "Webcam"), camera("other", "Old webcam"), microphone("mic", "Headset")
	cam.plug(t, true)
	other.plug(t, false)
	mic.plug(t, true)
	s := openStudio(t, Options{Camera: "camera:cam"})
	pictures, sound := &videoSink{}, &audioSink{}
	defer s.AddVideoSink(pictures)()
	defer s.AddAudioSink(sound)()
	openedNow(t, s, Camera, "Webcam")
	until(t, "sound", func() bool { return sound.blocks.Load() > 0 })

	cam.unplug()
	lost := await(t, s, func(e DeviceLost) bool { return e.Kind == Camera })
	if lost.Device.Name != "Webcam" || !errors.Is(lost.Err, ErrLost) || lost.Say == "" || lost.Next == "" {
		t.Errorf("lost: %+v", lost)
	}
	openedNow(t, s, Camera, "Old webcam") // instead
	snap := s.Snapshot().Camera
	if !snap.Open || snap.Chosen != "camera:other" || snap.Problem != "The camera “Webcam” is not plugged in." {
		t.Errorf("after the loss: %+v", snap)
	}
	n := pictures.frames.Load()
	until(t, "pictures of the other camera", func() bool { return pictures.frames.Load() > n })

	other.unplug()
	await(t, s, func(e DeviceLost) bool { return e.Device.Name == "Old webcam" })
	until(t, "both closed", func() bool { return !cam.open() && !other.open() })
	b := sound.blocks.Load()
	until(t, "sound goes on", func() bool { return sound.blocks.Load() > b })

	cam.plug(t, true)
	openedNow(t, s, Camera, "Webcam") // by itself
	n = pictures.frames.Load()
	until(t, "pictures again", func() bool { return pictures.frames.Load() > n })
	if snap := s.Snapshot().Camera; snap.Err != nil {
		t.Errorf("back, but: %v", snap.Err)
	}

	mic.unplug()
	await(t, s, func(e DeviceLost) bool { return e.Kind == Microphone })
	until(t, "level falls", func() bool { return s.MicrophoneLevel() == 0 })
	mic.plug(t, true)
	openedNow(t, s, Microphone, "Headset")
	if cam.opens.Load() != 2 || mic.opens.Load() != 2 {
		t.Errorf("camera was opened %d times, microphone %d, want 2", cam.opens.Load(), mic.opens.Load())
	}
}

// A read error while the device stays on the list: it is tried again.
func TestReadError(t *testing.T) {
	cam := camera("cam", "Webcam")
	cam.plug(t, true)
	s := openStudio(t, Options{})
	openedNow(t, s, Camera, "Webcam")
	cam.broken <- syscall.EIO
	e := await(t, s, func(e DeviceLost) bool { return e.Kind == Camera })
	if !errors.Is(e.Err, syscall.EIO) {
		t.Errorf("lost by %v", e.Err)
	}
	openedNow(t, s, Camera, "Webcam")
}

func TestRow34BusyAndDenied(t *testing.T) {
	cam := camera("cam", "Webcam")
	cam.fail(syscall.EBUSY)
	cam.plug(t, true)
	s := openStudio(t, Options{})
	e := await(t, s, func(e DeviceFailed) bool { return e.Kind == Camera })
	if !errors.Is(e.Err, ErrBusy) || e.Say != "The camera “Webcam” is in use by another program." || e.Next == "" {
		t.Errorf("failed: %+v", e)
	}
	if snap := s.Snapshot().Camera; snap.Open || !errors.Is(snap.Err, ErrBusy) || snap.Problem != e.Say {
		t.Errorf("while busy: %+v", snap)
	}
	cam.fail(os.ErrPermission) // it is tried again, and tells what is new
	e = await(t, s, func(e DeviceFailed) bool { return e.Kind == Camera })
	if !errors.Is(e.Err, ErrDenied) {
		t.Errorf("failed: %+v", e)
	}
	cam.heal()
	openedNow(t, s, Camera, "Webcam")
	if snap := s.Snapshot().Camera; snap.Err != nil {
		t.Errorf("open, but %v", snap.Err)
	}
}

// A change of device keeps the old one until the new one works.
func TestUse(t *testing.T) {
	a, b := microphone("a", "First"), microphone("b", "Second")
	a.plug(t, true)
	b.plug(t, false)
	b.fail(syscall.EBUSY)
	s := openStudio(t, Options{})
	sound := &audioSink{}
	defer s.AddAudioSink(sound)()
	openedNow(t, s, Microphone, "First")

	s.UseMicrophone("microphone:b")
	await(t, s, func(e DeviceFailed) bool { return e.Device.Name == "Second" })
	snap := s.Snapshot().Microphone
	if !snap.Open || snap.Chosen != "microphone:a" || !errors.Is(snap.Err, ErrBusy) || a.closes.Load() != 0 {
		t.Errorf("after a failed change: %+v, closed %d times", snap, a.closes.Load())
	}
	n := sound.blocks.Load()
	until(t, "sound of the first", func() bool { return sound.blocks.Load() > n })

	b.heal()
	s.UseMicrophone("microphone:b") // once more
	openedNow(t, s, Microphone, "Second")
	if a.open() || !b.open() {
		t.Error("the old one is still open")
	}
	s.UseMicrophone(None)
	await(t, s, func(e DeviceClosed) bool { return e.Kind == Microphone })
	if snap := s.Snapshot().Microphone; b.open() || snap.Open || snap.Err != nil {
		t.Errorf("without a microphone: %+v", snap)
	}
}

// Off means closed: 100 times, and nothing stays behind.
func TestRow36CameraOff(t *testing.T) {
	cam := camera("cam", "Webcam")
	cam.plug(t, true)
	s := openStudio(t, Options{CameraOff: true})
	until(t, "camera is listed", func() bool { return len(s.Snapshot().Camera.Devices) > 0 })
	if cam.opens.Load() != 0 {
		t.Fatal("opened although off")
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("open files cannot be counted here: %v", err)
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var took []time.Duration
	for i := range int32(100) {
		s.SetCameraOn(true)
		openedNow(t, s, Camera, "Webcam")
		off := time.Now()
		s.SetCameraOn(false)
		until(t, "camera is closed", func() bool { return cam.closes.Load() == i+1 })
		took = append(took, time.Since(off))
		await(t, s, func(e DeviceClosed) bool { return e.Kind == Camera })
		if cam.opens.Load() != i+1 || cam.closes.Load() != i+1 {
			t.Fatalf("round %d: opened %d times, closed %d times", i, cam.opens.Load(), cam.closes.Load())
		}
	}
	slices.Sort(took)
	t.Logf("the driver is closed %v after the button, p99 %v, at most %v", took[50], took[98], took[99])
	if took[98] > 500*time.Millisecond {
		t.Errorf("the driver is open for %v after the camera was switched off", took[98])
	}
	if after, err := os.ReadDir("/proc/self/fd"); err != nil || len(after) > len(entries) {
		t.Errorf("%d files open, %d before (%v)", len(after), len(entries), err)
	}
	if st := s.Snapshot().Camera; st.On || st.Open || st.Err != nil {
		t.Errorf("off: %+v", st)
	}
}

func TestMute(t *testing.T) {
	mic := microphone("mic", "Headset")
	mic.plug(t, true)
	s := openStudio(t, Options{Muted: true})
	sound := &audioSink{}
	remove := s.AddAudioSink(sound)
	until(t, "microphone is listed", func() bool { return len(s.Snapshot().Microphone.Devices) > 0 })
	if mic.opens.Load() != 0 || s.Snapshot().Microphone.Err != nil {
		t.Error("a muted microphone was opened, or is missed")
	}
	s.SetMicrophoneOn(true)
	openedNow(t, s, Microphone, "Headset")
	until(t, "sound", func() bool { return sound.blocks.Load() > 0 })

	s.SetMicrophoneOn(false)
	s.hearing.level.reset()
	until(t, "level while muted", func() bool { return s.MicrophoneLevel() > 0.5 })
	n := sound.blocks.Load()
	s.hearing.level.reset()
	until(t, "level while muted", func() bool { return s.MicrophoneLevel() > 0.5 })
	if sound.blocks.Load() != n {
		t.Error("something was sent while muted")
	}
	if st := s.Snapshot().Microphone; st.On || !st.Open {
		t.Errorf("muted: %+v", st)
	}
	s.SetMicrophoneOn(true)
	until(t, "sound again", func() bool { return sound.blocks.Load() > n })
	if mic.opens.Load() != 1 {
		t.Error("unmuting opened the device again")
	}

	remove()
	n = sound.blocks.Load()
	other := &audioSink{}
	removeOther := s.AddAudioSink(other)
	until(t, "sound for the other", func() bool { return other.blocks.Load() > 0 })
	if sound.blocks.Load() != n {
		t.Error("a sink that was removed is still called")
	}
	removeOther()
	s.SetMicrophoneOn(false) // and nobody listens
	await(t, s, func(e DeviceClosed) bool { return e.Kind == Microphone })
	if mic.open() {
		t.Error("the microphone is open for nobody")
	}
}

// A speaker is open while there is something to play.
func TestSpeakerInUse(t *testing.T) {
	speakers := &fakeSpeakers{}
	speakers.set(Device{ID: "a", Name: "Built-in", Default: true})
	s := openStudio(t, Options{speakers: speakers})
	s.slots[Speaker].set(func(sl *slot) { sl.linger = 0 })
	until(t, "speaker is listed", func() bool { return len(s.Snapshot().Speaker.Devices) > 0 })
	if speakers.current() != nil {
		t.Error("opened without anything to play")
	}
	s.PlayTestSound()
	openedNow(t, s, Speaker, "Built-in")
	pcm := make([]int16, media.BlockSamples)
	for speakers.current().voice.ReadBlock(pcm) {
	}
	await(t, s, func(e DeviceClosed) bool { return e.Kind == Speaker })

	remove, _ := s.Play(constant(1))
	openedNow(t, s, Speaker, "Built-in")
	remove()
	remove()
	await(t, s, func(e DeviceClosed) bool { return e.Kind == Speaker })
	if st := s.Snapshot().Speaker; st.Open || st.Err != nil {
		t.Errorf("not in use: %+v", st)
	}
}

// screen keeps the newest picture.
type screen struct {
	mu  sync.Mutex
	pic *media.Picture
}

func (s *screen) Buffer(w, h int) *media.Picture {
	return &media.Picture{Image: image.NewRGBA(image.Rect(0, 0, w, h))}
}

func (s *screen) Show(p *media.Picture) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pic = p
}

func (s *screen) shown() *image.RGBA {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pic == nil {
		return nil
	}
	return s.pic.Image
}

func TestPreview(t *testing.T) {
	cam := camera("cam", "Webcam")
	cam.plug(t, true)
	s := openStudio(t, Options{})
	sc := &screen{}
	s.SetPreview(sc)
	until(t, "a self view", func() bool { return sc.shown() != nil })
	img := sc.shown()
	if left, right := img.RGBAAt(1, 18), img.RGBAAt(62, 18); left.R > 80 || right.R < 230 {
		t.Errorf("left %v, right %v: not a mirror of what is light on the left", left, right)
	}
	s.SetPreview(nil)
	s.UseCamera(None)
	await(t, s, func(e DeviceClosed) bool { return e.Kind == Camera })
}

// Whoever wants to be heard is, cleaned or not, and can be made softer.
func TestPlay(t *testing.T) {
	speakers := &fakeSpeakers{}
	speakers.set(Device{ID: "a", Name: "Built-in", Default: true}, Device{ID: "b", Name: "Headset"})
	s := openStudio(t, Options{speakers: speakers, Speaker: "b"})
	heard := &audioSink{}
	defer s.AddSpeakerSink(heard)()
	openedNow(t, s, Speaker, "Headset")
	out := speakers.current()

	remove, setGain := s.Play(constant(1000))
	defer remove()
	pcm := make([]int16, media.BlockSamples)
	if !out.voice.ReadBlock(pcm) || pcm[400] != 1000 || heard.blocks.Load() == 0 {
		t.Errorf("played %d, heard %d blocks", pcm[400], heard.blocks.Load())
	}
	setGain(0.5)
	out.voice.ReadBlock(pcm)
	out.voice.ReadBlock(pcm)
	if pcm[400] != 500 {
		t.Errorf("played %d at half the volume", pcm[400])
	}

	out.lost(errBroken)
	lost := await(t, s, func(e DeviceLost) bool { return e.Kind == Speaker })
	if lost.Device.ID != "b" || !errors.Is(lost.Err, ErrLost) || !errors.Is(lost.Err, errBroken) {
		t.Errorf("lost: %+v", lost)
	}
	openedNow(t, s, Speaker, "Built-in")
	if !out.closed.Load() {
		t.Error("the lost speaker was not closed")
	}
	openedNow(t, s, Speaker, "Headset") // tried again after a while
	if out.voice.ReadBlock(pcm); s.SpeakerLatency() == 0 {
		t.Error("latency unknown")
	}
	speakers.set()
	await(t, s, func(e DeviceLost) bool { return e.Device.ID == "b" })
	n := heard.blocks.Load()
	until(t, "voices are pulled without a speaker", func() bool { return heard.blocks.Load() > n+3 })
}

// constant is a voice of one value.
type constant int16

func (c constant) ReadBlock(pcm []int16) bool {
	for i := range pcm {
		pcm[i] = int16(c)
	}
	return true
}

func TestPlayTestSound(t *testing.T) {
	ended := 0
	d := &desk{hearing: &hearing{voice: voice.PassThrough()}, quiet: func() { ended++ }}
	pcm := make([]int16, media.BlockSamples)
	if d.ReadBlock(pcm) {
		t.Error("sound from nothing")
	}
	d.chime.Store(&chime{})
	blocks, peak := 0, int16(0)
	for d.ReadBlock(pcm) {
		blocks++
		for _, v := range pcm {
			peak = max(peak, v)
		}
	}
	if ended != 1 || d.inUse(true) {
		t.Errorf("told %d times that it ended; in use: %v", ended, d.inUse(true))
	}
	if blocks != chimeEnd/media.BlockSamples || peak < 5000 || peak > 20000 {
		t.Errorf("%d blocks, peak %d", blocks, peak)
	}
}

// Everything synthetic, as in the demo: pictures can be read and the tone is
// pure, since nothing cleans it.
func TestSynthetic(t *testing.T) {
	s, err := New(Options{Synthetic: true, Silent: true, Member: 4, Width: 320, Height: 180, Voice: voice.Default()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	marks := make(chan scene.Mark, 1)
	defer s.AddVideoSink(videoFunc(func(f media.VideoFrame) {
		if m, ok := scene.ReadStamp(f.Image); ok {
			select {
			case marks <- m:
			default:
			}
		}
	}))()
	l, err := scene.NewListener(scene.SoundOf(4))
	if err != nil {
		t.Fatal(err)
	}
	defer s.AddAudioSink(l)()
	if m := <-marks; m.Sender != 4 {
		t.Errorf("picture of member %d", m.Sender)
	}
	until(t, "tone", func() bool { return l.Heard()[0].Windows >= 3 })
	if h := l.Heard()[0]; !h.Present || h.SNR < 40 {
		t.Errorf("tone: %+v", h)
	}
	snap := s.Snapshot()
	if snap.Camera.Problem != "" || snap.Microphone.Problem != "" || !snap.Camera.Open || !snap.Microphone.Open {
		t.Errorf("snapshot: %+v", snap)
	}
}

type videoFunc func(media.VideoFrame)

func (f videoFunc) WriteVideo(v media.VideoFrame) { f(v) }

func TestLoudness(t *testing.T) {
	sine := func(peak float64) []int16 {
		pcm := make([]int16, media.BlockSamples)
		for i := range pcm {
			pcm[i] = int16(peak * float64(i%2*2-1) / 1.41421356)
		}
		return pcm
	}
	for _, c := range []struct {
		pcm  []int16
		want float64
	}{
		{sine(32767), 1}, {sine(3276.7), 1 - 20/meterFloor}, {sine(327.67), 1 - 40/meterFloor}, {sine(10), 0}, {sine(0), 0},
	} {
		if got := loudness(c.pcm); got < c.want-0.01 || got > c.want+0.01 {
			t.Errorf("loudness %.3f, want %.3f", got, c.want)
		}
	}
	var m meter
	m.measure(sine(32767))
	m.measure(sine(0))
	if v := m.value(); v >= 1 || v < 0.98 {
		t.Errorf("fell to %.3f in one block", v)
	}
}

// A reader who does not read loses the oldest events, and blocks nobody.
func TestEventsUnread(t *testing.T) {
	s := &Studio{log: slog.New(slog.DiscardHandler), events: make(chan Event, eventBacklog)}
	for range 2 * eventBacklog {
		s.tell(DevicesChanged{})
	}
	s.tell(DeviceClosed{Kind: Microphone})
	var last Event
	for len(s.Events()) > 0 {
		last = <-s.Events()
	}
	if _, ok := last.(DeviceClosed); !ok {
		t.Errorf("the newest event is %T", last)
	}
}

func TestClose(t *testing.T) {
	cam := camera("cam", "Webcam")
	cam.plug(t, true)
	s := openStudio(t, Options{})
	openedNow(t, s, Camera, "Webcam")
	s.Close()
	s.Close()
	if cam.open() {
		t.Error("the camera is still open")
	}
	for range s.Events() { // ends
	}
	s.SetCameraOn(true) // does nothing, and does not panic
	s.UseSpeaker("a")
	s.PlayTestSound()
	s.Snapshot()
}
