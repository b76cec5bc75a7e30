package call

import "candid/netstack"

// Opener opens what a member sends on a track, with the keys this member has or
// had.
func (s *Session) Opener(id netstack.PeerID, track, mime string) func(ts uint32, frame []byte) ([]byte, error) {
	return s.room.crypt.opener(id, track, mime, netstack.MCU.String()) // a path of its own
}
