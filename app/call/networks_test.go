package call_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"candid/netstack"
	"candid/netstack/signal"
	"candid/netstack/verdict"
)

// Members tell each other what their networks are like, and what they say of a
// line comes from both. What is no evidence is not taken.
func TestBothSidesTellOfTheirNetworks(t *testing.T) {
	t.Parallel()
	inv, _ := hosting(t)
	ada := joinAs(t, inv, "Ada", 0, 1)
	guest, err := signal.Dial(context.Background(), signal.ClientConfig{Invite: inv, Name: "Guest"})
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	heard := make(chan verdict.Evidence, 1)
	go func() {
		defer close(heard)
		for e := range guest.Events() {
			m, ok := e.(signal.MessageReceived)
			if !ok || m.Envelope.Type != "x-evidence" {
				continue
			}
			if got, err := verdict.ReadEvidence(m.Envelope.Body); err == nil {
				select {
				case heard <- got:
				default:
				}
			}
		}
	}()
	if e := <-heard; e.CaptivePortal.Or(true) { // the host itself answered
		t.Errorf("Ada tells %+v", e)
	}
	hint := func() string {
		if l := ada.Lines(); len(l) == 1 {
			return l[0].Verdict.Better
		}
		return ""
	}
	for _, body := range []string{`{"captivePortal":true}`, `{"captivePortal":false,"natMapping":"<b>"}`, `[` + strings.Repeat("0,", 5000) + `0]`, `null,`} {
		if err := guest.Send(context.Background(), netstack.Envelope{Type: "x-evidence", To: ada.Snapshot().Self.ID, Body: []byte(body)}); err != nil {
			t.Log(fmt.Errorf("%.20s: %w", body, err))
		}
	}
	until(t, "the guest's network", func() bool { return strings.Contains(hint(), "log in") })
}
