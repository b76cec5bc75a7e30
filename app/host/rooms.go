package host

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"candid/netstack/invite"
	"candid/netstack/signal"
)

// ErrNoRoom is returned for a room that is not open here.
var ErrNoRoom = signal.ErrNoRoom

// ErrClosed is returned by a host that was closed.
var ErrClosed = errors.New("the host is closed")

// keys are the secrets that open a room: one for guests, one for moderators,
// and one that makes the member its owner.
type keys struct {
	guest, moderator, owner string
	token                   string // of other tools; empty: they are shut out
	endToEnd                bool   // said in the room's invites
}

// RoomOptions say how a room is opened. The zero value opens it as it was here
// before, or with the defaults.
type RoomOptions struct {
	// EndToEnd makes members encrypt their media for each other, so that this
	// host can neither see nor hear it, nor mix.
	EndToEnd bool
	Secret   string // of guests; empty: the one it had, or a new one
	Settings signal.Settings
}

// NewRoom opens a room as Config says and returns the invite to it.
func (h *Host) NewRoom(name string) (invite.Invite, error) {
	return h.OpenRoom(name, RoomOptions{EndToEnd: h.cfg.EndToEnd})
}

// OpenRoom opens a room and returns the invite to it. A room that was open here
// before keeps its secrets, so that old invites lead to it. The name is up to
// invite.MaxRoom bytes and must be one invite.IsRoom takes.
func (h *Host) OpenRoom(name string, o RoomOptions) (invite.Invite, error) {
	if err := h.open(name, o); err != nil {
		return invite.Invite{}, err
	}
	return h.Invite(name)
}

// openRooms opens those of Config. It is done before the host answers: a member
// that finds a host without its room gives up, and one that waits for a host
// that starts again must not.
func (h *Host) openRooms() error {
	for _, name := range h.cfg.Rooms {
		if err := h.open(name, RoomOptions{EndToEnd: h.cfg.EndToEnd}); err != nil {
			return err
		}
	}
	for _, name := range h.cfg.OpenRooms {
		if err := h.open(name, RoomOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// open is OpenRoom without the invite, which needs a host that answers.
func (h *Host) open(name string, o RoomOptions) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms == nil {
		return ErrClosed
	}
	if h.rooms[name] != nil {
		return fmt.Errorf("open room %q: there is one of this name", name)
	}
	kept := h.recall(name, o)
	r, err := newRoom(h, name, keys{kept.Secret, kept.Moderator, invite.NewSecret(), kept.Token, kept.EndToEnd})
	if err != nil {
		return err
	}
	h.rooms[name] = r // who joins at once waits for the lock
	err = h.signal.AddRoom(name, signal.RoomOptions{
		Secret: kept.Secret, OwnerSecret: r.keys.owner, Grants: kept.grants(), EndToEnd: kept.EndToEnd, Settings: kept.Settings,
	})
	if err != nil {
		delete(h.rooms, name)
		r.close()
		return err
	}
	if err := h.kept.change(name, func(k *keptRoom) { *k = kept }); err != nil {
		// The room works; only its invites will not outlive the host.
		h.log.Warn("keep the room for the next start", "err", err)
	}
	return nil
}

// grants are what opens the room besides the secret of guests.
func (k keptRoom) grants() []signal.SecretGrant {
	all := []signal.SecretGrant{{Secret: k.Moderator, Grant: signal.Grant{Role: signal.Moderator}}}
	for _, i := range k.Invites {
		all = append(all, signal.SecretGrant{Secret: i.Secret, Grant: signal.Grant{Expires: i.Expires, Uses: i.Uses, Used: i.Used}})
	}
	return all
}

// recall returns how a room is to be opened: as it was, where o does not say
// otherwise.
func (h *Host) recall(name string, o RoomOptions) keptRoom {
	kept, _ := h.kept.of(name)
	kept.Room, kept.EndToEnd = name, o.EndToEnd
	if o.EndToEnd {
		kept.Token = "" // it may have been open to other tools before
	}
	if o.Secret != "" {
		kept.Secret, kept.Settings = o.Secret, o.Settings
	}
	if kept.Secret == "" {
		kept.Secret = invite.NewSecret()
	}
	if kept.Moderator == "" {
		kept.Moderator = invite.NewSecret()
	}
	return kept
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
	i := invite.Invite{Addresses: h.Addresses(), Room: room, Secret: k.guest, Pin: h.id.Pin, EndToEnd: k.endToEnd}
	if h.certs != nil {
		i.ByName, i.Pin = true, invite.Pin{} // the name is the first address
	}
	return i, nil
}

// ModeratorInvite is the invite to an open room that makes its user a moderator.
func (h *Host) ModeratorInvite(room string) (invite.Invite, error) {
	i, err := h.Invite(room)
	if err != nil {
		return invite.Invite{}, err
	}
	k, err := h.keys(room)
	i.Secret = k.moderator
	return i, err
}

// MaxUses bounds for how many people an invite can be: all are remembered.
const MaxUses = 1000

// LimitedInvite is a further invite to an open room: it lets in until a time,
// if it is not zero, and so many people, up to MaxUses, if that is not zero. It
// outlives this host, and so does who came by it. One that only counts is the one
// given before while somebody can still come by it, so that a host which gives one
// at each start does not gather them.
func (h *Host) LimitedInvite(room string, expires time.Time, uses int) (invite.Invite, error) {
	i, err := h.Invite(room)
	if err != nil {
		return invite.Invite{}, err
	}
	if uses > MaxUses {
		return i, fmt.Errorf("an invite for %d people: at most %d are counted", uses, MaxUses)
	}
	kept, _ := h.kept.of(room)
	if i.Secret = kept.counting(uses); i.Secret != "" && expires.IsZero() {
		return i, nil
	}
	i.Secret = invite.NewSecret()
	if err := h.signal.Allow(room, i.Secret, signal.Grant{Expires: expires, Uses: max(uses, 0)}); err != nil {
		return invite.Invite{}, err
	}
	return i, h.kept.change(room, func(k *keptRoom) {
		now := time.Now()
		k.drop(func(o keptInvite) bool { return !o.Expires.IsZero() && o.Expires.Before(now) })
		k.Invites = append(k.Invites, keptInvite{Secret: i.Secret, Expires: expires, Uses: uses})
	})
}

// counting returns the secret of an invite that only counts, for so many people of
// whom not all have come; "" if there is none.
func (k keptRoom) counting(uses int) string {
	for _, i := range k.Invites {
		if i.Expires.IsZero() && i.Uses == uses && len(i.Used) < uses {
			return i.Secret
		}
	}
	return ""
}

// RevokeInvite makes an invite let in nobody any more. Who is in stays. When it
// is the room's own, the room has another from then on.
func (h *Host) RevokeInvite(i invite.Invite) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[i.Room]
	if r == nil {
		return fmt.Errorf("revoke an invite to room %q: %w", i.Room, ErrNoRoom)
	}
	if err := h.signal.Revoke(i.Room, i.Secret); err != nil {
		return err
	}
	if i.Secret == r.keys.guest {
		r.keys.guest = invite.NewSecret()
		if err := h.signal.Allow(i.Room, r.keys.guest, signal.Grant{}); err != nil {
			return err
		}
	}
	return h.kept.change(i.Room, func(k *keptRoom) {
		k.Secret = r.keys.guest
		k.drop(func(o keptInvite) bool { return o.Secret == i.Secret })
	})
}

// drop forgets invites. What was handed out of the list stays as it was.
func (k *keptRoom) drop(which func(keptInvite) bool) {
	k.Invites = slices.DeleteFunc(slices.Clone(k.Invites), which)
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
	return invite.Invite{Addresses: []string{at}, Room: room, Secret: k.owner, Pin: h.id.Pin, EndToEnd: k.endToEnd}, nil
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
