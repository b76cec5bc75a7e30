package signal

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/invite"
)

// Grant says how long, and for how many, a secret opens a room. The zero value
// is for ever and for everyone.
type Grant struct {
	Expires time.Time // zero: never
	Uses    int       // people who may come by it, each as often as they like; 0: any number
	Role    Role      // of who comes by it; Stranger: Ordinary
	// Used are those who have come by it before, as OnUsed told.
	Used []netstack.PeerID
}

// SecretGrant is what a secret is good for.
type SecretGrant struct {
	Secret string
	Grant
}

// maxGrants bounds the secrets of one room. Who comes by one that is over is
// told so for a while.
const (
	maxGrants       = 200
	rememberExpired = 24 * time.Hour
)

// secrets are the hashes of what lets into a room. They are guarded by
// Server.mu.
type secrets struct {
	owner  [sha256.Size]byte
	owned  bool
	guests []*grant
}

type grant struct {
	Grant
	hash [sha256.Size]byte
	used map[netstack.PeerID]bool
}

// take reports whether a member may come by it, and whether that was counted: who
// has no id only rehearses and is not.
func (g *grant) take(id netstack.PeerID, now time.Time) (ok, counted bool) {
	switch {
	case !g.Expires.IsZero() && !now.Before(g.Expires):
		return false, false
	case g.Uses == 0 || g.used[id]:
		return true, false
	case len(g.used) >= g.Uses:
		return false, false
	case id == "":
		return true, false
	}
	g.used[id] = true
	return true, true
}

// Allow lets into a room by one more secret, or changes what it is good for.
func (s *Server) Allow(name, secret string, g Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.secrets[name]
	if sec == nil {
		return fmt.Errorf("make an invite to room %q: %w", name, ErrNoRoom)
	}
	if !sec.allow(s.hash(secret), g) {
		return fmt.Errorf("make an invite to room %q: there are %d already", name, maxGrants)
	}
	return nil
}

// allow reports whether there was room for it.
func (s *secrets) allow(hash [sha256.Size]byte, g Grant) bool {
	for _, old := range s.guests {
		if old.hash == hash {
			old.Grant = g
			return true
		}
	}
	long := time.Now().Add(-rememberExpired)
	s.guests = slices.DeleteFunc(s.guests, func(g *grant) bool { return !g.Expires.IsZero() && g.Expires.Before(long) })
	if len(s.guests) >= maxGrants {
		return false
	}
	used := make(map[netstack.PeerID]bool)
	for _, id := range g.Used {
		used[id] = true
	}
	g.Used = nil
	s.guests = append(s.guests, &grant{Grant: g, hash: hash, used: used})
	return true
}

// Revoke makes a secret let in nobody any more. Who is in stays.
func (s *Server) Revoke(name, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec := s.secrets[name]
	if sec == nil {
		return fmt.Errorf("revoke an invite to room %q: %w", name, ErrNoRoom)
	}
	hash := s.hash(secret)
	sec.guests = slices.DeleteFunc(sec.guests, func(g *grant) bool { return g.hash == hash })
	return nil
}

// letIn is lookup, and tells when that was one more use of an invite.
func (s *Server) letIn(name, secret string, id netstack.PeerID) (*room, Role, error) {
	r, role, counted, err := s.lookup(name, secret, id)
	if counted && s.cfg.OnUsed != nil {
		s.cfg.OnUsed(name, secret, id)
	}
	return r, role, err
}

// lookup returns the room the secret opens for a member, and as whom. It takes
// the same time, and its caller gives the same answer, whether the room does
// not exist or the secret is wrong.
func (s *Server) lookup(name, secret string, id netstack.PeerID) (_ *room, _ Role, counted bool, _ error) {
	got := s.hash(secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, sec := s.rooms[name], s.secrets[name]
	if sec == nil {
		sec = &secrets{}
	}
	role, by := sec.match(got)
	to := s.moved[name]
	switch {
	case r == nil || role == Stranger:
	case by == nil:
		return r, role, false, nil
	default:
		ok, counted := by.take(id, time.Now())
		if !ok {
			return nil, Stranger, false, ErrExpired
		}
		return r, role, counted, nil
	}
	if to != nil {
		if role, _ := to.match(got); role != Stranger {
			return nil, Stranger, false, &MovedError{to.invite}
		}
	}
	return nil, Stranger, false, ErrWrongSecret
}

// match looks for a hash. It compares with all there are.
func (s *secrets) match(got [sha256.Size]byte) (role Role, by *grant) {
	for _, g := range s.guests {
		if subtle.ConstantTimeCompare(got[:], g.hash[:]) == 1 {
			role, by = g.Role, g
			if role == Stranger {
				role = Ordinary
			}
		}
	}
	if subtle.ConstantTimeCompare(got[:], s.owner[:]) == 1 && s.owned {
		role, by = Owner, nil
	}
	return role, by
}

// moved is a room that is at another host now.
type moved struct {
	secrets
	invite invite.Invite
}

// maxMoved is how many rooms are remembered that went elsewhere.
const maxMoved = 1000

// Move tells the members of a room that it is at another host from now on,
// which knows them by the same names and secrets, and closes it here. Who comes
// later is sent there too, as long as this server runs. It waits.
func (s *Server) Move(name string, to invite.Invite) error {
	if to.Room != name {
		return fmt.Errorf("move room %q: it must keep its name", name)
	}
	s.mu.Lock()
	r, sec := s.rooms[name], s.secrets[name]
	delete(s.rooms, name)
	delete(s.secrets, name)
	if r != nil && len(s.moved) < maxMoved {
		s.moved[name] = &moved{*sec, to}
	}
	s.mu.Unlock()
	if r == nil {
		return fmt.Errorf("move room %q: %w", name, ErrNoRoom)
	}
	r.end(closeMoved, "the room moved", encode(TypeMoved, movedBody{to.String()}), &MovedError{to})
	return nil
}
