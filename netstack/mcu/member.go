package mcu

import (
	"errors"
	"fmt"
	"image"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"
	"candid/netstack"

	"github.com/pion/rtp"
)

// maxPayload is the largest packet taken, in bytes: more than any path carries.
const maxPayload = 4096

// member is one who sends.
type member struct {
	id    netstack.PeerID
	state atomic.Pointer[state]
	video *VideoInput
	audio *AudioInput
	voice voice // of the sound goroutine
}

type state struct {
	name             string
	muted, cameraOff bool
}

func newMember(e *Engine, id netstack.PeerID, name string) (*member, error) {
	dec, err := codec.NewOpusDecoder()
	if err != nil {
		return nil, err
	}
	sync := playout.NewSync(nil)
	m := &member{id: id, video: &VideoInput{e: e, id: id, mime: VP8, sync: sync}, audio: &AudioInput{e: e}}
	m.state.Store(&state{name: name})
	m.audio.play, err = playout.NewAudio(playout.AudioConfig{
		Decoder: safeSound{dec, e.safely}, Sync: sync, Report: m.audio.report.get, Logger: e.log,
	})
	return m, err
}

// report keeps the newest sender report of a track.
type report struct {
	cur atomic.Pointer[playout.SenderReport]
}

func (r *report) get() (playout.SenderReport, bool) {
	if sr := r.cur.Load(); sr != nil {
		return *sr, true
	}
	return playout.SenderReport{}, false
}

// AudioInput takes the sound of one member: Opus.
type AudioInput struct {
	e      *Engine
	play   *playout.Audio
	report report
}

// WriteRTP takes a packet, of which it keeps a copy. It does not block. What it
// cannot use is dropped and counted, never an error.
func (in *AudioInput) WriteRTP(p *rtp.Packet) error {
	if in == nil || p == nil || len(p.Payload) > maxPayload || !in.e.audible() {
		return nil
	}
	in.play.Push(p.Clone(), time.Now())
	return nil
}

// SetReport passes on a sender report, which lip sync needs.
func (in *AudioInput) SetReport(sr playout.SenderReport) {
	if in != nil {
		in.report.cur.Store(&sr)
	}
}

// Stats is how the sound is received.
func (in *AudioInput) Stats() playout.AudioStats {
	if in == nil {
		return playout.AudioStats{}
	}
	return in.play.Stats()
}

// staleAfter is how long a picture stands in for a sender of whom nothing comes.
const staleAfter = 10 * time.Second

// A sender of whom so many frames in a row could not be decoded, for so long, is
// shown without a picture.
const (
	badFrames = 10
	badTime   = time.Second
)

// VideoInput takes the picture of one member: VP8, until SetCodec says
// otherwise.
type VideoInput struct {
	e       *Engine
	id      netstack.PeerID
	mime    string // under the engine's mu
	sync    *playout.Sync
	report  report
	play    atomic.Pointer[playout.Video] // nil while nobody sees it
	rtt     atomic.Int64
	bad     atomic.Int32 // frames in a row that could not be decoded
	resting atomic.Bool

	mu          sync.RWMutex
	sink        *screen // whose pictures count
	cur, before picture // the newest, and the one before
}

// picture is one that was decoded.
type picture struct {
	img    *image.YCbCr
	serial uint64 // greater than of all before; 0 is no picture
	at     time.Time
}

// screen is where one playout.Video shows its pictures.
type screen struct{ in *VideoInput }

// WriteRTP is as that of AudioInput.
func (in *VideoInput) WriteRTP(p *rtp.Packet) error {
	if in == nil || p == nil || len(p.Payload) > maxPayload {
		return nil
	}
	if v := in.play.Load(); v != nil {
		v.Push(p.Clone(), time.Now())
	}
	return nil
}

// SetReport is as that of AudioInput.
func (in *VideoInput) SetReport(sr playout.SenderReport) {
	if in != nil {
		in.report.cur.Store(&sr)
	}
}

// SetRTT says how long a repair of lost packets takes; 0 is unknown.
func (in *VideoInput) SetRTT(rtt time.Duration) {
	if in == nil {
		return
	}
	in.rtt.Store(int64(rtt))
	if v := in.play.Load(); v != nil {
		v.SetRTT(rtt)
	}
}

// Stats is how the picture is received, as far as somebody sees it.
func (in *VideoInput) Stats() playout.VideoStats {
	if in != nil {
		if v := in.play.Load(); v != nil {
			return v.Stats()
		}
	}
	return playout.VideoStats{}
}

// startLocked begins to decode. The engine's mu is held.
func (in *VideoInput) startLocked() {
	if in.play.Load() != nil {
		return
	}
	if err := in.start(); err != nil {
		in.e.log.Warn("member is not seen", "cause", err)
	}
}

func (in *VideoInput) start() error {
	format, err := playout.FormatFor(in.mime)
	if err != nil {
		return fmt.Errorf("start decoding: %w", err)
	}
	dec, err := codec.NewVideoDecoder(in.mime)
	if err != nil {
		return fmt.Errorf("start decoding: %w", err)
	}
	s := &screen{in}
	v, err := playout.NewVideo(playout.VideoConfig{
		Sink: s, Decoder: newGuard(dec, in.mime, in), Format: safeFormat{format, in.e.safely}, RequestKeyFrame: in.requestKeyFrame,
		Report: in.report.get, Sync: in.sync, Logger: in.e.log,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start decoding: %w", err), dec.Close())
	}
	v.SetRTT(time.Duration(in.rtt.Load()))
	in.bad.Store(0)
	in.resting.Store(false)
	in.mu.Lock()
	in.sink = s
	in.mu.Unlock()
	in.play.Store(v)
	return nil
}

// setCodecLocked changes what is decoded; it begins again by startLocked.
func (in *VideoInput) setCodecLocked(mime string) {
	if in.mime != mime {
		in.stopLocked()
		in.mime = mime
	}
}

// stopLocked ends decoding, and forgets the picture. The engine's mu is held.
func (in *VideoInput) stopLocked() {
	v := in.play.Swap(nil)
	if v == nil {
		return
	}
	in.e.ended = append(in.e.ended, v)
	in.mu.Lock()
	in.sink, in.cur, in.before = nil, picture{}, picture{}
	in.mu.Unlock()
}

// requestKeyFrame is called by playout, every 300 ms at most.
func (in *VideoInput) requestKeyFrame() {
	if !in.resting.Load() {
		in.e.cfg.KeyFrame(in.id)
	}
}

// WriteVideo keeps a copy of the picture.
func (s *screen) WriteVideo(f media.VideoFrame) {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.sink != s {
		return
	}
	in.cur, in.before = in.before, in.cur
	p := &in.cur
	p.img = codec.Fit(p.img, f.Image.Rect.Dx(), f.Image.Rect.Dy())
	if err := codec.CopyI420(p.img, f.Image); err != nil {
		p.serial = 0
		return
	}
	p.serial, p.at = in.e.serials.Add(1), time.Now()
}

// visible reports whether a picture is to be shown. mu is held.
func (in *VideoInput) visible(now time.Time) bool {
	age := now.Sub(in.cur.at)
	switch {
	case in.cur.serial == 0 || age > staleAfter:
		return false
	case in.resting.Load(), in.bad.Load() >= badFrames:
		return age < badTime
	}
	return true
}

// patience is how old a picture may be and still be shown before a newer one: a
// beat of the mix, and what cameras are uneven by. Without it a camera whose
// pictures come about when the mix takes them would lose some, and show others
// twice.
const patience = frameInterval + 10*time.Millisecond

// next is what to show after the picture with serial last. mu is held.
func (in *VideoInput) next(last uint64, now time.Time) *picture {
	if b := &in.before; b.serial > last && now.Sub(b.at) <= patience {
		return b
	}
	return &in.cur
}
