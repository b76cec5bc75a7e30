//go:build !headless

package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"sync"
	"time"

	"candid/app/call"
	"candid/app/config"
	"candid/app/demo"
	"candid/app/history"
	"candid/app/host"
	"candid/app/replay"
	"candid/app/studio"
	"candid/app/ui"
	"candid/media/voice"
	"candid/netstack/contacts"
	"candid/netstack/invite"
	"candid/netstack/signal"
)

// engine is what the window drives: settings, devices, host and call. It has
// one call at a time.
type engine struct {
	dir    string
	log    *slog.Logger
	flags  windowFlags
	studio *studio.Studio
	desk   *devices
	meter  *demo.Meter // nil: nobody measures
	wg     sync.WaitGroup

	mu      sync.Mutex
	cfg     config.Config
	notice  error // what was wrong with the settings at the start
	session *call.Session

	hosting *host.Host // while a room is hosted here, or nil
	outside *outside   // with hosting

	calls   replay.Folder
	history *history.History

	person   ed25519.PrivateKey // nil: another one for each call
	contacts *contacts.Book     // likewise
}

var _ ui.Engine = (*engine)(nil)

// newEngine opens settings and devices. Settings that cannot be read are not
// an error: the defaults hold, and the window says so.
func newEngine(f windowFlags, log *slog.Logger) (*engine, error) {
	dir := f.dir
	if dir == "" {
		var err error
		if dir, err = config.Dir(); err != nil {
			return nil, err
		}
	}
	e := &engine{dir: dir, log: log, flags: f}
	e.openMemory()
	e.cfg, e.notice = config.Load(dir)
	e.notice = errors.Join(e.notice, e.openSelf())
	if f.name != "" {
		e.cfg.Name = f.name
	}
	e.cfg.JoinMuted = e.cfg.JoinMuted || f.muted
	e.cfg.JoinCameraOff = e.cfg.JoinCameraOff || f.cameraOff
	e.cfg.RelayOnly = e.cfg.RelayOnly || f.relayOnly
	if err := e.openStudio(); err != nil {
		return nil, err
	}
	e.desk = newDevices(e.studio)
	return e, nil
}

func (e *engine) openStudio() (err error) {
	o := studio.Options{
		Camera: e.cfg.Camera, Microphone: e.cfg.Microphone, Speaker: e.cfg.Speaker,
		// Closed until the device check or a call: no light without a reason.
		CameraOff: true, Muted: true,
		Voice:  voice.Options{Echo: e.cfg.Echo, Noise: e.cfg.Noise, Gain: e.cfg.Gain},
		Logger: e.log,
	}
	if e.flags.testDevices {
		o.Synthetic, o.Member = true, e.flags.member
	}
	if e.flags.measure != "" {
		// What is measured is the call, as it is heard on a machine without a
		// sound card too; a pure tone is what voice processing takes for noise.
		o.Silent, o.Voice = true, voice.Options{}
		o.Width, o.Height, o.FPS = 640, 360, 30
		if e.meter, err = demo.NewMeter(e.flags.name, e.flags.hears()); err != nil {
			return err
		}
	}
	if e.studio, err = studio.New(o); err != nil {
		return err
	}
	if e.meter != nil {
		e.studio.AddSpeakerSink(e.meter)
	}
	return nil
}

// Close ends the call, waits for it and closes the devices.
func (e *engine) Close() {
	if s := e.current(); s != nil {
		s.Leave()
	}
	e.wg.Wait()
	e.studio.Close()
	e.desk.wait()
}

func (e *engine) Version() string { return version }

func (e *engine) Studio() ui.Studio { return e.desk }

// Notice returns once what was wrong with the settings at the start.
func (e *engine) Notice() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.notice
	e.notice = nil
	return err
}

func (e *engine) Config() config.Config {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.cfg
	if c.Name == "" {
		c.Name = suggestedName()
	}
	return c
}

// SaveConfig takes c over, also when it cannot be kept.
func (e *engine) SaveConfig(c config.Config) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cfg = c
	return config.Save(e.dir, c)
}

func (e *engine) Explain(err error) (what, next string) { return explain(err) }

func (e *engine) CheckLink(link string) (room string, err error) {
	inv, err := invite.Parse(link)
	return inv.Room, err
}

// Host opens a room on this computer and joins it, by the same way as anybody
// else: over 127.0.0.1.
func (e *engine) Host(ctx context.Context) (ui.Call, error) {
	h, err := startHost(e.dir, e.Config().Port, e.log)
	if err != nil {
		return nil, err
	}
	e.goOutside(h)
	c, err := e.enter(ctx, h)
	if err != nil {
		e.comeIn()
		return nil, errors.Join(err, h.Close())
	}
	return c, nil
}

func startHost(dir string, port int, log *slog.Logger) (*host.Host, error) {
	return host.Start(context.Background(), mixing(host.Config{Port: port, NextFree: true, Dir: dir, EndToEnd: true, Logger: log}))
}

// takeOver hosts the room of the call we are in, whose host goes.
func (e *engine) takeOver(_ context.Context, t signal.TakeOver) (call.Hosting, error) {
	s := e.current()
	if s == nil {
		return call.Hosting{}, errors.New("host the room: the call is over")
	}
	h, err := startHost(e.dir, e.Config().Port, e.log)
	if err != nil {
		return call.Hosting{}, err
	}
	guests, err := h.OpenRoom(t.Room, host.RoomOptions{EndToEnd: t.EndToEnd, Secret: t.Secret, Settings: t.Settings})
	var own invite.Invite
	if err == nil {
		own, err = h.LocalInvite(t.Room)
	}
	if err != nil {
		return call.Hosting{}, errors.Join(err, h.Close())
	}
	e.closeAfter(s, h, t.Room)
	return call.Hosting{Guests: guests, Own: own}, nil
}

// closeAfter lets our host's room be found until the call has ended, and then
// closes the host and the port of it in the router.
func (e *engine) closeAfter(s *call.Session, h *host.Host, room string) {
	hide := e.announce(h, room)
	e.wg.Go(func() {
		s.Wait()
		hide()
		e.comeIn()
		if err := h.Close(); err != nil {
			e.log.Warn("host not closed", "err", err)
		}
	})
}

// enter joins a new room of our own host, which is closed when the call ends.
func (e *engine) enter(ctx context.Context, h *host.Host) (ui.Call, error) {
	room := roomName()
	shown, err := h.NewRoom(room)
	if err != nil {
		return nil, err
	}
	local, err := h.LocalInvite(room)
	if err != nil {
		return nil, err
	}
	s, err := e.join(ctx, local, shown, true)
	if err != nil {
		return nil, err
	}
	e.closeAfter(s, h, room)
	e.remember(config.Recent{Room: room, Hosted: true, At: time.Now()})
	return e.recorded(s), nil
}

// Join joins the room of a link.
func (e *engine) Join(ctx context.Context, link string) (ui.Call, error) {
	inv, err := invite.Parse(link)
	if err != nil {
		return nil, err
	}
	s, err := e.join(ctx, inv, inv, false)
	if err != nil {
		return nil, err
	}
	e.remember(config.Recent{Room: inv.Room, Link: inv.String(), At: time.Now()})
	return e.recorded(s), nil
}

func (e *engine) join(ctx context.Context, inv, shown invite.Invite, hosted bool) (*call.Session, error) {
	cfg := e.Config()
	c := call.Config{
		Invite: inv, Link: shown.String(), Name: cfg.Name, Hosted: hosted, Client: "candid " + version,
		Muted: cfg.JoinMuted, CameraOff: cfg.JoinCameraOff, Privacy: privacyOf(cfg),
		Loopback: onlyHere(shown), Studio: e.studio, Person: e.person, Contacts: e.contacts, Logger: e.log,
	}
	if e.meter == nil { // what is measured is this call, not the next host
		c.TakeOver = e.takeOver
	}
	if e.meter != nil {
		e.meter.Joining()
		c.Meter = e.meter
	}
	s, err := call.Join(ctx, c)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.session = s
	e.mu.Unlock()
	e.wg.Go(func() {
		s.Wait()
		// The devices close with the call: no light without a reason.
		e.studio.SetCameraOn(false)
		e.studio.SetMicrophoneOn(false)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.session == s {
			e.session = nil
		}
	})
	return s, nil
}

// privacyOf is what a person chose for all calls.
func privacyOf(c config.Config) call.Privacy {
	switch {
	case c.RelayOnly:
		return call.RelayOnly
	case c.DirectOnly:
		return call.DirectOnly
	}
	return call.AnyPath
}

func (e *engine) current() *call.Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.session
}

// waitForCall waits until a call has been joined.
func (e *engine) waitForCall(ctx context.Context, limit time.Duration) (*call.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if s := e.current(); s != nil {
			return s, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the call: %w", ctx.Err())
		}
	}
}

func (e *engine) remember(r config.Recent) {
	if e.meter != nil {
		return
	}
	e.mu.Lock()
	c := e.cfg
	e.mu.Unlock()
	c.Remember(r)
	if err := e.SaveConfig(c); err != nil {
		e.log.Warn("room not remembered", "err", err)
	}
}

// suggestedName is what the system knows this person by.
func suggestedName() string {
	u, err := user.Current()
	if err != nil || u.Username == "root" {
		return ""
	}
	if u.Name != "" {
		return u.Name
	}
	return os.Getenv("USER")
}
