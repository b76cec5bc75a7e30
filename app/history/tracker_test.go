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
	tr.See("a", "Anna", at(0), verdict.Connecting, unknown)
	tr.See("a", "Anna", at(1), verdict.Relayed, netstack.Some(60*time.Millisecond))
	tr.See("a", "Anna", at(2), verdict.Direct, netstack.Some(20*time.Millisecond))
	tr.See("a", "Anna L.", at(3), verdict.Broken, netstack.Some(30*time.Millisecond))
	tr.See("b", "Ben", at(3), verdict.Connecting, unknown)
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
	if got := h.Of("b").String(); got != "not direct in the one call so far" {
		t.Error(got)
	}
}
