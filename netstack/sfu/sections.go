package sfu

import (
	"slices"
	"strconv"

	"candid/netstack/peer"

	"github.com/pion/webrtc/v4"
)

// renegotiate brings everyone but one up to date with the tracks there are.
func (r *Room) renegotiate(but *member) {
	for _, m := range r.order {
		if s := m.session; s != nil && m != but {
			s.negotiateAgain()
		}
	}
}

// missing reports whether there is a track that is not sent yet.
func (s *session) missing() bool {
	for _, t := range s.wanted() {
		if !s.has(t) {
			return true
		}
	}
	return false
}

func (s *session) has(t *track) bool {
	return slices.ContainsFunc(s.sections, func(x *section) bool { return x.down != nil && x.down.track == t })
}

// wanted are the tracks of the others, sound first.
func (s *session) wanted() []*track {
	if g := s.member.guest; g != nil {
		return g.tracks()
	}
	var out []*track
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		for _, m := range s.room.order {
			if m == s.member || m.session == nil {
				continue
			}
			for _, x := range m.session.sections {
				if x.up == nil || x.kind != kind {
					continue
				}
				if t := s.room.tracks[x.up.key]; t != nil && s.formats[t.codec].pt != 0 && !slices.Contains(out, t) {
					out = append(out, t)
				}
			}
		}
		for _, i := range s.room.injected {
			if i.track.kind == kind && slices.Contains(i.only, s.member.id) {
				out = append(out, i.track)
			}
		}
	}
	return out[:min(len(out), maxDownloads)]
}

// assign gives each track that is not sent a section: a free one, or in an
// offer a new one.
func (s *session) assign(offer bool) {
	for _, t := range s.wanted() {
		if s.has(t) {
			continue
		}
		i := slices.IndexFunc(s.sections, func(x *section) bool {
			return x.kind == t.kind && x.down == nil && !x.rejected && x.usable && (offer || x.receives)
		})
		if i < 0 {
			if !offer || len(s.sections) >= maxSections {
				continue
			}
			s.section(t.kind)
			i = len(s.sections) - 1
		}
		d, err := s.newDown(t)
		if err != nil {
			s.room.log.Warn("track not sent", "err", err)
			return
		}
		s.sections[i].down = d
	}
}

// section adds one of ours.
func (s *session) section(kind webrtc.RTPCodecType) {
	side := "a"
	if s.polite {
		side = "b"
	}
	s.sections = append(s.sections, &section{kind: kind, mid: side + strconv.Itoa(s.mids), codec: ownCodec(kind), usable: true})
	s.mids++
}

// takeBack forgets the sections of an offer given up.
func (s *session) takeBack() {
	s.sections = slices.DeleteFunc(s.sections, func(x *section) bool { return !x.agreed })
	for _, x := range s.sections {
		if !x.sending {
			x.down = nil
		}
	}
}

// run begins to send what the client now knows of.
func (s *session) run() {
	for _, x := range s.sections {
		if x.down == nil || x.sending || !x.agreed || !x.receives {
			continue
		}
		x.sending = true
		d, e, l := x.down, s.room.engine, s.line
		e.do(func() { e.attach(l, d) })
	}
}

// write makes a description of ours.
func (s *session) write(setup string, answer bool) string {
	c := s.line.agent.current()
	s.version++
	d := localSDP{id: s.id, version: s.version, ufrag: c.ufrag, pwd: c.pwd, fingerprint: s.room.server.fingerprint, setup: setup,
		candidates: candidateLines(s.room.server.cfg.Candidates())}
	for _, x := range s.sections {
		l := localSection{kind: x.kind, mid: x.mid, rejected: x.rejected, formats: s.formatsOf(x, answer), onlyExtensions: s.ids}
		if x.rejected && x.kind == 0 {
			l.media = "application"
		}
		l.sends = x.down != nil && (!answer || x.receives)
		if l.sends {
			l.stream, l.track, l.ssrc = string(x.down.track.key.peer), x.down.track.key.track, x.down.SSRC
		}
		l.receives = !answer || x.up != nil
		if x.up != nil {
			l.rids = x.rids
		}
		d.sections = append(d.sections, l)
	}
	return d.String()
}

func (s *session) describe(typ webrtc.SDPType, text string, number int) {
	if g := s.member.guest; g != nil {
		g.answer = text
	}
	s.room.send(s.member, peer.TypeDescription, descriptionBody{webrtc.SessionDescription{Type: typ, SDP: text}, number, s.header()})
}
