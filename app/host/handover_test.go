package host_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/signal"
)

// The owner hands the room to Ben, whose program hosts it from then on; Carla
// goes there by herself, as who she was, and the lock goes with the room.
func TestHandOver(t *testing.T) {
	old := start(t, host.Config{EndToEnd: true})
	anna, ben, carla := member(t, old, true, "Anna"), member(t, old, false, "Ben"), member(t, old, false, "Carla")
	if err := errors.Join(anna.Order(signal.TypeLock, ""), anna.Order(signal.TypeHandOver, ben.ID())); err != nil {
		t.Fatal(err)
	}
	e := await(t, ben, func(e signal.MessageReceived) bool { return e.Envelope.Type == signal.TypeTakeOver }).Envelope
	if e.From != netstack.HostID {
		t.Fatalf("asked by %q", e.From)
	}
	var ask signal.TakeOver
	if err := json.Unmarshal(e.Body, &ask); err != nil {
		t.Fatal(err)
	}
	now := start(t, host.Config{Rooms: []string{}})
	guests, err := now.OpenRoom(ask.Room, host.RoomOptions{EndToEnd: ask.EndToEnd, Secret: ask.Secret, Settings: ask.Settings})
	if err != nil {
		t.Fatal(err)
	}
	own, err := now.LocalInvite(ask.Room)
	if err != nil {
		t.Fatal(err)
	}
	ben.MoveTo(own)
	body, err := json.Marshal(signal.TakenOver{Invite: guests.String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := ben.Send(t.Context(), netstack.Envelope{Type: signal.TypeTakenOver, To: netstack.HostID, Body: body}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*signal.Client{ben, carla, anna} {
		id := c.ID()
		w := await(t, c, func(w signal.Welcomed) bool { return w.Again })
		if w.ID != id || !w.Room.Locked || !w.Room.EndToEnd {
			t.Errorf("%s is %s in %+v", id, w.ID, w.Room)
		}
	}
	if i := slices.IndexFunc(now.Snapshot().Rooms[0].Members, func(m signal.Member) bool { return m.Role == signal.Owner }); i < 0 || now.Snapshot().Rooms[0].Members[i].ID != ben.ID() {
		t.Error("Ben does not own the room on his own host")
	}
	if n := len(old.Snapshot().Rooms); n != 0 {
		t.Errorf("%d rooms are left at the old host", n)
	}
}

// A member who was not asked cannot take the room away.
func TestNobodyTakesOverUnasked(t *testing.T) {
	h, other := start(t, host.Config{}), start(t, host.Config{})
	anna := member(t, h, false, "Anna")
	body, err := json.Marshal(signal.TakenOver{Invite: inviteTo(t, other, "otter").String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := anna.Send(t.Context(), netstack.Envelope{Type: signal.TypeTakenOver, To: netstack.HostID, Body: body}); err != nil {
		t.Fatal(err)
	}
	if err := anna.Chat("still here"); err != nil {
		t.Fatal(err)
	}
	await(t, anna, func(signal.ChatReceived) bool { return true })
	if len(h.Members("otter")) != 1 {
		t.Error("the room is gone")
	}
}

// What moderators set outlives a host that is killed, and so do invites.
func TestRoomOutlivesTheHost(t *testing.T) {
	cfg := host.Config{Dir: t.TempDir()}
	h := start(t, cfg)
	mod, err := h.ModeratorInvite("otter")
	if err != nil {
		t.Fatal(err)
	}
	limited, err := h.LimitedInvite("otter", time.Now().Add(time.Hour), 2)
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := h.LimitedInvite("otter", time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.RevokeInvite(revoked); err != nil {
		t.Fatal(err)
	}
	join(t, limited, "Dan") // one of two
	eventually(t, func() bool { return h.Used("otter") == 1 })
	c := join(t, mod, "Anna")
	if err := c.Order(signal.TypeLobbyOn, ""); err != nil {
		t.Fatal(err)
	}
	await(t, c, func(e signal.RoomChanged) bool { return e.Room.Lobby })
	eventually(t, func() bool { return h.Kept("otter").Lobby })
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = start(t, cfg)
	if mod, err = h.ModeratorInvite("otter"); err != nil {
		t.Fatal(err)
	}
	c = join(t, mod, "Anna")
	if w := await(t, c, func(signal.Welcomed) bool { return true }); !w.Room.Lobby || w.Members[0].Role != signal.Moderator {
		t.Errorf("%+v, as %q", w.Room, w.Members[0].Role)
	}
	if err := c.Order(signal.TypeLobbyOff, ""); err != nil {
		t.Fatal(err)
	}
	await(t, c, func(e signal.RoomChanged) bool { return !e.Room.Lobby })
	limited.Addresses = h.Addresses()
	join(t, limited, "Ben")
	if _, err := dial(limited, "Carla"); !errors.Is(err, signal.ErrExpired) {
		t.Errorf("used twice: %v", err)
	}
	revoked.Addresses = h.Addresses()
	if _, err := dial(revoked, "Carla"); !errors.Is(err, signal.ErrWrongSecret) {
		t.Errorf("revoked: %v", err)
	}
	own := inviteTo(t, h, "otter")
	if err := h.RevokeInvite(own); err != nil {
		t.Fatal(err)
	}
	if _, err := dial(own, "Carla"); !errors.Is(err, signal.ErrWrongSecret) {
		t.Errorf("the room's own, revoked: %v", err)
	}
	join(t, inviteTo(t, h, "otter"), "Carla")
}
