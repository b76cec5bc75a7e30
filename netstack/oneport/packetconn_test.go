package oneport_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"candid/netstack/oneport"

	"github.com/pion/ice/v4"
)

var _ ice.AddrPortReaderWriter = (*oneport.PacketConn)(nil)

// mediaConn opens a port and returns its media as a net.PacketConn.
func mediaConn(t *testing.T) (*oneport.Port, *oneport.PacketConn) {
	t.Helper()
	cfg := config(t)
	cfg.Bind = loopback[:1]
	made := make(chan *oneport.PacketConn, 1)
	cfg.Media = func(s *oneport.Socket) oneport.Sink {
		c := oneport.NewPacketConn(s)
		made <- c
		return c
	}
	return open(t, cfg), <-made
}

// pion/ice takes the port as its UDPMux: a whole ICE agent on the one port.
func TestServesPionICE(t *testing.T) {
	_, conn := mediaConn(t)
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn})
	defer mux.Close()
	server, client := agent(t, ice.WithUDPMux(mux)), agent(t)
	for _, x := range []struct{ from, to *ice.Agent }{{server, client}, {client, server}} {
		if err := x.from.OnCandidate(func(c ice.Candidate) {
			if c != nil {
				_ = x.to.AddRemoteCandidate(c)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := x.from.GatherCandidates(); err != nil {
			t.Fatal(err)
		}
	}
	su, sp, _ := server.GetLocalUserCredentials()
	cu, cp, _ := client.GetLocalUserCredentials()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := server.Accept(t.Context(), cu, cp)
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	c, err := client.Dial(t.Context(), su, sp)
	if err != nil {
		t.Fatal(err)
	}
	s := <-accepted
	if _, err := c.Write([]byte{128, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := s.Read(buf); err != nil || n != 4 {
		t.Errorf("server read %d bytes, %v", n, err)
	}
	if _, err := s.Write([]byte{128, 4, 5}); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || n != 3 {
		t.Errorf("client read %d bytes, %v", n, err)
	}
}

func agent(t *testing.T, opts ...ice.AgentOption) *ice.Agent {
	t.Helper()
	opts = append(opts, ice.WithIncludeLoopback(), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled))
	a, err := ice.NewAgentWithOptions(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestPacketConnDeadline(t *testing.T) {
	_, c := mediaConn(t)
	buf := make([]byte, 10)
	_ = c.SetReadDeadline(time.Now().Add(-time.Second))
	var timeout net.Error
	if _, _, err := c.ReadFrom(buf); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("read after the deadline: %v", err)
	}
	// A deadline set while waiting counts.
	_ = c.SetDeadline(time.Time{})
	done := make(chan error)
	go func() { _, _, err := c.ReadFrom(buf); done <- err }()
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if err := <-done; !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("read past a deadline set meanwhile: %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	go func() { _, _, err := c.ReadFrom(buf); done <- err }()
	_ = c.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
}

func TestPacketConnAllocatesNothing(t *testing.T) {
	p, c := mediaConn(t)
	raw, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	to := netip.AddrPortFrom(loopback[0], uint16(p.Number()))
	packet, buf := []byte{128, 1, 2, 3}, make([]byte, 1500)
	n := testing.AllocsPerRun(200, func() {
		if _, err := raw.WriteToUDPAddrPort(packet, to); err != nil {
			t.Fatal(err)
		}
		_, from, err := c.ReadFromAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.WriteToAddrPort(packet, from); err != nil {
			t.Fatal(err)
		}
		if _, _, err := raw.ReadFromUDPAddrPort(buf); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for a packet in and one out", n)
	}
}
