package sfu

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

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
	codecs   map[webrtc.RTPCodecType]uint8
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
	codec    uint8
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
	l := &line{id: m.id, engine: r.engine}
	l.bits, l.count = forward.Bucket{Rate: upBits, Burst: upBurst * 8}, forward.Bucket{Rate: upPackets, Burst: upAtOnce}
	l.agent = newAgent(r.server, l)
	l.dtls = newHandshaker(l.agent)
	var id [8]byte
	_, _ = rand.Read(id[:])
	s := &session{
		room: r, member: m, name: rand.Text(), polite: netstack.HostID < m.id, line: l,
		ids: defaultIDs(), codecs: map[webrtc.RTPCodecType]uint8{webrtc.RTPCodecTypeVideo: firstVP8, webrtc.RTPCodecTypeAudio: firstOpus},
		id: binary.BigEndian.Uint64(id[:]) >> 2,
	}
	m.session = s
	r.engine.do(func() { r.engine.lines = append(r.engine.lines, l) })
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

// publish takes what a client sends in a section. A section without usable
// media publishes nothing.
func (s *session) publish(x *section, d *remoteSection) {
	name := d.track
	if name == "" {
		name = d.mid
	}
	u := &upload{name: name, rids: strings.Join(d.rids, ";")}
	if len(d.ssrcs) > 0 && len(d.rids) == 0 {
		u.ssrc = d.ssrcs[0]
	}
	if !d.sends || d.rejected || d.codec == 0 || len(d.rids) == 0 && u.ssrc == 0 {
		s.unpublish(x)
		return
	}
	if x.up != nil && x.up.name == u.name && x.up.ssrc == u.ssrc && x.up.rids == u.rids {
		return
	}
	s.unpublish(x)
	if s.uploads() >= maxUploads {
		return
	}
	base, layerName, _ := strings.Cut(name, "~")
	u.key = trackKey{s.member.id, base}
	if len(d.rids) == 0 {
		u.layers = []*layer{{index: rank(layerName), name: name, ssrc: u.ssrc}}
	}
	for _, rid := range d.rids {
		u.layers = append(u.layers, &layer{index: rank(rid), name: name, rid: rid})
	}
	for _, y := range u.layers {
		if d.kind == webrtc.RTPCodecTypeAudio {
			y.index = topLayer
		}
		y.mid, y.pt, y.line = d.mid, d.codec, s.line
		y.cache = forward.NewCache(d.kind == webrtc.RTPCodecTypeVideo)
	}
	s.room.add(s, x, u, d.kind)
}

func (s *session) uploads() int {
	n := 0
	for _, x := range s.sections {
		if x.up != nil {
			n++
		}
	}
	return n
}

// add makes layers part of their track, which may be new.
func (r *Room) add(s *session, x *section, u *upload, kind webrtc.RTPCodecType) {
	t := r.tracks[u.key]
	if t == nil {
		t = &track{key: u.key, kind: kind, owner: s.line, slot: r.slot()}
		r.tracks[u.key] = t
	}
	if t.kind != kind || t.owner != s.line {
		return // a name used twice
	}
	x.up = u
	e := r.engine
	e.do(func() {
		for len(e.tracks) <= t.slot {
			e.tracks = append(e.tracks, nil)
		}
		e.tracks[t.slot] = t
		now := time.Now().UnixNano()
		for _, y := range u.layers {
			y.track, y.demanded, y.since, y.takenAt = t, true, now, now
			t.layers[y.index] = y
			s.line.ups = append(s.line.ups, y)
		}
	})
	r.renegotiate(s.member)
}

func (r *Room) slot() int {
	for i, taken := range r.slots {
		if !taken {
			r.slots[i] = true
			return i
		}
	}
	r.slots = append(r.slots, true)
	return len(r.slots) - 1
}

// unpublish takes back what a client sent in a section; a track without layers
// is gone.
func (s *session) unpublish(x *section) {
	u := x.up
	if u == nil {
		return
	}
	x.up = nil
	r, t := s.room, s.room.tracks[u.key]
	left := 0
	for _, o := range s.sections {
		if o.up != nil && o.up.key == u.key {
			left++
		}
	}
	e := r.engine
	e.do(func() {
		for _, y := range u.layers {
			if t.layers[y.index] == y {
				t.layers[y.index] = nil
			}
			for i, o := range s.line.ups {
				if o == y {
					s.line.ups = append(s.line.ups[:i:i], s.line.ups[i+1:]...)
					break
				}
			}
		}
		if left == 0 && e.tracks[t.slot] == t {
			e.tracks[t.slot] = nil
		}
	})
	if left > 0 {
		return
	}
	delete(r.tracks, u.key)
	for _, m := range r.order {
		if m.session != nil {
			m.session.drop(t)
		}
	}
	e.do(func() { r.post(func() { r.slots[t.slot] = false }) }) // nobody has a down there any more
	r.renegotiate(s.member)
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

// wished applies a wish to what is sent.
func (s *session) wished(key trackKey, w Wish) {
	for _, x := range s.sections {
		if d := x.down; d != nil && d.track.key == key {
			e, l := s.room.engine, s.line
			e.do(func() {
				d.tile, d.priority = w.Height, w.Priority
				if l.out != nil {
					e.choose(l)
				}
			})
		}
	}
}

// newDown prepares to send a track.
func (s *session) newDown(t *track) (*down, error) {
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("choosing an SSRC: %w", err)
	}
	d := &down{track: t, want: -1, tile: defaultTile}
	d.SSRC, d.PT, d.Aligned = binary.BigEndian.Uint32(random[:])|1, s.codecs[t.kind], t.kind == webrtc.RTPCodecTypeVideo
	if w, ok := s.member.wishes[t.key]; ok {
		d.tile, d.priority = w.Height, w.Priority
	}
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
	if l.out != nil {
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
