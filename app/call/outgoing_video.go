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

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// mtu is the largest RTP packet sent: it fits, with SRTP, TURN and IPv6
// headers, in the 1280 bytes every IPv6 link carries.
const mtu = 1160

// videoClock is the RTP clock of every video codec.
const videoClock = 90000

// outgoingVideo encodes the newest camera frame and sends it as RTP on track.
// It is a media.VideoSink: frames that come while it encodes are skipped but
// for the newest.
type outgoingVideo struct {
	track  *webrtc.TrackLocalStaticRTP
	meter  Meter // may be nil
	log    *slog.Logger
	wake   chan struct{}
	quit   chan struct{}
	wg     sync.WaitGroup
	wanted atomic.Bool // somebody is there to see it
	key    atomic.Bool // a key frame is asked for
	rate   atomic.Int64
	sent   atomic.Uint64 // frames

	mu   sync.Mutex
	next *videoCopy // the newest frame not yet taken
	free []*videoCopy
}

// videoCopy is a frame that belongs to us.
type videoCopy struct {
	image    *image.YCbCr
	captured time.Time
}

func newOutgoingVideo(id, stream string, meter Meter, log *slog.Logger) (*outgoingVideo, error) {
	track, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: videoClock}, id, stream)
	if err != nil {
		return nil, fmt.Errorf("make the video track: %w", err)
	}
	o := &outgoingVideo{track: track, meter: meter, log: log, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	o.rate.Store(startVideoBitrate)
	o.wg.Add(1)
	go o.run()
	return o, nil
}

// SetWanted says whether anybody is there: if not, nothing is encoded.
func (o *outgoingVideo) SetWanted(wanted bool) {
	if o.wanted.Swap(wanted) != wanted && wanted {
		o.ForceKeyFrame()
	}
}

// ForceKeyFrame makes the next frame one that needs no other.
func (o *outgoingVideo) ForceKeyFrame() { o.key.Store(true) }

// SetBitrate sets the target in bits per second.
func (o *outgoingVideo) SetBitrate(bps int) { o.rate.Store(int64(bps)) }

// Close stops sending. The caller has removed the sink from its source.
func (o *outgoingVideo) Close() {
	close(o.quit)
	o.wg.Wait()
}

// WriteVideo copies the frame, at a twentieth of a millisecond for 640×360, so
// that encoding does not hold up the camera and the preview.
func (o *outgoingVideo) WriteVideo(f media.VideoFrame) {
	if !o.wanted.Load() {
		return
	}
	o.mu.Lock()
	c := o.next
	if c == nil {
		c = o.takeFreeLocked()
	}
	size := f.Image.Rect.Size()
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
	s := videoSender{out: o, payloader: codecs.VP8Payloader{EnablePictureID: true}, sequencer: rtp.NewRandomSequencer()}
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
	out       *outgoingVideo
	encoder   *codec.VP8Encoder
	ladder    ladder
	scaled    *image.YCbCr
	payloader codecs.VP8Payloader
	sequencer rtp.Sequencer
	start     time.Time // of the RTP clock
	last      uint32    // RTP timestamp
}

func (s *videoSender) send(c *videoCopy) error {
	size := c.image.Rect.Size()
	rung, skip := s.ladder.step(size, int(s.out.rate.Load()), c.captured)
	if skip {
		return nil
	}
	picture := c.image
	if rung != size {
		s.scaled = codec.Fit(s.scaled, rung.X, rung.Y)
		if err := codec.ScaleI420(s.scaled, picture); err != nil {
			return err
		}
		picture = s.scaled
	}
	if err := s.prepare(rung); err != nil {
		return err
	}
	force := s.out.key.Swap(false)
	data, _, err := s.encoder.Encode(media.VideoFrame{Image: picture, Captured: c.captured}, force)
	if err != nil {
		s.out.key.Store(true)
		return err
	}
	if len(data) == 0 {
		return nil // the encoder keeps to its rate by leaving one out
	}
	if err := s.write(data, s.timestamp(c.captured)); err != nil {
		return err
	}
	s.out.sent.Add(1)
	if s.out.meter != nil {
		s.out.meter.Sent(picture)
	}
	return nil
}

func (s *videoSender) prepare(size image.Point) (err error) {
	rate := min(int(s.out.rate.Load()), maxVideoBitrate(size))
	if s.encoder == nil {
		s.encoder, err = codec.NewVP8Encoder(size.X, size.Y, rate)
		return err
	}
	s.encoder.SetBitrate(rate)
	return nil
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

func (s *videoSender) write(frame []byte, ts uint32) error {
	parts := s.payloader.Payload(mtu, frame)
	for i, part := range parts {
		err := s.out.track.WriteRTP(&rtp.Packet{
			Header: rtp.Header{
				Version:        2,
				Marker:         i == len(parts)-1,
				SequenceNumber: s.sequencer.NextSequenceNumber(),
				Timestamp:      ts,
			},
			Payload: part,
		})
		if err != nil {
			return fmt.Errorf("send video: %w", err)
		}
	}
	return nil
}

func (s *videoSender) close() {
	if s.encoder != nil {
		if err := s.encoder.Close(); err != nil {
			s.out.log.Warn("encoder not closed", "err", err)
		}
	}
}
