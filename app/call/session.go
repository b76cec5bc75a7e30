package call

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"candid/app/studio"
	"candid/media"
	"candid/netstack"
	"candid/netstack/contacts"
	"candid/netstack/ifwatch"
	"candid/netstack/invite"
	"candid/netstack/loop"
	"candid/netstack/mesh"
	"candid/netstack/peer"
	"candid/netstack/rehearsal"
	"candid/netstack/sfu"
	"candid/netstack/signal"
	"candid/netstack/unbounded"

	"github.com/pion/webrtc/v4"
)

// Studio is what a Session needs of this person's devices; *studio.Studio
// satisfies it.
type Studio interface {
	AddVideoSink(media.VideoSink) (remove func())
	AddAudioSink(media.AudioSink) (remove func())
	Play(media.Voice) (remove func(), setGain func(float64))
	SetPreview(media.Screen)
	Screens() ([]studio.Screen, error)
	OpenScreen(id string) (media.VideoSource, error)
	SetCameraOn(bool)
	SetMicrophoneOn(bool)
	MicrophoneLevel() float64
	// SpeakerLatency is how long sound takes from the mixer to the air.
	SpeakerLatency() time.Duration
}

// Config says which call to join, and how.
type Config struct {
	Invite    invite.Invite // to dial
	Link      string        // the invite to give to others
	Name      string
	Muted     bool
	CameraOff bool
	Hosted    bool    // the room is hosted by this program
	Client    string  // this program's name and version, told to the host
	Privacy   Privacy // which paths the lines to others may take; see SetPrivacy
	Loopback  bool    // also use 127.0.0.1: for calls on one computer
	// OnWaiting is called when a moderator has to let us in first; Join goes on
	// waiting. It must not block. Nil: nobody is told.
	OnWaiting func()
	// TakeOver hosts the room here from now on, when its host goes and hands it
	// over to us; nil: this program cannot.
	TakeOver func(context.Context, signal.TakeOver) (Hosting, error)
	Studio   Studio
	Meter    Meter // nil: nobody measures
	// Person is the key by which others know this person, and Contacts are those
	// with whom words were compared, for rooms with encrypted media. nil: new
	// ones, for this call.
	Person   ed25519.PrivateKey
	Contacts *contacts.Book
	Logger   *slog.Logger
}

// Session is one call from Join to Leave. Its methods may be called from any
// goroutine and do not block, but for Join and Wait.
type Session struct {
	cfg    Config
	log    *slog.Logger
	client *signal.Client
	mesh   *mesh.Transport
	host   *sfu.Transport
	trials *rehearsal.Answerer
	video  *outgoingVideo
	screen atomic.Pointer[outgoingVideo] // nil: none is shared
	audio  *outgoingAudio
	loop   *loop.Loop
	events *unbounded.Channel[Event]
	detach []func() // takes our sinks out of the studio
	pumps  sync.WaitGroup
	ending sync.Once
	done   chan struct{}

	viewersMu sync.Mutex
	viewers   map[netstack.PeerID]*viewer

	snapshot atomic.Pointer[Snapshot]
	lines    atomic.Pointer[[]Line]
	levels   atomic.Pointer[map[netstack.PeerID]float64]
	graph    atomic.Pointer[graph]
	changes  atomic.Pointer[[]PathChange]
	words    atomic.Pointer[map[netstack.PeerID][]string]

	room room // of the loop
}

// Join joins the room of cfg.Invite. It blocks until the host has let us in,
// refused, or ctx ends.
func Join(ctx context.Context, cfg Config) (*Session, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Session{
		log: cfg.Logger, done: make(chan struct{}),
		viewers: make(map[netstack.PeerID]*viewer),
	}
	if cfg.Link == "" {
		cfg.Link = cfg.Invite.String()
	}
	client, err := signal.Dial(ctx, signal.ClientConfig{
		Invite: cfg.Invite, Name: cfg.Name, Logger: cfg.Logger,
		State:     signal.State{Muted: cfg.Muted, CameraOff: cfg.CameraOff},
		OnWaiting: cfg.OnWaiting,
		Capabilities: signal.Capabilities{
			Client: cfg.Client, CanHost: cfg.TakeOver != nil, Codecs: []string{"video/VP8", "audio/opus"},
			Paths: []netstack.Topology{netstack.P2P, netstack.SFU, netstack.MCU},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("join room %q: %w", cfg.Invite.Room, err)
	}
	s.cfg, s.client = cfg, client
	welcome, err := s.welcome(ctx)
	if err == nil {
		err = s.start(welcome)
	}
	if err != nil {
		s.close(client)
		return nil, fmt.Errorf("join room %q: %w", cfg.Invite.Room, err)
	}
	return s, nil
}

// welcome waits for the first event, which is Welcomed or the end.
func (s *Session) welcome(ctx context.Context) (signal.Welcomed, error) {
	for {
		select {
		case e, ok := <-s.client.Events():
			switch e := e.(type) {
			case signal.Welcomed:
				return e, nil
			case signal.RoomClosed:
				return signal.Welcomed{}, e.Err
			}
			if !ok {
				return signal.Welcomed{}, signal.ErrClosed
			}
		case <-ctx.Done():
			return signal.Welcomed{}, ctx.Err()
		}
	}
}

// start builds everything between the welcome and a running call.
func (s *Session) start(w signal.Welcomed) (err error) {
	if err = s.connect(w); err != nil {
		return err
	}
	if err = s.produce(w); err != nil {
		s.disconnect()
		return err
	}
	if err = s.publish(); err != nil {
		s.video.Close()
		s.disconnect()
		return err
	}
	s.events = unbounded.New[Event]()
	s.loop = loop.New(context.Background())
	s.room.open(s, w)
	s.lines.Store(new([]Line))
	s.levels.Store(&map[netstack.PeerID]float64{})
	s.changes.Store(new([]PathChange))
	s.snapshot.Store(s.room.snapshot())
	s.detach = []func(){s.cfg.Studio.AddVideoSink(s.video), s.cfg.Studio.AddAudioSink(s.audio)}
	s.cfg.Studio.SetMicrophoneOn(!s.cfg.Muted)
	s.cfg.Studio.SetCameraOn(!s.cfg.CameraOff)
	s.post(s.room.begin)
	s.pump()
	return nil
}

// produce makes what we send, encrypted if the room wants it so.
func (s *Session) produce(w signal.Welcomed) (err error) {
	s.words.Store(&map[netstack.PeerID][]string{})
	if s.room.crypt, err = newCrypt(s.cfg, &s.room, w); err != nil {
		return err
	}
	sound, err := s.room.crypt.sealer("mic")
	if err != nil {
		return err
	}
	stream := string(w.ID)
	if s.audio, err = newOutgoingAudio("mic", stream, sound, s.log); err != nil {
		return err
	}
	s.video, err = newOutgoingVideo("camera", stream, true, s.room.crypt.sealer, s.cfg.Meter, s.log)
	return err
}

// connect makes the transports; nothing is connected yet.
func (s *Session) connect(w signal.Welcomed) (err error) {
	common := s.reached(w.Servers)
	common.Codecs = peer.ForeignVideo()
	if s.mesh, err = mesh.New(mesh.Config{Self: w.ID, Signaler: s.client, Peer: common}); err != nil {
		return err
	}
	// The host listens, and sees where we come from whatever we choose.
	common.NoTCP, common.Policy = true, peer.AllPaths
	if s.host, err = sfu.NewTransport(sfu.TransportConfig{Self: w.ID, Signaler: s.client, Peer: common, Quiet: true}); err != nil {
		s.close(s.mesh)
		return err
	}
	s.trials = rehearsal.NewAnswerer(w.ID, s.client, s.log)
	return nil
}

// reached is how others may reach this member by now.
func (s *Session) reached(servers []webrtc.ICEServer) peer.Config {
	return peer.Config{
		ICEServers: servers, Policy: s.cfg.Privacy.Policy(), TLS: s.client.TLS(),
		Loopback: s.cfg.Loopback, Logger: s.log,
	}
}

func (s *Session) disconnect() {
	s.close(s.mesh)
	s.close(s.host)
	s.close(s.trials)
}

func (s *Session) publish() error {
	for _, t := range []netstack.Transport{s.mesh, s.host} {
		if err := t.Publish(s.audio.track); err != nil {
			return fmt.Errorf("publish the microphone: %w", err)
		}
		if err := t.Publish(s.video.top().track); err != nil {
			return fmt.Errorf("publish the camera: %w", err)
		}
	}
	if err := s.host.Publish(s.video.layers[0].track); err != nil {
		return fmt.Errorf("publish the small picture: %w", err)
	}
	return nil
}

// pump starts the goroutines that bring facts and ticks to the loop.
func (s *Session) pump() {
	s.pumps.Go(func() {
		for e := range s.client.Events() {
			s.post(func() { s.room.onSignal(e) })
		}
	})
	for _, t := range []netstack.Transport{s.mesh, s.host} {
		s.pumps.Go(func() {
			for e := range t.Events() {
				s.post(func() { s.room.onNet(t.Topology(), e) })
			}
		})
	}
	// With another network the host may be within reach again at once.
	s.loop.Go(func(ctx context.Context) { ifwatch.Watch(ctx, func([]ifwatch.Address) { s.client.Wake() }) })
	s.loop.Go(s.look)
	s.loop.Go((&reporter{s: s}).run)
	s.loop.Go(func(ctx context.Context) { s.every(ctx, sampleEvery, s.room.sample) })
	s.loop.Go(func(ctx context.Context) { s.every(ctx, steerEvery, s.room.steer) })
	if s.room.crypt != nil {
		s.loop.Go(func(ctx context.Context) { s.every(ctx, cryptEvery, s.room.crypt.tick) })
	}
}

// steerEvery is how often the encoders follow congestion control, and levels
// are read: ten times a second is what the eye takes for at once.
const steerEvery = 100 * time.Millisecond

func (s *Session) every(ctx context.Context, d time.Duration, fn func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.post(fn)
		}
	}
}

// post runs fn on the loop. After the end it does nothing, which is right for
// every fact and command.
func (s *Session) post(fn func()) { _ = s.loop.Post(fn) }

// Snapshot returns the whole state of the call. It shares nothing.
func (s *Session) Snapshot() Snapshot { return *s.snapshot.Load() }

// Events yields what happened, in order; it is closed after the call has
// ended and everything is put away.
func (s *Session) Events() <-chan Event { return s.events.Out() }

// Lines returns the newest sample of the line to every other member.
func (s *Session) Lines() []Line { return *s.lines.Load() }

// Levels returns how loud each member is, 0 to 1, this one included.
func (s *Session) Levels() map[netstack.PeerID]float64 { return *s.levels.Load() }

// Watch sends the pictures of a member to a screen until nil is given. For
// this member it is the preview.
func (s *Session) Watch(id netstack.PeerID, screen media.Screen) {
	if id == s.Snapshot().Self.ID {
		s.cfg.Studio.SetPreview(screen)
		return
	}
	s.viewer(id).watch(screen)
}

func (s *Session) viewer(id netstack.PeerID) *viewer {
	s.viewersMu.Lock()
	defer s.viewersMu.Unlock()
	v := s.viewers[id]
	if v == nil {
		v = &viewer{from: id, meter: s.cfg.Meter, onFirst: func() { s.post(func() { s.room.onFirstPicture(id) }) }}
		s.viewers[id] = v
	}
	return v
}

func (s *Session) forgetViewer(id netstack.PeerID) {
	s.viewersMu.Lock()
	defer s.viewersMu.Unlock()
	delete(s.viewers, id)
}

// SetMuted stops or starts sending sound.
func (s *Session) SetMuted(muted bool) { s.post(func() { s.room.setMuted(muted) }) }

// SetCameraOff closes or opens the camera.
func (s *Session) SetCameraOff(off bool) { s.post(func() { s.room.setCameraOff(off) }) }

// SetVolume sets how loud a member is played; 1 is as sent.
func (s *Session) SetVolume(id netstack.PeerID, gain float64) {
	s.post(func() { s.room.setVolume(id, gain) })
}

// Restart restarts ICE towards everyone.
func (s *Session) Restart() {
	s.mesh.Restart("", "asked for by hand")
	s.host.Restart("", "asked for by hand")
}

// FramesSent counts the pictures encoded and sent.
func (s *Session) FramesSent() uint64 { return s.video.sent.Load() }

// Leave ends the call; Events is closed when all is put away. A room that this
// program hosts is first handed over, if another can host it.
func (s *Session) Leave() { s.post(s.room.leave) }

// Wait blocks until the call has ended and all is put away.
func (s *Session) Wait() { <-s.done }

// shutdown puts everything away. It is called once, off the loop.
func (s *Session) shutdown() {
	for _, remove := range s.detach {
		remove()
	}
	s.cfg.Studio.SetPreview(nil)
	s.close(s.client)
	s.disconnect()
	s.pumps.Wait()
	s.loop.Close()
	s.room.stopAll()
	s.video.Close()
	s.audio.Close()
	s.events.Finish()
	close(s.done)
}

// close closes what is not needed any more; that it fails is of no consequence.
func (s *Session) close(c io.Closer) {
	if err := c.Close(); err != nil {
		s.log.Debug("not closed", "err", err)
	}
}
