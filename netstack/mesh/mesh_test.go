package mesh_test

import (
	"testing"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

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
	a.await("connected", func() bool { return a.stateLocked("bert") == webrtc.PeerConnectionStateConnected })
	for _, m := range []*member{a, b} {
		if n := m.seen(func(e netstack.Event) bool { f, ok := e.(netstack.CandidateFound); return ok && f.Local }); n == 0 {
			t.Errorf("%s reports no local candidate", m.id)
		}
		if n := m.seen(restarts); n != 0 {
			t.Errorf("%s restarted %d times", m.id, n)
		}
	}
}
