package mesh_test

import (
	"testing"

	"candid/netstack"
)

// What a receiver does not take is not sent to it, and to nobody else less;
// what nobody takes is told.
func TestWishes(t *testing.T) {
	r := newRoom(t)
	a, b, c := r.join("anna", loopback()), r.join("bert", loopback()), r.join("carl", loopback())
	a.publish(audio(t, "mic"), video(t, "camera"))
	c.mesh.Wish("anna", "mic", false) // before anybody is there
	r.everyone()
	b.awaitPackets("anna", "mic", 5)
	c.awaitPackets("anna", "camera", 5)
	demand := func(wanted bool) func() bool {
		return func() bool {
			return a.seenLocked(func(e netstack.Event) bool {
				d, ok := e.(netstack.DemandChanged)
				return ok && d.TrackID == "mic" && d.Wanted == wanted
			}) > 0
		}
	}
	a.await("demand", demand(true))
	b.mesh.Wish("anna", "mic", false)
	a.await("the end of demand", demand(false))
	before := packets(b, "anna/mic")
	b.awaitPackets("anna", "camera", 30)             // a third of a second, in which sound would have come
	if n := packets(b, "anna/mic") - before; n > 3 { // those on their way
		t.Errorf("%d packets came that nobody takes", n)
	}
	b.mesh.Wish("anna", "mic", true)
	b.awaitPackets("anna", "mic", 5)
	if n := packets(c, "anna/mic"); n > 3 {
		t.Errorf("%d packets came to one who never took them", n)
	}
}

// A wish that changed while there was no connection is told with the next one: the
// other side may have kept what was wished before.
func TestWishesOutliveAConnection(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	a.publish(audio(t, "mic"), video(t, "camera"))
	r.everyone()
	b.awaitPackets("anna", "camera", 5)
	b.mesh.Wish("anna", "camera", false)
	a.await("the end of demand", func() bool {
		return a.seenLocked(func(e netstack.Event) bool {
			d, ok := e.(netstack.DemandChanged)
			return ok && d.TrackID == "camera" && !d.Wanted
		}) > 0
	})
	b.mesh.SetPeers()
	b.mesh.Wish("anna", "camera", true)
	b.mesh.SetPeers("anna") // anna never knew that she was gone
	b.awaitPackets("anna", "mic", 5)
	before := packets(b, "anna/camera")
	b.await("pictures again", func() bool {
		rec := b.tracks["anna/camera"]
		return rec != nil && rec.packets > before+5
	})
}

func packets(m *member, key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rec := m.tracks[key]; rec != nil {
		return rec.packets
	}
	return 0
}
