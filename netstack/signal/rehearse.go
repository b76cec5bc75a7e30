package signal

import (
	"strings"
	"time"

	"candid/netstack"
)

// A rehearsal is somebody who tries the line to the members without joining:
// nobody is told of it, and it is not one of them.
const (
	MaxRehearsals   = 4 // in a room at a time
	RehearsalTime   = 20 * time.Second
	rehearsalPrefix = "rehearsal-" // of its id, which no member's begins with
)

// Rehearses reports whether messages from this id are of a rehearsal.
func Rehearses(id netstack.PeerID) bool { return strings.HasPrefix(string(id), rehearsalPrefix) }

// rehearse takes a rehearsal in, where joining would be let in at once.
func (r *room) rehearse(m *session, s *socket) error {
	if r.closed {
		return ErrHostGone
	}
	if in, waits := r.opens(m); waits {
		return ErrDenied
	} else if !in {
		return ErrLocked
	}
	if len(r.rehearsals) >= MaxRehearsals {
		return ErrRoomFull
	}
	m.ID, m.Role, m.sock, m.since = rehearsalPrefix+m.ID, Rehearsing, s, time.Now()
	r.rehearsals[m.ID] = m
	r.occupy()
	s.reply(encode(TypeWelcome, welcomeBody{
		Version: Version, ID: m.ID, Members: r.roster(), Servers: m.servers(m.since), Plan: r.plan, State: r.state(m), Epoch: r.epoch,
	}))
	m.out.rewind(s, 0)
	r.sockets.Add(1) // last: now the connection is sure to be run
	return nil
}

// endRehearsal takes a rehearsal out.
func (r *room) endRehearsal(m *session, code int, text string) {
	if r.rehearsals[m.ID] != m {
		return
	}
	delete(r.rehearsals, m.ID)
	m.sock.close(code, text, nil)
	m.sock = nil
	r.left(m, LeftItself)
	r.occupy()
}

func (r *room) tickRehearsals(now time.Time) {
	for _, m := range r.rehearsals {
		if now.Sub(m.since) >= RehearsalTime {
			r.endRehearsal(m, closeNormal, "the rehearsal took too long")
		}
	}
}
