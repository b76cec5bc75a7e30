package call_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/host"
	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/signal"
	"candid/netstack/verdict"
)

// realHost is a whole host on loopback with the room "tea"; it returns the
// invites of its owner and of guests.
func realHost(t *testing.T) (owner, guests invite.Invite) {
	t.Helper()
	h, err := host.Start(t.Context(), host.Config{Loopback: true, Port: host.AnyPort, Rooms: []string{"tea"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	if owner, err = h.LocalInvite("tea"); err == nil {
		guests, err = h.Invite("tea")
	}
	if err != nil {
		t.Fatal(err)
	}
	return owner, guests
}

// enter joins with a studio that is muted and dark: nothing here is about media.
func enter(t *testing.T, i invite.Invite, name string, member int) *call.Session {
	t.Helper()
	s, err := call.Join(t.Context(), call.Config{
		Invite: i, Name: name, CameraOff: true, Loopback: true, Studio: newStudio(t, member, 1-member), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Leave(); s.Wait() })
	go func() {
		for range s.Events() { // the snapshot tells it all
		}
	}()
	return s
}

// becomes waits until a session's state is as it should be.
func becomes(t *testing.T, s *call.Session, what string, ok func(call.Snapshot) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(s.Snapshot()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: did not happen; %+v", what, s.Snapshot())
		}
	}
}

func TestHouse(t *testing.T) {
	owner, guests := realHost(t)
	anna := enter(t, owner, "Anna", 0)
	anna.Chat("before you came")
	becomes(t, anna, "said", func(s call.Snapshot) bool { return len(s.Chat) == 1 && s.Chat[0].Mine })
	ben := enter(t, guests, "Ben", 1)
	id := ben.Snapshot().Self.ID
	if c := ben.Snapshot().Chat; len(c) != 1 || c[0].Text != "before you came" || c[0].Name != "Anna" || c[0].From == "" {
		t.Errorf("chat of who came late: %+v", c)
	}
	if s := anna.Snapshot().Self; !s.Moderator || !s.Host {
		t.Errorf("the owner is %+v", s)
	}
	// Hands, muting and roles.
	ben.RaiseHand(true)
	becomes(t, anna, "hand up", func(s call.Snapshot) bool { return len(s.Others) == 1 && s.Others[0].Hand == 1 })
	anna.Moderate(call.Order{Do: call.LowerHand, Peer: id})
	anna.Moderate(call.Order{Do: call.MuteAll})
	becomes(t, ben, "muted, hand down", func(s call.Snapshot) bool { return s.Self.Muted && !s.Self.HandRaised && s.Self.Hand == 0 })
	ben.SetMuted(false)
	becomes(t, anna, "unmuted, and the hand stays down", func(s call.Snapshot) bool { return !s.Others[0].Muted && !s.Others[0].HandRaised })
	anna.Moderate(call.Order{Do: call.MakeModerator, Peer: id})
	becomes(t, ben, "moderator", func(s call.Snapshot) bool { return s.Self.Moderator })
	ben.Moderate(call.Order{Do: call.Lock})
	becomes(t, anna, "locked", func(s call.Snapshot) bool { return s.Locked })
	// Paths.
	ben.ForceRoom(netstack.P2P)
	becomes(t, anna, "forced", func(s call.Snapshot) bool { return s.RoomForced == netstack.P2P && s.Self.Path == netstack.P2P })
	ben.Force(netstack.SFU)
	becomes(t, ben, "forced", func(s call.Snapshot) bool { return s.Forced == netstack.SFU })
}

// Who waits is seen by the moderator, told so, and let in.
func TestLobby(t *testing.T) {
	owner, guests := realHost(t)
	anna := enter(t, owner, "Anna", 0)
	anna.Moderate(call.Order{Do: call.LobbyOn})
	becomes(t, anna, "lobby", func(s call.Snapshot) bool { return s.Lobby })
	waiting, joined := make(chan struct{}), make(chan error, 1)
	go func() {
		s, err := call.Join(t.Context(), call.Config{
			Invite: guests, Name: "Ben", CameraOff: true, Studio: newStudio(t, 1, 0), Logger: slog.New(slog.DiscardHandler),
			OnWaiting: func() { close(waiting) },
		})
		joined <- err
		if err == nil {
			s.Leave()
			for range s.Events() {
			}
		}
	}()
	<-waiting
	becomes(t, anna, "who waits", func(s call.Snapshot) bool { return len(s.Waiting) == 1 && s.Waiting[0].Name == "Ben" })
	anna.Moderate(call.Order{Do: call.Admit, Peer: anna.Snapshot().Waiting[0].ID})
	if err := <-joined; err != nil {
		t.Error(err)
	}
	becomes(t, anna, "let in", func(s call.Snapshot) bool { return len(s.Waiting) == 0 })
}

// The room's graph has the line between the two, as both measured it.
func TestGraph(t *testing.T) {
	t.Parallel()
	owner, guests := realHost(t)
	anna, ben := enter(t, owner, "Anna", 0), enter(t, guests, "Ben", 1)
	for _, s := range []*call.Session{anna, ben} {
		becomes(t, s, "graph", func(call.Snapshot) bool {
			return slices.ContainsFunc(s.Graph(), func(e call.Edge) bool {
				return e.To != netstack.HostID && e.Path == verdict.Direct && e.RTT.OK && e.There.Bitrate.OK && e.Back.Bitrate.OK
			})
		})
	}
}

// The host leaves and hands the room to Ben's program; Carla stays in a call
// with him, and neither has done anything.
func TestHostLeaves(t *testing.T) {
	t.Parallel()
	owner, guests := realHost(t)
	join := func(i invite.Invite, name string, member int, change func(*call.Config)) *call.Session {
		cfg := call.Config{
			Invite: i, Link: guests.String(), Name: name, CameraOff: true, Loopback: true,
			Studio: newStudio(t, member, 1-member), Logger: slog.New(slog.DiscardHandler),
		}
		change(&cfg)
		s, err := call.Join(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Leave(); s.Wait() })
		go func() {
			for range s.Events() {
			}
		}()
		return s
	}
	anna := join(owner, "Anna", 0, func(c *call.Config) { c.Hosted = true })
	var next *host.Host
	t.Cleanup(func() {
		if next != nil {
			_ = next.Close()
		}
	})
	ben := join(guests, "Ben", 1, func(c *call.Config) {
		c.TakeOver = func(_ context.Context, ask signal.TakeOver) (h call.Hosting, err error) {
			if next, err = host.Start(t.Context(), host.Config{Loopback: true, Port: host.AnyPort, Logger: slog.New(slog.DiscardHandler)}); err != nil {
				return h, err
			}
			if h.Guests, err = next.OpenRoom(ask.Room, host.RoomOptions{Secret: ask.Secret, Settings: ask.Settings}); err != nil {
				return h, err
			}
			h.Own, err = next.LocalInvite(ask.Room)
			return h, err
		}
	})
	carla := join(guests, "Carla", 0, func(*call.Config) {})
	becomes(t, anna, "all are here", func(s call.Snapshot) bool { return len(s.Others) == 2 && s.Others[0].CanHost })
	anna.Leave()
	anna.Wait()
	becomes(t, ben, "hosts", func(s call.Snapshot) bool {
		return s.Hosted && s.Self.Host && s.Invite != guests.String() && len(s.Others) == 1 && s.Others[0].Name == "Carla"
	})
	becomes(t, carla, "is with Ben", func(s call.Snapshot) bool {
		return !s.Hosted && s.Invite == ben.Snapshot().Invite && len(s.Others) == 1 && s.Others[0].Name == "Ben" && s.State == call.Connected
	})
}
