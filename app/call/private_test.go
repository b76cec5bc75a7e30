package call_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"candid/app/call"
	"candid/app/host"
)

// buffer is a log of several writers.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A whole encrypted call, host and members at their most talkative: no name, no
// chat, no secret and no description is in any log, even before the program's
// own handler takes out addresses and the like.
func TestLogsKeepNamesAndChat(t *testing.T) {
	var out buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h, err := host.Start(t.Context(), host.Config{Loopback: true, Port: host.AnyPort, Rooms: []string{"teatime"}, EndToEnd: true, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	inv, err := h.Invite("teatime")
	if err != nil {
		t.Fatal(err)
	}
	join := func(name string, member int) *person {
		return joinConfig(t, call.Config{Invite: inv, Name: name, Logger: log}, newStudio(t, member, 1-member))
	}
	ada, noor := join("Adalovelace", 0), join("Noorinayat", 1)
	seesAndHears(t, ada, noor)
	ada.Chat("meet me at nine")
	until(t, "the chat", func() bool { return len(noor.Snapshot().Chat) == 1 })
	safety(t, ada, call.SafetyWords)
	ada.SetVerified(noor.Snapshot().Self.ID, true)
	safety(t, ada, call.SafetyVerified)
	words := strings.Join(ada.SafetyWords(noor.Snapshot().Self.ID), " ")
	noor.leave()
	ada.leave()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	text := out.String()
	for _, private := range []string{"Adalovelace", "Noorinayat", "meet me", "teatime", inv.Secret, words, " typ host", "v=0", "a=ice", "ice-pwd"} {
		if i := strings.Index(text, private); i >= 0 {
			t.Errorf("%q is in the log: %s", private, text[max(0, i-200):min(len(text), i+100)])
		}
	}
	t.Logf("%d lines were logged", strings.Count(text, "\n"))
}
