package playout

import (
	"errors"
	"fmt"
	"image"
	"log/slog"
	"sync"
	"time"

	"candid/media"
	"candid/media/codec"

	"github.com/pion/rtp"
)

// Video's numbers.
const (
	videoRate = 90000 // RTP clock of every video codec (RFC 3551 section 5)

	// keyFrameEvery limits how often a key frame is asked for: a sender needs a
	// round trip to send one, and several would congest the path they are to mend.
	keyFrameEvery = 300 * time.Millisecond

	// How long a hole is waited for before a key frame is asked for: long enough
	// for a second repair. A sender sends a packet again at most once in a round
	// trip, so that takes two, and secondGrace for asking and some jitter; on short
	// ones never less than one and repairGrace. The bounds: a round trip is seldom
	// known better than minWait, and after maxWait a key frame would have been here
	// too. While the round trip is unknown it is taken for 100 ms.
	repairGrace = 100 * time.Millisecond
	secondGrace = 50 * time.Millisecond
	minWait     = 100 * time.Millisecond
	maxWait     = 400 * time.Millisecond
	unknownRTT  = 100 * time.Millisecond
	// longestHole is how long a repair may still come when nothing behind the hole
	// can be decoded without it.
	longestHole = time.Second
)

// VideoDecoder turns the frames of one codec into pictures, as
// *codec.VP8Decoder does.
type VideoDecoder interface {
	// Decode decodes one whole frame. The picture is valid until the next call.
	// It returns codec.ErrHidden for a frame that is not for showing; after any
	// other error nothing can be decoded until a key frame comes.
	Decode(frame []byte) (*image.YCbCr, error)
	Close() error
}

// VideoConfig says what a Video needs. Sink and Decoder must be set.
type VideoConfig struct {
	Sink media.VideoSink
	// Decoder belongs to the Video, which closes it.
	Decoder VideoDecoder
	// Format is how the codec travels; nil is VP8. See FormatFor.
	Format Format
	// RequestKeyFrame asks the sender for a key frame. It is called at most once
	// every 300 ms, from a goroutine of the Video, and must not block.
	RequestKeyFrame func()
	// Open decrypts a frame with this RTP timestamp, if frames are encrypted end
	// to end. It may return its argument, changed.
	Open func(ts uint32, frame []byte) ([]byte, error)
	// Report returns the newest sender report of the track, if one has come.
	Report func() (SenderReport, bool)
	// Sync, if set, is shared with the Audio of the same member.
	Sync *Sync
	// Now is the clock, time.Now if nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Video plays one remote video track. Feed it with Play or Push. It has one
// goroutine, which decodes and calls the sink.
type Video struct {
	cfg   VideoConfig
	log   *slog.Logger
	clock *senderClock
	wake  chan struct{}
	quit  chan struct{}
	once  sync.Once
	done  sync.WaitGroup

	mu    sync.Mutex // never held while decoding or calling out
	buf   *frameBuffer
	rtt   time.Duration // 0 is unknown
	stats videoStats

	// Of the worker alone.
	refs     references
	gap      bool
	asked    time.Time // when a key frame was last asked for
	payloads [][]byte
	frame    []byte
}

// NewVideo starts a Video. Close must be called.
func NewVideo(cfg VideoConfig) (*Video, error) {
	if cfg.Sink == nil || cfg.Decoder == nil {
		return nil, errors.New("play video: sink and decoder must be set")
	}
	if cfg.Format == nil {
		cfg.Format = vp8{}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.RequestKeyFrame == nil {
		cfg.RequestKeyFrame = func() {}
	}
	epoch := cfg.Now()
	if cfg.Sync != nil {
		epoch = cfg.Sync.epoch
	}
	v := &Video{
		cfg:   cfg,
		log:   orDiscard(cfg.Logger),
		clock: newSenderClock(cfg.Report, epoch, videoRate),
		wake:  make(chan struct{}, 1),
		quit:  make(chan struct{}),
		buf:   newFrameBuffer(cfg.Format),
	}
	v.done.Add(1)
	go v.run()
	return v, nil
}

// Play feeds v with what r yields, until r ends; then it returns nil. It blocks;
// the goroutine is the caller's. The same stream arriving over two paths is
// played by two Plays at once: of each packet the first copy counts. Close does
// not end a Play; the end of its track does.
func (v *Video) Play(r RTPReader) error { return pump(r, v.cfg.Now, v.Push) }

// Push feeds v with one packet, which belongs to v from then on, and when it
// arrived. It does not block, and may be called from any goroutine.
func (v *Video) Push(p *rtp.Packet, at time.Time) {
	if p == nil {
		return
	}
	v.clock.refresh(at)
	v.mu.Lock()
	v.buf.push(p, at)
	v.mu.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// SetRTT tells v the round trip to the sender: how long a repair takes. 0 is
// unknown.
func (v *Video) SetRTT(rtt time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rtt = max(rtt, 0)
}

// Close stops v, waits for its goroutine and closes the decoder. The sink is
// not called afterwards. It may be called more than once, but not from the sink.
func (v *Video) Close() error {
	var err error
	v.once.Do(func() {
		close(v.quit)
		v.done.Wait()
		if err = v.cfg.Decoder.Close(); err != nil {
			err = fmt.Errorf("close video decoder: %w", err)
		}
	})
	return err
}

// patience is how long a hole is waited for.
func patience(rtt time.Duration) time.Duration {
	if rtt == 0 {
		rtt = unknownRTT
	}
	return min(max(rtt+repairGrace, 2*rtt+secondGrace, minWait), maxWait)
}

func (v *Video) run() {
	defer v.done.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		again := v.step()
		var alarm <-chan time.Time
		if !again.IsZero() {
			timer.Reset(again.Sub(v.cfg.Now()))
			alarm = timer.C
		}
		select {
		case <-v.quit:
			return
		case <-v.wake:
		case <-alarm:
		}
	}
}

// step plays every frame whose time has come, and returns when the next one's
// will be even if nothing more arrives; zero if never.
func (v *Video) step() time.Time {
	for {
		select {
		case <-v.quit:
			return time.Time{}
		default:
		}
		now := v.cfg.Now()
		v.mu.Lock()
		f, ok, again, overdue := v.nextLocked(now)
		if !ok || again.After(now) {
			v.stats.dropped(v.buf)
			broken := v.buf.gap
			v.mu.Unlock()
			if overdue || broken && !v.refs.running { // what came cannot be the start of anything
				v.askKeyFrame(now)
			}
			return again
		}
		payloads, gap := v.buf.take(f, v.payloads[:0])
		v.stats.received(v.buf, now.Sub(f.began))
		v.mu.Unlock()
		v.payloads = payloads
		v.gap = v.gap || gap
		v.play(f, payloads, now)
	}
}

// nextLocked returns the next frame and when it is to be decoded, or when to look
// again; overdue says that a key frame is wanted by then.
func (v *Video) nextLocked(now time.Time) (f span, ok bool, again time.Time, overdue bool) {
	for {
		f, ok, since := v.buf.frame()
		wait := patience(v.rtt)
		switch late := now.Sub(since); {
		case ok:
			return f, true, v.release(f, now), false
		case since.IsZero():
			return span{}, false, time.Time{}, false
		case late < wait:
			return span{}, false, since.Add(wait), false
		case late < longestHole && !v.buf.beyond(v.decodable):
			// A repair may come before the key frame.
			return span{}, false, now.Add(min(keyFrameEvery, longestHole-late)), true
		}
		v.buf.giveUp()
	}
}

// decodable reports whether a frame can be decoded without what is missing before
// it.
func (v *Video) decodable(f span) bool {
	frame, info, err := v.cfg.Format.Assemble(v.frame[:0], v.buf.payloads(f, v.payloads[:0]))
	v.frame = frame[:0]
	return err == nil && v.refs.decodable(info, true)
}

// release returns when the frame is to be decoded. mu is held.
func (v *Video) release(f span, now time.Time) time.Time {
	a := v.clock.get()
	if a == nil || v.cfg.Sync == nil {
		return now
	}
	// The bound on the hold counts from when the frame was whole.
	at := v.cfg.Sync.release(a.captured(f.timestamp), f.ended)
	return at
}

// play assembles, opens, decodes and shows a frame.
func (v *Video) play(f span, payloads [][]byte, now time.Time) {
	frame, info, err := v.cfg.Format.Assemble(v.frame[:0], payloads)
	v.frame = frame[:0]
	if err != nil {
		v.fail(fmt.Errorf("assemble frame: %w", err), now)
		return
	}
	if !v.refs.decodable(info, v.gap) {
		v.leaveOut(info, now)
		return
	}
	if v.cfg.Open != nil {
		if frame, err = v.cfg.Open(f.timestamp, frame); err != nil {
			v.fail(fmt.Errorf("open frame: %w", err), now)
			return
		}
	}
	img, err := v.cfg.Decoder.Decode(frame)
	if err != nil && !errors.Is(err, codec.ErrHidden) {
		v.fail(err, now)
		return
	}
	v.refs.decoded(info, v.gap)
	v.gap = false
	v.show(f, info, img, now)
}

// show hands on a decoded picture, or nil for one that is not to be seen.
func (v *Video) show(f span, info FrameInfo, img *image.YCbCr, began time.Time) {
	now := v.cfg.Now()
	var captured time.Time
	v.mu.Lock()
	v.stats.decoded(info.Key, now, now.Sub(began))
	if img != nil {
		v.stats.shown(img.Rect.Dx(), img.Rect.Dy(), now)
		captured = v.clock.local(f.timestamp, v.rtt/2, now)
	}
	v.mu.Unlock()
	if img == nil {
		return
	}
	v.cfg.Sink.WriteVideo(media.VideoFrame{Image: img, Captured: captured, Timestamp: f.timestamp})
	if a := v.clock.get(); a != nil && v.cfg.Sync != nil {
		v.cfg.Sync.saw(a.captured(f.timestamp), now)
	}
}

// leaveOut drops a frame that builds on one that is lost.
func (v *Video) leaveOut(info FrameInfo, now time.Time) {
	v.mu.Lock()
	v.stats.lost++
	v.mu.Unlock()
	if v.refs.disposable(info) {
		v.refs.skipped(info)
		return
	}
	v.refs.lost()
	v.askKeyFrame(now)
}

// fail drops a frame that could not be decoded, and with it all until the next
// key frame.
func (v *Video) fail(err error, now time.Time) {
	v.log.Debug("video frame dropped", "cause", err)
	v.mu.Lock()
	v.stats.lost++
	v.mu.Unlock()
	v.refs.lost()
	v.askKeyFrame(now)
}

func (v *Video) askKeyFrame(now time.Time) {
	if !v.asked.IsZero() && now.Sub(v.asked) < keyFrameEvery {
		return
	}
	v.asked = now
	v.mu.Lock()
	v.stats.asked++
	v.mu.Unlock()
	v.cfg.RequestKeyFrame()
}
