package host_test

import (
	"context"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/peer"
	"candid/netstack/sfu"
	"candid/netstack/signal"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// caller is a member who uses the host's media server.
type caller struct {
	*signal.Client
	media *sfu.Transport
}

// call joins with a client of the media server. relayed makes it reach even
// that through the relay.
func call(t *testing.T, h *host.Host, i invite.Invite, name string, relayed bool) *caller {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := signal.Dial(ctx, signal.ClientConfig{
		Invite: i, Name: name, Logger: quiet, Capabilities: signal.Capabilities{Paths: []netstack.Topology{netstack.P2P, netstack.SFU}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := peer.Config{ICEServers: c.Servers(), TLS: identity.ClientConfig(h.Pin()), Loopback: true, Logger: quiet}
	if relayed {
		cfg.Policy = peer.RelayOnly
	}
	m, err := sfu.NewTransport(sfu.TransportConfig{Self: c.ID(), Signaler: c, Peer: cfg})
	if err != nil {
		t.Fatal(err)
	}
	m.SetPeers()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range c.Events() {
			if e, ok := e.(signal.MessageReceived); ok && e.Envelope.Path == netstack.SFU {
				m.Handle(e.Envelope)
			}
		}
	}()
	t.Cleanup(func() { _ = m.Close(); _ = c.Close(); <-done })
	return &caller{c, m}
}

// sound publishes a track and writes to it until the test ends.
func (c *caller) sound(t *testing.T) {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", string(c.ID()))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.media.Publish(track); err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := uint16(0); ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 960}, Payload: make([]byte, 80)})
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// hears waits for fifty packets of somebody.
func (c *caller) hears(t *testing.T, from netstack.PeerID) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case e := <-c.media.Events():
			a, ok := e.(netstack.TrackAdded)
			if !ok || a.Peer != from {
				continue
			}
			for range 50 {
				if _, _, err := a.Track.ReadRTP(); err != nil {
					t.Fatal(err)
				}
			}
			return
		case <-late:
			t.Fatal("heard nothing")
		}
	}
}

// Sound goes through the host's media server on the one port, directly and,
// from behind what lets only the relay through, by the relay.
func TestMediaServer(t *testing.T) {
	for _, relayed := range []bool{false, true} {
		name := "direct"
		if relayed {
			name = "relayed"
		}
		t.Run(name, func(t *testing.T) {
			h := start(t, host.Config{})
			i := inviteTo(t, h, "otter")
			a, b := call(t, h, i, "Anna", relayed), call(t, h, i, "Ben", false)
			a.sound(t)
			b.hears(t, a.ID())
			if up := h.Snapshot().Relay.Up.Packets; (up > 40) != relayed { // some checks go there in any case
				t.Errorf("%d packets went through the relay", up)
			}
		})
	}
}

// A host that is killed and started again serves media again, to the same
// people by the same names, and none of them does anything.
func TestMediaAfterRestart(t *testing.T) {
	cfg := host.Config{Dir: t.TempDir()}
	h := start(t, cfg)
	i := inviteTo(t, h, "otter")
	a, b := call(t, h, i, "Anna", false), call(t, h, i, "Ben", false)
	a.sound(t)
	b.hears(t, a.ID())
	cfg.Port = h.Port()
	if err := h.Crash(); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
	b.hears(t, a.ID()) // of a new track
}
