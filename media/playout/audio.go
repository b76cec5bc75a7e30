package playout

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"

	"github.com/pion/rtp"
)

// AudioDecoder turns Opus packets into 48 kHz mono, as *codec.OpusDecoder does.
// It must not allocate, nor block on anything but the processor.
type AudioDecoder interface {
	// Decode decodes a packet and returns how many samples it held.
	Decode(packet []byte, pcm []int16) (int, error)
	// DecodeFEC fills pcm with the sound just before next, from the copy in it.
	DecodeFEC(next []byte, pcm []int16) error
	// DecodePLC fills pcm with a guess at what is missing.
	DecodePLC(pcm []int16) error
}

// AudioConfig says what an Audio needs. Decoder must be set.
type AudioConfig struct {
	// Decoder is used by the puller alone, from the first ReadBlock on.
	Decoder AudioDecoder
	// Open decrypts a packet with this RTP timestamp, if packets are encrypted
	// end to end. It is called by who feeds the Audio.
	Open func(ts uint32, packet []byte) ([]byte, error)
	// Report returns the newest sender report of the track, if one has come.
	Report func() (SenderReport, bool)
	// Sync, if set, is shared with the Video of the same member.
	Sync *Sync
	// OutputLatency is how long after ReadBlock returned its first sample is
	// heard; nil is 0. It must not block.
	OutputLatency func() time.Duration
	// Now is the clock, time.Now if nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Audio plays one remote audio track: it is a media.Voice. Feed it with Play or
// Push from any goroutine; pull it with ReadBlock, one caller at a time, every
// 10 ms. It has no goroutine and needs no closing.
//
// Between the two lies a jitter buffer that holds sound just long enough: it
// measures how unevenly packets come, and shortens or lengthens the sound,
// unheard, to hold as little as that allows. That also absorbs the difference
// between the sender's clock and the sound card's.
type Audio struct {
	cfg   AudioConfig
	log   *slog.Logger
	epoch time.Time
	clock *senderClock
	align aligner
	plays atomic.Uint32 // so far
	in    inbox
	refused,
	overflow counter // packets

	play playhead // the puller's
	stat audioStats
}

// NewAudio makes an Audio.
func NewAudio(cfg AudioConfig) (*Audio, error) {
	if cfg.Decoder == nil {
		return nil, errors.New("play audio: decoder must be set")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &Audio{cfg: cfg, log: orDiscard(cfg.Logger), epoch: cfg.Now()}
	if cfg.Sync != nil {
		a.epoch = cfg.Sync.epoch
	}
	a.clock = newSenderClock(cfg.Report, a.epoch, media.SampleRate)
	a.play.init(cfg.Decoder)
	return a, nil
}

// Play feeds a with what r yields, until r ends; then it returns nil. It blocks;
// the goroutine is the caller's. The same stream arriving over two paths is
// played by two Plays at once: of each packet the first copy counts. Copies are
// known by their timestamps.
func (a *Audio) Play(r RTPReader) error {
	source := uint8(a.plays.Add(1))
	return pump(r, a.cfg.Now, func(p *rtp.Packet, at time.Time) { a.PushFrom(source, p, at) })
}

// Push feeds a with one packet, which belongs to a from then on, and when it
// arrived. It does not block.
func (a *Audio) Push(p *rtp.Packet, at time.Time) { a.PushFrom(0, p, at) }

// PushFrom is Push of a packet that came over one of several paths.
func (a *Audio) PushFrom(source uint8, p *rtp.Packet, at time.Time) {
	if p == nil {
		return
	}
	a.clock.refresh(at)
	seq := a.align.number(source, p.SequenceNumber, p.Timestamp)
	ar := arrival{payload: p.Payload, at: int64(at.Sub(a.epoch)), ts: p.Timestamp, seq: seq, source: source}
	var room [copiesTaken]codec.Copy
	var copies []codec.Copy
	if len(p.Payload) > 0 {
		var ok bool
		if copies, ok = a.open(&ar, room[:0]); !ok {
			a.refused.add(1)
			return
		}
	}
	if !a.in.put(ar) {
		a.overflow.add(1)
		return
	}
	for _, c := range copies {
		if earlier, ok := copied(ar, c); ok && !a.in.put(earlier) {
			a.overflow.add(1)
		}
	}
}

// open decrypts and inspects a packet, and takes out the copies in it; it
// reports whether it is one.
func (a *Audio) open(ar *arrival, room []codec.Copy) (copies []codec.Copy, ok bool) {
	var err error
	if a.cfg.Open != nil {
		if ar.payload, err = a.cfg.Open(ar.ts, ar.payload); err != nil {
			a.log.Debug("audio packet dropped", "cause", err)
			return nil, false
		}
	}
	if ar.payload, copies, err = codec.TakeCopies(ar.payload, room); err != nil {
		return nil, false
	}
	n, err := codec.PacketSamples(ar.payload)
	if err != nil {
		return nil, false
	}
	ar.samples, ar.fec = int16(n), carriesFEC(ar.payload)
	return copies, true
}

// ReadBlock fills pcm with the next 10 ms; see media.Voice. It does not block
// and does not allocate.
func (a *Audio) ReadBlock(pcm []int16) bool {
	if len(pcm) != media.BlockSamples {
		clear(pcm)
		return false
	}
	t := a.cfg.Now()
	now := int64(t.Sub(a.epoch))
	p := &a.play
	p.pulled(now)
	for {
		ar, ok := a.in.get()
		if !ok {
			break
		}
		p.accept(ar)
	}
	sounding := p.block(pcm, now)
	if sounding {
		a.follow(t, now)
	}
	energy := a.stat.publish(p, pcm, sounding)
	return energy > 0
}

// follow tells Sync what is heard now, and takes over what it asks for.
func (a *Audio) follow(t time.Time, now int64) {
	p := &a.play
	p.syncTarget = 0
	anchor := a.clock.get()
	if a.cfg.Sync == nil || anchor == nil {
		return
	}
	// The block just read begins one block before what is played next.
	ts := p.position() - media.BlockSamples
	heard := t
	if a.cfg.OutputLatency != nil {
		heard = t.Add(a.cfg.OutputLatency())
	}
	// Senders (pion, libwebrtc) date sound by when its packet leaves. Its first
	// sample was then as old as the packet is long, and Opus delays it besides.
	captured := anchor.captured(uint32(ts)) - nanos(p.span+opusDelay)
	if more, ok := a.cfg.Sync.hear(captured, heard); ok {
		p.syncTarget = now - nanos(ts) + int64(more)
	}
}

// opusDelay is how much later than its place in the packet sound comes out of
// an Opus decoder, in samples: its encoder looks ahead.
const opusDelay = 312

// nanos converts a position in samples to ns.
func nanos(samples int64) int64 { return samples * (int64(time.Second) / 16000) / 3 }

// samplesOf converts ns to samples.
func samplesOf(ns int64) int64 { return ns * 3 / (int64(time.Second) / 16000) }
