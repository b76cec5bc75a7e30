package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/studio"
	"candid/media"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/signal"
	"candid/netstack/trace"
	"candid/netstack/verdict"
)

// noStudio is a person without devices.
type noStudio struct{}

func (noStudio) AddVideoSink(media.VideoSink) func()           { return func() {} }
func (noStudio) AddAudioSink(media.AudioSink) func()           { return func() {} }
func (noStudio) Play(media.Voice) (func(), func(gain float64)) { return func() {}, func(float64) {} }
func (noStudio) SetPreview(media.Screen)                       {}
func (noStudio) Screens() ([]studio.Screen, error)             { return nil, studio.ErrNotFound }
func (noStudio) OpenScreen(string) (media.VideoSource, error)  { return nil, studio.ErrNotFound }
func (noStudio) SetCameraOn(bool)                              {}
func (noStudio) SetMicrophoneOn(bool)                          {}
func (noStudio) MicrophoneLevel() float64                      { return 0 }
func (noStudio) SpeakerLatency() time.Duration                 { return 0 }

func hosting(t *testing.T) invite.Invite {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", id.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	server := signal.NewServer(signal.ServerConfig{})
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
	return invite.Invite{Addresses: []string{l.Addr().String()}, Room: "tea", Secret: secret, Pin: id.Pin}
}

func join(t *testing.T, in invite.Invite, name string) *call.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s, err := call.Join(ctx, call.Config{Invite: in, Name: name, Loopback: true, Studio: noStudio{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Leave(); s.Wait() })
	return s
}

// drain takes the events of a session nobody watches.
func drain(t *testing.T, s *call.Session) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range s.Events() {
		}
	}()
	t.Cleanup(func() { s.Leave(); <-done })
}

// TestReplayOfATrueCall records a Session, with all that the network said.
func TestReplayOfATrueCall(t *testing.T) {
	in := hosting(t)
	anna, ben := join(t, in, "Anna"), join(t, in, "Ben")
	drain(t, ben)
	defer drain(t, anna)
	var out bytes.Buffer
	enc := trace.NewEncoder(&out, trace.Header{Program: "Candid", Start: time.Now()})
	rec := NewRecorder(enc, nil)
	var live []Moment
	var times []time.Time
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for direct := 0; direct < 3; {
		select {
		case e := <-anna.Events():
			rec.Event(e, anna.Snapshot())
			continue
		case <-deadline:
			t.Fatalf("no direct line: %+v", anna.Lines())
		case <-tick.C:
		}
		m := Moment{anna.Snapshot(), anna.Lines(), anna.Graph(), anna.Outgoing(), anna.PathChanges()}
		rec.Lines(m.Snapshot, m.Lines)
		rec.Room(m.Graph, m.Outgoing, m.Changes)
		times = append(times, rec.now())
		live = append(live, m)
		if len(m.Lines) == 1 && m.Lines[0].Verdict.Path == verdict.Direct && len(m.Lines[0].History) > direct {
			direct = len(m.Lines[0].History)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range live {
		if got := r.At(times[i]); !reflect.DeepEqual(data(got), data(remembered(want))) {
			t.Fatalf("%d:\n%+v, want\n%+v", i, got, want)
		}
	}
	if len(r.Events) < 5 || len(r.Paths) == 0 {
		t.Errorf("%d events, %d paths", len(r.Events), len(r.Paths))
	}
	z, err := gzip.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || bytes.Contains(text, []byte(in.Secret)) || !bytes.Contains(text, []byte("candidate-found")) {
		t.Errorf("the text of the trace is wrong: %v", err)
	}
	rep, err := r.Report(false)
	if err != nil || len(rep.People) != 1 || len(rep.People[0].Setup) == 0 {
		t.Errorf("report: %+v %v", rep.People, err)
	}
	t.Logf("%d moments, %d events", len(live), len(r.Events))
}
