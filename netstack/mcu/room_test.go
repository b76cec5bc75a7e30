package mcu_test

import (
	"context"
	"errors"
	"image"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candid/assets"
	"candid/media"
	"candid/media/codec"
	"candid/media/mix"
	"candid/media/playout"
	"candid/media/scene"
	"candid/netstack"
	"candid/netstack/mcu"
	"candid/netstack/peer"
	"candid/netstack/sfu"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

const patience = 40 * time.Second

// hall is a host with one room whose media goes over a real socket.
type hall struct {
	t      *testing.T
	sfu    *sfu.Room
	mcu    *mcu.Room
	mu     sync.Mutex
	guests map[netstack.PeerID]*guest
}

type udp struct{ *net.UDPConn }

func (u udp) WriteTo(p []byte, to netip.AddrPort) (int, error) { return u.WriteToUDPAddrPort(p, to) }

func newHall(t *testing.T) *hall {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	server, err := sfu.NewServer(sfu.Config{Candidates: func() []netip.AddrPort { return []netip.AddrPort{at} }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	font, err := mix.ParseFont(assets.InterSemiBold)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, sfu: server.NewRoom(), guests: map[netstack.PeerID]*guest{}}
	h.mcu = mcu.NewRoom(h.sfu, mcu.Config{Font: font})
	sink := server.Sink(udp{c})
	var wg sync.WaitGroup
	wg.Go(func() {
		for buf := make([]byte, 2048); ; {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				sink.Packet(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}
		}
	})
	t.Cleanup(func() {
		if err := errors.Join(h.mcu.Close(), h.sfu.Close()); err != nil {
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
	g := h.guests[e.To]
	h.mu.Unlock()
	if g != nil {
		g.Handle(e)
	}
	return nil
}

// guest is a member with a camera, a tone of their own, and eyes and ears for
// the mix.
type guest struct {
	*sfu.Transport
	t    *testing.T
	id   netstack.PeerID
	h    *hall
	quit chan struct{}
	work sync.WaitGroup
	key  atomic.Bool
	off  atomic.Int32 // tracks nobody takes

	ear  *scene.Listener
	mu   sync.Mutex
	seen map[int]int // marks of senders in the mix
	size image.Point
}

func (g *guest) Send(_ context.Context, e netstack.Envelope) error {
	e.From = g.id
	g.h.sfu.Handle(e)
	return nil
}

// join lets the i-th member in, who wishes nothing yet.
func (h *hall) join(i int) *guest {
	h.t.Helper()
	g := &guest{t: h.t, id: idOf(i), h: h, quit: make(chan struct{}), seen: map[int]int{}}
	var err error
	g.Transport, err = sfu.NewTransport(sfu.TransportConfig{Self: g.id, Signaler: g, Quiet: true,
		Peer: peer.Config{Loopback: true, NoTCP: true, Logger: slog.New(slog.DiscardHandler)}})
	if err != nil {
		h.t.Fatal(err)
	}
	if g.ear, err = scene.NewListener(scene.SoundOf(0), scene.SoundOf(1), scene.SoundOf(2)); err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	h.guests[g.id] = g
	h.mu.Unlock()
	if err := errors.Join(h.sfu.Join(g.id, h), h.mcu.Join(g.id, string(g.id))); err != nil {
		h.t.Fatal(err)
	}
	g.film(i)
	g.speak(i)
	g.work.Go(g.follow)
	g.SetPeers()
	h.t.Cleanup(func() {
		close(g.quit)
		h.mcu.Leave(g.id)
		h.sfu.Leave(g.id)
		if err := g.Close(); err != nil {
			h.t.Error(err)
		}
		g.work.Wait()
	})
	return g
}

func (g *guest) track(mime, id string) *webrtc.TrackLocalStaticRTP {
	c := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
	if mime == webrtc.MimeTypeOpus {
		c.ClockRate, c.Channels = 48000, 2
	}
	track, err := webrtc.NewTrackLocalStaticRTP(c, id, "own")
	if err == nil {
		err = g.Publish(track)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return track
}

func (g *guest) film(i int) {
	enc, err := codec.NewVP8Encoder(320, 180, 300_000)
	if err != nil {
		g.t.Fatal(err)
	}
	cam := scene.NewCamera(scene.CameraOptions{Member: i, Width: 320, Height: 180})
	out := &sender{to: g.track(webrtc.MimeTypeVP8, "camera")}
	g.work.Go(func() {
		defer enc.Close()
		defer cam.Close()
		payloader, began := &codecs.VP8Payloader{EnablePictureID: true}, time.Now()
		for {
			f, err := cam.ReadVideo()
			if err != nil {
				g.t.Error(err)
				return
			}
			select {
			case <-g.quit:
				return
			default:
			}
			data, _, err := enc.Encode(f, g.key.Swap(false))
			if err != nil {
				g.t.Error(err)
				return
			}
			out.send(g.t, payloader.Payload(1200, data), uint32(time.Since(began).Milliseconds()*90))
		}
	})
}

func (g *guest) speak(i int) {
	tone, err := scene.NewTone(scene.SoundOf(i))
	if err != nil {
		g.t.Fatal(err)
	}
	enc, err := codec.NewOpusEncoder(codec.OpusOptions{Bitrate: 64_000})
	if err != nil {
		g.t.Fatal(err)
	}
	out := &sender{to: g.track(webrtc.MimeTypeOpus, "mic")}
	g.work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		pcm := make([]int16, codec.OpusSamples)
		for ts := uint32(0); ; ts += codec.OpusSamples {
			select {
			case <-g.quit:
				return
			case now := <-tick.C:
				tone.Fill(pcm, now)
			}
			data, err := enc.Encode(pcm)
			if err != nil {
				g.t.Error(err)
				return
			}
			out.send(g.t, [][]byte{slices.Clone(data)}, ts)
		}
	})
}

// follow does what the transport is told, and plays the mix.
func (g *guest) follow() {
	for e := range g.Events() {
		switch e := e.(type) {
		case netstack.KeyFrameRequested:
			g.key.Store(true)
		case netstack.DemandChanged:
			if e.Wanted {
				g.key.Store(true)
				g.off.Add(-1)
			} else {
				g.off.Add(1)
			}
		case netstack.TrackAdded:
			switch {
			case e.Peer != netstack.HostID:
				g.work.Go(func() { pull(e.Track, nil) })
			case e.Track.ID() == mcu.MixTrack:
				g.watch(e.Track)
			case e.Track.ID() == mcu.MicTrack:
				g.listen(e.Track)
			default:
				g.t.Errorf("track %q of the host", e.Track.ID())
			}
		}
	}
}

func pull(track netstack.RemoteTrack, take func(*rtp.Packet)) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if take != nil {
			take(p)
		}
	}
}

func (g *guest) watch(track netstack.RemoteTrack) {
	dec, err := codec.NewVP8Decoder()
	if err != nil {
		g.t.Error(err)
		return
	}
	play, err := playout.NewVideo(playout.VideoConfig{Sink: g, Decoder: dec, RequestKeyFrame: track.RequestKeyFrame})
	if err != nil {
		g.t.Error(err)
		return
	}
	g.work.Go(func() {
		pull(track, func(p *rtp.Packet) { play.Push(p, time.Now()) })
		if err := play.Close(); err != nil {
			g.t.Error(err)
		}
	})
}

// WriteVideo reads the marks in a mixed picture.
func (g *guest) WriteVideo(f media.VideoFrame) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.size = f.Image.Rect.Size()
	for _, r := range mix.Grid.Tiles(nil, 3, 0, g.size.X, g.size.Y) {
		if m, ok := scene.ReadStamp(f.Image.SubImage(r).(*image.YCbCr)); ok {
			g.seen[int(m.Sender)]++
		}
	}
}

func (g *guest) listen(track netstack.RemoteTrack) {
	dec, err := codec.NewOpusDecoder()
	if err != nil {
		g.t.Error(err)
		return
	}
	play, err := playout.NewAudio(playout.AudioConfig{Decoder: dec})
	if err != nil {
		g.t.Error(err)
		return
	}
	ended := make(chan struct{})
	g.work.Go(func() { defer close(ended); pull(track, func(p *rtp.Packet) { play.Push(p, time.Now()) }) })
	g.work.Go(func() {
		tick := time.NewTicker(media.BlockDuration)
		defer tick.Stop()
		for pcm := make([]int16, media.BlockSamples); ; {
			select {
			case <-ended:
				return
			case now := <-tick.C:
				play.ReadBlock(pcm)
				g.ear.WriteAudio(media.AudioBlock{PCM: pcm, Captured: now})
			}
		}
	})
}

func (g *guest) present() (who []int) {
	for i, h := range g.ear.Heard() {
		if h.Present {
			who = append(who, i)
		}
	}
	return who
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// One of three gets the mix, over real sockets: all are seen in it, all but
// oneself are heard, in the size asked for. Before and after nothing is decoded,
// and nobody sends anything.
func TestMixThroughTheSFU(t *testing.T) {
	h := newHall(t)
	a, b, c := h.join(0), h.join(1), h.join(2)
	idle := func() bool { return a.off.Load() == 2 && b.off.Load() == 2 && c.off.Load() == 2 }
	await(t, "everybody to rest", idle)
	if err := h.mcu.SetMixed(c.id, true); err != nil {
		t.Fatal(err)
	}
	wish := func(height int) {
		c.Wish(sfu.Wish{Peer: netstack.HostID, Track: mcu.MixTrack, Height: height}, sfu.Wish{Peer: netstack.HostID, Track: mcu.MicTrack, Height: height})
	}
	wish(360)
	await(t, "all to be seen", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.size.Y == 360 && c.seen[0] > 10 && c.seen[1] > 10 && c.seen[2] > 10
	})
	await(t, "the others to be heard, and nobody else", func() bool { return slices.Equal(c.present(), []int{0, 1}) })
	wish(180)
	await(t, "the smaller picture", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.size.Y == 180
	})
	h.mcu.SetState(b.id, true, true, "b")
	await(t, "one who is muted not to be heard", func() bool { return slices.Equal(c.present(), []int{0}) })
	h.mcu.SetState(b.id, false, false, "b")
	await(t, "one who is muted no more", func() bool { return slices.Equal(c.present(), []int{0, 1}) })
	wish(0)
	await(t, "everybody to rest again", idle)
	c.mu.Lock()
	before := c.seen[0]
	c.mu.Unlock()
	wish(360)
	await(t, "the picture again", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.seen[0] > before+10
	})
	await(t, "the sound again", func() bool { return slices.Equal(c.present(), []int{0, 1}) })
	if s := h.mcu.Stats(); len(s.Outputs) == 0 {
		t.Error("no output is counted")
	}
	if err := h.mcu.SetMixed(c.id, false); err != nil {
		t.Fatal(err)
	}
	await(t, "everybody to rest at last", idle)
	if s := h.mcu.Stats(); len(s.Outputs) != 0 {
		t.Errorf("mixed for nobody: %+v", s)
	}
}
