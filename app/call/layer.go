package call

import (
	"fmt"
	"image"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/netstack"
	"candid/netstack/sframe"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// smallPicture is the height up to which a picture has two layers instead of
// three: a quarter of it shows nobody.
const smallPicture = 360

// layerSize is the size of a layer; zero if a picture of this size has no such
// layer.
func layerSize(size image.Point, layer int) image.Point {
	divide := 1 << (topLayer - layer)
	if size.Y <= smallPicture {
		divide = []int{2, 0, 1}[layer]
	}
	if divide == 0 {
		return image.Point{}
	}
	return image.Pt(max(size.X/divide&^1, 2), max(size.Y/divide&^1, 2))
}

// leastForTop is what must be left of the host's budget for the whole picture,
// when a smaller layer is taken too.
const leastForTop = 150_000

// share gives each layer that is taken its bitrate, the smallest first; 0: it
// is not to be encoded. The whole picture gets what all who take it can have.
func share(t *taken, size image.Point) (rates [layerCount]int) {
	left, smaller := t.hostBudget, false
	for i := range topLayer {
		s := layerSize(size, i)
		if !t.host[i] || s.Y == 0 || smaller && left < minVideoBitrate {
			continue
		}
		rates[i] = max(min(left, maxVideoBitrate(s)), minVideoBitrate)
		left, smaller = left-rates[i], true
	}
	host := t.host[topLayer] && (!smaller || left >= leastForTop)
	switch {
	case t.direct && host:
		rates[topLayer] = min(t.directBudget, left)
	case t.direct:
		rates[topLayer] = t.directBudget
	case host:
		rates[topLayer] = left
	default:
		return rates
	}
	rates[topLayer] = max(rates[topLayer], minVideoBitrate)
	return rates
}

// videoLayer is one layer of a picture on its way out.
type videoLayer struct {
	track *webrtc.TrackLocalStaticRTP
	key   atomic.Bool // a key frame is asked for
	off   atomic.Bool // taken, but there is no bitrate for it
	state atomic.Pointer[Outgoing]

	// What follows is touched by the encoding goroutine only.
	encoder   *codec.VP8Encoder
	top       bool   // a smaller layer is small enough
	screen    bool   // of text rather than people: sharp, and never made smaller
	ladder    ladder // of the top layer
	scaled    *image.YCbCr
	seal      *sframe.Sealer // nil: not encrypted
	sealed    []byte
	payloader codecs.VP8Payloader
	sequencer rtp.Sequencer
	spent     time.Duration // encoding, in the second under way
	frames    int           // of it
	since     time.Time
}

func newVideoLayer(track *webrtc.TrackLocalStaticRTP, top, screen bool, seal *sframe.Sealer) *videoLayer {
	l := &videoLayer{track: track, top: top && !screen, screen: screen, seal: seal, payloader: codecs.VP8Payloader{EnablePictureID: true}, sequencer: rtp.NewRandomSequencer()}
	l.state.Store(&Outgoing{QualityLimitationReason: "none"})
	return l
}

// send encodes and sends a frame in this layer's size, and returns the picture
// that was sent; nil if none was.
func (l *videoLayer) send(c *videoCopy, size image.Point, rate int, ts uint32, busy bool) (*image.YCbCr, error) {
	if size.Y == 0 {
		return nil, nil
	}
	rung := size
	if l.top {
		var skip bool
		if rung, skip = l.ladder.step(size, rate, c.captured); skip {
			return nil, nil
		}
	}
	picture := c.image
	if rung != c.image.Rect.Size() {
		l.scaled = codec.Fit(l.scaled, rung.X, rung.Y)
		if err := codec.ScaleI420(l.scaled, picture); err != nil {
			return nil, err
		}
		picture = l.scaled
	}
	target := min(rate, maxVideoBitrate(rung))
	if err := l.prepare(rung, target); err != nil {
		return nil, err
	}
	force := l.key.Swap(false)
	began := time.Now()
	data, key, err := l.encoder.Encode(media.VideoFrame{Image: picture, Captured: c.captured}, force)
	if err != nil {
		l.key.Store(true)
		return nil, err
	}
	if len(data) == 0 {
		if force {
			l.key.Store(true)
		}
		return nil, nil
	}
	why := "none"
	switch {
	case busy:
		why = "cpu"
	case rung != size || rate < maxVideoBitrate(size):
		why = "bandwidth"
	}
	l.count(began, rung, target, key, why)
	return picture, l.write(data, ts)
}

// count keeps what Outgoing tells.
func (l *videoLayer) count(began time.Time, size image.Point, target int, key bool, why string) {
	now, s := time.Now(), *l.state.Load()
	s.FrameWidth, s.FrameHeight, s.TargetBitrate, s.QualityLimitationReason = size.X, size.Y, target, why
	if s.FramesEncoded++; key {
		s.KeyFramesEncoded++
	}
	l.frames++
	l.spent += now.Sub(began)
	if passed := now.Sub(l.since); passed >= time.Second {
		if passed < 2*time.Second {
			s.FramesPerSecond = float64(l.frames) / passed.Seconds()
		}
		s.EncodeTime = netstack.Some(l.spent / time.Duration(l.frames))
		l.frames, l.spent, l.since = 0, 0, now
	}
	l.state.Store(&s)
}

func (l *videoLayer) prepare(size image.Point, rate int) (err error) {
	if l.encoder == nil {
		l.encoder, err = codec.OpenVP8Encoder(codec.VP8Options{Width: size.X, Height: size.Y, Bitrate: rate, Screen: l.screen})
		return err
	}
	l.encoder.SetBitrate(rate)
	return nil
}

func (l *videoLayer) write(frame []byte, ts uint32) (err error) {
	if l.seal != nil {
		if l.sealed, err = l.seal.Seal(l.sealed[:0], webrtc.MimeTypeVP8, ts, frame); err != nil {
			return err
		}
		frame = l.sealed
	}
	parts := l.payloader.Payload(mtu, frame)
	for i, part := range parts {
		err := l.track.WriteRTP(&rtp.Packet{
			Header: rtp.Header{
				Version:        2,
				Marker:         i == len(parts)-1,
				SequenceNumber: l.sequencer.NextSequenceNumber(),
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
