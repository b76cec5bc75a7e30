package call_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/peer"
	"candid/netstack/rehearsal"
	"candid/netstack/signal"
	"candid/netstack/verdict"
)

func rehearse(t *testing.T, i invite.Invite) (rehearsal.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	return rehearsal.Run(ctx, rehearsal.Config{Invite: i, Peer: peer.Config{Loopback: true, Logger: slog.New(slog.DiscardHandler)}})
}

// TestRehearsal: who has an invite finds out which way a call with each member
// would take; a member that hides shows nothing but the relay; and nobody in the
// room is told.
func TestRehearsal(t *testing.T) {
	owner, guests := realHost(t)
	anna, ben := enter(t, owner, "Anna", 0), tapping(t, guests, "Ben")
	becomes(t, anna, "company", func(s call.Snapshot) bool {
		return len(s.Others) == 1 && s.State == call.Connected && len(anna.Lines()) == 1
	})
	ben.SetPrivacy(call.RelayOnly)
	becomes(t, ben.Session, "a plan for who hides", func(s call.Snapshot) bool {
		return s.Privacy == call.RelayOnly && strings.Contains(s.Plan.Why, "relay")
	})
	ben.forget()
	found, err := rehearse(t, guests)
	if err != nil || len(found.Lines) != 2 || found.Room != netstack.P2P {
		t.Fatalf("%+v %v", found, err)
	}
	for i, want := range []verdict.Path{verdict.Direct, verdict.Relayed} {
		l := found.Lines[i]
		_, _, _, selected := l.Link.SelectedPair()
		if l.Verdict.Path != want || !selected || !l.Link.RTT.OK || l.Name != []string{"Anna", "Ben"}[i] {
			t.Errorf("%s goes %s, not %s: %+v", l.Name, l.Verdict.Path, want, l.Link)
		}
	}
	for _, c := range found.Lines[1].Link.Remote {
		if typ := c.Type.String(); typ != "relay" && typ != "prflx" {
			t.Errorf("Ben hides, and shows %s %s", typ, c.Address)
		}
	}
	t.Log(found.Sentence())
	for _, e := range ben.facts() {
		switch e := e.(type) {
		case call.Net:
			if x, ok := e.Event.(netstack.LinkChanged); ok && signal.Rehearses(x.Peer) {
				t.Errorf("Ben is told %+v", e)
			}
		case call.MemberJoined, call.MemberLeft, call.Noticed, call.RoomChanged, call.PlanChanged:
			t.Errorf("Ben is told %+v", e)
		}
	}
	if s := anna.Snapshot(); len(s.Others) != 1 || len(s.Waiting) != 0 || len(anna.Lines()) != 1 {
		t.Errorf("Anna sees %+v", s)
	}
}

// tapped is a session whose events are kept.
type tapped struct {
	*call.Session
	events chan call.Event
}

func tapping(t *testing.T, i invite.Invite, name string) *tapped {
	t.Helper()
	s, err := call.Join(t.Context(), call.Config{
		Invite: i, Name: name, CameraOff: true, Loopback: true, Studio: newStudio(t, 1, 0), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	tap := &tapped{s, make(chan call.Event, 10000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range s.Events() {
			tap.events <- e
		}
	}()
	t.Cleanup(func() { s.Leave(); s.Wait(); <-done })
	return tap
}

// forget drops the events of all that has happened: what is said now comes after
// them.
func (s *tapped) forget() {
	s.Chat("from now on")
	for {
		if c, ok := (<-s.events).(call.ChatReceived); ok && c.Line.Mine {
			return
		}
	}
}

// facts are the events since the last time.
func (s *tapped) facts() (out []call.Event) {
	for {
		select {
		case e := <-s.events:
			out = append(out, e)
		default:
			return out
		}
	}
}

// TestRehearsalRefused: with a wrong secret nobody gets in, and where newcomers
// wait to be let in, nobody rehearses. An empty room says so.
func TestRehearsalRefused(t *testing.T) {
	owner, guests := realHost(t)
	wrong := guests
	wrong.Secret = invite.NewSecret()
	if _, err := rehearse(t, wrong); !errors.Is(err, signal.ErrWrongSecret) {
		t.Errorf("with a wrong secret: %v", err)
	}
	found, err := rehearse(t, guests)
	if err != nil || len(found.Lines) != 0 || found.Sentence() != "Nobody is in the room now, so only the way to the host could be tried." {
		t.Errorf("an empty room: %+v %v", found, err)
	}
	anna := enter(t, owner, "Anna", 0)
	anna.Moderate(call.Order{Do: call.LobbyOn})
	becomes(t, anna, "a lobby", func(s call.Snapshot) bool { return s.Lobby })
	if _, err := rehearse(t, guests); !errors.Is(err, signal.ErrDenied) || !rehearsal.Refused(err) {
		t.Errorf("past the lobby: %v", err)
	}
	if s := anna.Snapshot(); len(s.Waiting) != 0 {
		t.Errorf("Anna is told of %+v", s.Waiting)
	}
}
