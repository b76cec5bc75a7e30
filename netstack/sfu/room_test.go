package sfu

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"
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

// Layers follow the tile, without a gap in what is received; what nobody takes
// is not asked for any more.
func TestLayersFollowTheTile(t *testing.T) {
	h := newHall(t)
	s := newStudio(t, true)
	h.join("zoe", s)
	small, large := h.join("anna", nil), h.join("bert", nil)
	small.Wish(Wish{Peer: "zoe", Track: "camera", Height: 180})
	large.Wish(Wish{Peer: "zoe", Track: "camera", Height: 720})
	last := func(c *client) int {
		r := c.tracks[trackKey{"zoe", "camera"}]
		if r == nil || len(r.heights) == 0 {
			return 0
		}
		return r.heights[len(r.heights)-1]
	}
	small.await("the small layer", func() bool { return last(small) == 180 })
	large.await("the large layer", func() bool { return last(large) == 720 })
	small.Wish(Wish{Peer: "zoe", Track: "camera", Height: 720})
	small.await("the large layer", func() bool { return last(small) == 720 })
	large.Wish(Wish{Peer: "zoe", Track: "camera", Height: 0})
	small.Wish(Wish{Peer: "zoe", Track: "camera", Height: 180})
	small.await("the small layer again", func() bool { return last(small) == 180 })
	zoe := h.member("zoe")
	zoe.await("the large layer to be given up", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.skip[2] && s.skip[1] && !s.skip[0]
	})
	small.mu.Lock()
	defer small.mu.Unlock()
	r := small.tracks[trackKey{"zoe", "camera"}]
	missing := map[uint16]bool{}
	for i := 1; i < len(r.packets); i++ {
		for n := r.packets[i-1].SequenceNumber + 1; n != r.packets[i].SequenceNumber && len(missing) < 100; n++ {
			missing[n] = true
		}
	}
	for _, p := range r.packets {
		delete(missing, p.SequenceNumber)
	}
	if len(missing) > 0 {
		t.Errorf("%d numbers are missing", len(missing))
	}
}

// Who leaves is gone for all; a section that became free carries the next
// track. Who comes back is heard again.
func TestLeaveAndComeBack(t *testing.T) {
	h := newHall(t)
	studio := newStudio(t, false)
	stay := h.join("anna", newStudio(t, false))
	for _, id := range []netstack.PeerID{"zoe", "bert", "zoe", "carl"} {
		c := h.join(id, studio)
		stay.hears(id, "mic", 10)
		stay.hears(id, "camera", 10)
		c.hears("anna", "mic", 10)
		c.hears("anna", "camera", 10)
		stay.mu.Lock()
		r := stay.tracks[trackKey{id, "mic"}]
		stay.mu.Unlock()
		c.leave()
		stay.await("the track to end", func() bool { return r.ended })
	}
	sections := 0
	if err := h.room.do(func() error { sections = len(h.room.members["anna"].session.sections); return nil }); err != nil {
		t.Fatal(err)
	}
	if sections > 4 {
		t.Errorf("%d media sections after four guests, one after the other", sections)
	}
}

// Tracks come and go while a connection stays.
func TestUnpublish(t *testing.T) {
	h := newHall(t)
	s := newStudio(t, false)
	for _, id := range []netstack.PeerID{"anna", "zoe"} {
		c := h.join(id, s)
		other := h.join("bert", nil)
		other.hears(id, "camera", 10)
		for range 2 {
			other.mu.Lock()
			r := other.tracks[trackKey{id, "camera"}]
			other.mu.Unlock()
			if err := c.Unpublish(s.layers[topLayer]); err != nil {
				t.Fatal(err)
			}
			other.await("the picture to end", func() bool { return r.ended })
			if err := c.Publish(s.layers[topLayer]); err != nil {
				t.Fatal(err)
			}
			other.await("the picture again", func() bool {
				n := other.tracks[trackKey{id, "camera"}]
				return n != r && len(n.packets) > 10
			})
		}
		other.hears(id, "mic", 10)
		other.leave()
		c.leave()
	}
}

// ICE restarts whoever asks, and media goes on.
func TestRestart(t *testing.T) {
	h := newHall(t)
	a, z := h.join("anna", newStudio(t, false)), h.join("zoe", newStudio(t, false))
	a.hears("zoe", "mic", 10)
	z.hears("anna", "mic", 10)
	for _, c := range []*client{a, z} {
		c.Transport.Restart("", "a test")
		c.await("the restart", c.restarted)
		c.await("connection", func() bool { return len(c.Links()) == 1 && c.Links()[0].State == webrtc.PeerConnectionStateConnected })
		a.hears("zoe", "mic", 30)
		z.hears("anna", "mic", 30)
	}
}

// A client that begins anew replaces itself.
func TestClientBeginsAnew(t *testing.T) {
	h := newHall(t)
	stay := h.join("anna", newStudio(t, false))
	for _, id := range []netstack.PeerID{"zoe", "bert"} {
		first := h.join(id, newStudio(t, false))
		stay.hears(id, "mic", 10)
		h.mu.Lock()
		delete(h.clients, id)
		h.mu.Unlock()
		if err := first.Close(); err != nil { // it crashed: nobody told the room
			t.Fatal(err)
		}
		first.wg.Wait()
		again := h.connect(id, newStudio(t, false))
		again.hears("anna", "mic", 10)
		stay.hears(id, "mic", 10)
	}
}

// Speakers are told by their levels.
func TestSpeakers(t *testing.T) {
	h := newHall(t)
	sa, sz := newStudio(t, false), newStudio(t, false)
	h.join("anna", sa)
	z := h.join("zoe", sz)
	z.hears("anna", "mic", 10)
	speaker := func() netstack.PeerID {
		for i := len(z.events) - 1; i >= 0; i-- {
			if s, ok := z.events[i].(netstack.SpeakersChanged); ok {
				return s.Speakers[0]
			}
		}
		return ""
	}
	sa.speak(20)
	z.await("anna to be the speaker", func() bool { return speaker() == "anna" })
	sa.speak(127)
	sz.speak(20)
	z.await("zoe to be the speaker", func() bool { return speaker() == "zoe" })
}

// What the room is asked wrongly is refused, and harms nobody.
func TestRoomRefuses(t *testing.T) {
	h := newHall(t)
	a := h.join("anna", newStudio(t, false))
	for _, id := range []netstack.PeerID{"", netstack.HostID, "anna", "with space"} {
		if err := h.room.Join(id, h); err == nil {
			t.Errorf("%q was let in", id)
		}
	}
	if err := h.room.Join("eve", h); err != nil {
		t.Fatal(err)
	}
	valid := "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\na=fingerprint:sha-256 AA\r\n"
	for _, sdp := range []string{
		"", "v=0", valid, strings.Repeat("a=x\r\n", 5000), strings.Repeat("x", maxSDP+1),
		valid + "m=audio\r\n", valid + strings.Repeat("m=audio 9 X 111\r\n", 65),
		valid + "m=audio 9 X 111\r\n", valid + "m=audio 9 X 111\r\na=mid:a\r\nm=audio 9 X 111\r\na=mid:a\r\n",
		valid + "m=audio 9 X 111\r\na=mid:a\r\na=msid:x bad\"name\r\n",
		valid + "a=fingerprint:sha-256 BB\r\nm=audio 9 X 111\r\na=mid:a\r\n",
		strings.Replace(valid, "sha-256", "md5", 1) + "m=audio 9 X 111\r\na=mid:a\r\n",
		valid + "m=audio 9 X 111\r\na=mid:a\r\nm=application 9 X y\r\na=mid:b\r\nm=video 0 X 96\r\na=mid:c\r\na=sendonly\r\na=ssrc:1 a\r\n",
	} {
		for i, typ := range []string{"offer", "answer", "pranswer", "nonsense"} {
			body, err := json.Marshal(map[string]any{"type": typ, "sdp": sdp, "n": 1 + i, "session": "eve"})
			if err != nil {
				t.Fatal(err)
			}
			h.room.Handle(netstack.Envelope{Type: "description", From: "eve", Path: netstack.SFU, Body: body})
		}
	}
	for _, typ := range []string{"description", "candidate", "hello", "restart", TypeWishes, TypeDemand, "x-else"} {
		for _, body := range []string{"", "null", "[]", `{"session":1}`, `{"session":""}`, `{"session":"s","n":-1}`, `{"wishes":[{"peer":"a b","track":""}]}`} {
			h.room.Handle(netstack.Envelope{Type: typ, From: "eve", Path: netstack.SFU, Body: json.RawMessage(body)})
			h.room.Handle(netstack.Envelope{Type: typ, From: "nobody", Path: netstack.SFU, Body: json.RawMessage(body)})
		}
	}
	b := h.join("bert", nil)
	b.hears("anna", "mic", 10)
	h.room.Leave("nobody")
	h.room.Leave("eve")
	a.leave()
	if err := h.room.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.room.Join("late", h); err == nil {
		t.Error("a closed room let somebody in")
	}
}

// Strangers at the port get no answer, whatever they send.
func TestRow21Strangers(t *testing.T) {
	h := newHall(t)
	c, err := net.Dial("udp", h.at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("abcdefgh:ijkl"), stun.NewShortTermIntegrity("guess"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{check.Raw, {0}, {0, 1, 0, 0}, {22, 254, 253, 0}, {0x80, 96}, bytes.Repeat([]byte{0x80}, 1400), bytes.Repeat([]byte{0xC8}, 60)} {
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(patience); h.server.Dropped() < 5; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d packets dropped", h.server.Dropped())
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes came back", n)
	}
}
