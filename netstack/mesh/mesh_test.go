package mesh_test

import (
	"fmt"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/peer"

	"github.com/pion/webrtc/v4"
)

const connected = webrtc.PeerConnectionStateConnected

func TestTwoTalk(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	a.publish(audio(t, "mic"), video(t, "camera"))
	b.publish(audio(t, "mic"), video(t, "camera"))
	r.everyone()
	for _, track := range []string{"mic", "camera"} {
		a.awaitPackets("bert", track, 20)
		b.awaitPackets("anna", track, 20)
	}
	a.awaitState("bert", connected)
	for _, m := range []*member{a, b} {
		if n := m.seen(func(e netstack.Event) bool { f, ok := e.(netstack.CandidateFound); return ok && f.Local }); n == 0 {
			t.Errorf("%s reports no local candidate", m.id)
		}
		if n := m.seen(restarts); n != 0 {
			t.Errorf("%s restarted %d times", m.id, n)
		}
		// One offer and one answer are enough for tracks that were there.
		if n := m.seen(offers); n != 1 {
			t.Errorf("%s reports %d offers and answers, want 1", m.id, n)
		}
	}
}

// offers counts what Milestones say of negotiation; each is said once.
func offers(e netstack.Event) bool {
	m, ok := e.(netstack.MilestoneReached)
	return ok && (m.Step == netstack.OfferSent || m.Step == netstack.OfferReceived)
}

func TestNothingPublished(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	r.everyone()
	a.awaitState("bert", connected)
	b.awaitState("anna", connected)
	// Tracks come later, first from the side that did not offer.
	a.publish(video(t, "camera"))
	b.awaitPackets("anna", "camera", 5)
	b.publish(audio(t, "mic"), video(t, "camera"), video(t, "screen"))
	a.awaitPackets("bert", "screen", 5)
	a.awaitPackets("bert", "mic", 5)
	a.awaitPackets("bert", "camera", 5)
}

func TestThreeComeAndGo(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	a.publish(audio(t, "mic"))
	b.publish(audio(t, "mic"))
	r.everyone()
	a.awaitPackets("bert", "mic", 5)

	c := r.join("carl", loopback())
	c.publish(audio(t, "mic"))
	r.everyone()
	for _, m := range []*member{a, b} {
		m.awaitPackets("carl", "mic", 5)
	}
	c.awaitPackets("anna", "mic", 5)
	c.awaitPackets("bert", "mic", 5)

	c.leave()
	a.await("the end of carl's sound", func() bool { return a.tracks["carl/mic"].ended })
	a.awaitPackets("bert", "mic", 5)
	if n := len(a.mesh.Links()); n != 1 {
		t.Errorf("anna has %d links after carl left, want 1", n)
	}
}

// Tracks may come and go at any time, from both sides at once.
func TestTracksComeAndGo(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	a.publish(audio(t, "mic"))
	b.publish(audio(t, "mic"))
	r.everyone()
	a.awaitPackets("bert", "mic", 2)
	for i := range 6 {
		id := fmt.Sprintf("screen%d", i)
		va, vb := video(t, id), video(t, id)
		a.publish(va)
		b.publish(vb)
		a.awaitPackets("bert", id, 3)
		b.awaitPackets("anna", id, 3)
		if err := a.mesh.Unpublish(va); err != nil {
			t.Fatal(err)
		}
		b.await("the end of "+id, func() bool { return b.tracks["anna/"+id].ended })
		if err := b.mesh.Unpublish(vb); err != nil {
			t.Fatal(err)
		}
		a.await("the end of "+id, func() bool { return a.tracks["bert/"+id].ended })
		va.end()
		vb.end()
	}
	a.awaitPackets("bert", "mic", 2)
	b.awaitPackets("anna", "mic", 2)
}

func TestPublishErrors(t *testing.T) {
	r := newRoom(t)
	a := r.join("anna", loopback())
	mic := audio(t, "mic")
	a.publish(mic)
	if err := a.mesh.Publish(mic); err == nil {
		t.Error("the same track was published twice")
	}
	if err := a.mesh.Publish(nil); err == nil {
		t.Error("no track was published")
	}
	if err := a.mesh.Unpublish(audio(t, "other")); err == nil {
		t.Error("a track was taken back that was never published")
	}
	if err := a.mesh.SetICEServers([]webrtc.ICEServer{{URLs: []string{"http://example.org"}}}); err == nil {
		t.Error("a web page was taken for an ICE server")
	}
	if err := a.mesh.SetICEServers([]webrtc.ICEServer{{URLs: []string{"turn:example.org"}}}); err == nil {
		t.Error("a TURN server was taken without a password")
	}
}

func TestRestartKeepsMedia(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	a.publish(audio(t, "mic"))
	b.publish(audio(t, "mic"))
	r.everyone()
	a.awaitPackets("bert", "mic", 50) // long enough for a restart to be allowed
	b.awaitPackets("anna", "mic", 5)
	for i, m := range []*member{a, b} { // the polite side asks, the impolite one does
		other := []*member{b, a}[i]
		m.mesh.Restart("", "test")
		for _, x := range []*member{m, other} {
			x.await("a restart", func() bool { return x.seenLocked(restarts) == i+1 })
		}
		m.awaitPackets(other.id, "mic", 60)
		other.awaitPackets(m.id, "mic", 5)
	}
	why := a.events
	for _, e := range why {
		if x, ok := e.(netstack.Restarted); ok && x.Why == "" {
			t.Error("a restart without a reason")
		}
	}
}

// Signaling may be away: media goes on, and what was said meanwhile arrives.
func TestRow45SignalingAway(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	a.publish(audio(t, "mic"))
	b.publish(audio(t, "mic"))
	r.everyone()
	a.awaitPackets("bert", "mic", 5)
	b.awaitPackets("anna", "mic", 5)
	resume := r.pause()
	a.publish(video(t, "camera"))
	b.publish(video(t, "camera"))
	a.awaitPackets("bert", "mic", 50)
	resume()
	a.awaitPackets("bert", "camera", 5)
	b.awaitPackets("anna", "camera", 5)
	a.mu.Lock()
	defer a.mu.Unlock()
	mic := a.tracks["bert/mic"]
	for n := uint32(0); n < uint32(len(mic.seen)-1); n++ {
		if base := first(mic.seen); mic.seen[base+n] != 1 {
			t.Fatalf("sound packet %d came %d times", base+n, mic.seen[base+n])
		}
	}
	if n := a.seenLocked(restarts); n != 0 {
		t.Errorf("%d restarts although media flowed", n)
	}
}

func first(seen map[uint32]int) uint32 {
	least := uint32(1<<32 - 1)
	for n := range seen {
		least = min(least, n)
	}
	return least
}

// A participant whose program starts its transport anew under the same id is
// connected to again, and nothing old gets in the way.
func TestNewIncarnation(t *testing.T) {
	for _, who := range []string{"anna", "bert"} { // the polite and the impolite side
		t.Run(who, func(t *testing.T) {
			r := newRoom(t)
			a, b := r.join("anna", loopback()), r.join("bert", loopback())
			a.publish(audio(t, "mic"))
			b.publish(audio(t, "mic"))
			r.everyone()
			a.awaitPackets("bert", "mic", 5)
			b.awaitPackets("anna", "mic", 5)
			old, stays := a, b
			if who == "bert" {
				old, stays = b, a
			}
			r.mu.Lock()
			delete(r.members, old.id)
			r.mu.Unlock()
			old.close() // nobody is told
			again := r.join(old.id, loopback())
			again.publish(audio(t, "mic2"))
			again.mesh.SetPeers(stays.id)
			again.awaitPackets(stays.id, "mic", 5)
			stays.awaitPackets(again.id, "mic2", 5)
		})
	}
}

// Opening and closing leaves nothing behind; goleak looks at the end.
func TestFiftyTimes(t *testing.T) {
	n := 50
	if testing.Short() {
		n = 5
	}
	r := newRoom(t)
	a := r.join("anna", loopback())
	a.publish(audio(t, "mic"))
	for range n {
		b := r.join("bert", loopback())
		b.publish(audio(t, "mic"))
		r.everyone()
		b.awaitPackets("anna", "mic", 1)
		b.leave()
	}
}

// Closing at any moment of the set-up ends.
func TestCloseAtAnyMoment(t *testing.T) {
	r := newRoom(t)
	a := r.join("anna", loopback())
	a.publish(audio(t, "mic"))
	for i := range 12 {
		b := r.join("bert", loopback())
		r.everyone()
		for range i {
			b.mesh.Links()
		}
		b.leave()
	}
}

func BenchmarkFirstPacket(b *testing.B) {
	r := newRoom(b)
	a := r.join("anna", loopback())
	a.publish(audio(b, "mic"))
	for b.Loop() {
		x := r.join("bert", loopback())
		r.everyone()
		x.awaitPackets("anna", "mic", 1)
		b.StopTimer()
		x.leave()
		b.StartTimer()
	}
}

// A connection that is made anew says more than one thing before the other side
// has replaced its own: nothing of it is lost.
func TestNewConnectionIsHeardWhole(t *testing.T) {
	r := newRoom(t)
	a, b := r.join("anna", loopback()), r.join("bert", loopback())
	a.publish(audio(t, "mic"))
	b.publish(audio(t, "mic"))
	r.everyone()
	a.awaitPackets("bert", "mic", 5)
	gathered := func(e netstack.Event) bool {
		m, ok := e.(netstack.MilestoneReached)
		return ok && m.Step == netstack.GatheringComplete
	}
	for range 5 {
		before := b.seen(gathered)
		resume := r.pause()
		b.mesh.SetPolicy(peer.DirectOnly)
		b.await("its addresses", func() bool { return b.seenLocked(gathered) > before })
		began := time.Now()
		resume()
		remote, ok := netstack.Candidate{}, false
		for end := began.Add(10 * time.Second); !ok && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if l := a.line("bert"); l.Milestones[netstack.ICEConnected].After(began) {
				_, _, remote, ok = l.SelectedPair()
			}
		}
		if !ok || remote.Type == webrtc.ICECandidateTypePrflx {
			t.Fatalf("a way: %v; bert's address is known as %v, of %+v", ok, remote.Type, a.line("bert").Remote)
		}
	}
}
