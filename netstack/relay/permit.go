package relay

import (
	"errors"
	"fmt"
	"net/netip"
)

// lowestPort that is relayed to. ICE uses ports above; below sit services that
// would answer a stranger's packet, such as DNS and NTP.
const lowestPort = 1024

// ErrTooMany is returned by Signaled for more candidates than a member may have.
var ErrTooMany = errors.New("too many candidates")

// Signaled notes a candidate that a member sent to others of his room: from
// now on the relay carries packets of those others to it. An address inside
// some network (private, shared, unique local …) counts only if the member
// himself is on a network of the host, for else it means a stranger's machine
// there; then the port must be the same too. A public one counts by its
// address alone: behind some NATs the port is another for each destination.
// Candidates that are of no use to a relay are accepted and ignored.
func (s *Server) Signaled(id Member, c netip.AddrPort) error {
	c = netip.AddrPortFrom(c.Addr().Unmap(), c.Port())
	s.mu.RLock()
	m := s.members[id]
	s.mu.RUnlock()
	if m == nil || c.Port() < lowestPort || never(c.Addr(), s.cfg.Loopback) {
		return nil
	}
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	if _, known := m.candidates[c]; known || isSpecial(c.Addr()) && !m.near {
		return nil
	}
	if len(m.candidates) >= s.limit.Candidates {
		return fmt.Errorf("note a candidate: %w (%d)", ErrTooMany, s.limit.Candidates)
	}
	if _, here := m.room.members[m]; !here {
		return nil // left just now
	}
	m.candidates[c] = struct{}{}
	m.room.claimLocked(m, c)
	return nil
}

// permits reports whether m may have a permission for an address (RFC 8656
// section 9): whether there is any port route would say yes to.
func (s *Server) permits(m *member, peer netip.Addr) bool {
	if never(peer, s.cfg.Loopback) {
		return false
	}
	if s.cfg.Own(peer) && s.cfg.MediaPort() != 0 {
		return true
	}
	m.room.mu.RLock()
	defer m.room.mu.RUnlock()
	for at, a := range m.room.relayed {
		if at.Addr() == peer && a.member != m {
			return true
		}
	}
	return !s.own(peer) && m.room.hosts[peer].byAnother(m)
}

// route reports whether packets may pass between m's allocations and peer, and
// if peer is a relayed address of this relay, whose. It is asked for each
// packet and allocates nothing.
func (s *Server) route(m *member, peer netip.AddrPort) (*allocation, bool) {
	if peer.Port() < lowestPort {
		return nil, false
	}
	r := m.room
	r.mu.RLock()
	a := r.relayed[peer]
	exact, host := r.exact[peer], r.hosts[peer.Addr()]
	r.mu.RUnlock()
	switch {
	case a != nil:
		return a, a.member != m
	case never(peer.Addr(), s.cfg.Loopback):
		return nil, false
	case s.isMedia(peer):
		return nil, true
	case s.own(peer.Addr()):
		return nil, false
	case isSpecial(peer.Addr()):
		return nil, exact.byAnother(m)
	}
	return nil, host.byAnother(m)
}

// isMedia reports whether at is where this machine's media server is.
func (s *Server) isMedia(at netip.AddrPort) bool {
	port := s.cfg.MediaPort()
	return port != 0 && at.Port() == port && s.cfg.Own(at.Addr())
}
