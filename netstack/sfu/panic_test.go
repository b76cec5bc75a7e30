package sfu

import (
	"testing"

	"github.com/pion/webrtc/v4"
)

// A panic while a member's packets are handled costs that member its connection,
// which is made anew; one on nobody's account costs nothing.
func TestPanicCostsOneConnection(t *testing.T) {
	h := newHall(t)
	anna := h.join("anna", newStudio(t, false))
	h.join("bert", newStudio(t, false))
	h.join("zoe", newStudio(t, false))
	anna.hears("bert", "camera", 10)
	anna.hears("zoe", "camera", 10)
	e := h.room.engine
	e.do(func() { panic("by the test") })
	h.room.post(func() { panic("by the test") })
	if err := h.room.do(func() error { panic("by the test") }); err != errFault {
		t.Errorf("error %v", err)
	}
	anna.mu.Lock()
	before := anna.tracks[trackKey{"bert", "camera"}]
	anna.mu.Unlock()
	e.do(func() {
		for _, l := range e.lines {
			if l.id == "bert" {
				l.ups = []*layer{nil} // the next packet trips over it
			}
		}
	})
	anna.await("bert's connection to end", func() bool { return before.ended })
	anna.hears("bert", "camera", 10)
	anna.hears("zoe", "camera", 10)
	h.member("bert").hears("anna", "camera", 10)
	if n := h.server.Panics(); n < 4 { // more than one packet may trip before the connection ends
		t.Errorf("%d panics, want 4 or a few more", n)
	}
	if anna.tracks[trackKey{"zoe", "camera"}].ended {
		t.Error("zoe lost her connection too")
	}
}

// A track that is gone from its sender but not yet from its receivers is chosen for nobody.
func TestChoiceWithoutTheSender(t *testing.T) {
	s := newStage(t)
	s.join("a")
	b := s.join("b")
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		track := s.publish("a", kind, 1)
		d := s.subscribe("b", track, uint32(70+kind), defaultTile)
		s.e.unpublish(track, track.layers[topLayer:])
		s.e.choose(b)
		if d.want >= 0 {
			t.Errorf("layer %d of a track that is gone", d.want)
		}
	}
}
