package signal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/invite"
)

const ownerSecret = "Z3v0d8Q2mXn4rT6yB1cZ7w"

// owned is a host whose room has an owner's secret; the owner's client is there.
func owned(t *testing.T, cfg ServerConfig, o RoomOptions) (*testHost, *Client) {
	t.Helper()
	h := startHost(t, cfg, nil, "127.0.0.1:0")
	o.Secret, o.OwnerSecret = aSecret, ownerSecret
	if err := errors.Join(h.RemoveRoom(aRoom, ""), h.AddRoom(aRoom, o)); err != nil {
		t.Fatal(err)
	}
	in := h.invite()
	in.Secret = ownerSecret
	return h, dial(t, ClientConfig{Invite: in, Name: "Olga"})
}

func order(t *testing.T, c *Client, typ string, peer netstack.PeerID) {
	t.Helper()
	if err := c.Order(typ, peer); err != nil {
		t.Fatal(err)
	}
}

// until waits for a state of the room.
func until(t *testing.T, c *Client, ok func(RoomState) bool) RoomState {
	t.Helper()
	return nextWhere(t, c, func(e RoomChanged) bool { return ok(e.Room) }).Room
}

func TestLockedRoom(t *testing.T) {
	h, olga := owned(t, ServerConfig{}, RoomOptions{})
	ben := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben"})
	order(t, olga, TypeLock, "")
	until(t, ben, func(s RoomState) bool { return s.Locked })
	if _, err := tryDial(ClientConfig{Invite: h.invite(), Name: "Carla"}); !errors.Is(err, ErrLocked) {
		t.Errorf("into a locked room: %v", err)
	}
	order(t, olga, TypeUnlock, "")
	until(t, ben, func(s RoomState) bool { return !s.Locked })
	dial(t, ClientConfig{Invite: h.invite(), Name: "Carla"})
}

// Who was in a locked room comes back into it when the host was restarted, as
// what they were before.
func TestSettingsOutliveTheHost(t *testing.T) {
	var mu sync.Mutex
	var kept Settings
	h, olga := owned(t, ServerConfig{OnSettings: func(_ string, s Settings) { mu.Lock(); kept = s; mu.Unlock() }}, RoomOptions{})
	ben := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben", Backoff: atOnce})
	order(t, olga, TypeMakeModerator, ben.ID())
	order(t, olga, TypeLock, "")
	until(t, ben, func(s RoomState) bool { return s.Locked })
	h.crash()
	mu.Lock()
	settings := kept
	mu.Unlock()
	h2 := startHost(t, ServerConfig{}, &h.id, h.listener.Addr().String())
	if err := errors.Join(h2.RemoveRoom(aRoom, ""), h2.AddRoom(aRoom, RoomOptions{Secret: aSecret, Settings: settings})); err != nil {
		t.Fatal(err)
	}
	w := nextWhere(t, ben, func(w Welcomed) bool { return w.Again })
	if !w.Room.Locked || w.Members[slices.IndexFunc(w.Members, func(m Member) bool { return m.ID == ben.ID() })].Role != Moderator {
		t.Errorf("back as %+v in %+v", w.Members, w.Room)
	}
	if _, err := tryDial(ClientConfig{Invite: h2.invite(), Name: "Carla"}); !errors.Is(err, ErrLocked) {
		t.Errorf("a stranger came into a locked room: %v", err)
	}
}

func TestLobby(t *testing.T) {
	h, olga := owned(t, ServerConfig{}, RoomOptions{Settings: Settings{Lobby: true}})
	type result struct {
		c   *Client
		err error
	}
	knock := func(name string) (<-chan result, netstack.PeerID) {
		done, held := make(chan result, 1), make(chan struct{})
		go func() {
			c, err := tryDial(ClientConfig{Invite: h.invite(), Name: name, OnWaiting: func() { close(held) }})
			done <- result{c, err}
		}()
		<-held
		s := until(t, olga, func(s RoomState) bool {
			return slices.ContainsFunc(s.Waiting, func(w Waiter) bool { return w.Name == name })
		})
		return done, s.Waiting[len(s.Waiting)-1].ID
	}
	ben, benID := knock("Ben")
	if n := len(h.Members(aRoom)); n != 1 {
		t.Errorf("%d members while one waits", n)
	}
	order(t, olga, TypeAdmit, benID)
	r := <-ben
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { _ = r.c.Close() })
	if w := next[Welcomed](t, r.c); w.ID != benID || len(w.Room.Waiting) != 0 {
		t.Errorf("let in as %+v", w)
	}
	if err := r.c.Chat("thanks"); err != nil {
		t.Fatal(err)
	}
	next[ChatReceived](t, olga)

	carla, carlaID := knock("Carla")
	order(t, olga, TypeDeny, carlaID)
	if r := <-carla; !errors.Is(r.err, ErrDenied) {
		t.Errorf("sent away: %v", r.err)
	}
	dora, _ := knock("Dora")
	order(t, olga, TypeLobbyOff, "")
	if r := <-dora; r.err != nil {
		t.Errorf("the lobby was closed: %v", r.err)
	} else {
		_ = r.c.Close()
	}
	if len(r.c.Room().Waiting) != 0 {
		t.Error("an ordinary member is told who waits")
	}
}

// Nobody is kept in a lobby whose room ends.
func TestLobbyOfAClosedRoom(t *testing.T) {
	h, olga := owned(t, ServerConfig{}, RoomOptions{Settings: Settings{Lobby: true}})
	done := make(chan error, 1)
	go func() {
		_, err := tryDial(ClientConfig{Invite: h.invite(), Name: "Ben"})
		done <- err
	}()
	until(t, olga, func(s RoomState) bool { return len(s.Waiting) == 1 })
	if err := h.RemoveRoom(aRoom, "over"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ErrHostGone) {
		t.Errorf("got %v", err)
	}
}

func TestRemovedWaitsNextTime(t *testing.T) {
	h, olga := owned(t, ServerConfig{}, RoomOptions{})
	ben := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben"})
	order(t, olga, TypeRemove, ben.ID())
	if e := next[RoomClosed](t, ben); !errors.Is(e.Err, ErrRemoved) {
		t.Errorf("removed: %v", e.Err)
	}
	held := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Dial(ctx, ClientConfig{Invite: h.invite(), Name: "Ben", Logger: quiet, OnWaiting: func() { close(held) }})
		done <- err
	}()
	<-held
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("gave up waiting: %v", err)
	}
	until(t, olga, func(s RoomState) bool { return len(s.Waiting) == 0 })
}

func TestMuteAndHands(t *testing.T) {
	h, olga := owned(t, ServerConfig{}, RoomOptions{})
	ben, carla := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben"}), dial(t, ClientConfig{Invite: h.invite(), Name: "Carla"})
	for _, c := range []*Client{carla, ben} {
		if err := c.SetState(State{HandRaised: true}); err != nil {
			t.Fatal(err)
		}
		nextWhere(t, olga, func(e MemberChanged) bool { return e.Member.ID == c.ID() && e.Member.Hand > 0 })
	}
	hands := func() string {
		var out []string
		for _, m := range olga.Members() {
			out = append(out, fmt.Sprint(m.Name, m.Hand))
		}
		return strings.Join(out, " ")
	}
	if got := hands(); got != "Olga0 Ben2 Carla1" {
		t.Errorf("hands: %s", got)
	}
	order(t, olga, TypeLowerHand, carla.ID())
	next[HandLowered](t, carla)
	nextWhere(t, olga, func(e MemberChanged) bool { return e.Member.ID == ben.ID() && e.Member.Hand == 1 })
	order(t, olga, TypeMute, ben.ID())
	if e := next[MuteAsked](t, ben); e.By != olga.ID() {
		t.Errorf("asked by %q", e.By)
	}
	order(t, olga, TypeMuteAll, "")
	next[MuteAsked](t, ben)
	next[MuteAsked](t, carla)
	// Not by one who may not.
	if err := ben.Order(TypeMuteAll, ""); err != nil {
		t.Fatal(err)
	}
	if e := next[MessageRefused](t, ben); e.Code != CodeNotAllowed {
		t.Errorf("refused with %q", e.Code)
	}
}

func TestForce(t *testing.T) {
	plan := func(in PlanInput) Plan {
		p := Plan{Why: in.Forced.String(), Paths: map[netstack.PeerID]Hop{}}
		for _, m := range in.Members {
			p.Paths[m.ID] = Hop{Topology: m.Forced}
		}
		return p
	}
	h, olga := owned(t, ServerConfig{Planner: plan}, RoomOptions{EndToEnd: true})
	ben := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben"})
	if w := next[Welcomed](t, ben); !w.Room.EndToEnd {
		t.Error("not told that the room is encrypted")
	}
	if err := ben.Force(netstack.SFU); err != nil {
		t.Fatal(err)
	}
	nextWhere(t, olga, func(e PlanChanged) bool { return e.Plan.For(ben.ID()) == netstack.SFU })
	if err := olga.ForceRoom(netstack.MCU); err != nil {
		t.Fatal(err)
	}
	nextWhere(t, ben, func(e PlanChanged) bool { return e.Plan.Why == "MCU" })
	until(t, ben, func(s RoomState) bool { return s.Forced == netstack.MCU })
}

// Who comes late reads what was said, once.
func TestChatHistory(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	anna := dial(t, ClientConfig{Invite: h.invite(), Name: "Anna"})
	if err := h.post(aRoom, func(r *room) { // said over the wire it would take a while
		for n := range maxHistory + 4 {
			r.history.add(ChatLine{From: anna.ID(), Name: "Anna", Text: fmt.Sprint("line ", n)})
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := anna.Chat("the last"); err != nil {
		t.Fatal(err)
	}
	if e := next[ChatReceived](t, anna); e.Line != maxHistory+5 {
		t.Errorf("the last is line %d", e.Line)
	}
	ben := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben"})
	w := next[Welcomed](t, ben)
	if len(w.Chat) != maxHistory || w.Chat[0].Text != "line 5" || w.Chat[0].Name != "Anna" || w.Chat[0].From != anna.ID() {
		t.Errorf("%d lines, the first %+v", len(w.Chat), w.Chat[0])
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for range 1000 {
		h.add(ChatLine{Text: strings.Repeat("x", maxChat)})
	}
	if len(h.lines) != maxHistoryBytes/maxChat || h.bytes > maxHistoryBytes {
		t.Errorf("%d lines, %d bytes", len(h.lines), h.bytes)
	}
}

func TestGrants(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	with := func(secret string) ClientConfig {
		in := h.invite()
		in.Secret = secret
		return ClientConfig{Invite: in}
	}
	once, old, gone := invite.NewSecret(), invite.NewSecret(), invite.NewSecret()
	if err := errors.Join(
		h.Allow(aRoom, once, Grant{Uses: 1}), h.Allow(aRoom, old, Grant{Expires: time.Now().Add(-time.Second)}), h.Allow(aRoom, gone, Grant{}),
	); err != nil {
		t.Fatal(err)
	}
	dial(t, with(once))
	if _, err := tryDial(with(once)); !errors.Is(err, ErrExpired) {
		t.Errorf("used twice: %v", err)
	}
	if _, err := tryDial(with(old)); !errors.Is(err, ErrExpired) {
		t.Errorf("too late: %v", err)
	}
	dial(t, with(gone))
	if err := h.Revoke(aRoom, gone); err != nil {
		t.Fatal(err)
	}
	if _, err := tryDial(with(gone)); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("revoked: %v", err)
	}
}

// A room goes to another host and everyone with it, also who comes too late.
func TestMove(t *testing.T) {
	from, to := startHost(t, ServerConfig{}, nil, "127.0.0.1:0"), startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	anna, ben := dial(t, ClientConfig{Invite: from.invite(), Name: "Anna"}), dial(t, ClientConfig{Invite: from.invite(), Name: "Ben"})
	other := to.invite()
	other.Secret = invite.NewSecret() // Ben's own way in
	if err := to.Allow(aRoom, other.Secret, Grant{}); err != nil {
		t.Fatal(err)
	}
	ben.MoveTo(other)
	if err := from.Move(aRoom, to.invite()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Client{anna, ben} {
		id := c.ID()
		if e := next[Moved](t, c); e.Invite.Pin != to.id.Pin || e.Invite.Secret != aSecret {
			t.Errorf("moved to %v", e.Invite)
		}
		if w := nextWhere(t, c, func(w Welcomed) bool { return w.Again }); w.ID != id {
			t.Errorf("was %q, is %q", id, w.ID)
		}
	}
	late := dial(t, ClientConfig{Invite: from.invite(), Name: "Carla"})
	if err := late.Chat("here"); err != nil {
		t.Fatal(err)
	}
	if e := next[ChatReceived](t, anna); e.From != late.ID() {
		t.Errorf("heard %+v", e)
	}
}

// A member whose invite says that media is encrypted joins no room where it is
// not, nor follows one there, whatever hosts say.
func TestInviteSaysEncrypted(t *testing.T) {
	open := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	in := open.invite()
	in.EndToEnd = true
	if _, err := tryDial(ClientConfig{Invite: in}); !errors.Is(err, ErrNotEncrypted) {
		t.Errorf("a clear room: %v", err)
	}
	sealed, _ := owned(t, ServerConfig{}, RoomOptions{EndToEnd: true})
	in = sealed.invite()
	dial(t, ClientConfig{Invite: in, Name: "Old link"})
	in.EndToEnd = true
	anna := dial(t, ClientConfig{Invite: in})
	if err := sealed.Move(aRoom, open.invite()); err != nil {
		t.Fatal(err)
	}
	if e := next[Moved](t, anna); !e.Invite.EndToEnd {
		t.Error("the room's new invite does not say encrypted")
	}
	if e := next[RoomClosed](t, anna); !errors.Is(e.Err, ErrNotEncrypted) {
		t.Errorf("followed to a clear room: %v", e.Err)
	}
}

func TestMembersInAll(t *testing.T) {
	h := startHost(t, ServerConfig{MaxMembersAll: 1, MaxRooms: 2}, nil, "127.0.0.1:0")
	if err := h.AddRoom("badger", RoomOptions{Secret: aSecret}); err != nil {
		t.Fatal(err)
	}
	if err := h.AddRoom("heron", RoomOptions{Secret: aSecret}); !errors.Is(err, ErrTooManyRooms) {
		t.Errorf("a third room: %v", err)
	}
	c := dial(t, ClientConfig{Invite: h.invite()})
	in := h.invite()
	in.Room = "badger"
	if _, err := tryDial(ClientConfig{Invite: in}); !errors.Is(err, ErrRoomFull) {
		t.Errorf("one too many: %v", err)
	}
	_ = c.Close()
	dial(t, ClientConfig{Invite: in})
}
