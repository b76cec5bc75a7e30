package signal

import (
	"errors"
	"testing"

	"candid/netstack"
	"candid/netstack/unbounded"
)

// What a host says, whatever it is, breaks no client: every message is taken,
// ignored or an error, and what it keeps of the room is bounded by what was said.
func FuzzClientTakes(f *testing.F) {
	for _, s := range []string{
		`{"type":"joined","body":{"id":"b","name":"Ben","role":"member","capabilities":{"host":true}}}`,
		`{"type":"changed","body":{"id":"a","name":"\u202e","muted":true,"connected":false}}`,
		`{"type":"left","body":{"id":"b","why":"left","said":"must go"}}`,
		`{"type":"plan","body":{"revision":4,"why":"…","paths":{"a":{"topology":"MCU","why":"thin"}}}}`,
		`{"type":"servers","body":{"servers":[{"urls":["turn:192.0.2.1"],"username":"u","credential":"c"}]}}`,
		`{"type":"chat","from":"b","n":3,"body":{"text":"hello","name":"Ben","at":"2026-11-21T08:00:00Z","line":8}}`,
		`{"type":"room","body":{"locked":true,"waiting":[{"id":"c","name":"Carla"}],"forced":"SFU"}}`,
		`{"type":"moved","body":{"invite":"candid://192.0.2.1:7788/otter#t=kJv0d8Q2mXn4rT6yB1cZ7w&pin=3xQeAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw"}}`,
		`{"type":"closed","body":{"code":"removed","why":"bye"}}`,
		`{"type":"mute","from":"b"}`,
		`{"type":"error","body":{"code":"limit","message":"no","type":"chat","to":"b"}}`,
		`{"type":"x-take-over","from":"host","n":1,"body":{"room":"otter","secret":"s"}}`,
	} {
		f.Add([]byte(s), []byte(`{"type":"left","body":{"id":"b"}}`))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := &Client{cfg: ClientConfig{Logger: quiet}, log: quiet, events: unbounded.New[Event](), out: &outbox{}, hurry: make(chan struct{}, 1)}
		c.view = view{id: "a", numbers: map[netstack.PeerID]uint64{}, members: []Member{{ID: "a"}, {ID: "b"}}}
		c.invite.Room = aRoom
		for _, data := range [][]byte{first, second, first} {
			fr, err := parseFrame(data)
			if err != nil {
				continue
			}
			var moved *MovedError
			if err := c.take(fr); err != nil && !errors.Is(err, ErrProtocol) && !errors.Is(err, ErrHostGone) && !errors.Is(err, ErrRemoved) && !errors.As(err, &moved) {
				t.Errorf("%s: an error of no kind: %v", data, err)
			}
		}
		if len(c.Members()) > 4 {
			t.Errorf("three messages made %d members", len(c.Members()))
		}
		c.events.Close()
		for range c.events.Out() {
		}
	})
}

// What a member of any role sends breaks no room, and gives nobody a role they
// may not give.
func FuzzRoomHandles(f *testing.F) {
	for _, s := range []string{
		`{"type":"state","body":{"muted":true,"handRaised":true}}`, `{"type":"chat","n":1,"body":{"text":"hello"}}`,
		`{"type":"force","body":{"topology":"SFU"}}`, `{"type":"force-room","body":{"topology":"MCU"}}`, `{"type":"lock"}`, `{"type":"lobby-on"}`,
		`{"type":"mute","body":{"id":"MEMBER"}}`, `{"type":"remove","body":{"id":"MEMBER"}}`, `{"type":"make-moderator","body":{"id":"MEMBER"}}`,
		`{"type":"hand-over","body":{"id":"MEMBER"}}`, `{"type":"leave","body":{"said":"bye"}}`, `{"type":"ack"}`,
		`{"type":"description","to":"host","n":2,"body":{"type":"offer","sdp":"v=0\r\nm=audio\r\n"}}`,
		`{"type":"candidate","to":"host","body":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}}`,
	} {
		for role := range byte(3) {
			f.Add([]byte(s), role)
		}
	}
	roles := []Role{Ordinary, Moderator, Owner}
	f.Fuzz(func(t *testing.T, data []byte, which byte) {
		fr, err := parseFrame(data)
		if err != nil || fr.Type == TypePing { // that one needs a connection
			return
		}
		s := NewServer(ServerConfig{Logger: quiet, OnMessage: func(string, netstack.Envelope) {}, OnHandOver: func(string, netstack.PeerID) {}})
		defer s.Close()
		if err := s.AddRoom(aRoom, RoomOptions{Secret: aSecret}); err != nil {
			t.Fatal(err)
		}
		r := s.rooms[aRoom]
		ben := newSession(joinBody{Room: aRoom, Key: "ben", Name: "Ben"}, netipAddr("192.0.2.2"), "")
		ben.Role = Ordinary
		ann := newSession(joinBody{Room: aRoom, Key: "ann", Name: "Ann"}, netipAddr("192.0.2.1"), "")
		ann.Role = roles[int(which)%len(roles)]
		if fr.To == "MEMBER" {
			fr.To = ben.ID
		}
		role := ann.Role
		err = r.loop.Do(func() {
			for _, m := range []*session{ann, ben} {
				m.room, m.Connected = r, true
				r.members[m.ID] = m
				r.order = append(r.order, m)
				s.present.Add(1)
			}
			body, bodyErr := inspect(fr.Body)
			r.handle(ann, fr, body, bodyErr)
			if ann.Role != role || ben.Role != Ordinary && role == Ordinary {
				t.Errorf("%s: %s and %s are %s and %s", data, ann.Name, ben.Name, ann.Role, ben.Role)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Stats().Panics; n > 0 {
			t.Errorf("%s: %d panics", data, n)
		}
	})
}
