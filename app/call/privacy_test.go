package call_test

import (
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack/verdict"
)

// TestPrivacy: who hides goes by the host's relay, and the other side is told of
// no other address; who takes that back goes directly again.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	owner, guests := realHost(t)
	anna, ben := enter(t, owner, "Anna", 0), enter(t, guests, "Ben", 1)
	goes := func(p verdict.Path) {
		t.Helper()
		late := time.Now().Add(30 * time.Second)
		for {
			lines := ben.Lines()
			if len(lines) == 1 && lines[0].Verdict.Path == p {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("goes not %s: %+v\n%+v", p, lines[0].Verdict, lines[0].Link.Pairs)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	becomes(t, anna, "company", func(s call.Snapshot) bool { return len(s.Others) == 1 })
	goes(verdict.Direct)
	ben.SetPrivacy(call.RelayOnly)
	becomes(t, ben, "hidden", func(s call.Snapshot) bool { return s.Privacy == call.RelayOnly })
	goes(verdict.Relayed)
	for _, c := range anna.Lines()[0].Link.Remote {
		if typ := c.Type.String(); typ != "relay" && typ != "prflx" {
			t.Errorf("anna knows Ben's %s address %s", typ, c.Address)
		}
	}
	ben.SetPrivacy(call.DirectOnly)
	goes(verdict.Direct)
	for _, c := range ben.Lines()[0].Link.Local {
		if c.Type.String() == "relay" {
			t.Errorf("a relay is used although only direct ways are wanted: %+v", c)
		}
	}
}
