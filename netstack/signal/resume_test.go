package signal

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"candid/netstack"
)

// atOnce comes back without waiting.
func atOnce(int) time.Duration { return time.Millisecond }

// exchange sends count messages each way, as fast as they are taken, and fails
// unless each arrives once and in order.
func exchange(t *testing.T, a, b *Client, count int) {
	t.Helper()
	var wg sync.WaitGroup
	for _, pair := range [][2]*Client{{a, b}, {b, a}} {
		from, to := pair[0], pair[1]
		wg.Go(func() {
			for n := 1; n <= count; {
				err := from.Send(context.Background(), numbered(to.ID(), n))
				switch {
				case err == nil:
					n++
				case errors.Is(err, ErrQueueFull):
					time.Sleep(time.Millisecond)
				default:
					t.Error(err)
					return
				}
				if n%97 == 0 { // leave some for after the cut
					time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
				}
			}
		})
		wg.Go(func() {
			want := 1
			timeout := time.After(60 * time.Second)
			for want <= count {
				select {
				case e, open := <-to.Events():
					if !open {
						t.Error("events ended")
						return
					}
					switch e := e.(type) {
					case MessageReceived:
						if n := numberOf(e.Envelope); n != want || e.Envelope.From != from.ID() {
							t.Errorf("message %d from %s, want %d", n, e.Envelope.From, want)
							return
						}
						want++
					case Welcomed:
						if e.Again {
							t.Error("joined anew instead of resuming")
						}
					case MessageRefused:
						t.Errorf("refused: %+v", e)
						return
					case MemberLeft, RoomClosed:
						t.Errorf("%T%+v", e, e)
						return
					}
				case <-timeout:
					t.Errorf("message %d never came", want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestResumeLosesNothing(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	cuts := 0
	for range rounds {
		// The handshake takes about 3 kB; every connection is cut somewhere
		// after, but one in six.
		n := 0
		p := startProxy(t, h.listener.Addr().String(), func() int64 {
			if n++; n%6 == 0 {
				return 1 << 40
			}
			return 3000 + rand.Int64N(30000)
		})
		a := dialUntil(t, ClientConfig{Invite: h.invite(p.address()), Name: "Anna", Backoff: atOnce})
		b := dialUntil(t, ClientConfig{Invite: h.invite(p.address()), Name: "Ben", Backoff: atOnce})
		exchange(t, a, b, 150)
		p.mu.Lock()
		cuts += p.cuts
		p.mu.Unlock()
		_ = a.Close()
		_ = b.Close()
		if t.Failed() {
			return
		}
	}
	t.Logf("%d cuts, %d resumed, %d joined", cuts, h.Stats().Resumed, h.Stats().Joined)
	if cuts < 2*rounds || h.Stats().Resumed < uint64(rounds) {
		t.Errorf("only %d cuts and %d resumed sessions: the test tests too little", cuts, h.Stats().Resumed)
	}
}

// dialUntil dials until no cut comes in between.
func dialUntil(t *testing.T, cfg ClientConfig) *Client {
	t.Helper()
	for range 20 {
		if c, err := tryDial(cfg); err == nil {
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
	}
	t.Fatal("could not join in 20 tries")
	return nil
}

func TestCutConnectionIsSeenAndComesBack(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	p := startProxy(t, h.listener.Addr().String(), nil)
	pass := make(chan struct{}, 1)
	pass <- struct{}{}
	anna := dial(t, ClientConfig{Invite: h.invite()})
	ben := dial(t, ClientConfig{
		Invite: h.invite(p.address()), Name: "Ben", Backoff: atOnce,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			select {
			case <-pass:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	})
	next[MemberJoined](t, anna) // else she may be told of him at once as one who is away
	p.cut()
	nextWhere(t, anna, func(e MemberChanged) bool { return e.Member.ID == ben.ID() && !e.Member.Connected })
	if e := next[ConnectionLost](t, ben); e.Err == nil {
		t.Error("lost without a reason")
	}
	_ = anna.Send(context.Background(), numbered(ben.ID(), 1)) // while away
	_ = ben.SetState(State{Muted: true})
	pass <- struct{}{}
	if e := next[ConnectionRestored](t, ben); e.Address != p.address() {
		t.Errorf("restored through %s", e.Address)
	}
	if n := numberOf(next[MessageReceived](t, ben).Envelope); n != 1 {
		t.Errorf("got message %d", n)
	}
	nextWhere(t, anna, func(e MemberChanged) bool { return e.Member.Connected })
	nextWhere(t, anna, func(e MemberChanged) bool { return e.Member.State.Muted })
}

func TestRow46HostRestartKeepsIdentities(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	address := h.listener.Addr().String()
	a := dial(t, ClientConfig{Invite: h.invite(), Name: "Anna", Backoff: func(int) time.Duration { return 20 * time.Millisecond }})
	b := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben", Backoff: func(int) time.Duration { return 200 * time.Millisecond }})
	next[MemberJoined](t, a)
	exchange(t, a, b, 20)
	before := a.ID()
	h.crash()
	next[ConnectionLost](t, a)
	for n := 1; n <= 5; n++ { // while the host is away
		if err := a.Send(context.Background(), numbered(b.ID(), n)); err != nil {
			t.Fatal(err)
		}
	}
	id := h.id
	h2 := startHost(t, ServerConfig{}, &id, address)
	w := next[Welcomed](t, a)
	if !w.Again || w.ID != before || len(w.Members) != 2 {
		t.Fatalf("welcome: %+v", w)
	}
	if err := a.Send(context.Background(), numbered(b.ID(), 6)); err != nil { // perhaps before Ben is back
		t.Fatal(err)
	}
	for n := 1; n <= 6; n++ {
		if got := numberOf(next[MessageReceived](t, b).Envelope); got != n {
			t.Fatalf("message %d, want %d", got, n)
		}
	}
	for len(h2.Members(aRoom)) < 2 {
		time.Sleep(time.Millisecond)
	}
	_ = b.Chat("all here")
	for { // nobody was said to have left
		switch e := next[Event](t, a).(type) {
		case MemberLeft, MemberJoined:
			t.Fatalf("%T%+v", e, e)
		case ChatReceived:
			return
		}
	}
}

func TestRow12ReplayedResumeIsRefused(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := dial(t, ClientConfig{Invite: h.invite(), Backoff: atOnce})
	c.mu.Lock()
	old := *c.resumeLocked()
	sock := c.sock
	c.mu.Unlock()
	sock.cut()
	next[ConnectionRestored](t, c)
	for name, b := range map[string]resumeBody{
		"same again":  old,
		"wrong token": {Version: Version, Room: aRoom, ID: old.ID, Token: "guess", Attempt: 99},
		"no such":     {Version: Version, Room: aRoom, ID: "nobody", Token: old.Token, Attempt: 99},
		"other room":  {Version: Version, Room: "badger", ID: old.ID, Token: old.Token, Attempt: 99},
	} {
		s, _, err := c.open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := ask(s, TypeResume, b, TypeResumed, &resumedBody{}, nil); !errors.Is(err, errGone) {
			t.Errorf("%s: got %v", name, err)
		}
		s.cut()
	}
	if err := c.Chat("unmoved"); err != nil {
		t.Fatal(err)
	}
	next[ChatReceived](t, c)
	if n := h.Stats().Resumed; n != 1 {
		t.Errorf("%d resumed", n)
	}
}

func TestSendAfterClose(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := dial(t, ClientConfig{Invite: h.invite()})
	_ = c.Close()
	_ = c.Close()
	if err := c.Send(context.Background(), numbered("someone", 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	var s netstack.Signaler = c
	if err := s.Send(context.Background(), netstack.Envelope{Type: "no such", To: "x"}); err == nil || errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}
