package sfu

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// guestSilent is how long a guest may say nothing: no check, no report, no
// packet.
const guestSilent = int64(30 * time.Second)

// ErrOffer is returned for an offer that cannot be answered.
var ErrOffer = errors.New("the offer cannot be answered")

// Guest says how one is let in who has no signaling but an offer and its answer
// (WHIP, WHEP): once connected, nothing can be negotiated any more.
type Guest struct {
	// Sends lets it publish: one picture and one sound, which members see as its
	// tracks "camera" and "mic". It gets nothing.
	Sends bool
	// Takes are tracks of ours that it gets, if it does not send: one of each
	// kind at most.
	Takes []*Injected
	// Gone is called when it has said nothing for half a minute, and is out of
	// the room. It must not block, nor call the room.
	Gone func()

	answer string
}

// Admit lets a guest in and returns the answer to its offer. It stays until
// Leave, or until it is gone.
func (r *Room) Admit(id netstack.PeerID, offer string, g Guest) (answer string, err error) {
	if id == "" || id == netstack.HostID || !isToken(string(id)) {
		return "", fmt.Errorf("letting guest %q in: not a member", id)
	}
	d, err := readSDP(offer)
	if err != nil {
		return "", fmt.Errorf("letting guest %q in: %w: %w", id, ErrOffer, err)
	}
	if !usable(&d, g.Sends) {
		return "", fmt.Errorf("letting guest %q in: %w: there is nothing in it that we could send or take", id, ErrOffer)
	}
	err = r.do(func() error {
		if r.members[id] != nil {
			return fmt.Errorf("letting guest %q in: it is here", id)
		}
		m := &member{id: id, guest: &g, wishes: map[trackKey]Wish{{Any, Any}: {Height: 1080, Priority: 1}}}
		r.members[id] = m
		r.order = append(r.order, m)
		r.connect(m)
		l := m.session.line
		r.engine.do(func() { l.guest = true })
		l.agent.heard.Store(time.Now().UnixNano())
		if err := m.session.answer(&d, 1); err != nil {
			r.leave(m)
			return fmt.Errorf("letting guest %q in: %w: %w", id, ErrOffer, err)
		}
		answer = g.answer
		return nil
	})
	return answer, err
}

// usable reports whether an offer has a section for what a guest is here for.
func usable(d *remoteSDP, sends bool) bool {
	for i := range d.sections {
		if s := &d.sections[i]; !s.rejected && s.codec != 0 && (sends && s.sends || !sends && s.receives) {
			return true
		}
	}
	return false
}

// rename is what a guest's track is called; empty: it may not publish it.
func (g *Guest) rename(d *remoteSection) string {
	switch {
	case !g.Sends || !d.sends:
		return ""
	case d.kind == webrtc.RTPCodecTypeAudio:
		return "mic"
	}
	return "camera"
}

func (g *Guest) tracks() (out []*track) {
	for _, i := range g.Takes {
		out = append(out, i.track)
	}
	return out
}

// gone ends a guest who says nothing any more.
func (r *Room) gone(m *member) {
	r.leave(m)
	if m.guest.Gone != nil {
		m.guest.Gone()
	}
}

// Watcher is a TapSink that also wants to know what there is and who speaks.
type Watcher interface {
	// Changed is called, with all tracks that members publish and the speakers,
	// the newest first, when either changed. It is called on the goroutine of the
	// room: it must not block, nor call the room but by methods that do not wait.
	Changed(tracks []Source, speakers []netstack.PeerID)
}

// notice tells taps what there is.
func (r *Room) notice() {
	var list []Source
	for _, t := range r.taps {
		w, ok := t.line.near.sink.(Watcher)
		if !ok {
			continue
		}
		if list == nil {
			list = r.sources()
		}
		w.Changed(list, r.speakers)
	}
}

// sources are the tracks of all members, in the order of their coming.
func (r *Room) sources() []Source {
	out := []Source{}
	for _, m := range r.order {
		if m.session == nil {
			continue
		}
		for _, x := range m.session.sections {
			if x.up == nil {
				continue
			}
			if t := r.tracks[x.up.key]; t != nil {
				if s := (Source{t.key.peer, t.key.track, t.kind, t.codec}); !slices.Contains(out, s) {
					out = append(out, s)
				}
			}
		}
	}
	return out
}
