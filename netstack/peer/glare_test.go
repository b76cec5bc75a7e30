package peer

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// The first answer has no section for a third track; the offer that would bring
// it crosses one of the other side's and is taken back. It must be made again.
func TestOfferTakenBackIsMadeAgain(t *testing.T) {
	anna, bert := newSide(t, "anna", "bert", local()), newSide(t, "bert", "anna", local())
	for _, name := range []string{"mic", "camera", "camera~q"} {
		anna.peer.Publish(track(t, name))
	}
	anna.sync()
	var mu sync.Mutex
	var held []netstack.Envelope
	holding := true
	anna.mu.Lock()
	anna.mangle = func(e netstack.Envelope) []netstack.Envelope {
		var body descriptionBody
		if json.Unmarshal(e.Body, &body) != nil || e.Type != TypeDescription || body.Type != webrtc.SDPTypeOffer {
			return []netstack.Envelope{e}
		}
		mu.Lock()
		defer mu.Unlock()
		if !holding {
			return []netstack.Envelope{e}
		}
		held = append(held, e)
		return nil
	}
	anna.mu.Unlock()
	join(anna, bert)
	anna.await("her offer", func() bool { mu.Lock(); defer mu.Unlock(); return len(held) == 1 })
	bert.peer.Publish(track(t, "mic"))
	anna.await("his offer to cross hers", func() bool { return anna.answers() == 2 })
	mu.Lock()
	holding = false
	late := held
	mu.Unlock()
	for _, e := range late { // to an offer she gave up
		bert.peer.Handle(e)
	}
	anna.await("her offer again", func() bool {
		for _, e := range anna.sent {
			var body descriptionBody
			if json.Unmarshal(e.Body, &body) == nil && e.Type == TypeDescription && body.N > 1 && body.Type == webrtc.SDPTypeOffer {
				return true
			}
		}
		return false
	})
	bert.await("all three tracks", func() bool {
		d := bert.peer.pc.CurrentRemoteDescription()
		return d != nil && strings.Contains(d.SDP, " camera~q\r\n")
	})
}

// answers is how many answers a side gave. It is called with s locked.
func (s *side) answers() int {
	n := 0
	for _, e := range s.sent {
		var body descriptionBody
		if json.Unmarshal(e.Body, &body) == nil && e.Type == TypeDescription && body.Type == webrtc.SDPTypeAnswer {
			n++
		}
	}
	return n
}

func track(t *testing.T, name string) *webrtc.TrackLocalStaticRTP {
	t.Helper()
	mime := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	if name == "mic" {
		mime = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	}
	out, err := webrtc.NewTrackLocalStaticRTP(mime, name, "own")
	if err != nil {
		t.Fatal(err)
	}
	return out
}
