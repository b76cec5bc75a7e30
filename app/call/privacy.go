package call

import (
	"candid/netstack"
	"candid/netstack/peer"
)

// SelectPair moves the line to a peer to a pair that has succeeded. Nothing is
// lost by it; whether it came about, Lines tell.
func (s *Session) SelectPair(id netstack.PeerID, pairID string) { s.mesh.Select(id, pairID) }

// SetPrivacy says which of this computer's addresses may be used. The lines to
// the others are made anew by it; until the new ones are up, 8 s at most, the
// old ones carry the call, so that nothing is missed.
func (s *Session) SetPrivacy(p Privacy) {
	s.post(func() {
		if s.cfg.Privacy == p || p > DirectOnly {
			return
		}
		s.cfg.Privacy = p
		s.mesh.SetPolicy(p.Policy())
		s.room.tell(RoomChanged{})
	})
}

// Policy says which candidates a connection uses by it.
func (p Privacy) Policy() peer.Policy {
	return [...]peer.Policy{AnyPath: peer.AllPaths, RelayOnly: peer.RelayOnly, DirectOnly: peer.DirectOnly}[p]
}
