package app

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/peer"
	"candid/netstack/probe"
	"candid/netstack/rehearsal"
	"candid/netstack/signal"
)

func hosting(t *testing.T) invite.Invite {
	t.Helper()
	h, err := host.Start(context.Background(), host.Config{Port: host.AnyPort, Loopback: true, Rooms: []string{"otter"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	i, err := h.Invite("otter")
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestCheckCommand(t *testing.T) {
	i := hosting(t)
	wrong := i
	wrong.Secret = invite.NewSecret()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close() // nobody
	gone := i
	gone.Addresses = []string{l.Addr().String()}
	for _, tc := range []struct {
		name     string
		args     []string
		code     int
		out, err string
	}{
		{"a room", []string{i.String()}, exitOK, "Calls can go directly", ""},
		{"flags after the link", []string{i.String(), "--json"}, exitOK, `"level": "good"`, ""},
		{"another secret", []string{wrong.String()}, exitFailed, "UDP             yes", "knows no room"},
		{"nobody there", []string{gone.String()}, exitFailed, "nobody listens there", ""},
		{"no link", []string{"candid"}, exitUsage, "", "candid://"},
		{"two links", []string{i.String(), i.String()}, exitUsage, "", "one too many"},
		{"help", []string{"--help"}, exitOK, "", "does not join"},
	} {
		var out, errs bytes.Buffer
		if code := checkCommand(tc.args, &out, &errs); code != tc.code || !strings.Contains(out.String(), tc.out) || !strings.Contains(errs.String(), tc.err) {
			t.Errorf("%s: exit code %d\n%s\n%s", tc.name, code, out.String(), errs.String())
		}
		if strings.Contains(out.String()+errs.String(), i.Secret) {
			t.Errorf("%s: the secret is told", tc.name)
		}
	}
}

// What --json prints holds the whole report.
func TestCheckJSON(t *testing.T) {
	var out, errs bytes.Buffer
	if code := checkCommand([]string{"--json", hosting(t).String()}, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var got checked
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Level != probe.Good || got.Sentence == "" || !got.UDP.Or(false) {
		t.Errorf("%+v", got)
	}
	relayed := 0
	for _, s := range got.Servers {
		if s.Outcome != probe.OK {
			t.Errorf("%+v", s)
		}
		if s.Relayed.IsValid() {
			relayed++
		}
	}
	if relayed < 3 {
		t.Errorf("%d TURN servers relay; want UDP, TCP and TLS", relayed)
	}
}

// TestCheckRehearses: the check says which way a call with those in the room
// would take, by the lines it tried; and does not, when it is told so.
func TestCheckRehearses(t *testing.T) {
	i := hosting(t)
	anna := answering(t, i, "Anna")
	for _, c := range []struct {
		args []string
		want bool
	}{{[]string{"--json", i.String()}, true}, {[]string{"--json", "--no-rehearsal", i.String()}, false}} {
		var out, errs bytes.Buffer
		if code := checkCommand(c.args, &out, &errs); code != exitOK {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		var got checked
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if !c.want {
			if got.Rehearsal != nil {
				t.Errorf("rehearsed unasked: %+v", got.Rehearsal)
			}
			continue
		}
		r := got.Rehearsal
		if r == nil || r.Sentence != "A call with Anna would go directly." || len(r.Lines) != 1 || r.Lines[0].Link.Peer != anna {
			t.Fatalf("%+v", r)
		}
		if _, _, _, ok := r.Lines[0].Link.SelectedPair(); !ok || !r.Lines[0].Link.RTT.OK {
			t.Errorf("%+v", r.Lines[0].Link)
		}
	}
	var out, errs bytes.Buffer
	if checkCommand([]string{i.String()}, &out, &errs); !strings.Contains(out.String(), "A call with Anna would go directly.") || !strings.Contains(out.String(), "People          Anna ") {
		t.Errorf("%s%s", out.String(), errs.String())
	}
}

// answering joins as somebody who does no more than answer rehearsals.
func answering(t *testing.T, i invite.Invite, name string) netstack.PeerID {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	c, err := signal.Dial(t.Context(), signal.ClientConfig{Invite: i, Name: name, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	a := rehearsal.NewAnswerer(c.ID(), c, quiet)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range c.Events() {
			if m, ok := e.(signal.MessageReceived); ok && signal.Rehearses(m.Envelope.From) {
				a.Handle(m.Envelope, peer.Config{Loopback: true, ICEServers: c.Servers(), Logger: quiet})
			}
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done; _ = a.Close() })
	return c.ID()
}

// TestCheckOfTheSilent: somebody in the room who answers nothing does not make
// the check late.
func TestCheckOfTheSilent(t *testing.T) {
	i := hosting(t)
	c, err := signal.Dial(t.Context(), signal.ClientConfig{Invite: i, Name: "Silent", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	var out, errs bytes.Buffer
	began := time.Now()
	checkCommand([]string{"--json", i.String()}, &out, &errs)
	took := time.Since(began)
	t.Logf("took %v", took)
	var got checked
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Rehearsal == nil || got.Rehearsal.Sentence != "No way to Silent was found yet." {
		t.Errorf("%v: %+v", err, got.Rehearsal)
	}
	if took > 8*time.Second { // 3 s are promised; a loaded machine may take longer
		t.Errorf("took %v", took)
	}
}
