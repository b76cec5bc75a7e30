package signal

import (
	"slices"

	"candid/netstack"
)

// moderate does what a moderator wants; allowed has said that m may.
func (r *room) moderate(m *session, f frame, no func(Code, string) *errorBody) *errorBody {
	switch f.Type {
	case TypeLock, TypeUnlock, TypeLobbyOn, TypeLobbyOff:
		r.guardDoor(f.Type)
	case TypeForceRoom:
		var b forceBody
		if err := decode(f.Envelope, &b); err != nil {
			return no(CodeMalformed, "no path")
		}
		r.set(func(s *Settings) { s.Forced = b.Topology })
		r.replan()
	case TypeMuteAll:
		r.broadcast(m, message{tail: tailOf(netstack.Envelope{Type: TypeMute, From: m.ID}, 0)})
		return nil
	default:
		return r.moderateOne(m, f, no)
	}
	r.tellRoom()
	return nil
}

// guardDoor locks or opens the room or its lobby. Who is inside may come back
// after a loss of connection; the lobby is emptied when it is closed.
func (r *room) guardDoor(typ string) {
	r.set(func(s *Settings) {
		switch typ {
		case TypeLock, TypeUnlock:
			s.Locked = typ == TypeLock
		case TypeLobbyOn, TypeLobbyOff:
			s.Lobby = typ == TypeLobbyOn
		}
		if !s.guarded() {
			s.Known = nil
			return
		}
		for _, m := range r.order {
			s.Known = note(s.Known, m.ID)
		}
	})
	if typ == TypeLobbyOff && !r.settings.Locked {
		for _, w := range slices.Clone(r.waiting) {
			r.admit(w)
		}
	}
}

// moderateOne does something to one member, or to one who waits.
func (r *room) moderateOne(m *session, f frame, no func(Code, string) *errorBody) *errorBody {
	var b orderBody
	if err := decode(f.Envelope, &b); err != nil {
		return no(CodeMalformed, "no member")
	}
	if f.Type == TypeAdmit || f.Type == TypeDeny {
		w := r.waiter(b.Peer)
		switch {
		case w == nil:
			return no(CodeNoSuchMember, "nobody of this name waits")
		case f.Type == TypeAdmit:
			r.admit(w)
		default:
			r.deny(w)
		}
		return nil
	}
	to := r.members[b.Peer]
	switch {
	case to == nil:
		return no(CodeNoSuchMember, "no such member")
	case f.Type == TypeMute:
		r.push(to, message{tail: tailOf(netstack.Envelope{Type: TypeMute, From: m.ID}, 0)})
	case f.Type == TypeLowerHand:
		r.push(to, message{tail: tailOf(netstack.Envelope{Type: TypeLowerHand, From: m.ID}, 0)})
		to.State.HandRaised = false
		r.raise(to)
		r.changed()
		r.tellChanged(to)
	case f.Type == TypeRemove && to.Role == Owner:
		return no(CodeNotAllowed, "the host cannot be removed from its own room")
	case f.Type == TypeRemove:
		r.expel(to, "removed by a moderator")
	case f.Type == TypeMakeModerator && to.Role == Ordinary:
		to.Role = Moderator
		r.set(func(s *Settings) { s.Moderators = note(s.Moderators, to.ID) })
		r.changed()
		r.tellChanged(to)
		r.push(to, message{tail: encode(TypeRoom, r.state(to)), topic: "room"})
	case f.Type == TypeHandOver:
		if hook := r.server.cfg.OnHandOver; hook != nil && to.Capabilities.CanHost && to != m {
			hook(r.name, to.ID)
			return nil
		}
		return no(CodeNotAllowed, "the room cannot be handed over to this member")
	}
	return nil
}

// expel removes a member for good: it does not come back with the same
// identity, and who comes from its address waits to be let in.
func (r *room) expel(m *session, why string) {
	r.set(func(s *Settings) {
		s.Removed = note(s.Removed, m.ID)
		drop := func(id netstack.PeerID) bool { return id == m.ID }
		s.Known = slices.DeleteFunc(slices.Clone(s.Known), drop)
		s.Moderators = slices.DeleteFunc(slices.Clone(s.Moderators), drop)
	})
	if len(r.suspects) < maxListed {
		r.suspects[sourceOf(m.remote)] = true
	}
	r.remove(m, LeftRemoved, "", closeRemoved, why)
}

// Reset opens the door of a room that nobody is in: those who could are gone
// for good. Who waits comes in. It does not wait.
func (s *Server) Reset(name string) error {
	return s.post(name, func(r *room) {
		if len(r.order) > 0 {
			return
		}
		r.set(func(s *Settings) { *s = Settings{Removed: s.Removed} })
		for _, w := range slices.Clone(r.waiting) {
			r.admit(w)
		}
	})
}
