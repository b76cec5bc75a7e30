package signal

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"candid/netstack"
)

// TestRehearsal: somebody who rehearses talks with members, is known to nobody,
// and uses up nothing; a room has a few of them at a time.
func TestRehearsal(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	once := h.invite()
	once.Secret = "once-0123456789abcdefghi"
	if err := h.Allow(aRoom, once.Secret, Grant{Uses: 1}); err != nil {
		t.Fatal(err)
	}
	anna := dial(t, ClientConfig{Invite: h.invite(), Name: "Anna"})
	var all []*Client
	for range MaxRehearsals {
		all = append(all, dial(t, ClientConfig{Invite: once, Name: "Anna", Rehearse: true}))
	}
	if _, err := tryDial(ClientConfig{Invite: once, Rehearse: true}); !errors.Is(err, ErrRoomFull) {
		t.Errorf("one more: %v", err)
	}
	guest := all[0]
	if id := guest.ID(); !Rehearses(id) || Rehearses(anna.ID()) || len(guest.Members()) != 1 || guest.Members()[0].ID != anna.ID() {
		t.Errorf("%s sees %+v", id, guest.Members())
	}
	send := func(c *Client, to netstack.PeerID, typ string) {
		t.Helper()
		if err := c.Send(context.Background(), netstack.Envelope{Type: typ, To: to, Path: netstack.P2P, Body: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	send(guest, anna.ID(), TypeHello)
	if e := next[MessageReceived](t, anna).Envelope; e.From != guest.ID() || e.Type != TypeHello {
		t.Errorf("Anna got %+v", e)
	}
	send(anna, guest.ID(), TypeDescription)
	if e := next[MessageReceived](t, guest).Envelope; e.From != anna.ID() || e.Type != TypeDescription {
		t.Errorf("the guest got %+v", e)
	}
	// What is not for who is no member:
	if err := errors.Join(guest.Chat("hello"), guest.SetState(State{HandRaised: true})); err != nil {
		t.Fatal(err)
	}
	send(guest, anna.ID(), "x-evidence")
	send(guest, all[1].ID(), TypeHello)     // nor to another of them
	send(guest, netstack.HostID, TypeHello) // nor to the host
	send(guest, anna.ID(), TypeRestart)
	if e := next[MessageReceived](t, anna).Envelope; e.Type != TypeRestart {
		t.Errorf("Anna got %+v", e)
	}
	if members := h.Members(aRoom); len(members) != 1 {
		t.Errorf("the room has %+v", members)
	}
	for _, c := range all {
		_ = c.Close()
	}
	dial(t, ClientConfig{Invite: once, Name: "Ben"}) // the secret is good for one still
	nextWhere(t, anna, func(e Event) bool {
		switch e := e.(type) {
		case MemberJoined:
			return e.Member.Name == "Ben"
		case MemberLeft, MemberChanged, PlanChanged, RoomChanged:
			t.Errorf("Anna is told of %+v", e)
		}
		return false
	})
}

// TestRehearsalEnds: it is over after a while, and does not come back.
func TestRehearsalEnds(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	guest := dial(t, ClientConfig{Invite: h.invite(), Rehearse: true})
	h.mu.Lock()
	r := h.rooms[aRoom]
	h.mu.Unlock()
	_ = r.do(nil, func() {
		for _, m := range r.rehearsals {
			m.since = m.since.Add(-RehearsalTime)
		}
	})
	next[RoomClosed](t, guest)
	_ = r.do(nil, func() {
		if len(r.rehearsals) != 0 {
			t.Errorf("%d are left", len(r.rehearsals))
		}
	})
}
