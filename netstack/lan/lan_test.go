package lan

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"candid/netstack/invite"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ether is a network in memory: what one sends, all others get.
type ether struct {
	mu    sync.Mutex
	ports []*port
	sent  int
}

type port struct {
	net  *ether
	at   netip.AddrPort
	in   chan packet
	done chan struct{}
	once sync.Once
}

func (e *ether) plug(at string) *port {
	p := &port{net: e, at: netip.MustParseAddrPort(at), in: make(chan packet, 4096), done: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ports = append(e.ports, p)
	return p
}

func (p *port) read(b []byte) (int, netip.AddrPort, error) {
	select {
	case k := <-p.in:
		return copy(b, k.data), netip.AddrPortFrom(k.from, mdnsPort), nil
	case <-p.done:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (p *port) send(b []byte) error {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	p.net.sent++
	for _, o := range p.net.ports {
		select {
		case o.in <- packet{slices.Clone(b), p.at.Addr()}:
		default:
		}
	}
	return nil
}

func (p *port) close() error { p.once.Do(func() { close(p.done) }); return nil }

func (e *ether) config(at string, addresses ...string) Config {
	return Config{
		Logger: slog.New(slog.DiscardHandler),
		open:   func() ([]conn, error) { return []conn{e.plug(at)}, nil },
		Addresses: func() (out []netip.Addr) {
			for _, a := range addresses {
				out = append(out, netip.MustParseAddr(a))
			}
			return out
		},
	}
}

func (e *ether) announce(t *testing.T, at string, rooms ...Room) *Announcer {
	t.Helper()
	a, err := Announce(e.config(at+":5353", at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if err := a.SetRooms(rooms...); err != nil {
		t.Fatal(err)
	}
	return a
}

func (e *ether) browse(t *testing.T) *Browser {
	t.Helper()
	b, err := Browse(e.config("192.168.1.99:5353"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// events are those there are when nothing more happens for a while.
func events(b *Browser, after time.Duration) (out []string) {
	time.Sleep(after)
	synctest.Wait()
	for {
		select {
		case e := <-b.Events():
			switch e := e.(type) {
			case Found:
				out = append(out, fmt.Sprintf("found %s %x at %v:%d", e.Room.Name, e.Room.Pin[0], e.Room.Addresses, e.Room.Port))
			case Gone:
				out = append(out, fmt.Sprintf("gone %s %x", e.Name, e.Pin[0]))
			}
			synctest.Wait()
		default:
			slices.Sort(out)
			return out
		}
	}
}

func want(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", when, got, want)
	}
}

var otterA, otterB = Room{Name: "otter", Pin: invite.Pin{0xA}, Port: 7788}, Room{Name: "otter", Pin: invite.Pin{0xB}, Port: 7790}

// Rooms come and go, and those of one name are told apart.
func TestRow42Browse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		a := e.announce(t, "192.168.1.1", otterA)
		b := e.browse(t)
		want(t, "at first", events(b, 3*time.Second), "found otter a at [192.168.1.1]:7788")
		second := e.announce(t, "192.168.1.2", otterB)
		want(t, "another host, the same name", events(b, 3*time.Second), "found otter b at [192.168.1.2]:7790")
		if err := a.SetRooms(otterA, Room{Name: "dot. and Ünïcode", Pin: otterA.Pin, Port: 7788}); err != nil {
			t.Fatal(err)
		}
		want(t, "one more room", events(b, 3*time.Second), "found dot. and Ünïcode a at [192.168.1.1]:7788")
		if err := a.SetRooms(Room{Name: "otter", Pin: otterA.Pin, Port: 9}); err != nil {
			t.Fatal(err)
		}
		want(t, "one less, and another port", events(b, 5*time.Second), "found otter a at [192.168.1.1]:9", "gone dot. and Ünïcode a")
		want(t, "ten minutes later", events(b, 10*time.Minute))
		_ = second.Close()
		want(t, "a goodbye", events(b, 3*time.Second), "gone otter b")
	})
}

// A host that vanishes without a word is gone when its records are old.
func TestVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		a := e.announce(t, "192.168.1.1", otterA)
		b := e.browse(t)
		want(t, "at first", events(b, 3*time.Second), "found otter a at [192.168.1.1]:7788")
		e.mu.Lock()
		e.ports = slices.DeleteFunc(e.ports, func(p *port) bool { return p == a.conns[0] }) // its questions do not arrive
		e.mu.Unlock()
		want(t, "after its time", events(b, ttl+2*time.Second), "gone otter a")
	})
}

// However much is asked, answers are one a second.
func TestAnswersAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		e.announce(t, "192.168.1.1", otterA)
		time.Sleep(5 * time.Second)
		q, err := question()
		if err != nil {
			t.Fatal(err)
		}
		asker := e.plug("192.168.1.50:5353")
		before := e.sent
		for range 1000 {
			_ = asker.send(q)
			time.Sleep(10 * time.Millisecond)
		}
		if n := e.sent - before - 1000; n < 5 || n > 12 {
			t.Errorf("%d answers in 10 s", n)
		}
	})
}

// A flood costs neither memory nor the rooms of others.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		e.announce(t, "192.168.1.1", otterA)
		b := e.browse(t)
		want(t, "at first", events(b, 3*time.Second), "found otter a at [192.168.1.1]:7788")
		flood := func(at string, n int) {
			p := e.plug(at)
			for i := range n {
				m, err := announcement(Room{Name: fmt.Sprint("spam ", at, i), Pin: invite.Pin{0xF}, Port: 1}, []netip.Addr{p.at.Addr()}, ttl)
				if err != nil {
					t.Fatal(err)
				}
				_ = p.send(m)
				time.Sleep(20 * time.Millisecond)
			}
		}
		flood("192.168.1.66:5353", 200)
		if n := len(events(b, time.Second)); n != maxPerSource {
			t.Errorf("%d rooms of one machine", n)
		}
		for i := range 10 {
			flood(fmt.Sprintf("192.168.1.%d:5353", 70+i), 20)
		}
		if n := len(events(b, time.Second)); n != maxRooms-1-maxPerSource {
			t.Errorf("%d rooms more", n)
		}
		want(t, "when it is over", slices.DeleteFunc(events(b, 5*time.Minute), func(s string) bool { return strings.HasPrefix(s, "gone spam") }))
	})
}

// One who says goodbye and hello by turns is not told of each time.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		b := e.browse(t)
		p := e.plug("192.168.1.66:5353")
		for i := range 500 {
			life := ttl
			if i%2 == 0 {
				life = 0
			}
			r := otterA
			r.Port = uint16(i + 1)
			m, err := announcement(r, []netip.Addr{p.at.Addr()}, life)
			if err != nil {
				t.Fatal(err)
			}
			_ = p.send(m)
			time.Sleep(20 * time.Millisecond)
		}
		if n := len(events(b, time.Second)); n > 25 {
			t.Errorf("%d events in 10 s", n)
		}
	})
}

func TestBadRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := (&ether{}).announce(t, "192.168.1.1")
		for _, r := range []Room{{Name: "", Port: 1}, {Name: "a/b", Port: 1}, {Name: "otter"}} {
			if a.SetRooms(r) == nil {
				t.Errorf("%+v was taken", r)
			}
		}
		if a.SetRooms(make([]Room, maxAnnounced+1)...) == nil {
			t.Error("too many were taken")
		}
	})
}
