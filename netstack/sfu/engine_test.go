package sfu

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"math"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/sfu/forward"
	"candid/netstack/sfu/srtp"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"
)

// wall is a socket that keeps what is sent.
type wall struct{ sent map[netip.AddrPort][][]byte }

func (w *wall) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	w.sent[to] = append(w.sent[to], bytes.Clone(p))
	return len(p), nil
}

func (w *wall) SyscallConn() (syscall.RawConn, error) { return nil, syscall.ENOTSUP }

// stage is an engine whose clock and packets the test has in hand.
type stage struct {
	t       testing.TB
	e       *engine
	wall    *wall
	changes []change
	lines   map[netstack.PeerID]*line
	out     map[netstack.PeerID]*pion.Context // reads what we send
	index   map[uint32]uint64
	in      map[netstack.PeerID]srtp.Context // seals what they send
}

func key(id netstack.PeerID, b byte) []byte { return bytes.Repeat([]byte{id[0] ^ b}, 16) }

func newStage(t testing.TB) *stage {
	s := &stage{t: t, wall: &wall{map[netip.AddrPort][][]byte{}}, lines: map[netstack.PeerID]*line{}, out: map[netstack.PeerID]*pion.Context{},
		in: map[netstack.PeerID]srtp.Context{}, index: map[uint32]uint64{}}
	s.e = newEngine(&Server{cfg: Config{LastN: 16}, log: slog.New(slog.DiscardHandler)}, func(c change) { s.changes = append(s.changes, c) })
	s.e.now = time.Now().UnixNano()
	return s
}

func addr(id netstack.PeerID) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, id[0]}), 5000)
}

func (s *stage) join(id netstack.PeerID) *line {
	s.t.Helper()
	l := &line{id: id, engine: s.e, agent: &agent{}, ext: forward.Extensions{Transport: 2, Level: 3}, transport: 2, level: 3, rid: 4}
	l.agent.selected.Store(&path{s.wall, addr(id)})
	l.agent.heard.Store(s.e.now)
	salt := make([]byte, 12)
	var err [4]error
	l.in, err[0] = srtp.New(dtls.SRTP_AEAD_AES_128_GCM, key(id, 1), salt)
	l.out, err[1] = srtp.New(dtls.SRTP_AEAD_AES_128_GCM, key(id, 2), salt)
	s.in[id], err[2] = srtp.New(dtls.SRTP_AEAD_AES_128_GCM, key(id, 1), salt)
	s.out[id], err[3] = pion.CreateContext(key(id, 2), salt, pion.ProtectionProfileAeadAes128Gcm)
	for _, err := range err {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	s.lines[id] = l
	s.e.lines = append(s.e.lines, l)
	return l
}

// publish makes a track with layers of these SSRCs, the smallest first.
func (s *stage) publish(id netstack.PeerID, kind webrtc.RTPCodecType, ssrcs ...uint32) *track {
	l := s.lines[id]
	t := &track{key: trackKey{id, kind.String()}, kind: kind, owner: l, slot: len(s.e.tracks)}
	s.e.tracks = append(s.e.tracks, t)
	for i, ssrc := range ssrcs {
		y := &layer{track: t, index: maxLayers - len(ssrcs) + i, line: l, ssrc: ssrc, pt: 96, demanded: true, since: s.e.now, takenAt: s.e.now,
			cache: forward.NewCache(kind == webrtc.RTPCodecTypeVideo), name: LayerID("camera", maxLayers-len(ssrcs)+i)}
		t.layers[y.index] = y
		l.ups = append(l.ups, y)
	}
	return t
}

func (s *stage) subscribe(id netstack.PeerID, t *track, ssrc uint32, tile int) *down {
	d := &down{track: t, want: -1, tile: tile}
	d.SSRC, d.PT, d.Aligned = ssrc, 96, t.kind == webrtc.RTPCodecTypeVideo
	s.e.attach(s.lines[id], d)
	return d
}

// send hands the engine a packet of a member, sealed.
func (s *stage) send(id netstack.PeerID, p *rtp.Packet) {
	s.t.Helper()
	b, err := p.Marshal()
	if err != nil {
		s.t.Fatal(err)
	}
	n := s.index[p.SSRC]
	var x srtp.Index
	x.Add(n)
	if n > 0 {
		n = x.Guess(p.SequenceNumber)
	} else {
		n = uint64(p.SequenceNumber)
	}
	s.index[p.SSRC] = max(n, s.index[p.SSRC])
	header, err := forward.HeaderSize(b)
	if err != nil {
		s.t.Fatal(err)
	}
	sealed, err := s.in[id].SealRTP(append(make([]byte, 0, len(b)+srtp.Overhead), b...), header, n)
	if err != nil {
		s.t.Fatal(err)
	}
	s.e.take(s.lines[id], sealed, s.e.now)
}

func (s *stage) flush() {
	s.e.fanOut()
	s.e.out.Flush()
}

// pass lets time go by.
func (s *stage) pass(d time.Duration) {
	for ; d > 0; d -= tickEvery {
		s.e.now += int64(tickEvery)
		for _, l := range s.lines {
			l.agent.heard.Store(s.e.now)
		}
		s.e.tick()
	}
}

// got returns what a member was sent since the last time, decrypted.
func (s *stage) got(id netstack.PeerID) (media []*rtp.Packet, reports []rtcp.Packet) {
	s.t.Helper()
	s.flush()
	for _, b := range s.wall.sent[addr(id)] {
		if b[1] >= 192 && b[1] <= 223 {
			plain, err := s.out[id].DecryptRTCP(nil, b, nil)
			if err != nil {
				s.t.Fatal(err)
			}
			list, err := rtcp.Unmarshal(plain)
			if err != nil {
				s.t.Fatal(err)
			}
			reports = append(reports, list...)
			continue
		}
		plain, err := s.out[id].DecryptRTP(nil, b, nil)
		if err != nil {
			s.t.Fatalf("%s cannot decrypt: %v", id, err)
		}
		p := &rtp.Packet{}
		if err := p.Unmarshal(plain); err != nil {
			s.t.Fatal(err)
		}
		media = append(media, p)
	}
	delete(s.wall.sent, addr(id))
	return media, reports
}

func picture(ssrc uint32, seq uint16, ts uint32, key, start, end bool) *rtp.Packet {
	b := []byte{0x80, 0x80, 0x80 | byte(seq>>8), byte(seq), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	if start {
		b[0] |= 0x10
		if key {
			copy(b[4:], []byte{0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xB4, 0})
		}
	}
	return &rtp.Packet{Header: rtp.Header{Version: 2, Marker: end, PayloadType: 96, SequenceNumber: seq, Timestamp: ts, SSRC: ssrc}, Payload: b}
}

// A newcomer gets everything since the last key frame, and goes on with what
// comes, without a gap and without the sender being asked.
func TestNewcomerStartsFromCache(t *testing.T) {
	s := newStage(t)
	s.join("a")
	s.join("b")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
	for i := range uint16(10) {
		s.send("a", picture(1, 65530+i, uint32(i)*3000, i == 2, true, true))
	}
	s.flush()
	s.subscribe("b", cam, 77, 720)
	s.send("a", picture(1, 4, 30000, false, true, true))
	media, _ := s.got("b")
	if len(media) != 9 {
		t.Fatalf("%d packets, want the key frame, the seven after it and the new one", len(media))
	}
	for i, p := range media {
		if p.SSRC != 77 || p.SequenceNumber != media[0].SequenceNumber+uint16(i) || p.Timestamp != uint32(i+2)*3000 {
			t.Errorf("packet %d: %+v", i, p.Header)
		}
	}
	s.pass(time.Second)
	if _, r := s.got("a"); asked(r, 1) != 0 {
		t.Error("the sender was asked for a key frame")
	}
}

func asked(reports []rtcp.Packet, ssrc uint32) int {
	n := 0
	for _, r := range reports {
		if p, ok := r.(*rtcp.PictureLossIndication); ok && p.MediaSSRC == ssrc {
			n++
		}
	}
	return n
}

// When the way from the key frame is broken, it is shown alone, and the sender
// is asked for another.
func TestNewcomerWithBrokenCache(t *testing.T) {
	s := newStage(t)
	s.join("a")
	s.join("b")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
	for _, i := range []uint16{1, 2, 3, 5, 6} {
		s.send("a", picture(1, i, uint32(i)*3000, i == 1, true, true))
	}
	s.flush()
	s.subscribe("b", cam, 77, 720)
	s.send("a", picture(1, 7, 21000, false, true, true))
	if media, _ := s.got("b"); len(media) != 1 || media[0].Timestamp != 3000 {
		t.Fatalf("%d packets, want the key frame alone", len(media))
	}
	s.pass(tickEvery)
	if _, r := s.got("a"); asked(r, 1) != 1 {
		t.Error("the sender was not asked for a key frame")
	}
	s.send("a", picture(1, 8, 24000, true, true, true))
	s.send("a", picture(1, 9, 27000, false, true, true))
	if media, _ := s.got("b"); len(media) != 2 {
		t.Errorf("%d packets after the new key frame", len(media))
	}
}

// However many receivers ask, and however often, a sender hears of it twice a
// second at most.
func TestRow23KeyFrameRequestsAreFew(t *testing.T) {
	s := newStage(t)
	s.join("a")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
	s.send("a", picture(1, 1, 3000, true, true, true))
	for i := range 20 {
		id := netstack.PeerID(rune('b' + i))
		s.join(id)
		s.subscribe(id, cam, uint32(100+i), 720)
	}
	n := 0
	for range 100 { // two seconds
		for id, l := range s.lines {
			if id != "a" {
				s.rtcp(l, &rtcp.PictureLossIndication{MediaSSRC: l.list[0].SSRC}, &rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: l.list[0].SSRC}}})
			}
		}
		s.pass(tickEvery)
		_, r := s.got("a")
		n += asked(r, 1)
	}
	if n < 3 || n > 5 {
		t.Errorf("%d key frames asked for in two seconds", n)
	}
}

func (s *stage) rtcp(l *line, packets ...rtcp.Packet) {
	s.t.Helper()
	b, err := rtcp.Marshal(packets)
	if err == nil {
		b, err = s.in[l.id].SealRTCP(append(make([]byte, 0, len(b)+64), b...))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.e.take(l, b, s.e.now)
}

// seen is a stage on which b sees a.
func seen(t *testing.T) (s *stage, b *line, d *down) {
	s = newStage(t)
	s.join("a")
	b = s.join("b")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
	d = s.subscribe("b", cam, 77, 720)
	s.e.choose(b)
	return s, b, d
}

// A NACK brings the same bytes again, within a fifth of the line's rate.
func TestNACK(t *testing.T) {
	s, b, d := seen(t)
	for i := range uint16(300) {
		p := picture(1, i, uint32(i)*3000, i == 0, true, true)
		p.Payload = append(p.Payload, make([]byte, 1100)...)
		s.send("a", p)
	}
	s.flush()
	first := s.wall.sent[addr("b")]
	if len(first) != 300 {
		t.Fatalf("%d packets", len(first))
	}
	delete(s.wall.sent, addr("b"))
	s.rtcp(b, &rtcp.TransportLayerNack{MediaSSRC: d.SSRC, Nacks: []rtcp.NackPair{{PacketID: 100, LostPackets: 0b101}}})
	s.flush()
	again := s.wall.sent[addr("b")]
	if len(again) != 3 || !bytes.Equal(again[0], first[100]) || !bytes.Equal(again[1], first[101]) || !bytes.Equal(again[2], first[103]) {
		t.Fatalf("%d packets, or other bytes", len(again))
	}
	delete(s.wall.sent, addr("b"))
	for range 100 { // in no time
		s.rtcp(b, &rtcp.TransportLayerNack{MediaSSRC: d.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})})
	}
	s.flush()
	total := 0
	for _, p := range s.wall.sent[addr("b")] {
		total += len(p)
	}
	if total > resendBurst+10_000 {
		t.Errorf("%d bytes sent again at once", total)
	}
}

// Of what is asked for again and again, one copy goes out in a round trip.
func TestNACKOnceInARoundTrip(t *testing.T) {
	s, b, d := seen(t)
	for i := range uint16(10) {
		s.send("a", picture(1, i, uint32(i)*3000, i == 0, true, true))
	}
	s.flush()
	const trip = 80 * time.Millisecond
	sent := s.e.now
	s.e.now += int64(trip)
	report := twcc.NewRecorder(1)
	transport, _ := d.WasSent(9)
	report.Record(77, transport, (sent+int64(trip)/2)/1000)
	s.rtcp(b, report.BuildFeedbackPacket()...)
	if got := b.estimate.Trip(); (got - trip).Abs() > time.Millisecond {
		t.Fatalf("round trip taken for %v", got)
	}
	delete(s.wall.sent, addr("b"))
	for range 12 { // 240 ms
		s.rtcp(b, &rtcp.TransportLayerNack{MediaSSRC: d.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{3, 5})})
		s.e.now += int64(20 * time.Millisecond)
	}
	s.flush()
	if n := len(s.wall.sent[addr("b")]); n != 6 {
		t.Errorf("2 packets, asked for during three round trips: %d sent", n)
	}
}

// Layers nobody takes are told so, and told when somebody does.
func TestDemand(t *testing.T) {
	s := newStage(t)
	s.join("a")
	b := s.join("b")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1, 2, 3)
	d := s.subscribe("b", cam, 77, 180)
	n := uint16(0)
	run := func(times int) {
		for range times {
			n++
			for i, y := range cam.layers {
				if y.demanded {
					y.height = layerHeights[i]
					s.send("a", picture(uint32(i+1), n, uint32(n)*1800, y.wantKey || n == 1, true, true))
				}
			}
			s.flush()
			s.pass(tickEvery)
		}
	}
	run(200)
	if cam.layers[0].demanded != true || cam.layers[1].demanded || cam.layers[2].demanded || d.Layer() != 0 {
		t.Fatalf("layer %d; demand %v %v %v", d.Layer(), cam.layers[0].demanded, cam.layers[1].demanded, cam.layers[2].demanded)
	}
	d.tile = 720
	run(100)
	if !cam.layers[2].demanded || d.Layer() != 2 {
		t.Errorf("layer %d; demand %v", d.Layer(), cam.layers[2].demanded)
	}
	d.tile = 0
	run(200)
	if cam.layers[0].demanded || cam.layers[2].demanded || d.Layer() != -1 {
		t.Errorf("hidden: layer %d", d.Layer())
	}
	media, _ := s.got("b")
	for i := 1; i < len(media); i++ {
		if media[i].SequenceNumber != media[i-1].SequenceNumber+1 {
			t.Fatalf("a gap from %d to %d", media[i-1].SequenceNumber, media[i].SequenceNumber)
		}
	}
	if len(s.changes) < 4 || s.changes[0].line != s.lines["a"] || b == nil {
		t.Errorf("%d changes told", len(s.changes))
	}
}

// Lost packets of a publisher are asked for, and when they come, passed on.
func TestUplinkRepair(t *testing.T) {
	s := newStage(t)
	s.join("a")
	s.join("b")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
	s.subscribe("b", cam, 77, 720)
	s.e.choose(s.lines["b"])
	for i := range uint16(10) {
		if i != 5 {
			s.send("a", picture(1, i, uint32(i)*3000, i == 0, true, true))
		}
	}
	s.flush()
	s.pass(tickEvery)
	_, r := s.got("a")
	found := false
	for _, p := range r {
		if n, ok := p.(*rtcp.TransportLayerNack); ok && n.MediaSSRC == 1 && len(n.Nacks) == 1 && n.Nacks[0].PacketID == 5 {
			found = true
		}
	}
	if !found {
		t.Errorf("packet 5 was not asked for: %v", r)
	}
	s.send("a", picture(1, 5, 15000, false, true, true))
	if media, _ := s.got("b"); len(media) != 10 || media[9].Timestamp != 15000 {
		t.Errorf("%d packets", len(media))
	}
}

// Nothing of a silent client's is sent for ever.
func TestSilentClient(t *testing.T) {
	s := newStage(t)
	s.join("a")
	b := s.join("b")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
	s.subscribe("b", cam, 77, 720)
	s.send("a", picture(1, 1, 3000, true, true, true))
	if media, _ := s.got("b"); len(media) != 1 {
		t.Fatal("nothing came at first")
	}
	b.agent.heard.Store(s.e.now - silentAfter - 1)
	s.e.choose(b)
	s.send("a", picture(1, 2, 6000, true, true, true))
	if media, _ := s.got("b"); len(media) != 0 {
		t.Error("still sent to a client that says nothing")
	}
}

// A member with good keys and bad intentions: whatever it sends, nothing breaks
// and nobody gets anything that was not negotiated.
func FuzzMember(f *testing.F) {
	good, _ := picture(1, 1, 1, true, true, true).Marshal()
	f.Add(good, false)
	f.Add([]byte{0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 77}, true)
	f.Add([]byte{0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 77, 0, 1, 0xFF, 0xFF}, true)
	f.Add([]byte{0x8F, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 77, 0, 1, 0, 7, 0, 0, 1, 0, 0xA0, 7, 1, 2}, true)
	f.Fuzz(func(t *testing.T, b []byte, report bool) {
		if len(b) > forward.MaxPacket {
			return
		}
		s := newStage(t)
		l := s.join("a")
		s.join("b")
		cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
		s.subscribe("b", cam, 77, 720)
		s.subscribe("a", s.publish("b", webrtc.RTPCodecTypeVideo, 9), 78, 720)
		s.e.choose(s.lines["b"])
		before := len(b)
		buf := append(make([]byte, 0, len(b)+64), b...)
		var err error
		if report {
			buf, err = s.in["a"].SealRTCP(buf)
		} else {
			header, e := forward.HeaderSize(b)
			if e != nil {
				s.e.take(l, buf, s.e.now)
				return
			}
			buf, err = s.in["a"].SealRTP(buf, header, uint64(binary.BigEndian.Uint16(b[2:])))
		}
		if err != nil {
			return
		}
		s.e.take(l, buf, s.e.now)
		s.pass(100 * time.Millisecond)
		media, _ := s.got("b")
		for _, p := range media {
			if p.SSRC != 77 || p.PayloadType != 96 || len(p.Payload) > before || len(p.CSRC) > 0 {
				t.Fatalf("forwarded %+v", p.Header)
			}
		}
	})
}

// fan is one sender and ten receivers of it, and packets at hand.
type fan struct {
	*stage
	sealed [][]byte
	n      int
}

func newFan(t testing.TB, packets int) *fan {
	s := newStage(t)
	s.e.changed = func(change) {}
	s.join("a")
	cam := s.publish("a", webrtc.RTPCodecTypeVideo, 1)
	var none nowhere
	for i := range 10 {
		id := netstack.PeerID(rune('b' + i))
		l := s.join(id)
		l.agent.selected.Store(&path{none, addr(id)})
		s.subscribe(id, cam, uint32(100+i), 720)
	}
	s.send("a", picture(1, 1, 3000, true, true, true))
	f := &fan{stage: s}
	for i := range packets {
		b, err := picture(1, uint16(i+2), uint32(i+2)*3000, false, true, true).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if b, err = s.in["a"].SealRTP(append(make([]byte, 0, 256), b...), 12, uint64(i+2)); err != nil {
			t.Fatal(err)
		}
		f.sealed = append(f.sealed, b)
	}
	for _, l := range s.lines {
		s.e.choose(l)
	}
	return f
}

// one forwards the next packet.
func (f *fan) one() {
	f.e.take(f.lines["a"], f.sealed[f.n], f.e.now)
	f.n++
	f.flush()
}

// Forwarding costs no allocation.
func TestForwardingAllocations(t *testing.T) {
	f := newFan(t, 3000)
	for range 2000 {
		f.one()
	}
	before := f.e.forwarded.Load()
	if got := testing.AllocsPerRun(500, f.one); got != 0 {
		t.Errorf("%v allocations per packet to ten receivers", got)
	}
	if f.e.forwarded.Load()-before < 5000 {
		t.Errorf("only %d forwarded", f.e.forwarded.Load()-before)
	}
}

// BenchmarkForward is the engine's part of forwarding one packet to ten
// receivers, each with keys of its own: all but the system's part.
func BenchmarkForward(b *testing.B) {
	const packets = 20_000
	b.ReportAllocs()
	var f *fan
	for n := 0; b.Loop(); n++ {
		if n%packets == 0 {
			b.StopTimer()
			f = newFan(b, packets)
			b.StartTimer()
		}
		f.one()
	}
}

// nowhere is a socket that takes everything.
type nowhere struct{}

func (nowhere) WriteTo(p []byte, _ netip.AddrPort) (int, error) { return len(p), nil }
func (nowhere) SyscallConn() (syscall.RawConn, error)           { return nil, syscall.ENOTSUP }

// A member that floods is held to its share at the door: the engine's memory is
// bounded, and others get in.
func TestRow21Flood(t *testing.T) {
	s := newStage(t)
	bad, good := s.join("a"), s.join("b")
	for _, l := range []*line{bad, good} {
		l.door = newDoor(DefaultMemberBitrate)
	}
	p := make([]byte, 1400)
	p[0] = 0x80
	for range 20_000 {
		s.e.put(bad, p)
	}
	s.e.put(good, p)
	n := map[*line]int{}
	for _, w := range s.e.in.packets {
		n[w.line] += w.to - w.from
	}
	if n[good] != len(p) || n[bad] > inboxOfMember || len(s.e.in.bytes) > maxInbox {
		t.Errorf("%d bytes of the bad member wait, %d of the good one, %d in all", n[bad], n[good], len(s.e.in.bytes))
	}
	if got, want := s.e.policed.Load(), uint64(20_000-n[bad]/len(p)); got != want {
		t.Errorf("%d counted as too much, want %d", got, want)
	}
	s.e.drain()
	if s.e.forwarded.Load() != 0 {
		t.Error("garbage was forwarded")
	}
}

// Whatever one sends, no more than its bitrate gets in, after a burst; what is
// within it all does. The door costs no memory.
func TestMemberBitrate(t *testing.T) {
	const bitrate, size, seconds = 2_000_000, 1200, 10
	for _, c := range []struct {
		name string
		sent float64 // bit/s
		want float64 // of it, let in
	}{
		{"within", 1_800_000, 1_800_000},
		{"far above", 500_000_000, bitrate + leastBurst/seconds},
	} {
		d, in := newDoor(bitrate), 0
		step := int64(size * 8 / c.sent * 1e9)
		for now := int64(1); now < seconds*1e9; now += step {
			if d.lets(size, uint64(now), now) {
				in += size * 8
			}
		}
		if got := float64(in) / seconds; math.Abs(got-c.want) > c.want/50 {
			t.Errorf("%s: %.0f bit/s let in, want %.0f", c.name, got, c.want)
		}
	}
	s := newStage(t)
	l := s.join("a")
	l.door = newDoor(DefaultMemberBitrate)
	p := make([]byte, size)
	for range 3 { // the inbox grows once
		s.e.put(l, p)
		s.e.drain()
		s.e.put(l, p)
		s.e.drain()
	}
	if n := testing.AllocsPerRun(100, func() {
		s.e.put(l, p)
		s.e.drain()
	}); n > 0 {
		t.Errorf("%v allocations for each packet", n)
	}
}

// Of many pictures only those of the last speakers are sent, and those asked
// for by name.
func TestLastN(t *testing.T) {
	s := newStage(t)
	s.e.lastN = 2
	viewer := s.join("z")
	var downs []*down
	for i, id := range []netstack.PeerID{"a", "b", "c", "d"} {
		s.join(id).spoke = int64(i)
		ssrc := uint32(i + 1)
		cam := s.publish(id, webrtc.RTPCodecTypeVideo, ssrc)
		downs = append(downs, s.subscribe("z", cam, 100+ssrc, 720))
		s.send(id, picture(ssrc, 1, 3000, true, true, true))
	}
	check := func(what string, want ...bool) {
		t.Helper()
		s.e.rank()
		s.e.choose(viewer)
		for i, d := range downs {
			if got := d.want >= 0; got != want[i] {
				t.Errorf("%s: picture %d sent: %v", what, i, got)
			}
		}
	}
	check("the last two", false, false, true, true)
	s.lines["a"].spoke = 10
	check("the first speaks", true, false, false, true)
	downs[1].priority = 1
	check("one is pinned", true, true, false, true)
}
