package call

import (
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/netstack/peer"
	"candid/netstack/sframe"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// opusSamples is one Opus frame: 20 ms, two blocks.
const opusSamples = 2 * media.BlockSamples

// outgoingAudio encodes the microphone and sends it as RTP on track. It is a
// media.AudioSink; encoding 20 ms takes a fraction of one, so it is done where
// the block comes in. While muted nothing comes in, and nothing is sent.
type outgoingAudio struct {
	track  *webrtc.TrackLocalStaticRTP
	log    *slog.Logger
	wanted atomic.Bool

	mu        sync.Mutex
	seal      *sframe.Sealer // nil: not encrypted
	encoder   *codec.OpusEncoder
	copies    codec.Redundancy
	bitrate   int     // encoder's
	pcm       []int16 // of the frame being filled
	sequencer rtp.Sequencer
	clock     audioClock
	closed    bool
}

func newOutgoingAudio(id, stream string, seal *sframe.Sealer, log *slog.Logger) (*outgoingAudio, error) {
	track, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: media.SampleRate, Channels: 2}, id, stream)
	if err != nil {
		return nil, fmt.Errorf("make the audio track: %w", err)
	}
	encoder, err := codec.NewOpusEncoder(codec.OpusOptions{Bitrate: audioBitrate, LossPercent: 10})
	if err != nil {
		return nil, fmt.Errorf("make the audio encoder: %w", err)
	}
	return &outgoingAudio{
		track: track, log: log, seal: seal, encoder: encoder, bitrate: audioBitrate,
		pcm: make([]int16, 0, opusSamples), sequencer: rtp.NewRandomSequencer(),
	}, nil
}

// SetWanted says whether anybody is there: if not, nothing is encoded.
func (o *outgoingAudio) SetWanted(wanted bool) { o.wanted.Store(wanted) }

// SetLoss says what share of packets was lost of late, so that as much is spent
// on what is lost coming with later packets.
func (o *outgoingAudio) SetLoss(share float64) {
	o.copies.SetLoss(int(math.Round(100 * share)))
	if err := o.encoder.SetLoss(expectedLoss(share)); err != nil {
		o.log.Warn("loss not set", "err", err)
	}
}

// audioBitrates is what the encoder is given by the number of copies that each
// packet carries: with two, all is twice what it is without.
var audioBitrates = [...]int{audioBitrate, audioBitrate * 4 / 5, audioBitrate * 2 / 3}

// followLocked gives the encoder less where its packets are sent several times.
func (o *outgoingAudio) followLocked() error {
	bitrate := audioBitrates[o.copies.Copies()]
	if bitrate == o.bitrate {
		return nil
	}
	o.bitrate = bitrate
	return o.encoder.SetBitrate(bitrate)
}

// WriteAudio takes 10 ms of the microphone.
func (o *outgoingAudio) WriteAudio(b media.AudioBlock) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.wanted.Load() {
		o.pcm = o.pcm[:0]
		return
	}
	if len(o.pcm) == 0 {
		o.clock.frame(b.Captured)
	}
	o.pcm = append(o.pcm, b.PCM...)
	if len(o.pcm) < opusSamples {
		return
	}
	if err := o.sendLocked(); err != nil {
		o.log.Warn("sound not sent", "err", err)
	}
	o.pcm = o.pcm[:0]
}

func (o *outgoingAudio) sendLocked() error {
	if err := o.followLocked(); err != nil {
		return err
	}
	data, err := o.encoder.Encode(o.pcm)
	if err != nil {
		return err
	}
	data = o.copies.Add(data, o.clock.now)
	if o.seal != nil {
		if data, err = o.seal.Seal(make([]byte, 0, len(data)+sframe.Overhead), webrtc.MimeTypeOpus, o.clock.now, data); err != nil {
			return err
		}
	}
	p := &rtp.Packet{
		Header: rtp.Header{
			Version: 2,
			// The first packet after silence is marked (RFC 7587 section 4.1).
			Marker:         o.clock.jumped,
			SequenceNumber: o.sequencer.NextSequenceNumber(),
			Timestamp:      o.clock.now,
		},
		Payload: data,
	}
	if err := p.SetExtension(peer.LevelExtension, []byte{levelOf(o.pcm)}); err != nil {
		return fmt.Errorf("send audio: %w", err)
	}
	if err := o.track.WriteRTP(p); err != nil {
		return fmt.Errorf("send audio: %w", err)
	}
	return nil
}

// levelOf is the level of sound in −dBov, 127 for silence (RFC 6464 section 3).
func levelOf(pcm []int16) byte {
	energy := 0.0
	for _, v := range pcm {
		energy += float64(v) * float64(v)
	}
	if energy == 0 {
		return 127
	}
	rms := math.Sqrt(energy/float64(len(pcm))) / math.MaxInt16
	return byte(min(max(math.Round(-20*math.Log10(rms)), 0), 127))
}

// Close stops sending. The caller has removed the sink from its source.
func (o *outgoingAudio) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// audioClock gives frames their RTP timestamps: one frame after the other, by
// count, so that the jitter of the sound card's time does not show; after a
// pause, by capture time.
type audioClock struct {
	start  time.Time
	last   time.Time // capture time of the frame before
	now    uint32
	jumped bool
}

// longestHitch is how late a frame may come and still follow the one before.
const longestHitch = 100 * time.Millisecond

func (c *audioClock) frame(captured time.Time) {
	since := captured.Sub(c.last)
	c.jumped = c.start.IsZero() || since > longestHitch
	c.last = captured
	switch {
	case c.start.IsZero():
		c.start = captured
	case c.jumped:
		ts := ticks(captured.Sub(c.start), media.SampleRate)
		if int32(ts-c.now) < opusSamples {
			ts = c.now + opusSamples
		}
		c.now = ts
	default:
		c.now += opusSamples
	}
}
