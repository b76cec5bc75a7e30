package sfu

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/peer"

	"github.com/pion/webrtc/v4"
)

// restartsPerMinute bounds how often a client may have ICE restarted.
const restartsPerMinute = 10

// negotiate takes one of package peer's messages; see there for the rules.
func (r *Room) negotiate(m *member, e netstack.Envelope) error {
	var h header
	if err := decode(e, &h); err != nil {
		return err
	}
	if !isToken(h.Session) || slices.Contains(m.past, h.Session) {
		return errors.New("no usable session")
	}
	s := m.session
	switch {
	case s == nil || h.To != "" && h.To != s.name:
		return nil // for an earlier connection
	case s.remote == "":
		s.remote = h.Session
	case s.remote != h.Session: // they began anew, and so do we
		m.past = append(m.past, s.remote)
		m.past = m.past[max(0, len(m.past)-rememberedSessions):]
		r.disconnect(m)
		r.connect(m)
		s = m.session
		s.remote = h.Session
	}
	switch e.Type {
	case peer.TypeHello:
		if !s.polite && s.offered && !s.ready {
			s.describe(webrtc.SDPTypeOffer, s.offer, s.numbered)
		}
	case peer.TypeDescription:
		return s.description(e)
	case peer.TypeRestart:
		return s.askedRestart(e)
	}
	return nil // candidates: we need none
}

func (s *session) description(e netstack.Envelope) error {
	var body descriptionBody
	if err := decode(e, &body); err != nil {
		return err
	}
	offer := body.Type == webrtc.SDPTypeOffer
	switch {
	case !offer && body.Type != webrtc.SDPTypeAnswer:
		return fmt.Errorf("description of type %s", body.Type)
	case offer && body.N <= s.seen:
		return nil // a repetition
	case offer && s.offered && !s.polite:
		return nil // offers crossed: theirs is ignored
	case !offer && (!s.offered || body.N != s.numbered):
		return nil // to an offer we gave up
	}
	d, err := readSDP(body.SDP)
	if err != nil {
		return err
	}
	if err := s.check(&d, offer); err != nil {
		return err
	}
	if offer {
		return s.answer(&d, body.N)
	}
	s.offered, s.restart = false, false
	s.apply(&d, false)
	s.begin(&d, d.setup != "passive")
	s.run()
	s.negotiateAgain()
	return nil
}

// check refuses a description that does not go on from the one before.
func (s *session) check(d *remoteSDP, offer bool) error {
	kept := s.sections
	if offer && s.offered { // ours is given up, with the sections it brought
		kept = slices.DeleteFunc(slices.Clone(kept), func(x *section) bool { return !x.agreed })
	}
	if len(d.sections) < len(kept) || !offer && len(d.sections) != len(kept) {
		return fmt.Errorf("sdp: %d media sections, there were %d", len(d.sections), len(kept))
	}
	for i, x := range kept {
		if d.sections[i].mid != x.mid {
			return fmt.Errorf("sdp: section %d changed its name", i)
		}
	}
	return nil
}

// answer takes an offer and answers it.
func (s *session) answer(d *remoteSDP, number int) error {
	s.seen = number
	if s.offered { // offers crossed: ours is taken back
		s.offered, s.needed = false, true
		s.takeBack()
	}
	setup := "passive"
	if d.setup == "passive" {
		setup = "active"
	}
	first := !s.ready
	s.apply(d, true)
	if first {
		// Nothing arrives before the client has read the answer and found us
		// by it, so what it can take may come at once.
		s.assign(false)
	}
	if first || d.ufrag != s.ufrag {
		if !first {
			s.line.agent.restart()
		}
		s.ufrag = d.ufrag
	}
	s.describe(webrtc.SDPTypeAnswer, s.write(setup, true), number)
	s.begin(d, setup == "passive")
	s.run()
	s.negotiateAgain()
	return nil
}

// begin goes on after a remote description was taken.
func (s *session) begin(d *remoteSDP, server bool) {
	if !s.ready {
		maps.DeleteFunc(s.ids, func(uri string, id uint8) bool { return !d.has(uri, id) })
	}
	s.ready, s.ufrag = true, d.ufrag
	s.line.agent.setRemote(credentials{d.ufrag, d.pwd})
	s.extensionIDs()
	s.start(server, d.fingerprint)
}

// apply takes what a description says of each section.
func (s *session) apply(d *remoteSDP, offer bool) {
	for i := range d.sections {
		rs := &d.sections[i]
		if i == len(s.sections) {
			s.sections = append(s.sections, &section{kind: rs.kind, mid: rs.mid})
		}
		x := s.sections[i]
		if offer {
			s.adopt(x, rs)
		} else {
			x.rejected = x.rejected || rs.rejected
		}
		s.learn(rs)
		x.formats = rs.formats
		x.agreed, x.receives = true, rs.receives && !rs.rejected
		x.usable = x.usable || x.receives
		if d := x.down; d != nil && x.sending && !x.receives {
			x.down, x.sending = nil, false
			s.room.engine.do(func() { s.line.detach(d) })
		}
		if x.rejected {
			s.unpublish(x)
			continue
		}
		x.rids = rs.rids
		s.publish(x, rs)
	}
}

// adopt takes what an offer decides: numbers of codecs and extensions.
func (s *session) adopt(x *section, rs *remoteSection) {
	usable := rs.codec != 0 && (rs.kind == webrtc.RTPCodecTypeAudio || rs.kind == webrtc.RTPCodecTypeVideo)
	x.rejected = rs.rejected || !usable
	if x.rejected {
		return
	}
	if !s.ready {
		if len(s.sections) == 1 { // what it does not offer is not used
			clear(s.ids)
		}
		for _, uri := range extensionsOf(rs.kind) {
			if id := rs.ids[uri]; id != 0 {
				s.ids[uri] = id
			}
		}
	}
	x.codec = rs.codec
}

// negotiate makes an offer if one is needed and possible. After the first
// description none is made before ICE is up: pion takes a second one that comes
// before it has started ICE for a restart.
func (s *session) negotiate() {
	if s.member.guest != nil || !s.needed || s.offered || s.polite && !s.ready || s.ready && !s.connected {
		return
	}
	s.needed = false
	s.assign(true)
	if !s.ready {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if !slices.ContainsFunc(s.sections, func(x *section) bool { return x.kind == kind }) {
				s.section(kind) // for the client to send in
			}
		}
	}
	s.numbered++
	s.offered = true
	s.offer = s.write("actpass", false)
	s.describe(webrtc.SDPTypeOffer, s.offer, s.numbered)
}

// negotiateAgain makes the offer that had to wait, or that has become needed.
func (s *session) negotiateAgain() {
	if s.missing() {
		s.needed = true
	}
	s.negotiate()
}

// askedRestart restarts ICE because the client asks for it.
func (s *session) askedRestart(e netstack.Envelope) error {
	var body restartBody
	if err := decode(e, &body); err != nil {
		return err
	}
	now, m := time.Now(), s.member
	m.restarts = slices.DeleteFunc(m.restarts, func(t time.Time) bool { return now.Sub(t) > time.Minute })
	if len(m.restarts) >= restartsPerMinute {
		return errors.New("too many restarts asked for")
	}
	m.restarts = append(m.restarts, now)
	s.restartICE(body.Why[:min(len(body.Why), 100)])
	return nil
}

// restartICE restarts ICE. The polite side may not, and has the other do it.
func (s *session) restartICE(why string) {
	if s.polite {
		s.room.send(s.member, peer.TypeRestart, restartBody{why, s.header()})
		return
	}
	if s.ready && !s.restart {
		s.restart, s.needed = true, true
		s.line.agent.restart()
		s.negotiate()
	}
}
