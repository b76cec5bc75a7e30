package probe

import (
	"crypto/tls"
	"fmt"
	"reflect"
	"testing"

	"github.com/pion/webrtc/v4"
)

func TestPlan(t *testing.T) {
	room := []webrtc.ICEServer{
		{URLs: []string{"stun:198.51.100.1:7788"}},
		{URLs: []string{"turn:198.51.100.1:7788?transport=udp", "turn:198.51.100.1:7788?transport=tcp", "turns:198.51.100.1:7788?transport=tcp"},
			Username: "u", Credential: "p"},
	}
	const at = "198.51.100.1:7788"
	for _, tc := range []struct {
		name string
		cfg  Config
		want []step
	}{
		{"nothing", Config{}, nil},
		{"a room", Config{ICEServers: room, Signaling: []string{at}, TLS: &tls.Config{}, PortMapping: true}, []step{
			{kind: askSTUN, url: room[0].URLs[0], host: at, protocol: "udp"},
			{kind: testNAT, url: room[0].URLs[0], host: at, protocol: "udp", user: "u", pass: "p"}, // once, with the credentials
			{kind: askTURN, url: room[1].URLs[0], host: at, protocol: "udp", user: "u", pass: "p"},
			{kind: askTURN, url: room[1].URLs[1], host: at, protocol: "tcp", user: "u", pass: "p"},
			{kind: askTURN, url: room[1].URLs[2], host: at, protocol: "tls", user: "u", pass: "p"},
			{kind: askSignal, host: at, protocol: "tls"},
			{kind: askRouter},
		}},
		{"by name, default port", Config{ICEServers: []webrtc.ICEServer{{URLs: []string{"stun:stun.example"}}}}, []step{
			{kind: askSTUN, url: "stun:stun.example", host: "stun.example:3478", protocol: "udp"},
			{kind: testNAT, url: "stun:stun.example", host: "stun.example:3478", protocol: "udp"},
		}},
		{"what cannot be asked", Config{ICEServers: []webrtc.ICEServer{{URLs: []string{"http://x", "turns:x?transport=udp"}}}}, []step{
			{kind: unusable, url: "http://x", why: "not the address of a STUN or TURN server"},
			{kind: unusable, url: "turns:x?transport=udp", protocol: "dtls", why: "DTLS is not tried"},
		}},
		{"no pin: TCP alone", Config{Signaling: []string{at}}, []step{{kind: askSignal, host: at, protocol: "tcp"}}},
	} {
		if got := plan(tc.cfg); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", tc.name, got, tc.want)
		}
	}
}

func TestPlanIsBounded(t *testing.T) {
	var cfg Config
	for i := range 1000 {
		cfg.ICEServers = append(cfg.ICEServers, webrtc.ICEServer{URLs: []string{fmt.Sprintf("stun:s%d.example", i)}})
		cfg.Signaling = append(cfg.Signaling, fmt.Sprintf("h%d.example:7788", i))
	}
	if n := len(plan(cfg)); n != 2*maxServers+maxSignaling {
		t.Errorf("%d steps", n)
	}
}
