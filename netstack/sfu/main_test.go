package sfu

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/peer"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

func testLog() *slog.Logger {
	if os.Getenv("CANDID_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// udpSocket is a batch.Socket.
type udpSocket struct{ *net.UDPConn }

func (u udpSocket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return u.WriteToUDPAddrPort(p, to)
}

// hall is a host with one room, at one socket.
type hall struct {
	t      testing.TB
	server *Server
	room   *Room
	at     netip.AddrPort

	mu      sync.Mutex
	clients map[netstack.PeerID]func(netstack.Envelope)
	members map[netstack.PeerID]*client
	early   map[netstack.PeerID][]netstack.Envelope // for who is about to come
	drop    func(p []byte, from netip.AddrPort) bool
}

// address is where a connected member's packets come from.
func (h *hall) address(id netstack.PeerID) (at netip.AddrPort) {
	h.t.Helper()
	if err := h.room.do(func() error { at = h.room.members[id].session.line.agent.selected.Load().remote; return nil }); err != nil {
		h.t.Fatal(err)
	}
	return at
}

// lose has packets to the host lost from now on; nil: none.
func (h *hall) lose(drop func(p []byte, from netip.AddrPort) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop = drop
}

func (h *hall) lost(p []byte, from netip.AddrPort) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.drop != nil && h.drop(p, from)
}

func (h *hall) member(id netstack.PeerID) *client {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.members[id]
}

func newHall(t testing.TB) *hall {
	t.Helper()
	return newHallAt(t, func(u udpSocket) socket { return u })
}

// socket is a batch.Socket.
type socket interface {
	WriteTo(p []byte, to netip.AddrPort) (int, error)
	SyscallConn() (syscall.RawConn, error)
}

func newHallAt(t testing.TB, wrap func(udpSocket) socket) *hall {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadBuffer(4 << 20)
	h := &hall{t: t, at: c.LocalAddr().(*net.UDPAddr).AddrPort(), clients: map[netstack.PeerID]func(netstack.Envelope){},
		members: map[netstack.PeerID]*client{}, early: map[netstack.PeerID][]netstack.Envelope{}}
	h.server, err = NewServer(Config{Candidates: func() []netip.AddrPort { return []netip.AddrPort{h.at} }, Logger: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	h.room = h.server.NewRoom()
	sink := h.server.Sink(wrap(udpSocket{c}))
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); err == nil && !h.lost(buf[:n], from) {
				sink.Packet(buf[:n], from)
			}
		}
	})
	t.Cleanup(func() {
		if err := h.room.Close(); err != nil {
			t.Error(err)
		}
		_ = c.Close()
		wg.Wait()
	})
	return h
}

// Send is the host's signaler.
func (h *hall) Send(_ context.Context, e netstack.Envelope) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if to := h.clients[e.To]; to != nil {
		to(e)
	} else {
		h.early[e.To] = append(h.early[e.To], e)
	}
	return nil
}

// client is a member with its Transport.
type client struct {
	*Transport
	t      testing.TB
	id     netstack.PeerID
	h      *hall
	studio *studio

	mu      sync.Mutex
	changed chan struct{}
	events  []netstack.Event
	tracks  map[trackKey]*received
	wg      sync.WaitGroup
}

// received is what came of one track.
type received struct {
	track   netstack.RemoteTrack
	packets []*rtp.Packet
	keys    int
	heights []int           // of key frames
	frames  []time.Time     // when their last packets came
	late    []time.Duration // of sound: from being sent until it was here
	ended   bool
}

// Send is the client's signaler.
func (c *client) Send(_ context.Context, e netstack.Envelope) error {
	e.From = c.id
	c.h.room.Handle(e)
	return nil
}

// join lets a member in; s, if not nil, is what it publishes.
func (h *hall) join(id netstack.PeerID, s *studio) *client {
	h.t.Helper()
	if err := h.room.Join(id, h); err != nil {
		h.t.Fatal(err)
	}
	return h.connect(id, s)
}

// connect is join for one the room knows.
func (h *hall) connect(id netstack.PeerID, s *studio) *client {
	h.t.Helper()
	return h.connectAs(id, s, false)
}

func (h *hall) connectAs(id netstack.PeerID, s *studio, quiet bool) *client {
	h.t.Helper()
	c := &client{t: h.t, id: id, h: h, changed: make(chan struct{}), tracks: map[trackKey]*received{}, studio: s}
	var err error
	c.Transport, err = NewTransport(TransportConfig{Self: id, Signaler: c, Quiet: quiet, Peer: peer.Config{Loopback: true, NoTCP: true, Logger: testLog()}})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, track := range s.tracks() {
		if err := c.Publish(track); err != nil {
			h.t.Fatal(err)
		}
	}
	c.wg.Go(c.watch)
	h.mu.Lock()
	h.clients[id] = c.Handle
	h.members[id] = c
	for _, e := range h.early[id] {
		c.Handle(e)
	}
	delete(h.early, id)
	h.mu.Unlock()
	c.SetPeers()
	h.t.Cleanup(c.leave)
	return c
}

func (c *client) leave() {
	c.h.mu.Lock()
	_, here := c.h.clients[c.id]
	delete(c.h.clients, c.id)
	c.h.mu.Unlock()
	if !here {
		return
	}
	c.h.room.Leave(c.id)
	if err := c.Close(); err != nil {
		c.t.Error(err)
	}
	c.wg.Wait()
}

func (c *client) watch() {
	for e := range c.Events() {
		c.studio.obey(e)
		c.note(func() {
			c.events = append(c.events, e)
			if a, ok := e.(netstack.TrackAdded); ok {
				r := &received{track: a.Track}
				c.tracks[trackKey{a.Peer, a.Track.ID()}] = r
				c.wg.Go(func() { c.read(r) })
			}
		})
	}
}

func (c *client) read(r *received) {
	for {
		p, _, err := r.track.ReadRTP()
		c.note(func() {
			if err != nil {
				r.ended = true
				return
			}
			r.packets = append(r.packets, p)
			if p.Marker {
				r.frames = append(r.frames, time.Now())
			}
			if len(p.Payload) == 9 && p.Payload[0] == 0xF8 {
				r.late = append(r.late, time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(p.Payload[1:])))))
			}
			var v codecs.VP8Packet
			if b, err := v.Unmarshal(p.Payload); err == nil && v.S == 1 && v.PID == 0 && len(b) >= 10 && b[0]&1 == 0 {
				r.keys++
				r.heights = append(r.heights, int(b[8])|int(b[9])<<8)
			}
		})
		if err != nil {
			return
		}
	}
}

func (c *client) note(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until ok holds; it is called with c locked.
func (c *client) await(what string, ok func() bool) {
	c.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		done, changed := ok(), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			c.mu.Lock()
			for _, e := range c.events {
				if s, ok := e.(netstack.LinkChanged); ok {
					c.t.Logf("%s: %+v", c.id, s)
				}
			}
			for k, r := range c.tracks {
				c.t.Logf("%s has %v: %d packets, %d key frames %v", c.id, k, len(r.packets), r.keys, r.heights)
			}
			c.mu.Unlock()
			c.t.Fatalf("%s waited in vain for %s", c.id, what)
		}
	}
}

// restarted reports whether ICE was restarted; c is locked.
func (c *client) restarted() bool {
	return slices.ContainsFunc(c.events, func(e netstack.Event) bool { _, ok := e.(netstack.Restarted); return ok })
}

// hears waits for packets of a track, beyond those it has.
func (c *client) hears(peer netstack.PeerID, track string, n int) {
	c.t.Helper()
	c.mu.Lock()
	have := 0
	if r := c.tracks[trackKey{peer, track}]; r != nil {
		have = len(r.packets)
	}
	c.mu.Unlock()
	c.await(string(peer)+" "+track, func() bool {
		r := c.tracks[trackKey{peer, track}]
		return r != nil && len(r.packets) >= have+n
	})
}

// studio publishes: sound and a picture in layers, made up.
type studio struct {
	mic    *webrtc.TrackLocalStaticRTP
	layers [3]*webrtc.TrackLocalStaticRTP
	stop   chan struct{}
	wg     sync.WaitGroup

	mu      sync.Mutex
	keys    [3]bool // asked for
	skip    [3]bool // nobody wants it
	silent  bool    // nor the sound
	written [3]int  // frames
	level   uint8
}

var layerHeights = [3]int{180, 360, 720}

func newStudio(t testing.TB, layered bool) *studio {
	t.Helper()
	s := &studio{stop: make(chan struct{}), level: 127}
	var err error
	if s.mic, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "mic", "own"); err != nil {
		t.Fatal(err)
	}
	for i := range s.layers {
		if i < topLayer && !layered {
			continue
		}
		if s.layers[i], err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, LayerID("camera", i), "own"); err != nil {
			t.Fatal(err)
		}
	}
	s.wg.Go(s.run)
	t.Cleanup(func() { close(s.stop); s.wg.Wait() })
	return s
}

func (s *studio) tracks() []webrtc.TrackLocal {
	if s == nil {
		return nil
	}
	out := []webrtc.TrackLocal{s.mic}
	for _, l := range s.layers {
		if l != nil {
			out = append(out, l)
		}
	}
	return out
}

// speak sets the level of the sound, in -dBov.
func (s *studio) speak(level uint8) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = level
}

// obey has the studio do what its transport is told.
func (s *studio) obey(e netstack.Event) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := e.(netstack.DemandChanged); ok && d.TrackID == s.mic.ID() {
		s.silent = !d.Wanted
	}
	for i, l := range s.layers {
		if l == nil {
			continue
		}
		switch e := e.(type) {
		case netstack.KeyFrameRequested:
			s.keys[i] = s.keys[i] || e.TrackID == l.ID()
		case netstack.DemandChanged:
			if e.TrackID == l.ID() {
				s.skip[i] = !e.Wanted
				s.keys[i] = s.keys[i] || e.Wanted
			}
		}
	}
}

func (s *studio) run() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var sequencers [3]rtp.Sequencer
	var payloaders [3]codecs.VP8Payloader
	for i := range sequencers {
		sequencers[i], payloaders[i].EnablePictureID = rtp.NewRandomSequencer(), true
	}
	sound := rtp.NewRandomSequencer()
	for n := uint32(0); ; n++ {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		level, silent := s.level, s.silent
		s.mu.Unlock()
		if !silent {
			p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: sound.NextSequenceNumber(), Timestamp: n * 960}, Payload: binary.BigEndian.AppendUint64([]byte{0xF8}, uint64(time.Now().UnixNano()))}
			_ = p.SetExtension(3, []byte{level}) // the id our own offers and pion's agree on
			_ = s.mic.WriteRTP(p)
		}
		for i, l := range s.layers {
			if l == nil {
				continue
			}
			s.mu.Lock()
			key, skip := s.keys[i] || s.written[i] == 0, s.skip[i]
			if !skip {
				s.keys[i] = false
				s.written[i]++
			}
			s.mu.Unlock()
			if skip {
				continue
			}
			frame := make([]byte, 300<<i)
			frame[0] = 1
			if key {
				h := layerHeights[i]
				frame = make([]byte, 1500<<i)
				copy(frame, []byte{0, 0, 0, 0x9d, 0x01, 0x2a, byte(h * 16 / 9), byte(h * 16 / 9 >> 8), byte(h), byte(h >> 8)})
			}
			parts := payloaders[i].Payload(1100, frame)
			for j, part := range parts {
				_ = l.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, Marker: j == len(parts)-1, SequenceNumber: sequencers[i].NextSequenceNumber(), Timestamp: n * 1800}, Payload: part})
			}
		}
	}
}
