package host_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/oneport"
	"candid/netstack/signal"

	"github.com/pion/stun/v4"
)

// Everything on one port number, over IPv4 and IPv6.
func TestOnePort(t *testing.T) {
	h := start(t, host.Config{})
	for n, addr := range inviteTo(t, h, "otter").Addresses {
		i := inviteTo(t, h, "otter")
		i.Addresses = []string{addr}
		c := join(t, i, "Anna")
		seen := map[string]bool{"wss": true}
		for _, s := range serversOf(t, c) {
			if s.uri.Port != h.Port() {
				t.Errorf("%v is not on port %d", s.uri, h.Port())
			}
			cl := s.client(t, h.Pin())
			if _, err := cl.SendBindingRequest(); err != nil {
				t.Errorf("Binding at %v: %v", s.uri, err)
			}
			kind := s.uri.Scheme.String()
			if s.uri.Scheme != stun.SchemeTypeSTUN {
				kind += "/" + s.uri.Proto.String()
				relayed, err := cl.Allocate()
				if err != nil {
					t.Errorf("Allocate at %v: %v", s.uri, err)
					continue
				}
				defer relayed.Close()
			}
			seen[kind] = true
		}
		for _, kind := range []string{"wss", "stun", "turn/udp", "turn/tcp", "turns/tcp"} {
			if !seen[kind] {
				t.Errorf("address %d: no %s", n, kind)
			}
		}
	}
	if n := h.Snapshot().Relay.Allocations; n != 8 {
		t.Errorf("%d allocations, want 3 at the address used and 1 in the other family, for each of two members", n)
	}
}

// Who leaves has no relay any more.
func TestRow16LeavingEndsRelaying(t *testing.T) {
	h := start(t, host.Config{})
	c := join(t, inviteTo(t, h, "otter"), "Anna")
	var turns []server
	for _, s := range serversOf(t, c) {
		if s.uri.Scheme != stun.SchemeTypeSTUN {
			turns = append(turns, s)
		}
	}
	for _, s := range turns {
		relayed, err := s.client(t, h.Pin()).Allocate()
		if err != nil {
			t.Fatal(err)
		}
		defer relayed.Close() // the client's own timers
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return h.Snapshot().Relay.Allocations == 0 })
	_, err := turns[0].client(t, h.Pin()).Allocate()
	var refused *stun.TurnError
	if !errors.As(err, &refused) || refused.ErrorCodeAttr.Code != stun.CodeUnauthorized {
		t.Errorf("allocate after leaving: %v, want 401", err)
	}
}

func TestWrongSecretAndWrongPin(t *testing.T) {
	h := start(t, host.Config{})
	i := inviteTo(t, h, "otter")
	i.Secret = invite.NewSecret()
	if _, err := dial(i, "Mallory"); !errors.Is(err, signal.ErrWrongSecret) {
		t.Errorf("wrong secret: %v", err)
	}
	i = inviteTo(t, h, "otter")
	i.Pin[0] ^= 1
	if _, err := dial(i, "Mallory"); !errors.Is(err, signal.ErrWrongCertificate) {
		t.Errorf("wrong pin: %v", err)
	}
}

func TestTwoHosts(t *testing.T) {
	a, b := start(t, host.Config{}), start(t, host.Config{})
	if a.Port() == b.Port() || a.Pin() == b.Pin() {
		t.Error("two hosts share port or identity")
	}
	join(t, inviteTo(t, a, "otter"), "Anna")
	join(t, inviteTo(t, b, "otter"), "Ben")
	i := inviteTo(t, a, "otter")
	i.Addresses = inviteTo(t, b, "otter").Addresses
	if _, err := dial(i, "Carol"); !errors.Is(err, signal.ErrWrongCertificate) {
		t.Errorf("an invite of one host at the other: %v", err)
	}
	for _, h := range []*host.Host{a, b} {
		if s := h.Snapshot(); len(s.Rooms) != 1 || len(s.Rooms[0].Members) != 1 {
			t.Errorf("rooms: %+v", s.Rooms)
		}
	}
}

func TestRow33PortInUse(t *testing.T) {
	a := start(t, host.Config{})
	_, err := host.Start(t.Context(), host.Config{Port: a.Port(), Loopback: true, Logger: quiet})
	var used *oneport.InUseError
	if !errors.As(err, &used) || used.Port != a.Port() {
		t.Errorf("second host on one port: %v", err)
	}
	b := start(t, host.Config{Port: a.Port(), NextFree: true})
	if b.Port() <= a.Port() {
		t.Errorf("next free port %d after %d", b.Port(), a.Port())
	}
}

// Members hear that the host closed the room, and why their client is done.
func TestCloseTellsMembers(t *testing.T) {
	h := start(t, host.Config{Rooms: []string{"otter", "heron"}})
	a := join(t, inviteTo(t, h, "otter"), "Anna")
	b := join(t, inviteTo(t, h, "heron"), "Ben")
	if err := h.CloseRoom("heron"); err != nil {
		t.Fatal(err)
	}
	told(t, b)
	if err := h.CloseRoom("heron"); !errors.Is(err, host.ErrNoRoom) {
		t.Errorf("closing it again: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	told(t, a)
	if _, err := h.NewRoom("crane"); !errors.Is(err, host.ErrClosed) {
		t.Errorf("a room at a closed host: %v", err)
	}
}

func told(t *testing.T, c *signal.Client) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				t.Fatal("the client ended without a word")
			}
			if e, ok := e.(signal.RoomClosed); ok {
				if !errors.Is(e.Err, signal.ErrHostGone) || e.Why != "the host closed the room" {
					t.Errorf("told %q, %v", e.Why, e.Err)
				}
				return
			}
		case <-timeout:
			t.Fatal("not told")
		}
	}
}

// Invites outlive the host that gave them; those of a closed room do not.
func TestInvitesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	h := start(t, host.Config{Dir: dir, Rooms: []string{"otter", "heron"}})
	otter, heron := inviteTo(t, h, "otter"), inviteTo(t, h, "heron")
	if err := h.CloseRoom("heron"); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	again := start(t, host.Config{Dir: dir, Port: h.Port(), Rooms: []string{"otter", "heron"}})
	join(t, otter, "Anna")
	if _, err := dial(heron, "Ben"); !errors.Is(err, signal.ErrWrongSecret) {
		t.Errorf("an invite to a room that was closed: %v", err)
	}
	if i := inviteTo(t, again, "otter"); !i.Equal(otter) {
		t.Errorf("the invite is another after a restart")
	}
	info, err := os.Stat(filepath.Join(dir, "rooms.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file with the secrets: %v, %v", info.Mode(), err)
	}
}

// Who waits for a host that starts is let in as soon as it answers: one that is
// told there is no such room gives up.
func TestNobodyIsDeniedAtTheStart(t *testing.T) {
	cfg := host.Config{Dir: t.TempDir(), Rooms: []string{"heron", "otter"}}
	h := start(t, cfg)
	cfg.Port = h.Port()
	guest := inviteTo(t, h, "otter")
	moderator, err := h.ModeratorInvite("otter")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := h.Crash(); err != nil {
			t.Fatal(err)
		}
		var waiting sync.WaitGroup
		for _, i := range []invite.Invite{guest, moderator} {
			waiting.Go(func() {
				for late := time.Now().Add(patience); time.Now().Before(late); {
					c, err := dial(i, "Anna")
					if err == nil {
						_ = c.Close()
						return
					}
					if errors.Is(err, signal.ErrWrongSecret) {
						t.Error(err)
						return
					}
				}
				t.Error("the host did not come")
			})
		}
		h = start(t, cfg)
		waiting.Wait()
	}
}

func TestRow46DamagedState(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rooms.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := start(t, host.Config{Dir: dir})
	join(t, inviteTo(t, h, "otter"), "Anna")
	if _, err := os.Stat(filepath.Join(dir, "rooms.json.bak")); err != nil {
		t.Errorf("the damaged file was not kept: %v", err)
	}
	_ = h.Close()
	if err := os.WriteFile(filepath.Join(dir, "identity.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Start(t.Context(), host.Config{Dir: dir, Loopback: true, Port: host.AnyPort}); !errors.Is(err, identity.ErrDamaged) {
		t.Errorf("damaged identity: %v", err)
	}
}

func TestBadRoom(t *testing.T) {
	h := start(t, host.Config{})
	for _, name := range []string{"", "a/b", " x", strings.Repeat("x", 65), "otter"} {
		if _, err := h.NewRoom(name); err == nil {
			t.Errorf("room %q was opened", name)
		}
	}
	if _, err := h.Invite("heron"); !errors.Is(err, host.ErrNoRoom) {
		t.Errorf("invite to a room that is not: %v", err)
	}
	_, err := host.Start(t.Context(), host.Config{Loopback: true, Port: host.AnyPort, Rooms: []string{"a/b"}, Logger: quiet})
	if err == nil {
		t.Error("started with a bad room")
	}
}

func TestEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h, err := host.Start(ctx, host.Config{Loopback: true, Port: host.AnyPort, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, func() bool { _, err := h.NewRoom("otter"); return errors.Is(err, host.ErrClosed) })
	if err := h.Close(); err != nil { // waits for the end
		t.Error(err)
	}
}

// This machine's own client owns the room; guests do not.
func TestLocalInvite(t *testing.T) {
	h := start(t, host.Config{})
	i, err := h.LocalInvite("otter")
	if err != nil {
		t.Fatal(err)
	}
	if guest := inviteTo(t, h, "otter"); guest.Secret == i.Secret {
		t.Fatal("guests and owner have one secret")
	}
	join(t, i, "Anna")
	join(t, inviteTo(t, h, "otter"), "Ben")
	for n, m := range h.Snapshot().Rooms[0].Members {
		if want := []signal.Role{signal.Owner, signal.Ordinary}[n]; m.Role != want {
			t.Errorf("%s is %q, want %q", m.Name, m.Role, want)
		}
	}
}

func TestWebPage(t *testing.T) {
	h := start(t, host.Config{})
	tr := &http.Transport{TLSClientConfig: identity.ClientConfig(h.Pin())}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("https://" + h.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "Candid host") {
		t.Errorf("%d %q, %v", res.StatusCode, body, err)
	}
}
