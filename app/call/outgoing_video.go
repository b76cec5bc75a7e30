package call

import (
	"fmt"
	"image"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/netstack/sframe"
	"candid/netstack/sfu"

	"github.com/pion/webrtc/v4"
)

// mtu is the largest RTP packet sent: it fits, with SRTP, TURN and IPv6
// headers, in the 1280 bytes every IPv6 link carries.
const mtu = 1160

// videoClock is the RTP clock of every video codec.
const videoClock = 90000

// A picture is sent in up to so many layers, the smallest first: a quarter of
// its width, half, and whole.
const (
	layerCount = 3
	halfLayer  = 1
	topLayer   = layerCount - 1
)

// outgoingVideo encodes the newest frame of the camera, or of a screen, in the
// layers somebody takes, and sends each as RTP on a track of its own: once for
// all paths. It is a media.VideoSink: frames that come while it encodes are
// skipped but for the newest.
type outgoingVideo struct {
	layers [layerCount]*videoLayer // nil: there is no such layer
	meter  Meter                   // may be nil
	log    *slog.Logger
	wake   chan struct{}
	quit   chan struct{}
	wg     sync.WaitGroup
	who    atomic.Pointer[taken]
	sent   atomic.Uint64 // frames
	behind atomic.Uint64 // frames that came while we encoded
	height atomic.Int64  // of the newest frame

	mu   sync.Mutex
	next *videoCopy // the newest frame not yet taken
	free []*videoCopy
}

// taken says who takes what, and what they may be sent, in bit/s.
type taken struct {
	direct       bool // by the mesh, which takes the whole picture only
	directBudget int
	host         [layerCount]bool // by the host
	hostBudget   int
}

func (t *taken) any() bool { return t.direct || t.host != [layerCount]bool{} }

func (t *taken) layer(i int) bool { return t.host[i] || i == topLayer && t.direct }

// videoCopy is a frame that belongs to us.
type videoCopy struct {
	image    *image.YCbCr
	captured time.Time
}

// newOutgoingVideo makes one of a track with layers, or without: of a screen. seal
// gives what seals a track: nil in a room whose media is not encrypted.
func newOutgoingVideo(id, stream string, layered bool, seal func(trackID string) (*sframe.Sealer, error), meter Meter, log *slog.Logger) (*outgoingVideo, error) {
	o := &outgoingVideo{meter: meter, log: log, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	for i := range o.layers {
		if i < topLayer && !layered {
			continue
		}
		track, err := webrtc.NewTrackLocalStaticRTP(
			webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: videoClock}, sfu.LayerID(id, i), stream)
		if err != nil {
			return nil, fmt.Errorf("make the video track: %w", err)
		}
		sealer, err := seal(track.ID())
		if err != nil {
			return nil, fmt.Errorf("make the video track: %w", err)
		}
		o.layers[i] = newVideoLayer(track, i == topLayer, !layered, sealer)
	}
	o.who.Store(&taken{})
	o.wg.Add(1)
	go o.run()
	return o, nil
}

// top is the layer with the whole picture.
func (o *outgoingVideo) top() *videoLayer { return o.layers[topLayer] }

// SetTaken says who takes what: what nobody takes is not encoded. What is taken
// anew begins with a key frame.
func (o *outgoingVideo) SetTaken(t taken) {
	before := o.who.Swap(&t)
	for i, l := range o.layers {
		direct := i == topLayer && t.direct && !before.direct
		if l != nil && (direct || t.host[i] && !before.host[i]) {
			l.key.Store(true)
		}
	}
}

// ForceKeyFrame makes the next frame on a track one that needs no other; all
// tracks if id is empty.
func (o *outgoingVideo) ForceKeyFrame(id string) {
	for _, l := range o.layers {
		if l != nil && (id == "" || l.track.ID() == id) {
			l.key.Store(true)
		}
	}
}

// Close stops sending. The caller has removed the sink from its source.
func (o *outgoingVideo) Close() {
	close(o.quit)
	o.wg.Wait()
}

// Outgoing is what is sent.
func (o *outgoingVideo) Outgoing() []Outgoing {
	var out []Outgoing
	for i, l := range o.layers {
		if l == nil {
			continue
		}
		s := *l.state.Load()
		s.TrackID, s.Codec, s.Active = l.track.ID(), webrtc.MimeTypeVP8, o.who.Load().layer(i) && !l.off.Load()
		if !s.Active {
			s.FramesPerSecond, s.TargetBitrate = 0, 0
		}
		out = append(out, s)
	}
	return out
}

// WriteVideo copies the frame, at a twentieth of a millisecond for 640×360, so
// that encoding does not hold up the camera and the preview.
func (o *outgoingVideo) WriteVideo(f media.VideoFrame) {
	if !o.who.Load().any() {
		return
	}
	o.mu.Lock()
	c := o.next
	if c == nil {
		c = o.takeFreeLocked()
	} else {
		o.behind.Add(1)
	}
	size := f.Image.Rect.Size()
	o.height.Store(int64(size.Y))
	c.image = codec.Fit(c.image, size.X, size.Y)
	err := codec.CopyI420(c.image, f.Image)
	c.captured = f.Captured
	o.next = c
	o.mu.Unlock()
	if err != nil {
		o.log.Warn("picture not taken", "err", err)
		return
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outgoingVideo) takeFreeLocked() *videoCopy {
	if n := len(o.free); n > 0 {
		c := o.free[n-1]
		o.free = o.free[:n-1]
		return c
	}
	return new(videoCopy) // twice in a life: one waits while one is encoded
}

func (o *outgoingVideo) take() *videoCopy {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.next
	o.next = nil
	return c
}

func (o *outgoingVideo) put(c *videoCopy) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.free = append(o.free, c)
}

func (o *outgoingVideo) run() {
	defer o.wg.Done()
	s := videoSender{out: o}
	defer s.close()
	for {
		select {
		case <-o.quit:
			return
		case <-o.wake:
		}
		c := o.take()
		if c == nil {
			continue
		}
		if err := s.send(c); err != nil {
			o.log.Warn("picture not sent", "err", err)
		}
		o.put(c)
	}
}

// videoSender is what only the encoding goroutine touches.
type videoSender struct {
	out    *outgoingVideo
	start  time.Time // of the RTP clock
	last   uint32    // RTP timestamp
	behind uint64    // frames skipped, as of the second before
	busyAt time.Time // of that
	busy   bool      // frames are skipped
}

// send encodes a frame in all layers that are taken, with one timestamp.
func (s *videoSender) send(c *videoCopy) error {
	t := s.out.who.Load()
	size := c.image.Rect.Size()
	rates := share(t, size)
	ts := s.timestamp(c.captured)
	s.watch(c.captured)
	var largest *image.YCbCr
	for i := topLayer; i >= 0; i-- { // the largest first: it is waited for
		l := s.out.layers[i]
		if l == nil {
			continue
		}
		if l.off.Store(rates[i] == 0); rates[i] == 0 {
			continue
		}
		p, err := l.send(c, layerSize(size, i), rates[i], ts, s.busy)
		if err != nil {
			return err
		}
		if largest == nil {
			largest = p
		}
	}
	if largest == nil {
		return nil // the encoder keeps to its rate by leaving one out
	}
	s.out.sent.Add(1)
	if s.out.meter != nil {
		s.out.meter.Sent(largest)
	}
	return nil
}

// watch finds out whether this computer is too slow: more than a tenth of the
// frames is skipped.
func (s *videoSender) watch(at time.Time) {
	if at.Sub(s.busyAt) < time.Second {
		return
	}
	behind := s.out.behind.Load()
	s.busy, s.behind, s.busyAt = behind-s.behind > 3, behind, at
}

// timestamp is the capture time on the RTP clock; it always grows.
func (s *videoSender) timestamp(captured time.Time) uint32 {
	if s.start.IsZero() {
		s.start = captured
	}
	ts := ticks(captured.Sub(s.start), videoClock)
	if int32(ts-s.last) <= 0 {
		ts = s.last + 1
	}
	s.last = ts
	return ts
}

// ticks is d on an RTP clock of rate Hz. It wraps, as RTP timestamps do.
func ticks(d time.Duration, rate int64) uint32 {
	// In two parts: d times the rate would overflow after a day.
	return uint32(int64(d/time.Second)*rate + int64(d%time.Second)*rate/int64(time.Second))
}

func (s *videoSender) close() {
	for _, l := range s.out.layers {
		if l == nil || l.encoder == nil {
			continue
		}
		if err := l.encoder.Close(); err != nil {
			s.out.log.Warn("encoder not closed", "err", err)
		}
	}
}
