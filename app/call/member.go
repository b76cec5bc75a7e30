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

// other is another member with all that arrives from them, over whichever
// paths. Its fields belong to the session's loop, but for the viewers.
type other struct {
	member    Member
	connected bool // to the host
	link      netstack.Opt[webrtc.PeerConnectionState]
	sync      *playout.Sync
	camera    *feed
	screen    *feed
	sound     *sound
	videos    map[videoKey]*playout.Video
	anew      map[videoKey]bool // it came in the place of another, which may go on for a moment
	history   history
	prior     counters
	reading   sync.WaitGroup
	blind     bool // what comes cannot be decrypted
	shunned   bool // words were compared, and differed
	log       *slog.Logger
}

// videoKey names a picture as it arrives over one path.
type videoKey struct {
	path   netstack.Topology
	screen bool
}

func newOther(m signal.Member, s *Session, path netstack.Topology) *other {
	o := &other{
		sync: playout.NewSync(time.Now), videos: map[videoKey]*playout.Video{}, anew: map[videoKey]bool{}, log: s.log,
		camera: newFeed(s.viewer(m.ID), path), screen: newFeed(s.viewer(ShareOf(m.ID)), path),
	}
	o.sound = &sound{studio: s.cfg.Studio, sync: o.sync, log: s.log, gain: 1}
	o.update(m)
	return o
}

func (o *other) update(m signal.Member) {
	problem, safety, contact := o.member.Problem, o.member.Safety, o.member.Contact
	o.member = memberOf(m)
	o.connected, o.member.Problem, o.member.Safety, o.member.Contact = m.Connected, problem, safety, contact
}

func memberOf(m signal.Member) Member {
	return Member{
		ID: m.ID, Name: m.Name, Host: m.Role == signal.Owner,
		Muted: m.State.Muted, CameraOff: m.State.CameraOff, Sharing: m.State.Sharing, HandRaised: m.State.HandRaised,
		Moderator: m.Role.Moderates(), Hand: m.Hand, CanHost: m.Capabilities.CanHost,
	}
}

// problem says what keeps this member from being seen or heard.
func (o *other) problem(link netstack.Opt[webrtc.PeerConnectionState]) string {
	lost := broken(link)
	switch {
	case lost && !o.connected:
		return "not responding"
	case lost:
		return "connection lost, trying again…"
	case !o.connected:
		return "lost the host" // media may well go on
	case !link.OK || link.Value != webrtc.PeerConnectionStateConnected:
		return "connecting…"
	case o.blind:
		return "cannot be decrypted yet"
	}
	return ""
}

func broken(link netstack.Opt[webrtc.PeerConnectionState]) bool {
	return link.OK && (link.Value == webrtc.PeerConnectionStateFailed || link.Value == webrtc.PeerConnectionStateDisconnected)
}

// screenTrack is what our clients call the track of a shared screen.
const screenTrack = "screen"

// add begins to play a track that arrives over a path.
func (o *other) add(path netstack.Topology, t netstack.RemoteTrack, keys *crypt) error {
	if t.Kind() == webrtc.RTPCodecTypeVideo {
		return o.addVideo(path, t, keys)
	}
	// All paths fill one buffer, so each packet opens once, whichever it comes on.
	o.sound.open, o.sound.begun = keys.opener(o.member.ID, "mic", t.Codec().MimeType, netstack.Auto.String()), true
	o.reading.Go(func() { o.sound.read(path, t) })
	return nil
}

// addVideo begins to play a picture. The one before it on this path ends with
// its own connection: until this one shows something, there is that.
func (o *other) addVideo(path netstack.Topology, t netstack.RemoteTrack, keys *crypt) error {
	key, feed := videoKey{path, t.ID() == screenTrack}, o.camera
	if key.screen {
		feed = o.screen
	}
	way := path.String()
	if o.videos[key] != nil {
		o.anew[key] = !o.anew[key]
	}
	if o.anew[key] {
		way += " anew"
	}
	mime := t.Codec().MimeType
	format, err := playout.FormatFor(mime)
	if err != nil {
		return err
	}
	decoder, err := codec.NewVideoDecoder(mime)
	if err != nil {
		return err
	}
	lips := o.sync
	if key.screen {
		lips = nil
	}
	video, err := playout.NewVideo(playout.VideoConfig{
		Sink: feed.from(path), Decoder: decoder, Format: format, RequestKeyFrame: t.RequestKeyFrame,
		Open: keys.opener(o.member.ID, t.ID(), mime, way), Report: reportOf(t), Sync: lips, Logger: o.log,
	})
	if err != nil {
		return err
	}
	o.videos[key] = video
	o.reading.Go(func() {
		for {
			p, _, err := t.ReadRTP()
			if err != nil {
				o.log.Debug("video track ended", "err", err)
				_ = video.Close() // what it decoded last is shown
				return
			}
			feed.packet(path, p.SequenceNumber, p.Timestamp)
			video.Push(p, time.Now())
		}
	})
	return nil
}

// stop puts everything away. The tracks have ended by then: their connections
// are closed, or the host has taken them back.
func (o *other) stop() {
	for key, v := range o.videos {
		v.Close()
		delete(o.videos, key)
	}
	o.sound.stop()
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
