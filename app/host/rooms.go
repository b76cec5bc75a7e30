package host

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"candid/netstack/invite"
	"candid/netstack/signal"
)

// ErrNoRoom is returned for a room that is not open here.
var ErrNoRoom = signal.ErrNoRoom

// ErrClosed is returned by a host that was closed.
var ErrClosed = errors.New("the host is closed")

// keys are the secrets that open a room: one for guests, and one that makes
// the member its owner.
type keys struct{ guest, owner string }

// NewRoom opens a room and returns the invite to it. A room that was open here
// before keeps its secret, so that old invites lead to it. The name is up to
// invite.MaxRoom bytes and must be one invite.IsRoom takes.
func (h *Host) NewRoom(name string) (invite.Invite, error) {
	if err := h.open(name); err != nil {
		return invite.Invite{}, err
	}
	return h.Invite(name)
}

// open opens a room for NewRoom.
func (h *Host) open(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms == nil {
		return ErrClosed
	}
	secret := h.kept.of(name)
	fresh := secret == ""
	if fresh {
		secret = invite.NewSecret()
	}
	k := keys{guest: secret, owner: invite.NewSecret()}
	if h.rooms[name] != nil {
		return fmt.Errorf("open room %q: there is one of this name", name)
	}
	r, err := newRoom(h, name, k)
	if err != nil {
		return err
	}
	h.rooms[name] = r // who joins at once waits for the lock
	o := signal.RoomOptions{Secret: k.guest, OwnerSecret: k.owner}
	if err := h.signal.AddRoom(name, o); err != nil {
		delete(h.rooms, name)
		r.close()
		return err
	}
	if fresh {
		if err := h.kept.keep(name, secret); err != nil {
			// The room works; only its invite will not outlive the host.
			h.log.Warn("keep the room for the next start", "err", err)
		}
	}
	return nil
}

// CloseRoom closes a room, tells its members so, and forgets its secret: its
// invites never work again.
func (h *Host) CloseRoom(name string) error {
	h.mu.Lock()
	r, ok := h.rooms[name]
	delete(h.rooms, name)
	err := h.kept.forget(name)
	h.mu.Unlock()
	if !ok {
		return fmt.Errorf("close room %q: %w", name, ErrNoRoom)
	}
	err = errors.Join(err, h.signal.RemoveRoom(name, closedRoom))
	r.close()
	return err
}

// Rooms are the names of the open rooms, sorted.
func (h *Host) Rooms() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(h.rooms))
}

// Invite returns the invite to an open room, with the addresses the machine
// has at the moment.
func (h *Host) Invite(room string) (invite.Invite, error) {
	k, err := h.keys(room)
	if err != nil {
		return invite.Invite{}, err
	}
	return invite.Invite{Addresses: h.Addresses(), Room: room, Secret: k.guest, Pin: h.id.Pin}, nil
}

// LocalInvite is the invite for this machine's own client. It leads to
// 127.0.0.1, whatever happens to the network, and makes the client the room's
// owner: it is not to be given away.
func (h *Host) LocalInvite(room string) (invite.Invite, error) {
	k, err := h.keys(room)
	if err != nil {
		return invite.Invite{}, err
	}
	host := "127.0.0.1"
	if len(h.cfg.Bind) > 0 && !h.cfg.Loopback {
		host = h.cfg.Bind[0].String() // loopback may not be open
	}
	at := net.JoinHostPort(host, strconv.Itoa(h.Port()))
	return invite.Invite{Addresses: []string{at}, Room: room, Secret: k.owner, Pin: h.id.Pin}, nil
}

func (h *Host) keys(room string) (keys, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.rooms[room]
	if !ok {
		return keys{}, fmt.Errorf("invite to room %q: %w", room, ErrNoRoom)
	}
	return r.keys, nil
}
