package sfu

import (
	"errors"
	"strings"
	"time"

	"candid/netstack"
	"candid/netstack/sfu/forward"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// TapSink takes what a Tap receives. Its methods are called one at a time, on
// the goroutine that moves the room's media: they must not block, nor call the
// room back but by its methods that do not wait.
type TapSink interface {
	// TakeRTP takes a packet, decrypted, which it must not keep or change. Its
	// numbers go on without a break when the layer changes.
	TakeRTP(from Source, p *rtp.Packet)
	// TakeReport takes a sender report of a track that is received.
	TakeReport(from Source, r netstack.SenderReport)
}

// Source names a track that a Tap receives.
type Source struct {
	Peer  netstack.PeerID
	Track string
	Kind  webrtc.RTPCodecType
	Codec forward.Codec
}

// MIME is the track's type as in SDP.
func (s Source) MIME() string {
	for _, f := range formats {
		if f.codec == s.Codec {
			name, _, _ := strings.Cut(f.name, "/")
			return s.Kind.String() + "/" + name
		}
	}
	return ""
}

// Tap is a receiver within this process: of each track it gets the layer that
// its wishes ask for, like a member whose line takes everything. What it does
// not wish is not sent for it.
type Tap struct {
	room *Room
	line *line

	wishes member // of the room's loop: only its wishes are used
	downs  map[*track]*down
}

// near is the end of a line that is within this process.
type near struct {
	sink     TapSink
	keyFrame func()
	demand   func(height int)
	told     int // height
	packet   rtp.Packet
	buf      []byte
}

// Tap begins to receive: nothing, until Wish is called. It gets every track
// that all members get. Close must be called.
func (r *Room) Tap(sink TapSink) (*Tap, error) {
	if sink == nil {
		return nil, errors.New("tapping a room: nobody takes what comes")
	}
	t := &Tap{room: r, downs: map[*track]*down{}, line: &line{engine: r.engine, near: &near{sink: sink}},
		wishes: member{wishes: map[trackKey]Wish{{Any, Any}: {}}}}
	return t, r.do(func() error {
		r.taps = append(r.taps, t)
		r.engine.do(func() { r.engine.lines = append(r.engine.lines, t.line) })
		for _, track := range r.tracks {
			t.attach(track)
		}
		if w, ok := sink.(Watcher); ok {
			w.Changed(r.sources(), r.speakers)
		}
		return nil
	})
}

// Wish says what is to be received, as a member's message would. It does not
// wait.
func (t *Tap) Wish(wishes ...Wish) {
	t.room.post(func() {
		for _, w := range wishes {
			about := trackKey{w.Peer, w.Track}
			t.wishes.wishes[about] = w
			for track, d := range t.downs {
				if about.covers(track.key) {
					d.apply(t.line, t.wishes.wish(track.key))
				}
			}
		}
	})
}

// Forget takes back all wishes about a member. It does not wait.
func (t *Tap) Forget(id netstack.PeerID) {
	t.room.post(func() {
		for about := range t.wishes.wishes {
			if about.peer == id {
				delete(t.wishes.wishes, about)
			}
		}
		for track, d := range t.downs {
			if track.key.peer == id {
				d.apply(t.line, t.wishes.wish(track.key))
			}
		}
	})
}

// RequestKeyFrame asks for a key frame of a track; its sender is asked at most
// twice a second. It does not wait.
func (t *Tap) RequestKeyFrame(id netstack.PeerID, name string) {
	e := t.room.engine
	e.do(func() {
		for _, d := range t.line.list {
			if d.track.key == (trackKey{id, name}) {
				e.askedKeyFrame(d)
			}
		}
	})
}

// Close ends it, and waits until the sink is not called any more.
func (t *Tap) Close() {
	r := t.room
	done := make(chan struct{})
	err := r.do(func() error {
		for i, o := range r.taps {
			if o == t {
				r.taps = append(r.taps[:i:i], r.taps[i+1:]...)
				break
			}
		}
		r.engine.do(func() { r.engine.remove(t.line); close(done) })
		return nil
	})
	if err != nil {
		return // with the room, whose goroutines have ended
	}
	select {
	case <-done:
	case <-r.loop.Done():
	}
}

func (t *Tap) attach(track *track) {
	w := t.wishes.wish(track.key)
	d := &down{track: track, want: -1, tile: w.Height, priority: w.Priority}
	d.SSRC, d.Aligned = 1, track.kind == webrtc.RTPCodecTypeVideo
	t.downs[track] = d
	e := t.room.engine
	e.do(func() { e.attach(t.line, d) })
}

func (t *Tap) detach(track *track) {
	if d := t.downs[track]; d != nil {
		delete(t.downs, track)
		t.room.engine.do(func() { t.line.detach(d) })
	}
}

// apply takes over a wish. What follows from it is done once for all wishes that
// come together.
func (d *down) apply(l *line, w Wish) {
	e := l.engine
	e.do(func() {
		d.tile, d.priority = w.Height, w.Priority
		l.newWishes, e.newWishes = true, true
	})
}

// grant does what new wishes ask for.
func (e *engine) grant() {
	e.newWishes = false
	for _, l := range e.lines {
		if l.newWishes && l.ready() {
			l.newWishes = false
			e.choose(l)
		}
	}
	e.demands()
}

func (d *down) source() Source {
	return Source{d.track.key.peer, d.track.key.track, d.track.kind, d.track.codec}
}

// give hands a packet to the end of a line in this process.
func (n *near) give(d *down, o *forward.Out, k *forward.Kept, payload []byte) {
	n.buf = append(n.buf[:0], payload...)
	d.Patch(k, o.Seq, n.buf)
	n.packet = rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: o.Marker, SequenceNumber: uint16(o.Seq), Timestamp: o.Timestamp, SSRC: o.SSRC},
		Payload: n.buf,
	}
	n.sink.TakeRTP(d.source(), &n.packet)
}

func (n *near) report(d *down, r *rtcp.SenderReport, now int64) {
	n.sink.TakeReport(d.source(), netstack.SenderReport{NTP: fromNTP(r.NTPTime), RTPTime: r.RTPTime, At: time.Unix(0, now)})
}

// The NTP era began 70 years before Unix time (RFC 5905 section 6).
const ntpEpoch = 2_208_988_800

func fromNTP(t uint64) time.Time {
	return time.Unix(int64(t>>32)-ntpEpoch, int64(t&0xFFFFFFFF)*1e9>>32)
}

func toNTP(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}
