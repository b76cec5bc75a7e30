package sfu

import (
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

func sound(ssrc uint32, seq uint16) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: uint32(seq) * 960, SSRC: ssrc}, Payload: []byte{0xF8, byte(seq)}}
}

// Sound that is not wanted is not sent; when it is again, it goes on with the
// next number, so that nothing looks lost, and a NACK still finds its packet.
func TestSoundPauses(t *testing.T) {
	s := newStage(t)
	s.join("a")
	b := s.join("b")
	mic := s.publish("a", webrtc.RTPCodecTypeAudio, 1)
	d := s.subscribe("b", mic, 77, defaultTile)
	n := uint16(65500)
	run := func(packets int) {
		for range packets {
			n++
			s.send("a", sound(1, n))
			s.pass(tickEvery)
		}
	}
	run(50)
	heard, _ := s.got("b")
	d.tile = 0
	s.e.choose(b)
	run(200)
	if quiet, _ := s.got("b"); len(quiet) != 0 {
		t.Errorf("%d packets that were not wanted", len(quiet))
	}
	if b.takes || mic.layers[topLayer].demanded {
		t.Error("sound nobody takes is still demanded")
	}
	if len(s.changes) != 1 || s.changes[0].demand[0].Wanted {
		t.Errorf("told: %+v", s.changes)
	}
	d.tile = defaultTile
	s.e.choose(b)
	s.e.demands()
	if !mic.layers[topLayer].demanded {
		t.Error("sound somebody takes again is not demanded at once")
	}
	run(50)
	again, _ := s.got("b")
	if len(heard) != 50 || len(again) != 50 {
		t.Fatalf("%d packets before and %d after", len(heard), len(again))
	}
	for i, p := range again {
		if p.SequenceNumber != heard[49].SequenceNumber+1+uint16(i) {
			t.Fatalf("packet %d after the pause has number %d, the last before %d", i, p.SequenceNumber, heard[49].SequenceNumber)
		}
	}
	layer, in, _, ok := d.Find(again[40].SequenceNumber)
	if !ok || layer != topLayer || uint16(in) != n-9 {
		t.Errorf("a NACK finds packet %d of layer %d (%v), want %d", in, layer, ok, n-9)
	}
}

// A quiet client is sent nothing before it asks, nor does anyone send for it;
// then it gets what it asked for, and only that.
func TestQuiet(t *testing.T) {
	h := newHall(t)
	s := newStudio(t, true)
	zoe := h.join("zoe", s)
	for _, id := range []netstack.PeerID{"anna", "zzz"} {
		if err := h.room.Join(id, h); err != nil {
			t.Fatal(err)
		}
		c := h.connectAs(id, nil, true)
		c.await("the connection", func() bool {
			l := c.Links()
			return len(l) == 1 && l[0].State == webrtc.PeerConnectionStateConnected
		})
		zoe.await("everything to be given up", func() bool { return zoe.demand("mic") == no && zoe.demand("camera") == no })
		before := h.room.Stats().Forwarded
		time.Sleep(200 * time.Millisecond)
		if n := h.room.Stats().Forwarded - before; n > 0 {
			t.Errorf("%d packets forwarded that nobody asked for", n)
		}
		c.Wish(Wish{Peer: "zoe", Track: "mic", Height: 1})
		zoe.await("the mic to be wanted", func() bool { return zoe.demand("mic") == yes })
		c.hears("zoe", "mic", 20)
		c.mu.Lock()
		if r := c.tracks[trackKey{"zoe", "camera"}]; r != nil && len(r.packets) > 0 {
			t.Errorf("%d packets of a picture", len(r.packets))
		}
		c.mu.Unlock()
		c.Wish(Wish{Peer: "zoe", Track: Any, Height: 720})
		c.hears("zoe", "camera", 20)
		c.Wish(Wish{Peer: "zoe", Track: "mic"}, Wish{Peer: "zoe", Track: Any})
		zoe.await("everything to be given up again", func() bool { return zoe.demand("mic") == no && zoe.demand("camera") == no })
		c.leave()
	}
}

const (
	unsaid = iota
	yes
	no
)

// demand is what the host said last of one of our tracks.
func (c *client) demand(track string) int {
	for i := len(c.events) - 1; i >= 0; i-- {
		if d, ok := c.events[i].(netstack.DemandChanged); ok && d.TrackID == track {
			if d.Wanted {
				return yes
			}
			return no
		}
	}
	return unsaid
}
