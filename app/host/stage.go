package host

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/sfu"
	"candid/netstack/signal"
	"candid/netstack/whip"
)

// Other tools may publish into a room and watch it by WHIP and WHEP, with a
// token. Nobody can before a token was asked for.

// errEncrypted: other tools have no part in what members encrypt.
var errEncrypted = errors.New("what members encrypt for each other cannot be shared with other tools")

// Token lets other tools publish into an open room and watch it, at ToolAddresses,
// and returns the bearer token for that. It stays the same until RevokeToken. The
// members are told.
func (h *Host) Token(room string) (string, error) {
	r, token, err := h.token(room)
	if err != nil {
		return "", fmt.Errorf("open room %q to other tools: %w", room, err)
	}
	r.tellTools("")
	return token, h.kept.change(room, func(k *keptRoom) { k.Token = token })
}

func (h *Host) token(name string) (*room, string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[name]
	switch {
	case r == nil:
		return nil, "", ErrNoRoom
	case r.keys.endToEnd:
		return nil, "", errEncrypted
	case r.keys.token == "":
		r.keys.token = invite.NewSecret()
	}
	return r, r.keys.token, nil
}

// RevokeToken shuts other tools out of a room; those that are in it go. The
// members are told.
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
	r.tellTools("")
	return h.kept.change(room, func(k *keptRoom) { k.Token = "" })
}

// ToolAddresses are where other tools publish into a room by WHIP, and watch it
// by WHEP.
func (h *Host) ToolAddresses(room string) (publish, watch string) {
	at := "https://" + h.Addresses()[0]
	return at + "/whip/" + url.PathEscape(room), at + "/whep/" + url.PathEscape(room)
}

// orderTools does what a moderator wants of other tools, and answers. It runs on
// the room's loop.
func (r *room) orderTools(e netstack.Envelope) {
	members := r.host.signal.Members(r.name)
	i := slices.IndexFunc(members, func(m signal.Member) bool { return m.ID == e.From })
	var o signal.ToolsOrder
	if i < 0 || !members[i].Role.Moderates() || json.Unmarshal(e.Body, &o) != nil {
		return
	}
	var err error
	switch {
	case o.Open == nil:
		r.tellTools(e.From)
	case *o.Open:
		_, err = r.host.Token(r.name)
	default:
		err = r.host.RevokeToken(r.name)
	}
	if err != nil {
		r.host.log.Warn("other tools", "err", err)
		r.sayTools(e.From, signal.Tools{Error: err.Error()})
	}
}

// tellTools says to a member, or to all, whether other tools may come in; with
// what they may, to moderators only.
func (r *room) tellTools(to netstack.PeerID) {
	r.host.mu.Lock()
	token := r.keys.token
	r.host.mu.Unlock()
	for _, m := range r.host.signal.Members(r.name) {
		if to != "" && m.ID != to {
			continue
		}
		t := signal.Tools{Open: token != ""}
		if t.Open && m.Role.Moderates() {
			t.Token = token
			t.Publish, t.Watch = r.host.ToolAddresses(r.name)
		}
		r.sayTools(m.ID, t)
	}
}

func (r *room) sayTools(to netstack.PeerID, t signal.Tools) {
	body, err := json.Marshal(t)
	if err == nil {
		err = r.host.signal.SendNewest(r.name, netstack.Envelope{Type: signal.TypeTools, To: to, Body: body})
	}
	if err != nil {
		r.host.log.Debug("not told of other tools", "err", err)
	}
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
