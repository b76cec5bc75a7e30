package whip

import (
	"errors"
	"slices"
	"sync"
	"time"

	"candid/netstack"
	"candid/netstack/sfu"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// heights are how large a picture viewers are given, where there are several:
// the largest that the line (bit/s) of the slowest of them carries.
var heights = [...]struct{ line, height int }{{1_800_000, 720}, {700_000, 360}, {0, 180}}

// stage is one picture and one sound of a room, from one member at a time. It
// changes to the next with their first key frame.
type stage struct {
	tap            *sfu.Tap
	done           chan struct{} // closed when it is taken down
	picture, sound thread

	mu         sync.Mutex
	tracks     []sfu.Source
	speakers   []netstack.PeerID
	dark       []netstack.PeerID // whose camera is off
	live, next act
	height     int
}

// act is who is on stage.
type act struct {
	peer  netstack.PeerID // empty: nobody
	track string          // the picture's; empty: they have none
}

// thread is a track whose numbers and clock go on, whoever it is of. It is used
// by the room's media goroutine.
type thread struct {
	to     *sfu.Injected
	clock  uint32 // Hz
	from   sfu.Source
	packet rtp.Packet
	at     time.Time
	number uint16 // added to theirs
	offset uint32
	begun  bool
}

func newStage(room *sfu.Room) (*stage, error) {
	s := &stage{height: heights[0].height, done: make(chan struct{}), picture: thread{clock: 90_000}, sound: thread{clock: 48_000}}
	var err [3]error
	s.picture.to, err[0] = room.Inject(sfu.Injection{Owner: netstack.HostID, Track: "stage", Kind: webrtc.RTPCodecTypeVideo, KeyFrame: s.keyFrame})
	s.sound.to, err[1] = room.Inject(sfu.Injection{Owner: netstack.HostID, Track: "stage-mic", Kind: webrtc.RTPCodecTypeAudio})
	tap, last := room.Tap(s)
	err[2] = last
	if err := errors.Join(err[:]...); err != nil {
		return nil, err // the room is closed, and all of these with it
	}
	s.mu.Lock()
	s.tap = tap
	s.mu.Unlock()
	s.prepare()
	return s, nil
}

// follow takes over what the slowest viewer's line carries.
func (s *stage) follow(line int) {
	for _, h := range heights {
		if line < h.line {
			continue
		}
		s.mu.Lock()
		changed := s.height != h.height
		s.height = h.height
		s.mu.Unlock()
		if changed {
			s.prepare()
		}
		return
	}
}

func (s *stage) close() {
	close(s.done)
	s.tap.Close()
	s.picture.to.Close()
	s.sound.to.Close()
}

// Changed takes what there is and who speaks.
func (s *stage) Changed(tracks []sfu.Source, speakers []netstack.PeerID) {
	s.mu.Lock()
	s.tracks, s.speakers = tracks, slices.Clone(speakers)
	s.mu.Unlock()
	s.choose()
}

// setDark takes over whose camera is off.
func (s *stage) setDark(dark []netstack.PeerID) {
	s.mu.Lock()
	s.dark = dark
	s.mu.Unlock()
	s.choose()
}

// choose finds who is to be on stage: who spoke last and has a picture, else the
// first who has one, else the first who is heard.
func (s *stage) choose() {
	s.mu.Lock()
	var first act
	pictures := map[netstack.PeerID]string{}
	for _, t := range s.tracks {
		if first.peer == "" {
			first.peer = t.Peer
		}
		screen := t.Track == "screen"
		if t.Kind != webrtc.RTPCodecTypeVideo || !screen && (pictures[t.Peer] != "" || slices.Contains(s.dark, t.Peer)) {
			continue
		}
		if len(pictures) == 0 {
			first = act{t.Peer, t.Track}
		}
		pictures[t.Peer] = t.Track
	}
	next := act{first.peer, pictures[first.peer]}
	if i := slices.IndexFunc(s.speakers, func(id netstack.PeerID) bool { return pictures[id] != "" }); i >= 0 {
		next = act{s.speakers[i], pictures[s.speakers[i]]}
	}
	changed := s.next != next
	s.next = next
	s.mu.Unlock()
	if changed {
		s.prepare()
	}
}

// prepare has the room send us who is next.
func (s *stage) prepare() {
	s.mu.Lock()
	tap, next, height := s.tap, s.next, s.height
	s.mu.Unlock()
	if tap == nil || next.peer == "" {
		return // nobody; or newStage is about to do it
	}
	wishes := []sfu.Wish{{Peer: next.peer, Track: "mic", Height: 1}}
	if next.track != "" {
		wishes = append(wishes, sfu.Wish{Peer: next.peer, Track: next.track, Height: height})
	}
	tap.Wish(wishes...)
}

// TakeRTP passes on who is on stage, and changes to who is next as soon as their
// picture is here.
func (s *stage) TakeRTP(from sfu.Source, p *rtp.Packet) {
	s.mu.Lock()
	tap := s.tap
	enters := s.live != s.next && from.Peer == s.next.peer && (from.Track == s.next.track || s.next.track == "")
	var leaves act
	if enters {
		leaves, s.live = s.live, s.next
	}
	live := s.live
	s.mu.Unlock()
	if enters && leaves.peer != "" && tap != nil {
		if leaves.peer != live.peer {
			tap.Forget(leaves.peer)
		} else {
			tap.Wish(sfu.Wish{Peer: leaves.peer, Track: leaves.track})
		}
	}
	switch {
	case from.Peer != live.peer:
	case from.Kind == webrtc.RTPCodecTypeAudio:
		s.sound.pass(from, p)
	case from.Track == live.track:
		s.picture.pass(from, p)
	}
}

// TakeReport passes on the clock of who is on stage.
func (s *stage) TakeReport(from sfu.Source, r netstack.SenderReport) {
	for _, t := range []*thread{&s.picture, &s.sound} {
		if t.begun && t.from == from {
			r.RTPTime += t.offset
			t.to.SetReport(r)
		}
	}
}

func (s *stage) keyFrame() {
	s.mu.Lock()
	tap, live := s.tap, s.live
	s.mu.Unlock()
	if tap != nil && live.track != "" {
		tap.RequestKeyFrame(live.peer, live.track)
	}
}

func (t *thread) pass(from sfu.Source, p *rtp.Packet) {
	now := time.Now()
	if from != t.from {
		if t.begun {
			t.number = t.packet.SequenceNumber + 1 - p.SequenceNumber
			t.offset = t.packet.Timestamp + uint32(now.Sub(t.at).Seconds()*float64(t.clock)) + 1 - p.Timestamp
		}
		t.from, t.begun = from, true
		if from.Kind == webrtc.RTPCodecTypeVideo {
			t.to.SetCodec(from.Codec)
		}
	}
	number := p.SequenceNumber + t.number
	if newer := int16(number-t.packet.SequenceNumber) > 0 || t.at.IsZero(); newer {
		t.at = now
		t.packet.SequenceNumber, t.packet.Timestamp = number, p.Timestamp+t.offset
	}
	out := rtp.Packet{Header: rtp.Header{Version: 2, Marker: p.Marker, SequenceNumber: number, Timestamp: p.Timestamp + t.offset}, Payload: p.Payload}
	_ = t.to.WriteRTP(&out) // too large a packet is lost
}
