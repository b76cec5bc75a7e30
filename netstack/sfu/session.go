package sfu

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"candid/netstack"
	"candid/netstack/peer"
	"candid/netstack/sfu/forward"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// session is one connection of a member: what was negotiated. It belongs to the
// room's loop; its media half is a line, which belongs to the engine.
type session struct {
	room   *Room
	member *member
	name   string // our incarnation
	remote string // theirs, once known
	polite bool
	line   *line
	cancel context.CancelFunc

	numbered, seen int
	offered        bool // our offer is not answered yet
	needed         bool // something is to be offered
	ready          bool // there is a remote description
	started        bool // DTLS is
	connected      bool // ICE was, at least once
	restart        bool // the offer under way restarts ICE
	ufrag          string
	id, version    uint64
	offer          string // our newest, to be sent again

	sections []*section
	ids      map[string]uint8
	formats  map[forward.Codec]format
	learned  map[webrtc.RTPCodecType]bool
	mids     int
}

// section is one media section, in both directions.
type section struct {
	kind     webrtc.RTPCodecType
	mid      string
	rejected bool
	agreed   bool // in a description of both sides
	receives bool // the client does
	usable   bool // the client made it, or let it be, for us to send in
	rids     []string
	codec    forward.Codec
	formats  map[forward.Codec]format // in the client's newest description
	up       *upload
	down     *down
	sending  bool // down is known to the client and runs
}

// upload is what a client publishes in a section.
type upload struct {
	key    trackKey
	layers []*layer
	name   string
	ssrc   uint32
	rids   string
}

const (
	firstVP8, firstOpus = 96, 111
	maxUploads          = 8
	maxDownloads        = maxSections - maxUploads
)

// connect begins a connection of a member.
func (r *Room) connect(m *member) {
	l := &line{id: m.id, engine: r.engine, door: newDoor(r.server.cfg.MemberBitrate)}
	l.agent = newAgent(r.server, l)
	l.dtls = newHandshaker(l.agent)
	var id [8]byte
	_, _ = rand.Read(id[:])
	s := &session{
		room: r, member: m, name: rand.Text(), polite: netstack.HostID < m.id, line: l,
		ids: defaultIDs(), formats: defaultFormats(), learned: map[webrtc.RTPCodecType]bool{},
		id: binary.BigEndian.Uint64(id[:]) >> 2,
	}
	m.session = s
	r.engine.do(func() { r.engine.lines = append(r.engine.lines, l) })
	if m.guest != nil {
		return // its offer is here
	}
	if s.polite {
		r.send(m, peer.TypeHello, helloBody{s.header()})
		return
	}
	s.needed = true
	s.negotiate()
}

// disconnect ends a member's connection. What waits for the network ends on a
// goroutine of the loop.
func (r *Room) disconnect(m *member) {
	s := m.session
	if s == nil {
		return
	}
	m.session = nil
	for _, x := range s.sections {
		s.unpublish(x)
	}
	s.line.agent.close()
	if s.cancel != nil {
		s.cancel()
	}
	_ = s.line.dtls.Close()
	r.engine.do(func() { r.engine.remove(s.line) })
	r.renegotiate(m)
}

// remove forgets a line.
func (e *engine) remove(l *line) {
	for i, o := range e.lines {
		if o == l {
			e.lines = append(e.lines[:i:i], e.lines[i+1:]...)
			break
		}
	}
	l.in, l.out, l.downs, l.list, l.ups = nil, nil, nil, nil, nil
}

func (s *session) header() header { return header{s.name, s.remote} }

// start does ICE and DTLS, once.
func (s *session) start(server bool, print string) {
	if s.started {
		return
	}
	s.started = true
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	r, l := s.room, s.line
	r.loop.Go(func(life context.Context) {
		defer cancel()
		stop := context.AfterFunc(life, cancel)
		defer stop()
		select {
		case <-ctx.Done():
			return
		case <-l.agent.ready:
		}
		r.post(func() {
			s.connected = true
			if r.members[s.member.id] == s.member && s.member.session == s {
				s.negotiateAgain()
			}
		})
		conn, in, out, err := r.server.handshake(ctx, l.dtls, server, print)
		if err != nil {
			if ctx.Err() == nil {
				r.log.Debug("encryption not set up", "member", l.id, "err", err)
			}
			return
		}
		r.engine.do(func() {
			l.in, l.out = in, out
			r.engine.choose(l)
			for _, y := range l.ups {
				y.wantKey = y.track.kind == webrtc.RTPCodecTypeVideo
			}
		})
		<-ctx.Done() // DTLS answers retransmissions meanwhile
		_ = conn.Close()
		_ = l.dtls.Close()
	})
}

// drop stops sending a track.
func (s *session) drop(t *track) {
	for _, x := range s.sections {
		if x.down != nil && x.down.track == t {
			d := x.down
			x.down, x.sending = nil, false
			s.needed = true
			s.room.engine.do(func() { s.line.detach(d) })
		}
	}
}

// wished applies the member's wishes, one of which is new, to what is sent.
func (s *session) wished(about trackKey) {
	for _, x := range s.sections {
		if d := x.down; d != nil && about.covers(d.track.key) {
			d.apply(s.line, s.member.wish(d.track.key))
		}
	}
}

// newDown prepares to send a track.
func (s *session) newDown(t *track) (*down, error) {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("choosing an SSRC: %w", err)
	}
	w := s.member.wish(t.key)
	d := &down{track: t, want: -1, tile: w.Height, priority: w.Priority}
	for c, f := range s.formats {
		d.PTs[c] = f.pt
	}
	d.SSRC, d.PT, d.Aligned = binary.BigEndian.Uint32(random[:])|1, d.PTs[t.codec], t.kind == webrtc.RTPCodecTypeVideo
	return d, nil
}

// attach begins to send; the client knows what comes.
func (e *engine) attach(l *line, d *down) {
	if e.tracks[d.track.slot] != d.track {
		return // gone meanwhile
	}
	for len(l.downs) <= d.track.slot {
		l.downs = append(l.downs, nil)
	}
	l.downs[d.track.slot] = d
	l.list = append(l.list, d)
	if l.ready() {
		e.choose(l)
	}
}

func (l *line) detach(d *down) {
	if d.track.slot < len(l.downs) && l.downs[d.track.slot] == d {
		l.downs[d.track.slot] = nil
	}
	for i, o := range l.list {
		if o == d {
			l.list = append(l.list[:i:i], l.list[i+1:]...)
			return
		}
	}
}

// extensionIDs tells the engine which header extensions were agreed on.
func (s *session) extensionIDs() {
	l, ids := s.line, s.ids
	transport, level, rid := ids[sdp.TransportCCURI], ids[sdp.AudioLevelURI], ids[sdp.SDESRTPStreamIDURI]
	s.room.engine.do(func() {
		l.ext = forward.Extensions{Transport: transport, Level: level}
		l.transport, l.level, l.rid = transport, level, rid
	})
}
