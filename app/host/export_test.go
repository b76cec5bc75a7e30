package host

import "candid/netstack/signal"

// Kept is what is kept of a room's settings.
func (h *Host) Kept(room string) signal.Settings {
	k, _ := h.kept.of(room)
	return k.Settings
}

// Members is who is in a room.
func (h *Host) Members(room string) []signal.Member { return h.signal.Members(room) }
