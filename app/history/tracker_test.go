package history

import (
	"path/filepath"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/verdict"
)

func TestTracker(t *testing.T) {
	h := reopen(t, filepath.Join(t.TempDir(), "history.json"))
	tr := NewTracker(h)
	unknown := netstack.Opt[time.Duration]{}
	tr.See("1", "a", "Anna", at(0), verdict.Connecting, unknown)
	tr.See("1", "a", "Anna", at(1), verdict.Relayed, netstack.Some(60*time.Millisecond))
	tr.See("1", "a", "Anna", at(2), verdict.Direct, netstack.Some(20*time.Millisecond))
	tr.See("1", "a", "Anna L.", at(3), verdict.Broken, netstack.Some(30*time.Millisecond))
	tr.See("2", "b", "Ben", at(3), verdict.Connecting, unknown)
	for range 2 { // closing again adds nothing
		if err := tr.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := h.Contact("a")
	want := Call{At: at(0), Took: 3 * time.Minute, Best: verdict.Direct, Last: verdict.Broken, RTT: 30}
	if len(c.Calls) != 1 || c.Calls[0] != want || c.Name != "Anna L." {
		t.Errorf("%+v", c)
	}
	if got := h.Of("b", at(9)).String(); got != "not direct in the one call so far" {
		t.Error(got)
	}
}

// TestVerifiedMeanwhile: who was verified in the middle of a call is one
// contact in it, and what is asked of the time before does not know the call.
func TestVerifiedMeanwhile(t *testing.T) {
	h := reopen(t, filepath.Join(t.TempDir(), "history.json"))
	tr := NewTracker(h)
	unknown := netstack.Opt[time.Duration]{}
	tr.See("1", "name:Anna", "Anna", at(5), verdict.Direct, unknown)
	tr.See("1", "key:1234", "Anna", at(6), verdict.Direct, unknown)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if now, before, name := h.Of("key:1234", at(9)), h.Of("key:1234", at(5)), h.Of("name:Anna", at(9)); now.Calls != 1 || before.Calls != 0 || name.Calls != 0 {
		t.Errorf("%+v now, %+v before, %+v by the name", now, before, name)
	}
}
