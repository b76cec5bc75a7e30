package host

import (
	"crypto/subtle"
	"errors"
	"fmt"

	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/sfu"
	"candid/netstack/whip"
)

// Other tools may publish into a room and watch it by WHIP and WHEP, with a
// token. Nobody can before a token was asked for.

// errEncrypted: other tools have no part in what members encrypt.
var errEncrypted = errors.New("what members encrypt for each other cannot be shared with other tools")

// Token lets other tools publish into an open room and watch it, at /whip/ROOM
// and /whep/ROOM of the host's port, and returns the bearer token for that. It
// stays the same until RevokeToken.
func (h *Host) Token(room string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[room]
	if r == nil {
		return "", fmt.Errorf("open room %q to other tools: %w", room, ErrNoRoom)
	}
	if r.keys.endToEnd {
		return "", fmt.Errorf("open room %q to other tools: %w", room, errEncrypted)
	}
	if r.keys.token == "" {
		r.keys.token = invite.NewSecret()
	}
	token := r.keys.token
	return token, h.kept.change(room, func(k *keptRoom) { k.Token = token })
}

// RevokeToken shuts other tools out of a room; those that are in it go.
func (h *Host) RevokeToken(room string) error {
	h.mu.Lock()
	r := h.rooms[room]
	if r == nil {
		h.mu.Unlock()
		return fmt.Errorf("close room %q to other tools: %w", room, ErrNoRoom)
	}
	r.keys.token = ""
	h.mu.Unlock()
	h.tools.CloseRoom(r.sfu)
	return h.kept.change(room, func(k *keptRoom) { k.Token = "" })
}

// openTools makes what serves other tools.
func (h *Host) openTools() (err error) {
	h.tools, err = whip.New(whip.Config{
		Open: func(name, token string, _ bool) (*sfu.Room, bool) {
			h.mu.Lock()
			defer h.mu.Unlock()
			r := h.rooms[name]
			if r == nil || r.keys.token == "" || subtle.ConstantTimeCompare([]byte(token), []byte(r.keys.token)) != 1 {
				return nil, false
			}
			return r.sfu, true
		},
		Joined: func(room string, id netstack.PeerID, name string) {
			if err := h.signal.AddGuest(room, id, name); err != nil {
				h.log.Warn("a publisher is not shown", "err", err)
			}
		},
		Left: func(room string, id netstack.PeerID) { _ = h.signal.RemoveGuest(room, id) },
		Dark: func(room string) (dark []netstack.PeerID) {
			for _, m := range h.signal.Members(room) {
				if m.State.CameraOff {
					dark = append(dark, m.ID)
				}
			}
			return dark
		},
		Logger: h.log,
	})
	return err
}
