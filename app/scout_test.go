//go:build !headless

package app

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/host"
	"candid/app/studio"
	"candid/media"
	"candid/netstack/portmap"
)

// nothing is a person without devices.
type nothing struct{ call.Studio }

func (nothing) AddVideoSink(media.VideoSink) func()           { return func() {} }
func (nothing) AddAudioSink(media.AudioSink) func()           { return func() {} }
func (nothing) Play(media.Voice) (func(), func(gain float64)) { return func() {}, func(float64) {} }
func (nothing) SetPreview(media.Screen)                       {}
func (nothing) Screens() ([]studio.Screen, error)             { return nil, studio.ErrNotFound }
func (nothing) SetCameraOn(bool)                              {}
func (nothing) SetMicrophoneOn(bool)                          {}
func (nothing) MicrophoneLevel() float64                      { return 0 }

// TestMappedInTheCall: a port that the router opens when the call is under way
// is in the invite that is shown from then on, and in the host's own.
func TestMappedInTheCall(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	h, err := host.Start(context.Background(), host.Config{Port: host.AnyPort, Loopback: true, Rooms: []string{"otter"}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	local, err := h.LocalInvite("otter")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := h.Invite("otter")
	if err != nil {
		t.Fatal(err)
	}
	s, err := call.Join(t.Context(), call.Config{Invite: local, Link: shown.String(), Name: "Anna", Hosted: true, Loopback: true, Studio: nothing{}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Leave(); s.Wait() })
	go func() {
		for range s.Events() { // the snapshot tells it
		}
	}()
	e := &engine{log: quiet, session: s}
	const outside = "203.0.113.5:7799"
	e.mapped(h, portmap.State{Outcome: portmap.Trying})
	if got := s.Snapshot().Invite; got != shown.String() {
		t.Errorf("without a word of the router the invite is %q", got)
	}
	e.mapped(h, portmap.State{Outcome: portmap.Mapped, External: netip.MustParseAddrPort(outside)})
	for late := time.Now().Add(10 * time.Second); !strings.Contains(s.Snapshot().Invite, outside); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("the invite is %q", s.Snapshot().Invite)
		}
	}
	if i, err := h.Invite("otter"); err != nil || i.String() != s.Snapshot().Invite {
		t.Errorf("the host's invite is %v, the call's %q %v", i, s.Snapshot().Invite, err)
	}
}
