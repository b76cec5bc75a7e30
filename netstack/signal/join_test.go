package signal

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/netstack"
)

func TestTwoMeetAndTalk(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	anna := dial(t, ClientConfig{Invite: h.invite(), Name: "Anna", State: State{Muted: true}})
	w := next[Welcomed](t, anna)
	if w.ID != anna.ID() || len(w.Members) != 1 || w.Members[0].Name != "Anna" || !w.Members[0].State.Muted {
		t.Fatalf("welcome: %+v", w)
	}
	ben := dial(t, ClientConfig{Invite: h.invite(), Name: "Ben"})
	wb := next[Welcomed](t, ben)
	if len(wb.Members) != 2 || wb.Members[0].ID != anna.ID() || wb.Plan.For(ben.ID()) != netstack.P2P || wb.Plan.Why == "" {
		t.Fatalf("welcome: %+v", wb)
	}
	if j := next[MemberJoined](t, anna); j.Member.ID != ben.ID() || j.Member.Name != "Ben" || !j.Member.Connected {
		t.Errorf("joined: %+v", j)
	}
	if p := next[PlanChanged](t, anna); p.Plan.Revision != wb.Plan.Revision {
		t.Errorf("plan %d, welcome's is %d", p.Plan.Revision, wb.Plan.Revision)
	}
	e := netstack.Envelope{
		Type: TypeDescription, From: "forged", To: ben.ID(), Path: netstack.P2P,
		Body: json.RawMessage(`{"type":"offer","sdp":"v=0\r\n"}`),
	}
	if err := anna.Send(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	got := next[MessageReceived](t, ben).Envelope
	if got.From != anna.ID() || got.To != ben.ID() || got.Path != netstack.P2P || string(got.Body) != string(e.Body) {
		t.Errorf("received %+v", got)
	}
	if err := ben.SetState(State{HandRaised: true}); err != nil {
		t.Fatal(err)
	}
	if m := next[MemberChanged](t, anna); !m.Member.State.HandRaised || m.Before.State.HandRaised {
		t.Errorf("changed: %+v", m)
	}
	if err := ben.Chat("hello\u202e there"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Client{anna, ben} {
		if m := next[ChatReceived](t, c); m.Text != "hello there" || m.From != ben.ID() || m.At.IsZero() {
			t.Errorf("chat: %+v", m)
		}
	}
	if err := ben.Leave("must go"); err != nil {
		t.Fatal(err)
	}
	if l := next[MemberLeft](t, anna); l.Member.ID != ben.ID() || l.Why != LeftItself || l.Said != "must go" {
		t.Errorf("left: %+v", l)
	}
	if len(anna.Members()) != 1 {
		t.Errorf("still there: %+v", anna.Members())
	}
}

func TestSameNamesAreToldApart(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	var names []string
	for _, n := range []string{"Anna", "anna ", "Аnnа", "\u202eAnna", "\u200b"} { // the third in Cyrillic
		dial(t, ClientConfig{Invite: h.invite(), Name: n})
	}
	for _, m := range h.Members(aRoom) {
		names = append(names, m.Name)
	}
	if want := []string{"Anna", "anna (2)", "Аnnа (3)", "Anna (4)", nobody}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestRow11WrongSecretAndUnknownRoomLookAlike(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	wrong, unknown := h.invite(), h.invite()
	wrong.Secret = "another-secret-entirely"
	unknown.Room = "badger"
	_, err1 := tryDial(ClientConfig{Invite: wrong})
	_, err2 := tryDial(ClientConfig{Invite: unknown})
	if !errors.Is(err1, ErrWrongSecret) || err1.Error() != err2.Error() {
		t.Errorf("got %v and %v", err1, err2)
	}
}

func TestRow13TooManyWrongTries(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	in := h.invite()
	member := dial(t, ClientConfig{Invite: in})
	in.Secret = "another-secret-entirely"
	for i := range maxFailures {
		if _, err := tryDial(ClientConfig{Invite: in}); !errors.Is(err, ErrWrongSecret) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	_, err := tryDial(ClientConfig{Invite: h.invite()}) // not even the right one is looked at
	var w *WaitError
	if !errors.As(err, &w) || w.After <= 0 || w.After > time.Minute || !errors.Is(err, ErrTooManyTries) {
		t.Errorf("got %v", err)
	}
	if err := member.Chat("still here"); err != nil {
		t.Fatal(err)
	}
	next[ChatReceived](t, member)
}

func TestRow26WrongCertificateGetsNoByte(t *testing.T) {
	h, other := startHost(t, ServerConfig{}, nil, "127.0.0.1:0"), startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	in := h.invite(other.listener.Addr().String())
	_, err := tryDial(ClientConfig{Invite: in})
	var d *DialError
	if !errors.Is(err, ErrWrongCertificate) || errors.Is(err, ErrUnreachable) || !errors.As(err, &d) || len(d.Attempts) != 1 {
		t.Errorf("got %v", err)
	}
	if n := other.received.Load(); n != 0 {
		t.Errorf("the wrong host got %d bytes", n)
	}
}

func TestAllAddressesAreTried(t *testing.T) {
	h, other := startHost(t, ServerConfig{}, nil, "127.0.0.1:0"), startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	silent, err := net.Listen("tcp", "127.0.0.1:0") // never answers TLS
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	good := h.listener.Addr().String()
	c := dial(t, ClientConfig{Invite: h.invite("127.0.0.1:1", silent.Addr().String(), other.listener.Addr().String(), good)})
	if w := next[Welcomed](t, c); w.Address != good {
		t.Errorf("reached through %s", w.Address)
	}
	if n := other.received.Load(); n != 0 {
		t.Errorf("the wrong host got %d bytes", n)
	}
}

func TestUnreachableSaysWhatHappenedWhere(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	_, err := tryDial(ClientConfig{Invite: h.invite("127.0.0.1:1", "127.0.0.2:1")})
	var d *DialError
	if !errors.Is(err, ErrUnreachable) || !errors.As(err, &d) || len(d.Attempts) != 2 {
		t.Fatalf("got %v", err)
	}
	for i, a := range []string{"127.0.0.1:1", "127.0.0.2:1"} {
		if d.Attempts[i].Address != a || d.Attempts[i].Err == nil {
			t.Errorf("attempt %d: %+v", i, d.Attempts[i])
		}
	}
}

func TestDialStopsWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := Dial(ctx, ClientConfig{Invite: h.invite(silent.Addr().String()), Name: "Anna"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFullRoomAndNotAHost(t *testing.T) {
	h := startHost(t, ServerConfig{MaxMembers: 1}, nil, "127.0.0.1:0")
	first := dial(t, ClientConfig{Invite: h.invite()})
	if _, err := tryDial(ClientConfig{Invite: h.invite()}); !errors.Is(err, ErrRoomFull) {
		t.Errorf("got %v", err)
	}
	_ = first.Close()
	dial(t, ClientConfig{Invite: h.invite()})

	h.http.Handler = http.NotFoundHandler()
	if _, err := tryDial(ClientConfig{Invite: h.invite()}); !errors.Is(err, ErrNotAHost) {
		t.Errorf("got %v", err)
	}
}

func TestRow09SocketsPerAddress(t *testing.T) {
	h := startHost(t, ServerConfig{MaxSocketsPerIP: 2, MaxStrangers: 2, MaxSockets: 3}, nil, "127.0.0.1:0")
	for range 2 {
		dial(t, ClientConfig{Invite: h.invite()})
	}
	if _, err := tryDial(ClientConfig{Invite: h.invite()}); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	in := h.invite("127.0.0.1:1")
	_, err := tryDial(ClientConfig{Invite: in})
	if err == nil || strings.Contains(err.Error(), aSecret) {
		t.Errorf("got %v", err)
	}
}
