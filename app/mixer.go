//go:build !headless

package app

import (
	"log/slog"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/mcu"
	"candid/netstack/sfu"
)

// mixing has a host mix: it needs the codecs, which not every build has.
func mixing(c host.Config) host.Config {
	c.Mix = func(r *sfu.Room) (host.Mixer, error) {
		return &mixer{room: mcu.NewRoom(r, mcu.Config{Logger: c.Logger}), members: map[netstack.PeerID]host.MixMember{}, log: c.Logger}, nil
	}
	return c
}

// mixer is a room's mix, as the host steers it.
type mixer struct {
	room    *mcu.Room
	members map[netstack.PeerID]host.MixMember
	log     *slog.Logger
}

// SetMembers says who is in the room.
func (m *mixer) SetMembers(all []host.MixMember) {
	here := map[netstack.PeerID]bool{}
	for _, next := range all {
		here[next.ID] = true
		before, known := m.members[next.ID]
		if !known {
			if err := m.room.Join(next.ID, next.Name); err != nil {
				m.log.Warn("not in the mix", "err", err)
				continue
			}
		}
		m.room.SetState(next.ID, next.Muted, next.CameraOff, next.Name)
		// Who was offered the mix once keeps the offer: they go on seeing it until
		// what comes instead has arrived, and it costs nothing unless they take it.
		if next.Mixed = next.Mixed || before.Mixed; next.Mixed && !before.Mixed {
			if err := m.room.SetMixed(next.ID, true); err != nil {
				m.log.Warn("no mix for a member", "err", err)
			}
		}
		m.members[next.ID] = next
	}
	for id := range m.members {
		if !here[id] {
			m.room.Leave(id)
			delete(m.members, id)
		}
	}
}

// Close ends the mix.
func (m *mixer) Close() error { return m.room.Close() }
