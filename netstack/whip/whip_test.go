package whip_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/peer"
	"candid/netstack/sfu"
	"candid/netstack/whip"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience       = 30 * time.Second
	sending, ofTwo = "sending-token", "watching-token"
)

type udp struct{ *net.UDPConn }

func (u udp) WriteTo(p []byte, to netip.AddrPort) (int, error) { return u.WriteToUDPAddrPort(p, to) }

// house is a host with one room, "den", and its endpoint.
type house struct {
	t      *testing.T
	room   *sfu.Room
	url    string
	joined sync.Map // names by id
	dark   atomic.Pointer[[]netstack.PeerID]
	tools  *whip.Handler
	client *http.Client
}

func newHouse(t *testing.T, sessions int) *house {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	log := slog.New(slog.DiscardHandler)
	server, err := sfu.NewServer(sfu.Config{Candidates: func() []netip.AddrPort { return []netip.AddrPort{at} }, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, room: server.NewRoom(), client: &http.Client{Transport: &http.Transport{}}}
	handler, err := whip.New(whip.Config{Sessions: sessions, Logger: log,
		Open: func(room, token string, publish bool) (*sfu.Room, bool) {
			return h.room, room == "den" && (publish && token == sending || !publish && token == ofTwo)
		},
		Joined: func(_ string, id netstack.PeerID, name string) { h.joined.Store(id, name) },
		Left:   func(_ string, id netstack.PeerID) { h.joined.Delete(id) },
		Dark: func(string) []netstack.PeerID {
			if d := h.dark.Load(); d != nil {
				return *d
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.tools = handler
	web := httptest.NewServer(http.StripPrefix("/open", handler))
	h.url = web.URL + "/open"
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
		h.client.CloseIdleConnections()
		web.Close()
		if err := errors.Join(handler.Close(), h.room.Close()); err != nil {
			t.Error(err)
		}
		_ = c.Close()
		wg.Wait()
	})
	return h
}

// ask sends a request; what of its answer is of interest is returned.
func (h *house) ask(method, path, token, typ, body string) (status int, text string, head http.Header) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if typ != "" {
		r.Header.Set("Content-Type", typ)
	}
	a, err := h.client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return a.StatusCode, string(b), a.Header
}

// tool is a WHIP or WHEP client.
type tool struct {
	*webrtc.PeerConnection
	h        *house
	location string
	token    string
	keys     atomic.Int32 // asked of it

	mu  sync.Mutex
	got map[webrtc.RTPCodecType][]*rtp.Packet
	as  map[webrtc.RTPCodecType]string // the codec
}

func (h *house) tool() *tool {
	h.t.Helper()
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		h.t.Fatal(err)
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetLite(false)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		h.t.Fatal(err)
	}
	x := &tool{PeerConnection: pc, h: h, got: map[webrtc.RTPCodecType][]*rtp.Packet{}, as: map[webrtc.RTPCodecType]string{}}
	h.t.Cleanup(func() {
		if err := pc.GracefulClose(); err != nil {
			h.t.Error(err)
		}
	})
	return x
}

// post sends the offer and takes the answer.
func (x *tool) post(path, token string) {
	t := x.h.t
	t.Helper()
	offer, err := x.CreateOffer(nil)
	if err == nil {
		err = x.SetLocalDescription(offer)
	}
	if err != nil {
		t.Fatal(err)
	}
	status, answer, head := x.h.ask("POST", path, token, "application/sdp", offer.SDP)
	if status != http.StatusCreated || head.Get("Content-Type") != "application/sdp" || head.Get("ETag") == "" {
		t.Fatalf("%s: %d %v %s", path, status, head, answer)
	}
	x.location, x.token = strings.TrimPrefix(head.Get("Location"), "/open"), token
	if err := x.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
}

func (x *tool) delete() {
	x.h.t.Helper()
	if status, text, _ := x.h.ask("DELETE", x.location, x.token, "", ""); status != http.StatusOK {
		x.h.t.Errorf("ending a session: %d %s", status, text)
	}
}

// publish sends made-up packets of a codec until stop is called.
func (h *house) publish(mime string, key, other []byte, name string) (x *tool, stop func()) {
	t := h.t
	t.Helper()
	x = h.tool()
	picture, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, "some-picture", "tool")
	if err != nil {
		t.Fatal(err)
	}
	sound, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "some-sound", "tool")
	if err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for _, track := range []webrtc.TrackLocal{sound, picture} {
		tr, err := x.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			t.Fatal(err)
		}
		if track == picture {
			var list []webrtc.RTPCodecParameters
			for _, c := range tr.Sender().GetParameters().Codecs {
				if strings.EqualFold(c.MimeType, mime) {
					list = append(list, c)
				}
			}
			if err := tr.SetCodecPreferences(list); err != nil {
				t.Fatal(err)
			}
		}
		wg.Go(func() {
			for b := make([]byte, 1500); ; {
				if _, _, err := tr.Sender().Read(b); err != nil {
					return
				}
				x.keys.Add(1)
			}
		})
	}
	x.post("/whip/den?name="+name, sending)
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			payload := other
			if n%50 == 0 {
				payload = key
			}
			_ = sound.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 960}, Payload: []byte{0xF8, 1, 2}})
			_ = picture.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: n, Timestamp: uint32(n) * 1800}, Payload: payload})
		}
	})
	var once sync.Once
	stop = func() {
		once.Do(func() {
			close(quit)
			x.delete()
			_ = x.GracefulClose()
			wg.Wait()
		})
	}
	t.Cleanup(stop)
	return x, stop
}

// watch is a viewer.
func (h *house) watch() *tool {
	h.t.Helper()
	x := h.tool()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := x.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			h.t.Fatal(err)
		}
	}
	x.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			x.mu.Lock()
			x.got[track.Kind()] = append(x.got[track.Kind()], p)
			x.as[track.Kind()] = track.Codec().MimeType
			x.mu.Unlock()
		}
	})
	x.post("/whep/den", ofTwo)
	return x
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (x *tool) count(kind webrtc.RTPCodecType) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.got[kind])
}

func (x *tool) sees(n int) {
	x.h.t.Helper()
	v, a := x.count(webrtc.RTPCodecTypeVideo), x.count(webrtc.RTPCodecTypeAudio)
	await(x.h.t, "picture and sound", func() bool {
		return x.count(webrtc.RTPCodecTypeVideo) >= v+n && x.count(webrtc.RTPCodecTypeAudio) >= a+n
	})
}

var (
	vp8Key   = []byte{0x10, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xB4, 0}
	vp8Other = []byte{0x10, 1, 2, 3}
	avcKey   = []byte{0x18, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 1, 0, 3, 0x65, 1, 2} // STAP-A: SPS, PPS, IDR
	avcOther = []byte{0x41, 1, 2, 3}
)

// member is one of the room's own, who takes everything.
func (h *house) member(id netstack.PeerID) *sfu.Transport {
	h.t.Helper()
	var m *sfu.Transport
	toHost := signaler(func(e netstack.Envelope) { e.From = id; h.room.Handle(e) })
	m, err := sfu.NewTransport(sfu.TransportConfig{Self: id, Signaler: toHost, Peer: peer.Config{Loopback: true, NoTCP: true, Logger: slog.New(slog.DiscardHandler)}})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.room.Join(id, signaler(func(e netstack.Envelope) { m.Handle(e) })); err != nil {
		h.t.Fatal(err)
	}
	m.SetPeers()
	h.t.Cleanup(func() {
		h.room.Leave(id)
		if err := m.Close(); err != nil {
			h.t.Error(err)
		}
	})
	return m
}

type signaler func(netstack.Envelope)

func (s signaler) Send(_ context.Context, e netstack.Envelope) error { s(e); return nil }

// A publisher is seen and heard by members, as one of them with a name; when it
// ends, it is gone.
func TestPublish(t *testing.T) {
	h := newHouse(t, 0)
	m := h.member("anna")
	_, stop := h.publish(webrtc.MimeTypeVP8, vp8Key, vp8Other, "My+%00Camera")
	var packets, ended atomic.Int32
	var who sync.Map
	var wg sync.WaitGroup
	wg.Go(func() {
		for e := range m.Events() {
			if a, ok := e.(netstack.TrackAdded); ok {
				who.Store(a.Track.ID(), a.Peer)
				wg.Go(func() {
					for {
						if _, _, err := a.Track.ReadRTP(); err != nil {
							ended.Add(1)
							return
						}
						packets.Add(1)
					}
				})
			}
		}
	})
	t.Cleanup(func() { _ = m.Close(); wg.Wait() })
	await(t, "the publisher", func() bool {
		_, camera := who.Load("camera")
		_, mic := who.Load("mic")
		return camera && mic && packets.Load() > 100
	})
	id, _ := who.Load("camera")
	if name, ok := h.joined.Load(id); !ok || name != "My Camera" {
		t.Errorf("the name of %v: %v", id, name)
	}
	stop()
	await(t, "the end", func() bool { return ended.Load() == 2 })
	if _, here := h.joined.Load(id); here {
		t.Error("nobody was told that the publisher left")
	}
}

// A viewer gets the first publisher, and after them another one, of another
// codec, in one stream whose numbers and clock go on. A second viewer gets its
// first picture at once.
func TestWatch(t *testing.T) {
	h := newHouse(t, 0)
	_, stop := h.publish(webrtc.MimeTypeVP8, vp8Key, vp8Other, "one")
	v := h.watch()
	v.sees(30)
	_, _ = h.publish(webrtc.MimeTypeH264, avcKey, avcOther, "two")
	stop()
	late := h.watch()
	late.sees(20)
	v.sees(20)
	for _, x := range []*tool{v, late} {
		x.mu.Lock()
		for kind, list := range x.got {
			first := list[0]
			for _, p := range list {
				if n, ts := int16(p.SequenceNumber-first.SequenceNumber), int32(p.Timestamp-first.Timestamp); n < 0 || int(n) > len(list)+20 || ts < 0 || ts > 90_000*60 {
					t.Fatalf("%s: number %d and time %d after the first", kind, n, ts)
				}
			}
		}
		x.mu.Unlock()
	}
	late.mu.Lock()
	if as := late.as[webrtc.RTPCodecTypeVideo]; as != webrtc.MimeTypeH264 {
		t.Errorf("the late viewer got %s", as)
	}
	late.mu.Unlock()
	v.delete()
	late.delete()
}

// Who came first, and switches their camera off, does not keep the stage dark.
func TestDark(t *testing.T) {
	h := newHouse(t, 0)
	_, stop := h.publish(webrtc.MimeTypeVP8, vp8Key, vp8Other, "one")
	defer stop()
	var one []netstack.PeerID
	h.joined.Range(func(id, _ any) bool { one = append(one, id.(netstack.PeerID)); return true })
	_, _ = h.publish(webrtc.MimeTypeH264, avcKey, avcOther, "two")
	v := h.watch()
	v.sees(5)
	h.dark.Store(&one)
	h.tools.Changed("den")
	late := h.watch()
	late.sees(20)
	await(t, "the other's picture", func() bool {
		late.mu.Lock()
		defer late.mu.Unlock()
		return late.as[webrtc.RTPCodecTypeVideo] == webrtc.MimeTypeH264
	})
	v.sees(20)
}

// What is asked wrongly is refused as RFC 9725 says.
func TestRefused(t *testing.T) {
	h := newHouse(t, 1)
	const sdpType, fragment = "application/sdp", "application/trickle-ice-sdpfrag"
	x, stop := h.publish(webrtc.MimeTypeVP8, vp8Key, vp8Other, "one")
	ufrag := ""
	for line := range strings.Lines(x.LocalDescription().SDP) {
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			ufrag = strings.TrimSpace(v)
		}
	}
	head := "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\na=fingerprint:sha-256 AA\r\na=setup:actpass\r\n"
	for _, c := range []struct {
		method, path, token, typ, body string
		want                           int
	}{
		{"OPTIONS", "/whip/den", "", "", "", 204},
		{"OPTIONS", x.location, "", "", "", 204},
		{"GET", "/whip/den", sending, "", "", 405},
		{"PUT", x.location, sending, "", "", 405},
		{"POST", "/whip/den", "", sdpType, head, 401},
		{"POST", "/whip/den", "wrong", sdpType, head, 401},
		{"POST", "/whip/den", ofTwo, sdpType, head, 401},
		{"POST", "/whep/den", sending, sdpType, head, 401},
		{"POST", "/whip/other", sending, sdpType, head, 401},
		{"POST", "/whip/den", sending, "text/plain", head, 415},
		{"POST", "/whip/den", sending, sdpType, strings.Repeat("x", 70_000), 413},
		{"POST", "/whip/den", sending, sdpType, head, 503}, // full
		{"POST", "/nothing/den", sending, sdpType, head, 404},
		{"DELETE", "/whip/den/unknown", sending, "", "", 404},
		{"DELETE", x.location, ofTwo, "", "", 401},
		{"PATCH", x.location, sending, fragment, "a=ice-ufrag:" + ufrag + "\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n", 204},
		{"PATCH", x.location, sending, fragment, "a=ice-ufrag:other\r\n", 422},
		{"PATCH", x.location, sending, "text/plain", "", 415},
	} {
		if got, text, _ := h.ask(c.method, c.path, c.token, c.typ, c.body); got != c.want {
			t.Errorf("%s %s with %q: %d %s, want %d", c.method, c.path, c.token, got, text, c.want)
		}
	}
	stop()
	for _, body := range []string{"", "v=0", head, head + "m=audio 9 X 1\r\na=mid:a\r\na=rtpmap:1 PCMU/8000\r\n", head + "m=video 9 X 1\r\na=mid:a\r\na=rtpmap:1 VP8/90000\r\na=recvonly\r\n"} {
		if got, text, _ := h.ask("POST", "/whip/den", sending, sdpType, body); got != 422 {
			t.Errorf("offer %q: %d %s", body, got, text)
		}
	}
	if got, _, _ := h.ask("DELETE", x.location, sending, "", ""); got != 404 {
		t.Errorf("ending a session twice: %d", got)
	}
}
