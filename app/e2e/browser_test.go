//go:build browser

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/host"
	"candid/app/studio"
	"candid/media"
	"candid/netstack"
)

const (
	whipRoom        = "studio"
	browserPatience = 60 * time.Second
	enoughPictures  = 30
)

// tab is a browser that publishes or watches, and what it told of itself last.
type tab struct {
	t    *testing.T
	mu   sync.Mutex
	said told
}

// told is what the page says: see testdata/browser.html.
type told struct {
	Error, Codec, SRTP, DTLSRole, DTLS, TLS, Location string
	Unable                                            bool
	Encoded, Decoded, Sound, Width, KeyFrames         int
	FirstPictureMs                                    float64
}

// newTab opens the page in a browser of its own. Its origin is not the host's.
func newTab(t *testing.T, want map[string]string) *tab {
	t.Helper()
	exe, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: make browser installs it")
	}
	b := &tab{t: t}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir("testdata")))
	mux.HandleFunc("POST /said", func(_ http.ResponseWriter, r *http.Request) {
		var s told
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			t.Error(err)
		}
		b.mu.Lock()
		b.said = s
		b.mu.Unlock()
	})
	web := httptest.NewServer(mux)
	hash, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(exe, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--user-data-dir="+dir, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
		"--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
		"--ignore-certificate-errors", // the host's is its own, and known by its pin
		web.URL+"/browser.html#"+url.PathEscape(string(hash)))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its helpers write into dir until they end
		_ = cmd.Wait()
		web.Close()
	})
	return b
}

// await waits until the page says what is wanted, and returns it.
func (b *tab) await(what string, ok func(told) bool) told {
	b.t.Helper()
	for end := time.Now().Add(browserPatience); ; time.Sleep(20 * time.Millisecond) {
		b.mu.Lock()
		s := b.said
		b.mu.Unlock()
		switch {
		case s.Unable:
			b.t.Skip("this browser does not encode it")
		case s.Error != "":
			b.t.Fatalf("waiting for %s: %s", what, s.Error)
		case ok(s):
			return s
		case time.Now().After(end):
			b.t.Fatalf("waited in vain for %s: %+v", what, s)
		}
	}
}

// encrypted checks that the host chose the cipher, as the DTLS server.
func (s told) encrypted(t *testing.T) {
	t.Helper()
	if s.SRTP != "AEAD_AES_128_GCM" || s.DTLSRole != "client" {
		t.Errorf("encrypted with %q, the browser as DTLS %s; want AEAD_AES_128_GCM, chosen by the host", s.SRTP, s.DTLSRole)
	}
}

// noDevices is a person without devices.
type noDevices struct{}

func (noDevices) AddVideoSink(media.VideoSink) func()           { return func() {} }
func (noDevices) AddAudioSink(media.AudioSink) func()           { return func() {} }
func (noDevices) Play(media.Voice) (func(), func(gain float64)) { return func() {}, func(float64) {} }
func (noDevices) SetPreview(media.Screen)                       {}
func (noDevices) Screens() ([]studio.Screen, error)             { return nil, studio.ErrNotFound }
func (noDevices) OpenScreen(string) (media.VideoSource, error)  { return nil, studio.ErrNotFound }
func (noDevices) SetCameraOn(bool)                              {}
func (noDevices) SetMicrophoneOn(bool)                          {}
func (noDevices) MicrophoneLevel() float64                      { return 0 }
func (noDevices) SpeakerLatency() time.Duration                 { return 0 }

// counter counts the pictures of others that a member of the room decoded.
type counter struct{ pictures, width atomic.Int64 }

func (c *counter) Picture(_ netstack.PeerID, p *image.YCbCr) func() {
	c.width.Store(int64(p.Rect.Dx()))
	c.pictures.Add(1)
	return nil
}
func (c *counter) Sent(*image.YCbCr) {}

// visit joins the room with Candid's own client.
func visit(t *testing.T, h *host.Host) *counter {
	t.Helper()
	in, err := h.Invite(whipRoom)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{}
	s, err := call.Join(t.Context(), call.Config{Invite: in, Name: "Anna", Muted: true, CameraOff: true, Loopback: true, Studio: noDevices{}, Meter: c})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range s.Events() {
			if m, ok := e.(call.MemberJoined); ok {
				s.SetTile(m.Member.ID, 720, false)
			}
		}
	}()
	t.Cleanup(func() { s.Leave(); <-done })
	return c
}

// studioHost hosts the room, open to other programs.
func studioHost(t *testing.T) (h *host.Host, at, token string) {
	t.Helper()
	h, err := host.Start(context.Background(), host.Config{Port: host.AnyPort, Loopback: true, Rooms: []string{whipRoom}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	if token, err = h.Token(whipRoom); err != nil {
		t.Fatal(err)
	}
	for _, a := range h.Addresses() {
		if strings.HasPrefix(a, "127.") {
			return h, "https://" + a, token
		}
	}
	t.Fatal(errors.New("the host is not at 127.0.0.1"))
	return nil, "", ""
}

// A browser publishes into a room by WHIP: a member decodes its picture, and
// another browser watches it by WHEP. Both pages are of another origin than the
// host. The second viewer gets the kept key frame.
func TestRow53Browser(t *testing.T) {
	h, at, token := studioHost(t)
	anna := visit(t, h)
	camera := newTab(t, map[string]string{"do": "whip", "to": at + "/whip/" + whipRoom + "?name=Studio", "token": token})
	s := camera.await("pictures of its camera", func(s told) bool { return s.Encoded > enoughPictures && s.DTLS == "connected" })
	s.encrypted(t)
	t.Logf("published: %+v", s)
	for end := time.Now().Add(browserPatience); anna.pictures.Load() < enoughPictures; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a member decoded %d pictures of the browser", anna.pictures.Load())
		}
	}
	for range 2 {
		before := camera.await("anything", func(told) bool { return true }).KeyFrames
		viewer := newTab(t, map[string]string{"do": "whep", "to": at + "/whep/" + whipRoom, "token": token})
		s := viewer.await("pictures and sound", func(s told) bool { return s.Decoded > enoughPictures && s.Sound > 48_000/2 && s.FirstPictureMs > 0 })
		s.encrypted(t)
		after := camera.await("anything", func(told) bool { return true }).KeyFrames
		t.Logf("watched: %+v; key frames asked of the camera meanwhile: %d", s, after-before)
		t.Logf("first picture of a viewer: %.0f ms after it began", s.FirstPictureMs)
	}
}

// A member decodes whatever codec a browser sends.
func TestBrowserCodecs(t *testing.T) {
	h, at, token := studioHost(t)
	for _, codec := range []string{"video/VP8", "video/VP9", "video/H264", "video/AV1"} {
		t.Run(codec, func(t *testing.T) {
			anna := visit(t, h)
			camera := newTab(t, map[string]string{"do": "whip", "to": at + "/whip/" + whipRoom, "token": token, "codec": codec})
			s := camera.await("pictures of its camera", func(s told) bool { return s.Encoded > enoughPictures })
			if s.Codec != codec {
				t.Errorf("sends %s", s.Codec)
			}
			for end := time.Now().Add(browserPatience); anna.pictures.Load() < enoughPictures; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("a member decoded %d pictures of the browser", anna.pictures.Load())
				}
			}
			t.Logf("%d pictures, %d wide, of %+v", anna.pictures.Load(), anna.width.Load(), s)
		})
	}
}
