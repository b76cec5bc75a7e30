package signal

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"

	"candid/netstack/identity"
)

// The tests here run in virtual time.

// virtual is a host and its network in a bubble.
type virtual struct {
	*testHost
	net *memListener

	mu    sync.Mutex
	conns []*memConn      // of clients, in order of dialing
	down  map[string]bool // who cannot dial
}

func inVirtualTime(t *testing.T, cfg ServerConfig, fn func(t *testing.T, v *virtual)) {
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newMemListener()
		fn(t, &virtual{testHost: serveOn(t, cfg, id, l), net: l, down: make(map[string]bool)})
	})
}

func (v *virtual) client(t *testing.T, name string) *Client {
	t.Helper()
	c := dial(t, ClientConfig{Invite: v.invite(), Name: name, DialContext: v.dialAs(name)})
	next[Welcomed](t, c)
	return c
}

func (v *virtual) dialAs(name string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		v.mu.Lock()
		down, l := v.down[name], v.net
		v.mu.Unlock()
		if down {
			return nil, errors.New("network is down")
		}
		c, err := l.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		v.mu.Lock()
		v.conns = append(v.conns, c.(*memConn))
		v.mu.Unlock()
		return c, nil
	}
}

func (v *virtual) setDown(name string, down bool) {
	v.mu.Lock()
	v.down[name] = down
	v.mu.Unlock()
}

// since is how long ago t was, to 10 ms: locks may take a moment even here.
func since(t time.Time) time.Duration { return time.Since(t).Round(10 * time.Millisecond) }

func TestFrozenMemberIsSeenWithinFiveSeconds(t *testing.T) {
	inVirtualTime(t, ServerConfig{}, func(t *testing.T, v *virtual) {
		anna := v.client(t, "Anna")
		ben := v.client(t, "Ben")
		next[MemberJoined](t, anna)
		time.Sleep(time.Hour) // nothing happens in an hour
		if s := v.Stats(); s.Members != 2 || s.Resumed != 0 || s.Cut != 0 {
			t.Fatalf("after an hour: %+v", s)
		}
		frozen := time.Now()
		v.conns[1].silence()
		v.setDown("Ben", true)
		e := next[MemberChanged](t, anna)
		if e.Member.ID != ben.ID() || e.Member.Connected || since(frozen) > 5*time.Second {
			t.Errorf("after %v: %+v", since(frozen), e)
		}
		l := next[MemberLeft](t, anna)
		if l.Why != LeftLost || since(frozen) < resumeTime || since(frozen) > resumeTime+cutAfter+2*time.Second {
			t.Errorf("after %v: %+v", since(frozen), l)
		}
	})
}

func TestSilentHostIsNoticed(t *testing.T) {
	inVirtualTime(t, ServerConfig{}, func(t *testing.T, v *virtual) {
		c := v.client(t, "Anna")
		time.Sleep(10 * time.Second)
		quietSince := time.Now()
		half := v.conns[0].in // what the host sends
		half.mu.Lock()
		half.dead = true
		half.mu.Unlock()
		e := next[ConnectionLost](t, c)
		if !errors.Is(e.Err, ErrSilent) || since(quietSince) > silentAfter+time.Second {
			t.Errorf("after %v: %v", since(quietSince), e.Err)
		}
		if e := next[ConnectionRestored](t, c); e.After > time.Second {
			t.Errorf("restored after %v", e.After)
		}
		if s := v.Stats(); s.Resumed != 1 || s.Joined != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestRow45SignalingDownForAMinute(t *testing.T) {
	inVirtualTime(t, ServerConfig{}, func(t *testing.T, v *virtual) {
		anna, ben := v.client(t, "Anna"), v.client(t, "Ben")
		next[MemberJoined](t, anna)
		v.setDown("Ben", true)
		_ = v.conns[1].Close()
		nextWhere(t, anna, func(e MemberChanged) bool { return !e.Member.Connected })
		next[ConnectionLost](t, ben)
		for n := 1; n <= 100; n++ {
			_ = anna.Send(context.Background(), numbered(ben.ID(), n))
			_ = ben.Send(context.Background(), numbered(anna.ID(), n))
		}
		began := time.Now()
		tries := 0
		for since(began) < 50*time.Second {
			if e := next[RetryFailed](t, ben); e.Next > 7*time.Second {
				t.Errorf("waits %v", e.Next)
			}
			tries++
		}
		if tries > 50 || tries < 7 {
			t.Errorf("%d tries in 50 s", tries)
		}
		v.setDown("Ben", false)
		ben.Wake()
		up := time.Now()
		next[ConnectionRestored](t, ben)
		for n := 1; n <= 100; n++ {
			if a, b := numberOf(next[MessageReceived](t, anna).Envelope), numberOf(next[MessageReceived](t, ben).Envelope); a != n || b != n {
				t.Fatalf("message %d and %d, want %d", a, b, n)
			}
		}
		if since(up) > 2*time.Second {
			t.Errorf("took %v", since(up))
		}
	})
}

func TestAwayForTooLongJoinsAnew(t *testing.T) {
	inVirtualTime(t, ServerConfig{}, func(t *testing.T, v *virtual) {
		anna, ben := v.client(t, "Anna"), v.client(t, "Ben")
		next[MemberJoined](t, anna)
		id := ben.ID()
		v.setDown("Ben", true)
		_ = v.conns[1].Close()
		lost := time.Now()
		if e := next[MemberLeft](t, anna); e.Why != LeftLost || since(lost) < resumeTime {
			t.Errorf("after %v: %+v", since(lost), e)
		}
		v.setDown("Ben", false)
		if w := next[Welcomed](t, ben); !w.Again || w.ID != id || len(w.Members) != 2 {
			t.Errorf("got %+v", w)
		}
		if e := next[MemberJoined](t, anna); e.Member.ID != id {
			t.Errorf("got %+v", e)
		}
	})
}

func TestWhoDoesNotComeBackAfterARestartIsGivenUp(t *testing.T) {
	inVirtualTime(t, ServerConfig{}, func(t *testing.T, v *virtual) {
		anna, ben := v.client(t, "Anna"), v.client(t, "Ben")
		next[MemberJoined](t, anna)
		v.setDown("Ben", true)
		v.crash()
		l := newMemListener()
		v.mu.Lock()
		v.net = l
		v.mu.Unlock()
		serveOn(t, ServerConfig{}, v.id, l)
		w := next[Welcomed](t, anna)
		back := time.Now()
		if !w.Again || len(w.Members) != 2 || w.Members[1].Connected {
			t.Fatalf("welcome %+v", w)
		}
		if e := next[MemberLeft](t, anna); e.Member.ID != ben.ID() || e.Why != LeftLost || since(back) != ghostTime {
			t.Errorf("after %v: %+v", since(back), e)
		}
		if err := anna.Send(context.Background(), numbered(ben.ID(), 1)); err != nil {
			t.Fatal(err)
		}
		next[MessageRefused](t, anna)
	})
}

func TestRow17CredentialsAreRenewedInTime(t *testing.T) {
	issued := 0
	cfg := ServerConfig{ICEServers: func(Visitor) ([]webrtc.ICEServer, time.Duration) {
		issued++
		return []webrtc.ICEServer{{URLs: []string{"turn:192.0.2.1"}, Username: string(rune('0' + issued)), Credential: "x"}}, time.Hour
	}}
	inVirtualTime(t, cfg, func(t *testing.T, v *virtual) {
		c := v.client(t, "Anna")
		last := time.Now()
		for n := '2'; n < '6'; n++ {
			e := next[ServersChanged](t, c)
			if e.Servers[0].Username != string(n) || since(last) >= time.Hour {
				t.Errorf("after %v: %+v", since(last), e)
			}
			last = time.Now()
		}
		if c.Servers()[0].Username != "5" {
			t.Errorf("has %+v", c.Servers())
		}
	})
}

func TestStrangersAreNotWaitedFor(t *testing.T) {
	inVirtualTime(t, ServerConfig{}, func(t *testing.T, v *virtual) {
		c, err := v.net.dial(context.Background(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		_ = c
		began := time.Now()
		s, _, err := (&Client{cfg: ClientConfig{DialContext: v.dialAs("")}, view: view{invite: v.invite()}}).open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.read(); err == nil || since(began) > firstTimeout+time.Second {
			t.Errorf("after %v: %v", since(began), err)
		}
		s.cut()
		_ = c.Close()
		synctest.Wait()
		if n := v.Stats().Sockets; n != 0 {
			t.Errorf("%d sockets", n)
		}
	})
}

func TestRow02MessageInDribsAndDrabsIsCut(t *testing.T) {
	inVirtualTime(t, ServerConfig{}, func(t *testing.T, v *virtual) {
		c := v.client(t, "Anna")
		c.mu.Lock()
		ws := c.sock.ws
		c.mu.Unlock()
		w, err := ws.NextWriter(textMessage)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for since(began) < time.Minute { // fragments; between them the client answers pings
			if _, err := w.Write(make([]byte, 5000)); err != nil {
				break
			}
			_ = ws.SetWriteDeadline(time.Time{})
			time.Sleep(2 * time.Second)
			if v.Stats().Sockets == 0 {
				break
			}
		}
		if since(began) > messageTimeout+3*time.Second {
			t.Errorf("took it for %v", since(began))
		}
	})
}

func TestPauseDoubles(t *testing.T) {
	var f failures
	from := sourceOf(netipAddr("192.0.2.1"))
	now := time.Unix(0, 0)
	var waits []time.Duration
	for range 6 {
		for range maxFailures {
			f.add(from, now)
		}
		w := f.wait(from, now)
		waits = append(waits, w)
		now = now.Add(w)
	}
	want := []time.Duration{1, 2, 4, 8, 15, 15}
	for i := range want {
		if waits[i] != want[i]*time.Minute {
			t.Errorf("pause %d is %v", i, waits[i])
		}
	}
	if f.wait(sourceOf(netipAddr("192.0.2.2")), now) != 0 {
		t.Error("another address must wait")
	}
}
