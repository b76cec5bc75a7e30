package signal

import (
	"context"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"candid/netstack"
)

// BenchmarkLookup shows that a room that does not exist, a wrong secret and a
// right one take the same time to tell apart.
func BenchmarkLookup(b *testing.B) {
	s := NewServer(ServerConfig{Logger: quiet})
	defer s.Close()
	if err := s.AddRoom(aRoom, RoomOptions{Secret: aSecret}); err != nil {
		b.Fatal(err)
	}
	for name, room := range map[string][2]string{
		"unknown room": {"badger", aSecret},
		"wrong secret": {aRoom, "kJv0d8Q2mXn4rT6yB1cZ7x"},
		"right secret": {aRoom, aSecret},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.lookup(room[0], room[1], "anna")
			}
		})
	}
}

// BenchmarkRelay is a message to another member and one back.
func BenchmarkRelay(b *testing.B) {
	h := startHost(b, ServerConfig{}, nil, "127.0.0.1:0")
	h.rate = 1e9
	x, y := dial(b, ClientConfig{Invite: h.invite()}), dial(b, ClientConfig{Invite: h.invite()})
	n := 0
	for b.Loop() {
		n++
		_ = x.Send(context.Background(), numbered(y.ID(), n))
		next[MessageReceived](b, y)
		_ = y.Send(context.Background(), numbered(x.ID(), n))
		next[MessageReceived](b, x)
	}
}

// BenchmarkJoin is everything from dialing to the welcome, on loopback.
func BenchmarkJoin(b *testing.B) {
	h := startHost(b, ServerConfig{ICEServers: func(Visitor) ([]webrtc.ICEServer, time.Duration) { return nil, time.Hour }}, nil, "127.0.0.1:0")
	for b.Loop() {
		c, err := tryDial(ClientConfig{Invite: h.invite()})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = c.Close()
		b.StartTimer()
	}
}

// BenchmarkParse is what a message of 2 kB costs before it is handled.
func BenchmarkParse(b *testing.B) {
	body := []byte(`{"type":"offer","sdp":"` + string(filled('v')) + `"}`)
	data := append(headOf(nil, 1, 1), tailOf(netstack.Envelope{Type: TypeDescription, To: "abc", Body: body}, 1)...)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		f, err := parseFrame(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := inspect(f.Body); err != nil {
			b.Fatal(err)
		}
	}
}

func filled(c byte) []byte {
	b := make([]byte, 2048)
	for i := range b {
		b[i] = c
	}
	return b
}
