package sfu

import (
	"slices"
	"strings"
	"time"

	"candid/netstack/sfu/forward"

	"github.com/pion/webrtc/v4"
)

// publish takes what a client sends in a section. A section without usable
// media publishes nothing.
func (s *session) publish(x *section, d *remoteSection) {
	name := d.track
	if name == "" {
		name = d.mid
	}
	if g := s.member.guest; g != nil {
		if name = g.rename(d); name == "" || s.room.tracks[trackKey{s.member.id, name}] != nil {
			return // one of each kind, and no more
		}
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
		y.mid, y.pt, y.line = d.mid, d.formats[d.codec].pt, s.line
		y.cache = forward.NewCache(d.kind == webrtc.RTPCodecTypeVideo)
	}
	s.room.add(s, x, u, d)
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
func (r *Room) add(s *session, x *section, u *upload, d *remoteSection) {
	t := r.tracks[u.key]
	fresh := t == nil
	if fresh {
		t = &track{key: u.key, kind: d.kind, codec: d.codec, owner: s.line, slot: r.slot()}
		r.tracks[u.key] = t
	}
	if t.kind != d.kind || t.codec != d.codec || t.owner != s.line {
		return // a name used twice
	}
	x.up = u
	e := r.engine
	e.do(func() { e.publish(t, u.layers) })
	if fresh {
		for _, tap := range r.taps {
			tap.attach(t)
		}
		r.notice()
	}
	r.renegotiate(s.member)
}

// publish makes layers part of a track, which may be new.
func (e *engine) publish(t *track, layers []*layer) {
	for len(e.tracks) <= t.slot {
		e.tracks = append(e.tracks, nil)
	}
	e.tracks[t.slot] = t
	now := time.Now().UnixNano()
	for _, y := range layers {
		y.track, y.demanded, y.since, y.takenAt = t, true, now, now
		t.layers[y.index] = y
		y.line.ups = append(y.line.ups, y)
	}
}

// unpublish forgets layers of a track, and the track with the last of them.
func (e *engine) unpublish(t *track, layers []*layer) {
	for _, y := range layers {
		if t.layers[y.index] == y {
			t.layers[y.index] = nil
		}
		y.line.ups = slices.DeleteFunc(y.line.ups, func(o *layer) bool { return o == y })
	}
	if t.layers == [maxLayers]*layer{} && e.tracks[t.slot] == t {
		e.tracks[t.slot] = nil
	}
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
	r.engine.do(func() { r.engine.unpublish(t, u.layers) })
	if left > 0 {
		return
	}
	delete(r.tracks, u.key)
	r.notice()
	r.withdraw(t, s.member)
}

// withdraw has nobody receive a track any more, and frees its slot; all but one
// are told at once.
func (r *Room) withdraw(t *track, but *member) {
	for _, m := range r.order {
		if m.session != nil {
			m.session.drop(t)
		}
	}
	for _, tap := range r.taps {
		tap.detach(t)
	}
	r.engine.do(func() { r.post(func() { r.slots[t.slot] = false }) }) // nobody has a down there any more
	r.renegotiate(but)
}
