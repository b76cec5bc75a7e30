package signal

import (
	"net/netip"

	"candid/netstack"
)

// AddGuest shows the members of a room somebody who has no signaling connection
// and sends by the host's media server only. It does not wait.
func (s *Server) AddGuest(name string, id netstack.PeerID, called string) error {
	return s.post(name, func(r *room) {
		if r.members[id] != nil || r.full() {
			return
		}
		m := newSession(joinBody{Room: r.name, Name: called, Capabilities: Capabilities{
			Client: "WHIP", Paths: []netstack.Topology{netstack.SFU},
		}}, netip.Addr{}, "")
		m.ID, m.Role, m.guest, m.room, m.Connected = id, Ordinary, true, r, true
		m.Name = r.unique(m.Name)
		r.members[id] = m
		r.order = append(r.order, m)
		s.present.Add(1)
		r.changed()
		r.broadcast(m, message{tail: encode(TypeJoined, m.Member)})
		r.replan()
	})
}

// RemoveGuest takes out who AddGuest took in. It does not wait.
func (s *Server) RemoveGuest(name string, id netstack.PeerID) error {
	return s.post(name, func(r *room) {
		if m := r.members[id]; m != nil && m.guest {
			r.remove(m, LeftItself, "", closeNormal, "")
		}
	})
}
