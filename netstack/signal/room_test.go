package signal

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"candid/netstack"
)

func TestTheHostHears(t *testing.T) {
	var mu sync.Mutex
	var joined []Visitor
	var left []Reason
	var addrs []netip.AddrPort
	messages := make(chan netstack.Envelope, 1)
	h := startHost(t, ServerConfig{
		OnJoin:      func(v Visitor) { mu.Lock(); joined = append(joined, v); mu.Unlock() },
		OnLeave:     func(_ Visitor, r Reason) { mu.Lock(); left = append(left, r); mu.Unlock() },
		OnCandidate: func(_ string, _ netstack.PeerID, a netip.AddrPort) { mu.Lock(); addrs = append(addrs, a); mu.Unlock() },
		OnMessage:   func(_ string, e netstack.Envelope) { messages <- e },
		ICEServers: func(v Visitor) ([]webrtc.ICEServer, time.Duration) {
			return []webrtc.ICEServer{{URLs: []string{"turn:" + v.Host}, Username: string(v.ID), Credential: "x"}}, 0
		},
	}, nil, "127.0.0.1:0")
	c := dial(t, ClientConfig{Invite: h.invite()})
	other := dial(t, ClientConfig{Invite: h.invite()})
	w := next[Welcomed](t, c)
	if len(w.Servers) != 1 || w.Servers[0].Username != string(c.ID()) || w.Servers[0].URLs[0] != "turn:"+h.listener.Addr().String() {
		t.Errorf("servers: %+v", w.Servers)
	}
	sdp := "v=0\\r\\nm=audio 9 UDP/TLS/RTP/SAVPF 111\\r\\na=candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host\\r\\na=candidate:2 1 udp 1 2001:db8::7 5000 typ host\\r\\n"
	send := func(to netstack.PeerID, typ, body string) {
		t.Helper()
		if err := c.Send(context.Background(), netstack.Envelope{Type: typ, To: to, Body: json.RawMessage(body)}); err != nil {
			t.Fatal(err)
		}
	}
	send(other.ID(), TypeDescription, `{"type":"offer","sdp":"`+sdp+`"}`)
	send(other.ID(), TypeCandidate, `{"candidate":"candidate:3 1 udp 5 ::ffff:203.0.113.9 5000 typ srflx raddr 0.0.0.0 rport 0","sdpMid":"0"}`)
	send(other.ID(), TypeCandidate, `{"candidate":"candidate:4 1 udp 5 4b5e1b5c-0000-4000-8000-1b5c4b5e1b5c.local 5000 typ host"}`)
	send(netstack.HostID, "x-probe", `{"a":1}`)
	if e := <-messages; e.From != c.ID() || e.Type != "x-probe" {
		t.Errorf("host got %+v", e)
	}
	if err := h.Send(aRoom, netstack.Envelope{Type: "x-answer", To: c.ID()}); err != nil {
		t.Fatal(err)
	}
	if m := next[MessageReceived](t, c); m.Envelope.From != netstack.HostID || m.Envelope.Type != "x-answer" {
		t.Errorf("got %+v", m)
	}
	_ = c.Close()
	next[MemberLeft](t, other)
	mu.Lock()
	defer mu.Unlock()
	want := []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.7:5000"), netip.MustParseAddrPort("[2001:db8::7]:5000"), netip.MustParseAddrPort("203.0.113.9:5000"),
	}
	if !slices.Equal(addrs, want) {
		t.Errorf("candidates %v, want %v", addrs, want)
	}
	if len(joined) != 2 || joined[0].Remote != netip.MustParseAddr("127.0.0.1") || !slices.Equal(left, []Reason{LeftItself}) {
		t.Errorf("joined %+v, left %v", joined, left)
	}
}

func TestPlannerDecides(t *testing.T) {
	why := "because of the test"
	var mu sync.Mutex
	topology := netstack.P2P
	h := startHost(t, ServerConfig{Planner: func(in PlanInput) Plan {
		mu.Lock()
		defer mu.Unlock()
		p := Plan{Why: why, Paths: map[netstack.PeerID]Hop{}}
		for _, m := range in.Members {
			p.Paths[m.ID] = Hop{Topology: topology, Why: "own"}
		}
		return p
	}}, nil, "127.0.0.1:0")
	c := dial(t, ClientConfig{Invite: h.invite()})
	first := next[Welcomed](t, c).Plan
	if first.Why != why || first.For(c.ID()) != netstack.P2P || first.Revision == 0 {
		t.Errorf("plan %+v", first)
	}
	_ = h.Replan(aRoom) // the same: not sent
	mu.Lock()
	topology = netstack.SFU
	mu.Unlock()
	_ = h.Replan(aRoom)
	if p := next[PlanChanged](t, c).Plan; p.For(c.ID()) != netstack.SFU || p.Revision != first.Revision+1 {
		t.Errorf("plan %+v after %+v", p, first)
	}
}

func TestOwnersSecret(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	if err := errors.Join(h.RemoveRoom(aRoom, ""), h.AddRoom(aRoom, RoomOptions{Secret: aSecret, OwnerSecret: "the-secret-of-the-owner"})); err != nil {
		t.Fatal(err)
	}
	in := h.invite()
	in.Secret = "the-secret-of-the-owner"
	owner := dial(t, ClientConfig{Invite: in})
	guest := dial(t, ClientConfig{Invite: h.invite()})
	for _, m := range next[Welcomed](t, guest).Members {
		if (m.Role == Owner) != (m.ID == owner.ID()) {
			t.Errorf("%s is %q", m.ID, m.Role)
		}
	}
}

func TestRow12RemovedForGood(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	anna, ben := dial(t, ClientConfig{Invite: h.invite()}), dial(t, ClientConfig{Invite: h.invite()})
	if err := h.RemoveMember(aRoom, ben.ID(), "behave"); err != nil {
		t.Fatal(err)
	}
	if e := next[RoomClosed](t, ben); !errors.Is(e.Err, ErrRemoved) || e.Why != "behave" {
		t.Errorf("got %+v", e)
	}
	if _, open := <-ben.Events(); open {
		t.Error("events go on after the end")
	}
	if e := next[MemberLeft](t, anna); e.Why != LeftRemoved {
		t.Errorf("got %+v", e)
	}
	if err := ben.Chat("hello?"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestRoomClosed(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := dial(t, ClientConfig{Invite: h.invite()})
	if err := h.RemoveRoom(aRoom, "we are done"); err != nil {
		t.Fatal(err)
	}
	if e := next[RoomClosed](t, c); !errors.Is(e.Err, ErrHostGone) || e.Why != "we are done" {
		t.Errorf("got %+v", e)
	}
	if _, err := tryDial(ClientConfig{Invite: h.invite()}); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("got %v", err)
	}
}

func TestTwoServersInOneProcess(t *testing.T) {
	a, b := startHost(t, ServerConfig{}, nil, "127.0.0.1:0"), startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	inA, inB := dial(t, ClientConfig{Invite: a.invite()}), dial(t, ClientConfig{Invite: b.invite()})
	if n := len(next[Welcomed](t, inA).Members) + len(next[Welcomed](t, inB).Members); n != 2 {
		t.Errorf("%d members seen", n)
	}
	_ = a.Close()
	next[RoomClosed](t, inA)
	if err := inB.Chat("unmoved"); err != nil {
		t.Fatal(err)
	}
	next[ChatReceived](t, inB)
}

// joinMany joins so many clients, four at a time; some change their state.
func joinMany(t *testing.T, h *testHost, count int) []*Client {
	t.Helper()
	clients := make([]*Client, count)
	var wg sync.WaitGroup
	for part := range 4 {
		wg.Go(func() {
			for i := part; i < len(clients); i += 4 {
				c, err := tryDial(ClientConfig{Invite: h.invite(), Name: "Member"})
				if err != nil {
					t.Error(err)
					return
				}
				clients[i] = c
				if i%3 == 0 {
					_ = c.SetState(State{Muted: true})
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return clients
}

func TestHundredMembersAgree(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	clients := joinMany(t, h, 100)
	var wg sync.WaitGroup
	for i, c := range clients { // a third leaves, ten crash
		if i%3 == 1 {
			wg.Go(func() { _ = c.Close() })
		} else if i%10 == 0 {
			c.mu.Lock()
			c.sock.cut() // and comes back
			c.mu.Unlock()
		}
	}
	wg.Wait()
	_ = clients[0].Chat("now count")
	for i, c := range clients {
		if i%3 == 1 {
			continue
		}
		nextWhere(t, c, func(e Event) bool {
			if l, ok := e.(MemberLeft); ok && l.Why != LeftItself {
				t.Errorf("left: %+v", l)
			}
			m, ok := e.(ChatReceived)
			return ok && m.Text == "now count"
		})
	}
	want := h.Members(aRoom)
	names := make(map[string]bool)
	for _, m := range want {
		names[m.Name] = true
	}
	if len(want) != 67 || len(names) != 67 {
		t.Errorf("%d members with %d names", len(want), len(names))
	}
	for i, c := range clients {
		if i%3 == 1 {
			continue
		}
		got := c.Members()
		if !slices.EqualFunc(got, want, func(a, b Member) bool {
			return a.ID == b.ID && a.Name == b.Name && a.State == b.State
		}) {
			t.Errorf("client %d sees %d members, others than the %d of the host", i, len(got), len(want))
		}
	}
	for _, c := range clients {
		wg.Go(func() { _ = c.Close() })
	}
	wg.Wait()
}
