package host_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/relay"
	"candid/netstack/signal"

	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"
)

func itoa(n int) string { return strconv.Itoa(n) }

// dialTCP connects, and checks the pin before anything is sent inside TLS.
func dialTCP(addr string, secure bool, pin invite.Pin) (net.Conn, error) {
	if secure {
		return tls.Dial("tcp", addr, identity.ClientConfig(pin))
	}
	return net.Dial("tcp", addr)
}

// pinned is the dialer of a client that knows the host by its pin.
type pinned struct {
	secure bool
	pin    invite.Pin
}

func (p pinned) Dial(_, addr string) (net.Conn, error) { return dialTCP(addr, p.secure, p.pin) }

// relayedPeer makes a connection that reaches others by the relay alone, over the
// transport that the one URL with this part names.
func relayedPeer(t *testing.T, h *host.Host, c *signal.Client, part string) *webrtc.PeerConnection {
	t.Helper()
	var one webrtc.ICEServer
	for _, s := range c.Servers() {
		for _, u := range s.URLs {
			if strings.HasPrefix(u, part[:strings.Index(part, " ")]+":127") && strings.HasSuffix(u, part[strings.Index(part, " ")+1:]) {
				one = webrtc.ICEServer{URLs: []string{u}, Username: s.Username, Credential: s.Credential}
			}
		}
	}
	if one.URLs == nil {
		t.Fatalf("no server %q in %v", part, c.Servers())
	}
	none := logging.NewDefaultLoggerFactory()
	none.DefaultLogLevel = logging.LogLevelDisabled
	se := webrtc.SettingEngine{LoggerFactory: none}
	se.SetICEProxyDialer(pinned{strings.HasPrefix(part, "turns"), h.Pin()})
	se.SetRelayAcceptanceMinWait(0)
	me := &webrtc.MediaEngine{}
	if err := me.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(se), webrtc.WithMediaEngine(me)).NewPeerConnection(webrtc.Configuration{
		ICEServers: []webrtc.ICEServer{one}, ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// settle exchanges descriptions with all candidates in them.
func settle(t *testing.T, from, to *webrtc.PeerConnection) {
	t.Helper()
	offer, err := from.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(from)
	if err := from.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := to.SetRemoteDescription(*from.LocalDescription()); err != nil {
		t.Fatal(err)
	}
	answer, err := to.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	done = webrtc.GatheringCompletePromise(to)
	if err := to.SetLocalDescription(answer); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := from.SetRemoteDescription(*to.LocalDescription()); err != nil {
		t.Fatal(err)
	}
}

// A call with a relay at both ends gets its media through, over each transport.
func TestRelayedCall(t *testing.T) {
	for _, tc := range []struct {
		part, anna, ben string
		protocol        relay.Transport
	}{
		{"UDP", "turn ?transport=udp", "turn ?transport=udp", relay.UDP},
		{"TCP", "turn ?transport=tcp", "turn ?transport=tcp", relay.TCP},
		{"TLS", "turns ?transport=tcp", "turns ?transport=tcp", relay.TLS},
		{"TLS to UDP", "turns ?transport=tcp", "turn ?transport=udp", relay.TLS},
	} {
		t.Run(tc.part, func(t *testing.T) {
			h := start(t, host.Config{})
			i := inviteTo(t, h, "otter")
			a := relayedPeer(t, h, join(t, i, "Anna"), tc.anna)
			b := relayedPeer(t, h, join(t, i, "Ben"), tc.ben)
			track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "anna")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.AddTrack(track); err != nil {
				t.Fatal(err)
			}
			arrived := make(chan *webrtc.TrackRemote, 1)
			b.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { arrived <- r })
			settle(t, a, b)
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() { // like a camera: it goes on until it is stopped
				defer close(done)
				for n := uint16(0); ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
						_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n}, Payload: make([]byte, 900)})
					}
				}
			}()
			defer func() { close(stop); <-done }()
			select {
			case r := <-arrived:
				for range 50 {
					if _, _, err := r.ReadRTP(); err != nil {
						t.Fatal(err)
					}
				}
			case <-time.After(patience):
				t.Fatal("no media came")
			}
			s := h.Snapshot().Relay
			if s.Down.Packets < 50 || s.Refused != 0 {
				t.Errorf("the relay carried %d packets and refused %d", s.Down.Packets, s.Refused)
			}
			if len(s.Members) != 2 || len(s.Members[0].Allocations) != 1 || len(s.Members[1].Allocations) != 1 {
				t.Fatalf("members: %+v", s.Members)
			}
			kinds := []relay.Transport{s.Members[0].Allocations[0].Transport, s.Members[1].Allocations[0].Transport}
			if kinds[0] != tc.protocol && kinds[1] != tc.protocol {
				t.Errorf("relayed over %v, want %s", kinds, tc.protocol)
			}
		})
	}
}

// What a member signals as its candidate, the relay reaches for the others of
// its room, and only then.
func TestSignaledCandidateIsReached(t *testing.T) {
	h := start(t, host.Config{})
	i := inviteTo(t, h, "otter")
	a, b := join(t, i, "Anna"), join(t, i, "Ben")
	sock, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	var cl *turn.Client
	for _, s := range serversOf(t, a) {
		if s.uri.IsSecure() {
			cl = s.client(t, h.Pin())
		}
	}
	relayed, err := cl.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relayed.Close()
	// The address has the media server, so there is a permission; not so the port.
	if _, err := relayed.WriteTo([]byte("too early"), sock.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return h.Snapshot().Relay.Refused > 0 })
	body, err := json.Marshal(webrtc.ICECandidateInit{
		Candidate: "candidate:1 1 udp 2130706431 127.0.0.1 " + itoa(sock.LocalAddr().(*net.UDPAddr).Port) + " typ host",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Send(t.Context(), netstack.Envelope{Type: signal.TypeCandidate, To: a.ID(), Path: netstack.P2P, Body: body}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	eventually(t, func() bool {
		if _, err := relayed.WriteTo([]byte("hello"), sock.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		_ = sock.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, _, err := sock.ReadFrom(buf)
		if err == nil && string(buf[:n]) != "hello" {
			t.Fatalf("got %q", buf[:n])
		}
		return err == nil
	})
}

// On a network, nothing is relayed from or to loopback: this machine's own
// client is sent to an address that others reach too.
func TestOwnClientOnANetwork(t *testing.T) {
	h, err := host.Start(t.Context(), host.Config{Port: host.AnyPort, Rooms: []string{"otter"}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if strings.HasPrefix(h.Addresses()[0], "127.") || strings.HasPrefix(h.Addresses()[0], "[::1]") {
		t.Skip("this machine has no address but loopback")
	}
	i, err := h.LocalInvite("otter")
	if err != nil {
		t.Fatal(err)
	}
	c := join(t, i, "Anna")
	var last server
	for _, s := range serversOf(t, c) {
		if s.user == "" {
			continue
		}
		relayed, err := s.client(t, h.Pin()).Allocate()
		if err != nil {
			t.Fatalf("%v: %v", s.uri, err)
		}
		defer relayed.Close()
		// Who comes by IPv6 gets an address of IPv4, if there is any.
		if ip := relayed.LocalAddr().(*net.UDPAddr).IP; ip.IsLoopback() || ip.String() != s.uri.Host && ip.To4() == nil {
			t.Errorf("%v: relayed at %v", s.uri, ip)
		}
		last = s
	}
	uri := *last.uri
	uri.Host, uri.Proto, uri.Scheme = "127.0.0.1", stun.ProtoTypeUDP, stun.SchemeTypeTURN
	last.uri = &uri
	_, err = last.client(t, h.Pin()).Allocate()
	var refused *stun.TurnError
	if !errors.As(err, &refused) || refused.ErrorCodeAttr.Code != stun.CodeForbidden {
		t.Errorf("allocate on loopback: %v, want 403", err)
	}
}
