package host_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"candid/app/host"
	"candid/netstack/identity"
	"candid/netstack/invite"
)

// askCheck posts a check and returns the status and the answer.
func askCheck(t *testing.T, i invite.Invite, room, secret string) (int, host.CheckAnswer) {
	t.Helper()
	body, err := json.Marshal(host.CheckRequest{Room: room, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	c := http.Client{Transport: &http.Transport{TLSClientConfig: identity.ClientConfig(i.Pin), DisableKeepAlives: true}}
	resp, err := c.Post("https://"+i.Addresses[0]+host.CheckPath, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a host.CheckAnswer
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, a
}

// Who has an invite gets servers to try without joining; others get nothing.
func TestCheck(t *testing.T) {
	h := start(t, host.Config{})
	i := inviteTo(t, h, "otter")
	anna := join(t, i, "Anna")
	code, a := askCheck(t, i, i.Room, i.Secret)
	if code != http.StatusOK || len(a.Servers) != 2 || a.Servers[1].Username == "" || a.Servers[1].Credential == "" {
		t.Fatalf("status %d: %+v", code, a)
	}
	if n := len(anna.Members()); n != 1 {
		t.Errorf("%d members in the room", n)
	}
	members := h.Snapshot().Relay.Members
	if len(members) != 2 {
		t.Errorf("the relay knows %+v", members)
	}
	for _, tc := range []struct{ room, secret string }{{"otter", "guessed-by-someone-else"}, {"otter", ""}, {"heron", i.Secret}, {"heron", ""}, {"", ""}} {
		if code, _ := askCheck(t, i, tc.room, tc.secret); code != http.StatusForbidden {
			t.Errorf("%q with %q: status %d", tc.room, tc.secret, code)
		}
	}
}

// Checks are few at a time: each could hold allocations.
func TestCheckLimit(t *testing.T) {
	h := start(t, host.Config{})
	i := inviteTo(t, h, "otter")
	ok := 0
	for range 20 {
		switch code, _ := askCheck(t, i, i.Room, i.Secret); code {
		case http.StatusOK:
			ok++
		case http.StatusServiceUnavailable:
		default:
			t.Fatalf("status %d", code)
		}
	}
	if ok != 16 {
		t.Errorf("%d checks at once", ok)
	}
}
