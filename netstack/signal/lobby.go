package signal

import (
	"slices"
	"time"

	"candid/netstack"
)

// maxWaiting is how many a lobby holds.
const maxWaiting = 50

// opens reports whether a newcomer comes in; waits, whether it may wait.
func (r *room) opens(m *session) (in, waits bool) {
	switch {
	case m.Role.Moderates(), r.members[m.ID] != nil, slices.Contains(r.settings.Known, m.ID):
		return true, false
	case r.settings.Locked:
		return false, false
	}
	waits = r.settings.Lobby || r.suspects[sourceOf(m.remote)]
	return !waits, waits
}

// hold puts a newcomer into the lobby.
func (r *room) hold(m *session, s *socket) error {
	if old := r.waiter(m.ID); old != nil { // its connection was lost, perhaps unseen
		m.since = old.since
		r.unhold(old)
		old.sock.close(closeReplaced, "joined again", nil)
	}
	if len(r.waiting) >= maxWaiting {
		return ErrRoomFull
	}
	if m.since.IsZero() {
		m.since = time.Now().UTC()
	}
	m.Role, m.room, m.sock = Waiting, r, s
	r.waiting = append(r.waiting, m)
	s.reply(encode(TypeWaiting, struct{}{}))
	r.changed()
	r.tellRoom()
	r.sockets.Add(1) // last: now the connection is sure to be run
	return nil
}

func (r *room) waiter(id netstack.PeerID) *session {
	for _, w := range r.waiting {
		if w.ID == id {
			return w
		}
	}
	return nil
}

// unhold takes somebody out of the lobby.
func (r *room) unhold(m *session) {
	r.waiting = slices.DeleteFunc(r.waiting, func(o *session) bool { return o == m })
	r.changed()
}

// admit lets somebody in who waits.
func (r *room) admit(m *session) {
	if r.full() {
		return // it goes on waiting for a place
	}
	r.unhold(m)
	m.Role = Ordinary
	m.received.Store(0) // numbers begin with the welcome
	r.enter(m, m.sock)
	r.tellRoom()
}

// deny sends somebody away who waits.
func (r *room) deny(m *session) {
	r.set(func(s *Settings) { s.Removed = note(s.Removed, m.ID) })
	r.sendAway(m, ErrDenied)
}

// sendAway ends the waiting of one who does not come in.
func (r *room) sendAway(m *session, why error) {
	r.unhold(m)
	if m.sock != nil {
		b := refusal(why)
		m.sock.close(closeRefused, b.Message, encode(TypeRefused, b))
		m.sock = nil
	}
	r.tellRoom()
}

// tickWaiting looks after who waits.
func (r *room) tickWaiting() {
	for _, w := range slices.Clone(r.waiting) {
		if w.sock.silence() >= cutAfter {
			w.sock.close(0, "", nil)
			r.unhold(w)
			r.tellRoom()
			continue
		}
		if w.sweeps++; w.sweeps%pingEvery == 0 {
			w.sock.askPing()
		}
	}
}
