package call

import (
	"image"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"
	"candid/netstack"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// other is another member with all that arrives from them. Its fields belong
// to the session's loop, but for viewer and volume.
type other struct {
	member    Member
	connected bool // to the host
	link      netstack.Opt[webrtc.PeerConnectionState]
	sync      *playout.Sync
	video     *playout.Video
	audio     *playout.Audio
	unplay    func() // takes the voice out of the speaker
	setGain   func(float64)
	gain      float64
	history   history
	prior     counters
	viewer    *viewer
	reading   sync.WaitGroup
}

func newOther(m signal.Member, view *viewer) *other {
	o := &other{sync: playout.NewSync(time.Now), viewer: view, gain: 1}
	o.update(m)
	return o
}

func (o *other) update(m signal.Member) {
	o.member = memberOf(m)
	o.connected = m.Connected
	o.member.Problem = o.problem()
}

func memberOf(m signal.Member) Member {
	return Member{
		ID: m.ID, Name: m.Name, Host: m.Role == signal.Owner,
		Muted: m.State.Muted, CameraOff: m.State.CameraOff, Sharing: m.State.Sharing, HandRaised: m.State.HandRaised,
		Moderator: m.Role.Moderates(), Hand: m.Hand, CanHost: m.Capabilities.CanHost,
	}
}

// problem says what keeps this member from being seen or heard.
func (o *other) problem() string {
	lost := o.link.OK && (o.link.Value == webrtc.PeerConnectionStateFailed || o.link.Value == webrtc.PeerConnectionStateDisconnected)
	switch {
	case lost && !o.connected:
		return "not responding"
	case lost:
		return "connection lost, trying again…"
	case !o.connected:
		return "lost the host" // media may well go on
	case !o.link.OK || o.link.Value != webrtc.PeerConnectionStateConnected:
		return "connecting…"
	}
	return ""
}

// add begins to play a track. played is called once something of it has been
// decoded.
func (o *other) add(t netstack.RemoteTrack, studio Studio, log *slog.Logger) error {
	if t.Kind() == webrtc.RTPCodecTypeVideo {
		return o.addVideo(t, log)
	}
	return o.addAudio(t, studio, log)
}

func (o *other) addVideo(t netstack.RemoteTrack, log *slog.Logger) error {
	if o.video != nil {
		o.video.Close()
		o.video = nil
	}
	decoder, err := codec.NewVP8Decoder()
	if err != nil {
		return err
	}
	video, err := playout.NewVideo(playout.VideoConfig{
		Sink: o.viewer, Decoder: decoder, RequestKeyFrame: t.RequestKeyFrame,
		Report: reportOf(t), Sync: o.sync, Logger: log,
	})
	if err != nil {
		return err
	}
	o.video = video
	o.reading.Go(func() {
		if err := video.Play(t); err != nil {
			log.Debug("video track ended", "err", err)
		}
	})
	return nil
}

func (o *other) addAudio(t netstack.RemoteTrack, studio Studio, log *slog.Logger) error {
	o.stopAudio()
	decoder, err := codec.NewOpusDecoder()
	if err != nil {
		return err
	}
	audio, err := playout.NewAudio(playout.AudioConfig{
		Decoder: decoder, Report: reportOf(t), Sync: o.sync, OutputLatency: studio.SpeakerLatency, Logger: log,
	})
	if err != nil {
		return err
	}
	o.audio = audio
	o.unplay, o.setGain = studio.Play(audio)
	o.setGain(o.gain)
	o.reading.Go(func() {
		if err := audio.Play(t); err != nil {
			log.Debug("audio track ended", "err", err)
		}
	})
	return nil
}

func (o *other) stopAudio() {
	if o.audio == nil {
		return
	}
	o.unplay()
	o.audio = nil
}

// stop puts everything away. The tracks have ended by then: their connection
// is closed.
func (o *other) stop() {
	if o.video != nil {
		o.video.Close()
		o.video = nil
	}
	o.stopAudio()
	o.reading.Wait()
}

func reportOf(t netstack.RemoteTrack) func() (playout.SenderReport, bool) {
	return func() (playout.SenderReport, bool) {
		r := t.SenderReport()
		return playout.SenderReport{NTP: r.Value.NTP, RTPTime: r.Value.RTPTime, At: r.Value.At}, r.OK
	}
}

// Meter watches the pictures of others, for measuring a call.
type Meter interface {
	// Picture is called with every picture decoded, on the decoder's
	// goroutine. What it returns is called when the picture is handed to the
	// toolkit, or at once if nothing draws; nil is nothing to call.
	Picture(from netstack.PeerID, p *image.YCbCr) (shown func())
	// Sent is called with every picture of our own that was encoded and sent.
	Sent(p *image.YCbCr)
}

// viewer paints the pictures of one member for the screen that watches. It
// outlives the member's tracks, so that a screen may be set before they come.
type viewer struct {
	from    netstack.PeerID
	meter   Meter
	screen  atomic.Pointer[media.Screen]
	painter codec.Painter // of the decoder's goroutine
	first   atomic.Bool   // a picture has come
	onFirst func()
}

func (v *viewer) watch(s media.Screen) {
	if s == nil {
		v.screen.Store(nil)
		return
	}
	v.screen.Store(&s)
}

// WriteVideo paints f and shows it.
func (v *viewer) WriteVideo(f media.VideoFrame) {
	if !v.first.Swap(true) && v.onFirst != nil {
		v.onFirst()
	}
	var shown func()
	if v.meter != nil {
		shown = v.meter.Picture(v.from, f.Image)
	}
	screen := v.screen.Load()
	if screen == nil {
		if shown != nil {
			shown()
		}
		return
	}
	size := f.Image.Rect.Size()
	p := (*screen).Buffer(size.X, size.Y)
	if p == nil {
		return // the window is behind: a late picture is worth nothing
	}
	p.Shown = shown
	if err := v.painter.Paint(p.Image, f.Image, false); err != nil {
		return // a size that changed under way; the next picture is right
	}
	(*screen).Show(p)
}
