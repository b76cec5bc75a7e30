package host

import (
	"errors"

	"candid/netstack/signal"
)

// Kept is what is kept of a room's settings.
func (h *Host) Kept(room string) signal.Settings {
	k, _ := h.kept.of(room)
	return k.Settings
}

// Members is who is in a room.
func (h *Host) Members(room string) []signal.Member { return h.signal.Members(room) }

// Crash ends the host without a word to anyone.
func (h *Host) Crash() error {
	return errors.Join(h.port.Load().Close(), h.Close())
}
