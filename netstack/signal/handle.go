package signal

import (
	"encoding/json"

	"candid/netstack"
)

// handle does what a member's message says. The error, if any, is for the
// sender.
func (r *room) handle(m *session, f frame, body found, bodyErr error) *errorBody {
	no := func(code Code, text string) *errorBody {
		return &errorBody{Code: code, Message: text, Type: f.Type, To: f.To}
	}
	if !allowed(m.Role, f.Type) {
		if known(f.Type) {
			return no(CodeNotAllowed, "not now, or not by you")
		}
		return no(CodeUnknownType, "no such type of message")
	}
	switch f.Type {
	case TypeAck: // done already
	case TypePing:
		m.sock.reply(tailOf(netstack.Envelope{Type: TypePong, Body: f.Body}, 0))
	case TypeLeave:
		var b leaveBody
		_ = json.Unmarshal(f.Body, &b) // the words are optional
		if m.Role == Waiting {
			m.sock.close(closeNormal, "", nil)
			r.unhold(m)
			r.tellRoom()
			return nil
		}
		r.remove(m, LeftItself, cut(cleanText(b.Said, false), maxSaid, maxSaid), closeNormal, "")
	case TypeState:
		var st State
		if err := decode(f.Envelope, &st); err != nil {
			return no(CodeMalformed, "no state")
		}
		if st != m.State {
			m.State = st
			r.raise(m)
			r.changed()
			r.tellChanged(m)
		}
	case TypeChat:
		return r.chat(m, f, no)
	case TypeForce:
		var b forceBody
		if err := decode(f.Envelope, &b); err != nil {
			return no(CodeMalformed, "no path")
		}
		if m.Forced != b.Topology {
			m.Forced = b.Topology
			r.changed()
			r.tellChanged(m)
			r.replan()
		}
	case TypeLock, TypeUnlock, TypeLobbyOn, TypeLobbyOff, TypeAdmit, TypeDeny, TypeMute, TypeMuteAll, TypeRemove,
		TypeLowerHand, TypeMakeModerator, TypeForceRoom, TypeHandOver:
		return r.moderate(m, f, no)
	default:
		return r.relay(m, f, body, bodyErr, no)
	}
	return nil
}

// relay passes a message on to another member, or to the host.
func (r *room) relay(m *session, f frame, body found, bodyErr error, no func(Code, string) *errorBody) *errorBody {
	if bodyErr != nil {
		return no(CodeLimit, bodyErr.Error())
	}
	f.From = m.ID
	to := r.members[f.To]
	toHost := f.To == netstack.HostID && r.server.cfg.OnMessage != nil && m.Role != Rehearsing
	if to == nil && m.Role != Rehearsing {
		to = r.rehearsals[f.To]
	}
	if to == nil && !toHost || to == m {
		return no(CodeNoSuchMember, "no such member")
	}
	if !m.countCandidates(f.To, body) {
		return no(CodeLimit, "too many candidates")
	}
	if hook := r.server.cfg.OnCandidate; hook != nil {
		for _, a := range body.addrs {
			hook(r.name, m.ID, a)
		}
	}
	if toHost {
		r.server.cfg.OnMessage(r.name, f.Envelope)
		return nil
	}
	if to.out.share(m.ID) >= maxUnackedFrom {
		return no(CodeLimit, "too many messages wait for this member")
	}
	r.push(to, message{peer: m.ID, tail: tailOf(f.Envelope, f.N)})
	return nil
}
