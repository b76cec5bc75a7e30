package call_test

import (
	"context"
	"crypto/tls"
	"errors"
	"image"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/studio"
	"candid/media"
	"candid/media/playout"
	"candid/media/scene"
	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/signal"
	"candid/netstack/verdict"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hosting serves one room on loopback.
func hosting(t *testing.T) (invite.Invite, *signal.Server) {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", id.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	server := signal.NewServer(signal.ServerConfig{Logger: slog.New(slog.DiscardHandler)})
	web := &http.Server{Handler: server}
	done := make(chan struct{})
	go func() { defer close(done); _ = web.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		_ = web.Close()
		<-done
	})
	secret := invite.NewSecret()
	if err := server.AddRoom("tea", signal.RoomOptions{Secret: secret}); err != nil {
		t.Fatal(err)
	}
	return invite.Invite{Addresses: []string{l.Addr().String()}, Room: "tea", Secret: secret, Pin: id.Pin}, server
}

// fakeStudio plays a scene, and what it hears to a listener.
type fakeStudio struct {
	member   int
	listener *scene.Listener
	quit     chan struct{}
	wg       sync.WaitGroup
	camera   atomic.Bool
	mic      atomic.Bool

	mu     sync.Mutex
	video  map[int]media.VideoSink
	audio  map[int]media.AudioSink
	voices map[int]media.Voice
	mixer  playout.Mixer
	n      int
}

func newStudio(t *testing.T, member, other int) *fakeStudio {
	t.Helper()
	return newStudioOf(t, member, other, 320, 180)
}

// newStudioOf is one with a camera of a size.
func newStudioOf(t *testing.T, member, other, width, height int) *fakeStudio {
	t.Helper()
	return newStudioFor(t, member, []int{other}, width, height)
}

// newStudioFor is one that listens for the tones of several.
func newStudioFor(t *testing.T, member int, others []int, width, height int) *fakeStudio {
	t.Helper()
	var sounds []scene.Sound
	for _, o := range others {
		sounds = append(sounds, scene.SoundOf(o))
	}
	listener, err := scene.NewListener(sounds...)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeStudio{
		member: member, listener: listener, quit: make(chan struct{}),
		video: map[int]media.VideoSink{}, audio: map[int]media.AudioSink{}, voices: map[int]media.Voice{},
	}
	camera := scene.NewCamera(scene.CameraOptions{Width: width, Height: height, Member: member})
	mic, err := scene.NewMicrophone(scene.SoundOf(member))
	if err != nil {
		t.Fatal(err)
	}
	f.wg.Go(func() { f.film(camera) })
	f.wg.Go(func() { f.speak(mic) })
	f.wg.Go(f.hear)
	t.Cleanup(func() {
		close(f.quit)
		_ = camera.Close()
		_ = mic.Close()
		f.wg.Wait()
	})
	return f
}

func (f *fakeStudio) film(camera *scene.Camera) {
	for {
		frame, err := camera.ReadVideo()
		if err != nil {
			return
		}
		f.mu.Lock()
		for _, s := range f.video {
			if f.camera.Load() {
				s.WriteVideo(frame)
			}
		}
		f.mu.Unlock()
	}
}

func (f *fakeStudio) speak(mic *scene.Microphone) {
	for {
		block, err := mic.ReadAudio()
		if err != nil {
			return
		}
		f.mu.Lock()
		for _, s := range f.audio {
			if f.mic.Load() {
				s.WriteAudio(block)
			}
		}
		f.mu.Unlock()
	}
}

func (f *fakeStudio) hear() {
	tick := time.NewTicker(media.BlockDuration)
	defer tick.Stop()
	pcm := make([]int16, media.BlockSamples)
	for {
		select {
		case <-f.quit:
			return
		case now := <-tick.C:
			f.mixer.ReadBlock(pcm)
			f.listener.WriteAudio(media.AudioBlock{PCM: pcm, Captured: now})
		}
	}
}

func keep[T any](f *fakeStudio, m map[int]T, v T) (remove func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	n := f.n
	m[n] = v
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(m, n)
	}
}

func (f *fakeStudio) AddVideoSink(s media.VideoSink) func() { return keep(f, f.video, s) }
func (f *fakeStudio) AddAudioSink(s media.AudioSink) func() { return keep(f, f.audio, s) }
func (f *fakeStudio) Play(v media.Voice) (func(), func(float64)) {
	f.mixer.Add(v)
	forget := keep(f, f.voices, v)
	return func() { f.mixer.Remove(v); forget() }, func(gain float64) { f.mixer.SetGain(v, gain) }
}
func (f *fakeStudio) SetPreview(media.Screen) {}
func (f *fakeStudio) Screens() ([]studio.Screen, error) {
	return []studio.Screen{{ID: "page", Name: "A page"}}, nil
}
func (f *fakeStudio) OpenScreen(id string) (media.VideoSource, error) {
	if id != "page" {
		return nil, &studio.ScreenError{Err: studio.ErrNotFound}
	}
	return scene.NewPage(scene.CameraOptions{Width: 960, Height: 540, Member: 100 + f.member}), nil
}
func (f *fakeStudio) SetCameraOn(on bool)           { f.camera.Store(on) }
func (f *fakeStudio) SetMicrophoneOn(on bool)       { f.mic.Store(on) }
func (f *fakeStudio) MicrophoneLevel() float64      { return 0.1 }
func (f *fakeStudio) SpeakerLatency() time.Duration { return 0 }

// left reports what is still attached.
func (f *fakeStudio) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.video) + len(f.audio) + len(f.voices)
}

// meter counts what is seen.
type meter struct {
	seen   scene.Watcher
	shares atomic.Int64 // pictures of a shared page
	sent   atomic.Int64
	height atomic.Int64 // of the newest picture
}

func (m *meter) Picture(from netstack.PeerID, p *image.YCbCr) func() {
	mark, ok := scene.ReadStamp(p)
	if strings.HasSuffix(string(from), "/screen") {
		if ok && mark.Sender >= 100 {
			m.shares.Add(1)
		}
		return nil
	}
	m.height.Store(int64(p.Rect.Dy()))
	m.seen.See(mark, ok, time.Now())
	return nil
}
func (m *meter) Sent(*image.YCbCr) { m.sent.Add(1) }

// person is a member under test; events are kept as they come.
type person struct {
	*call.Session
	studio *fakeStudio
	meter  *meter
	mu     sync.Mutex
	events []call.Event
	wg     sync.WaitGroup
}

func joinAs(t *testing.T, inv invite.Invite, name string, member, other int) *person {
	t.Helper()
	return joinWith(t, inv, name, newStudio(t, member, other))
}

func joinWith(t *testing.T, inv invite.Invite, name string, studio *fakeStudio) *person {
	t.Helper()
	return joinConfig(t, call.Config{Invite: inv, Name: name}, studio)
}

func joinConfig(t *testing.T, cfg call.Config, studio *fakeStudio) *person {
	t.Helper()
	p := &person{studio: studio, meter: &meter{}}
	cfg.Studio, cfg.Loopback = p.studio, true
	if cfg.Meter == nil {
		cfg.Meter = p.meter
	}
	s, err := call.Join(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Session = s
	p.wg.Go(func() {
		for e := range s.Events() {
			p.mu.Lock()
			p.events = append(p.events, e)
			p.mu.Unlock()
		}
	})
	t.Cleanup(p.leave)
	return p
}

func (p *person) leave() {
	p.Leave()
	p.Wait()
	p.wg.Wait()
}

func has[E call.Event](p *person, ok func(E) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e, is := e.(E); is && ok(e) {
			return true
		}
	}
	return false
}

// until waits for something that must come; how long it takes is no matter of
// the test.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never came: %s", what)
}

func TestTwoSeeAndHearEachOther(t *testing.T) {
	inv, _ := hosting(t)
	ada := joinAs(t, inv, "Ada", 0, 1)
	if s := ada.Snapshot(); s.Room != "tea" || s.Self.Name != "Ada" || len(s.Others) != 0 {
		t.Errorf("alone: %+v", s)
	}
	until(t, "Ada is alone", func() bool { return ada.Snapshot().State == call.Alone })
	noor := joinAs(t, inv, "Noor", 1, 0)
	for _, p := range []*person{ada, noor} {
		until(t, "connected", func() bool { return p.Snapshot().State == call.Connected })
		until(t, "30 pictures", func() bool { return p.meter.seen.Seen().Frames >= 30 })
		until(t, "the other's tone", func() bool { h := p.studio.listener.Heard()[0]; return h.Present && h.Windows > 10 })
		until(t, "a line", func() bool { l := p.Lines(); return len(l) == 1 && l[0].Verdict.Path == verdict.Direct })
	}
	until(t, "Ada's tone, clean", func() bool { // a busy machine may stretch or repair some of it
		h := noor.studio.listener.Heard()[0]
		if h.Windows > 10 && h.SNR < 25 {
			noor.studio.listener.Reset()
		}
		return h.Windows > 10 && h.SNR >= 25
	})
	if s := noor.Snapshot(); len(s.Others) != 1 || s.Others[0].Name != "Ada" || s.Others[0].Problem != "" {
		t.Errorf("Noor sees %+v", s.Others)
	}
	if s := ada.meter.seen.Seen(); s.Unread > 0 || s.Repeated > 0 || s.Late > 0 {
		t.Errorf("Ada saw %+v", s)
	}

	noor.leave()
	until(t, "Ada is alone again", func() bool { return ada.Snapshot().State == call.Alone })
	if !has(ada, func(e call.MemberLeft) bool { return e.Member.Name == "Noor" && e.Why == "left" }) {
		t.Error("Ada was not told that Noor left")
	}
	ada.leave()
	for _, p := range []*person{ada, noor} {
		if n := p.studio.left(); n > 0 {
			t.Errorf("%d sinks and voices were left in the studio", n)
		}
	}
}

func TestMutingIsSeenAndSendsNothing(t *testing.T) {
	t.Parallel()
	inv, _ := hosting(t)
	ada, noor := joinAs(t, inv, "Ada", 0, 1), joinAs(t, inv, "Noor", 1, 0)
	until(t, "Ada's tone at Noor's", func() bool { return noor.studio.listener.Heard()[0].Present })
	ada.SetMuted(true)
	ada.SetCameraOff(true)
	until(t, "the signs at Noor's", func() bool {
		o := noor.Snapshot().Others
		return len(o) == 1 && o[0].Muted && o[0].CameraOff
	})
	until(t, "silence at Noor's", func() bool { return !noor.studio.listener.Heard()[0].Present })
	sent := ada.FramesSent()
	ada.SetCameraOff(false)
	ada.SetMuted(false)
	until(t, "the picture again", func() bool { return ada.FramesSent() > sent+10 })
	until(t, "the tone again", func() bool { return noor.studio.listener.Heard()[0].Present })
}

func TestRoomClosedByHost(t *testing.T) {
	inv, server := hosting(t)
	ada := joinAs(t, inv, "Ada", 0, 1)
	if err := server.RemoveRoom("tea", "tea is over"); err != nil {
		t.Fatal(err)
	}
	ada.Wait()
	if s := ada.Snapshot(); s.State != call.Ended || !errors.Is(s.Err, signal.ErrHostGone) {
		t.Errorf("ended as %v, %v", s.State, s.Err)
	}
}

func TestJoinRefused(t *testing.T) {
	inv, _ := hosting(t)
	wrong := inv
	wrong.Secret = invite.NewSecret()
	_, err := call.Join(context.Background(), call.Config{Invite: wrong, Name: "Eve", Studio: newStudio(t, 0, 1)})
	if !errors.Is(err, signal.ErrWrongSecret) {
		t.Errorf("wrong secret: %v", err)
	}
	pin := inv
	pin.Pin[0]++
	_, err = call.Join(context.Background(), call.Config{Invite: pin, Name: "Eve", Studio: newStudio(t, 0, 1)})
	if !errors.Is(err, signal.ErrWrongCertificate) {
		t.Errorf("wrong pin: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := inv
	gone.Addresses = []string{l.Addr().String()}
	_ = l.Close()
	_, err = call.Join(context.Background(), call.Config{Invite: gone, Name: "Eve", Studio: newStudio(t, 0, 1)})
	if !errors.Is(err, signal.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestThreeInAMesh(t *testing.T) {
	t.Parallel()
	inv, _ := hosting(t)
	people := []*person{joinAs(t, inv, "Ada", 0, 1), joinAs(t, inv, "Noor", 1, 2), joinAs(t, inv, "Kim", 2, 0)}
	for _, p := range people {
		until(t, "two lines", func() bool {
			l := p.Lines()
			return len(l) == 2 && l[0].Verdict.Path == verdict.Direct && l[1].Verdict.Path == verdict.Direct
		})
		until(t, "the next one's tone", func() bool { return p.studio.listener.Heard()[0].Present })
	}
}

// Fifty calls leave nothing behind: no goroutine (TestMain looks at the end, and
// the count here in between), no file or socket, nothing in the studio.
func TestJoiningAndLeavingOften(t *testing.T) {
	inv, _ := hosting(t)
	ada := joinAs(t, inv, "Ada", 0, 1)
	studio := newStudio(t, 1, 0)
	var goroutines, files int
	for round := range 51 {
		noor := joinWith(t, inv, "Noor", studio)
		until(t, "a picture", func() bool { return noor.meter.seen.Seen().Frames > 0 })
		noor.leave()
		until(t, "Ada alone", func() bool { return ada.Snapshot().State == call.Alone })
		if n := studio.left(); n > 0 {
			t.Fatalf("round %d: %d sinks and voices are left in the studio", round, n)
		}
		if round == 0 { // what is made once, on first use, is there now
			until(t, "quiet", func() bool { goroutines, files = runtime.NumGoroutine(), openFiles(t); return len(ada.Lines()) == 0 })
		}
	}
	until(t, "no more goroutines and files than after the first call", func() bool {
		return runtime.NumGoroutine() <= goroutines && openFiles(t) <= files
	})
}

// openFiles counts this process's descriptors; where that cannot be done it is 0.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries)
}
