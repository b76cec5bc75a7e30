package sfu

import (
	"net/netip"
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/stun/v3"
)

// What a client sends no longer arrives, though its checks do, and all that is
// sent to it: only the host can know, and has ICE restarted, whoever of the two
// makes the offers.
func TestRow44SilentUplinkHeals(t *testing.T) {
	for _, id := range []netstack.PeerID{"anna", "zoe"} {
		t.Run(string(id), func(t *testing.T) {
			if polite := netstack.HostID < id; polite != (id == "zoe") {
				t.Fatal("the names no longer say who makes the offers")
			}
			h := newHall(t)
			c, hears := h.join(id, newStudio(t, false)), h.join("mia", nil)
			hears.hears(id, "mic", 100)

			begun, silent := time.Now(), h.address(id)
			h.lose(func(p []byte, from netip.AddrPort) bool { return from == silent && !stun.IsMessage(p) })
			c.await("a restart", c.restarted)
			hears.hears(id, "mic", 50)
			t.Logf("heard again after %v", time.Since(begun))
		})
	}
}
