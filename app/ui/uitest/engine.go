// Package uitest is an engine without a network, a camera or a clock of its
// own: it shows the window whatever a test or a screenshot needs.
package uitest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"candid/app/config"
	"candid/app/replay"
	"candid/app/ui"
	"candid/media"
)

// Start is when every scripted story begins.
var Start = time.Date(2026, time.November, 21, 14, 5, 0, 0, time.UTC)

// Invite is an invite of the shape that real ones have.
const Invite = "candid://203.0.113.5:7788,192.168.1.20:7788/design-review?s=qN3kVt0uXhB8yLr2WfYcZg&c=s7Hk2mQxP0aVdJt5nYwR8uE1oLzCbF6iGpKqTjXvM4U"

// Engine implements ui.Engine. Its fields are set before it is used.
type Engine struct {
	mu     sync.Mutex
	cfg    config.Config
	studio *Studio

	current *Call

	around  []ui.Nearby   // that LookAround tells of
	arrived chan struct{} // around changed
	looking int           // LookArounds under way

	rehearsals int

	// Enter answers Host and Join; link is empty for Host.
	Enter func(ctx context.Context, link string) (ui.Call, error)
	// SaveErr is what SaveConfig returns, NoticeErr what Notice does.
	SaveErr, NoticeErr error

	// Past are the recorded calls; Opened is what OpenRecording and ImportCall
	// give, made anew each time.
	Past   []replay.Entry
	Opened func() (*replay.Recording, error)
	// Exported are the reports written, as "json named".
	Exported []string
	// Network is what CheckNetwork finds, Outside what Reach says.
	Network ui.NetworkCheck
	Outside ui.Reach
	// Rehearsal and RehearsalErr are what Rehearse finds.
	Rehearsal    ui.Rehearsal
	RehearsalErr error
	// Known is what History says, by name.
	Known map[string]string
}

var _ ui.Engine = (*Engine)(nil)

// New returns an engine with these settings and three good devices.
func New(c config.Config) *Engine {
	return &Engine{cfg: c, studio: NewStudio(), arrived: make(chan struct{}, 1)}
}

// Config implements ui.Engine.
func (e *Engine) Config() config.Config {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cfg
}

// SaveConfig implements ui.Engine: it keeps c also when it fails.
func (e *Engine) SaveConfig(c config.Config) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cfg = c
	return e.SaveErr
}

// Studio implements ui.Engine.
func (e *Engine) Studio() ui.Studio { return e.studio }

// Devices is the studio, to change what it has.
func (e *Engine) Devices() *Studio { return e.studio }

// Host implements ui.Engine.
func (e *Engine) Host(ctx context.Context) (ui.Call, error) { return e.enter(ctx, "") }

// Join implements ui.Engine.
func (e *Engine) Join(ctx context.Context, link string) (ui.Call, error) { return e.enter(ctx, link) }

func (e *Engine) enter(ctx context.Context, link string) (ui.Call, error) {
	if e.Enter == nil {
		return nil, ErrUnreachable
	}
	c, err := e.Enter(ctx, link)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current, _ = c.(*Call)
	return c, err
}

// Current is the Call that Enter returned last, or nil.
func (e *Engine) Current() *Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current
}

// ErrUnreachable is an error that Explain knows.
var ErrUnreachable = errors.New("dial 203.0.113.5:7788: connection refused")

var errBadLink = errors.New("no room in the link")

// CheckLink implements ui.Engine.
func (e *Engine) CheckLink(link string) (room string, err error) {
	rest, ok := strings.CutPrefix(link, "candid://")
	if !ok {
		return "", errBadLink
	}
	_, room, ok = strings.Cut(rest, "/")
	room, _, _ = strings.Cut(room, "?")
	if !ok || room == "" {
		return "", errBadLink
	}
	return room, nil
}

// Explain implements ui.Engine.
func (e *Engine) Explain(err error) (what, next string) {
	switch {
	case errors.Is(err, ErrUnreachable):
		return "Nobody is hosting at 203.0.113.5:7788 now.", "Ask the host to open the room again."
	case errors.Is(err, errBadLink):
		return "This is not a whole invite.", "Paste the link as you got it; it begins with candid://"
	}
	return err.Error(), ""
}

// Notice is what was wrong at the start.
func (e *Engine) Notice() error { return e.NoticeErr }

// Version implements ui.Engine.
func (e *Engine) Version() string { return "0.1.0" }

// Studio implements ui.Studio.
type Studio struct {
	mu      sync.Mutex
	devices map[ui.DeviceKind]ui.DeviceState
	changed chan struct{}
	preview media.Screen
	level   float64

	CameraOn, MicrophoneOn bool
	TestSounds             int
	NoVoice                bool
}

var _ ui.Studio = (*Studio)(nil)

// NewStudio returns one with a camera, a microphone and a speaker.
func NewStudio() *Studio {
	one := func(id, name string) ui.DeviceState {
		return ui.DeviceState{Devices: []ui.Device{{ID: id, Name: name, Default: true}}, Chosen: id, Open: true}
	}
	s := &Studio{changed: make(chan struct{}, 1), level: 0.46, devices: map[ui.DeviceKind]ui.DeviceState{
		ui.Camera:     one("cam", "Logitech BRIO"),
		ui.Microphone: one("mic", "Built-in Microphone"),
		ui.Speaker:    one("spk", "Headphones (USB)"),
	}}
	return s
}

// Devices implements ui.Studio.
func (s *Studio) Devices() map[ui.DeviceKind]ui.DeviceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[ui.DeviceKind]ui.DeviceState)
	for k, d := range s.devices {
		out[k] = d
	}
	return out
}

// Set changes one kind of device and tells.
func (s *Studio) Set(k ui.DeviceKind, d ui.DeviceState) {
	s.mu.Lock()
	s.devices[k] = d
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Changed implements ui.Studio.
func (s *Studio) Changed() <-chan struct{} { return s.changed }

// Use implements ui.Studio.
func (s *Studio) Use(k ui.DeviceKind, id string) {
	s.mu.Lock()
	d := s.devices[k]
	d.Chosen = id
	s.mu.Unlock()
	s.Set(k, d)
}

// SetPreview implements ui.Studio.
func (s *Studio) SetPreview(p media.Screen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preview = p
}

// Preview is the screen the preview goes to, or nil.
func (s *Studio) Preview() media.Screen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.preview
}

// SetCameraOn implements ui.Studio.
func (s *Studio) SetCameraOn(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.CameraOn = on
}

// SetMicrophoneOn implements ui.Studio.
func (s *Studio) SetMicrophoneOn(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.MicrophoneOn = on
}

// On reports whether camera and microphone are on.
func (s *Studio) On() (camera, microphone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.CameraOn, s.MicrophoneOn
}

// MicrophoneLevel implements ui.Studio.
func (s *Studio) MicrophoneLevel() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.level
}

// SetLevel is what MicrophoneLevel returns from now on.
func (s *Studio) SetLevel(v float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = v
}

// PlayTestSound implements ui.Studio.
func (s *Studio) PlayTestSound() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.TestSounds++
}

// SetVoice implements ui.Studio.
func (s *Studio) SetVoice(_, _, _ bool) {}

// VoiceAvailable implements ui.Studio.
func (s *Studio) VoiceAvailable() bool { return !s.NoVoice }
