package sfu

import (
	"testing"

	"candid/netstack"
)

// Members on both sides of the host in politeness hear and see each other,
// whoever comes first, with one stream identity from end to end.
func TestEverybodyGetsEverybody(t *testing.T) {
	h := newHall(t)
	ids := []netstack.PeerID{"anna", "zoe", "bert"}
	var clients []*client
	for _, id := range ids {
		s := newStudio(t, false)
		c := h.join(id, s)
		clients = append(clients, c)
	}
	for _, c := range clients {
		for _, id := range ids {
			if id != c.id {
				c.hears(id, "mic", 20)
				c.hears(id, "camera", 20)
			}
		}
		c.mu.Lock()
		if len(c.tracks) != 4 {
			t.Errorf("%s has %d tracks", c.id, len(c.tracks))
		}
		for k, r := range c.tracks {
			if k.track == "camera" && r.keys == 0 {
				t.Errorf("%s has no key frame of %s", c.id, k.peer)
			}
		}
		c.mu.Unlock()
		if l := c.Links(); len(l) != 1 || l[0].Peer != netstack.HostID || l[0].SRTP != "AEAD_AES_128_GCM" {
			t.Errorf("links of %s: %+v", c.id, l)
		}
	}
}
