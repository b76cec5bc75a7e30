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

// Used is how many uses of a room's invites are kept.
func (h *Host) Used(room string) (n int) {
	k, _ := h.kept.of(room)
	for _, i := range k.Invites {
		n += len(i.Used)
	}
	return n
}
