package host_test

import (
	"errors"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack/invite"
	"candid/netstack/signal"
)

// What members encrypt stays so: every invite to the room says it, and a host
// that says otherwise, after a restart for example, gets nobody in.
func TestEncryptionCannotBeTakenBack(t *testing.T) {
	dir := t.TempDir()
	h := start(t, host.Config{Dir: dir, EndToEnd: true})
	guests := inviteTo(t, h, "otter")
	own, err := h.LocalInvite("otter")
	mod, err1 := h.ModeratorInvite("otter")
	limited, err2 := h.LimitedInvite("otter", time.Now().Add(time.Hour), 3)
	if err := errors.Join(err, err1, err2); err != nil {
		t.Fatal(err)
	}
	if !guests.EndToEnd || !own.EndToEnd || !mod.EndToEnd || !limited.EndToEnd {
		t.Errorf("an invite does not say encrypted: %v %v %v %v", guests.EndToEnd, own.EndToEnd, mod.EndToEnd, limited.EndToEnd)
	}
	join(t, guests, "Anna")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	open := start(t, host.Config{Dir: dir, Port: h.Port()})
	if _, err := dial(guests, "Ben"); !errors.Is(err, signal.ErrNotEncrypted) {
		t.Errorf("an encrypted invite to a clear room: %v", err)
	}
	now := inviteTo(t, open, "otter")
	if now.EndToEnd {
		t.Error("the invite to a clear room says encrypted")
	}
	join(t, now, "Carla")
}

// A counted invite is given again, also after a restart, until all have come by it.
func TestCountedInviteIsGivenAgain(t *testing.T) {
	limited := func(h *host.Host) invite.Invite {
		t.Helper()
		i, err := h.LimitedInvite("otter", time.Time{}, 2)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	dir := t.TempDir()
	h := start(t, host.Config{Dir: dir})
	first := limited(h)
	join(t, first, "Anna")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = start(t, host.Config{Dir: dir, Port: h.Port()})
	if again := limited(h); again.Secret != first.Secret {
		t.Error("another invite after a restart, though one may still come by the first")
	}
	join(t, first, "Ben")
	eventually(t, func() bool { return limited(h).Secret != first.Secret })
	if _, err := dial(first, "Carla"); err == nil {
		t.Error("a third came by an invite for two")
	}
}

// A token of other tools is no good any more when the room became encrypted.
func TestTokenEndsWithEncryption(t *testing.T) {
	dir := t.TempDir()
	h := start(t, host.Config{Dir: dir})
	token, err := h.Token("otter")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = start(t, host.Config{Dir: dir, Port: h.Port(), EndToEnd: true})
	if code, body, _ := post(t, h, "/whip/otter", token, "v=0\r\n"); code < 400 {
		t.Errorf("answered %d %s", code, body)
	}
}
