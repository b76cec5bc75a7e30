package app

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"testing"

	"candid/app/host"
	"candid/netstack/invite"
	"candid/netstack/probe"
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
