package relay

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v3"
)

// What is built by hand reads as what pion would have built.
func TestWire(t *testing.T) {
	id := stun.NewTransactionID()
	for _, peer := range []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:4660"), netip.MustParseAddrPort("[2001:db8::5]:65535"),
	} {
		for n := range 9 {
			buf := new(frame)
			data := bytes.Repeat([]byte{0xAB}, n)
			copy(buf[headroom:], data)
			m := &stun.Message{Raw: putIndication(buf[:], headroom, n, peer, id)}
			if err := m.Decode(); err != nil {
				t.Fatalf("%v, %d bytes: %v", peer, n, err)
			}
			if m.Type != stun.NewType(stun.MethodData, stun.ClassIndication) || m.TransactionID != id {
				t.Fatalf("message is %v", m)
			}
			if got, ok := peerOf(m); !ok || got != peer {
				t.Errorf("peer %v, want %v", got, peer)
			}
			if got, err := m.Get(stun.AttrData); err != nil || !bytes.Equal(got, data) {
				t.Errorf("data %x, %v", got, err)
			}
			copy(buf[headroom:], data)
			for _, stream := range []bool{false, true} {
				f := putChannelData(buf[:], headroom, n, 0x4001, stream)
				if stream && len(f)%4 != 0 {
					t.Errorf("%d bytes on a stream", len(f))
				}
				if size, err := frameSize(f); stream && (err != nil || size != len(f)) {
					t.Errorf("frame of %d, %v; want %d", size, err, len(f))
				}
				if ch, got, ok := channelData(f); !ok || ch != 0x4001 || !bytes.Equal(got, data) {
					t.Errorf("channel %x %x %v", ch, got, ok)
				}
			}
		}
		b := make([]byte, 44)
		m := &stun.Message{Raw: putBindingSuccess(b, peer, id)}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		var x stun.XORMappedAddress
		if err := x.GetFrom(m); err != nil || x.Port != int(peer.Port()) || !x.IP.Equal(net.IP(peer.Addr().AsSlice())) {
			t.Errorf("mapped %v, %v; want %v", x, err, peer)
		}
	}
}

// discard is where a guard's replies go in tests.
func testGuard(t interface{ Fatal(...any) }) (*guard, *credential) {
	s := New(Config{Loopback: true})
	if _, err := s.Issue(Member{"r", "anna"}, netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	g := &guard{
		srv: s, local: netip.MustParseAddr("127.0.0.1"),
		reply: func([]byte, netip.AddrPort) {},
		alloc: func(netip.AddrPort) *allocation { return nil },
	}
	for _, c := range s.users {
		return g, c
	}
	return nil, nil
}

func TestJudgeAllocate(t *testing.T) {
	g, c := testGuard(t)
	attr := func(k stun.AttrType, v ...byte) stun.Setter {
		return stun.RawAttribute{Type: k, Length: uint16(len(v)), Value: v}
	}
	from := netip.MustParseAddrPort("127.0.0.1:5000")
	udp := attr(stun.AttrRequestedTransport, 17, 0, 0, 0)
	for _, tc := range []struct {
		name  string
		attrs []stun.Setter
		want  stun.ErrorCode // 0: pion's to answer
	}{
		{"plain", []stun.Setter{udp}, 0},
		{"TCP", []stun.Setter{attr(stun.AttrRequestedTransport, 6, 0, 0, 0)}, stun.CodeUnsupportedTransProto},
		{"even port", []stun.Setter{udp, attr(stun.AttrEvenPort, 0x80)}, stun.CodeInsufficientCapacity},
		{"reservation", []stun.Setter{udp, attr(stun.AttrReservationToken, 1, 2, 3, 4, 5, 6, 7, 8)}, stun.CodeInsufficientCapacity},
		{"IPv4", []stun.Setter{udp, attr(stun.AttrRequestedAddressFamily, 1, 0, 0, 0)}, 0},
		{"IPv6", []stun.Setter{udp, attr(stun.AttrRequestedAddressFamily, 2, 0, 0, 0)}, stun.CodeAddrFamilyNotSupported},
	} {
		var code stun.ErrorCode
		g.reply = func(p []byte, _ netip.AddrPort) {
			m := &stun.Message{Raw: p}
			var e stun.ErrorCodeAttribute
			if err := m.Decode(); err != nil || e.GetFrom(m) != nil {
				t.Fatalf("%s: reply %x", tc.name, p)
			}
			code = e.Code
		}
		s := append([]stun.Setter{stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest),
			stun.NewUsername(c.Username), stun.NewRealm("candid"), stun.NewNonce("n")}, tc.attrs...)
		passed := g.pass(stun.MustBuild(append(s, stun.MessageIntegrity(c.key))...).Raw, from)
		if code != tc.want || passed != (tc.want == 0) {
			t.Errorf("%s: code %d, passed %v; want %d", tc.name, code, passed, tc.want)
		}
	}
	// Not at an address nothing is relayed from.
	g.srv.cfg.Loopback = false
	var codes []byte
	g.reply = func(p []byte, _ netip.AddrPort) { codes = append(codes, p...) }
	m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest),
		stun.NewUsername(c.Username), stun.NewRealm("candid"), stun.NewNonce("n"), stun.MessageIntegrity(c.key))
	if g.pass(m.Raw, from) || !bytes.Contains(codes, []byte("Forbidden")) {
		t.Error("an allocation on loopback passed")
	}
}

// FuzzGuard: whatever comes, no panic, no reply longer than the request allows
// an attacker to gain much, and pion sees no request but one without proof.
func FuzzGuard(f *testing.F) {
	alloc := stun.NewType(stun.MethodAllocate, stun.ClassRequest)
	f.Add([]byte{})
	f.Add([]byte{0x40, 0, 0, 1, 7})
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
	f.Add(stun.MustBuild(stun.TransactionID, alloc).Raw)
	f.Add(stun.MustBuild(stun.TransactionID, alloc, stun.NewUsername("x"), stun.NewNonce("n"), stun.NewShortTermIntegrity("x")).Raw)
	f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), stun.RawAttribute{Type: stun.AttrXORPeerAddress, Length: 8, Value: make([]byte, 8)}).Raw)
	g, _ := testGuard(f)
	from := netip.MustParseAddrPort("127.0.0.1:5000")
	f.Fuzz(func(t *testing.T, p []byte) {
		in := len(p)
		g.reply = func(out []byte, _ netip.AddrPort) {
			if len(out) > in+128 {
				t.Errorf("reply of %d bytes to %d", len(out), in)
			}
		}
		if g.pass(bytes.Clone(p), from) {
			m := &stun.Message{Raw: p}
			if err := m.Decode(); err != nil || m.Contains(stun.AttrMessageIntegrity) {
				t.Errorf("passed on: %v, %v", m, err)
			}
		}
		if size, err := frameSize(p); err == nil && size > maxFrame {
			t.Errorf("frame of %d", size)
		}
	})
}

// pipe is a client that keeps the last frame.
type pipe struct {
	last   []byte
	reader reader
}

func (p *pipe) send(b []byte)        { p.last = append(p.last[:0], b...) }
func (p *pipe) stream() bool         { return false }
func (p *pipe) transport() Transport { return UDP }
func (p *pipe) addr() netip.AddrPort { return netip.AddrPort{} }
func (p *pipe) adopt(*allocation)    {}
func (p *pipe) forget(*allocation)   {}
func (p *pipe) requests() *reader    { return &p.reader }

// pairing puts two allocations of a room together without sockets.
func pairing(t interface{ Fatal(...any) }) (*guard, *pipe) {
	g, c := testGuard(t)
	s := g.srv
	s.limit.Bitrate, s.limit.Burst = 1<<50, 1<<50
	if _, err := s.Issue(Member{"r", "ben"}, netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	out := &pipe{}
	make := func(m *member, port uint16) *allocation {
		at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
		m.upBucket, m.downBucket = newBucket(1e18, 1e18), newBucket(1e18, 1e18)
		a := &allocation{srv: s, relayed: at, member: m, client: out,
			perms:  map[netip.Addr]struct{}{at.Addr(): {}},
			byPeer: map[netip.AddrPort]uint16{}, byChan: map[uint16]netip.AddrPort{}}
		m.room.relayed[at] = a
		return a
	}
	a := make(c.member, 50001)
	b := make(s.members[Member{"r", "ben"}], 50002)
	a.bindChannel(0x4000, b.relayed, true)
	b.bindChannel(0x4007, a.relayed, true)
	g.alloc = func(netip.AddrPort) *allocation { return a }
	return g, out
}

func TestDataAllocatesNothing(t *testing.T) {
	g, out := pairing(t)
	from := netip.MustParseAddrPort("127.0.0.1:5000")
	p := append([]byte{0x40, 0, 0x03, 0xe8}, bytes.Repeat([]byte{9}, 1000)...)
	indication := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		stun.RawAttribute{Type: stun.AttrXORPeerAddress, Length: 8, Value: make([]byte, 8)},
		stun.RawAttribute{Type: stun.AttrData, Length: 1000, Value: p[4:]}).Raw
	// 127.0.0.1:50002, as XOR-PEER-ADDRESS.
	putXORAddr(indication[24:32], netip.MustParseAddrPort("127.0.0.1:50002"), [12]byte(indication[8:20]))
	for name, frame := range map[string][]byte{"ChannelData": p, "Send": indication} {
		out.last = nil
		if n := testing.AllocsPerRun(100, func() { g.pass(frame, from) }); n >= 1 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
		if ch, data, ok := channelData(out.last); !ok || ch != 0x4007 || len(data) != 1000 || data[0] != 9 {
			t.Errorf("%s: arrived on channel %x, %d bytes, %v", name, ch, len(data), ok)
		}
	}
}

// Without a permission nothing passes, either way (RFC 8656 section 9).
func TestNoPermission(t *testing.T) {
	from := netip.MustParseAddrPort("127.0.0.1:5000")
	here := from.Addr()
	indication := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		stun.RawAttribute{Type: stun.AttrXORPeerAddress, Length: 8, Value: make([]byte, 8)},
		stun.RawAttribute{Type: stun.AttrData, Length: 4, Value: []byte("data")}).Raw
	putXORAddr(indication[24:32], netip.MustParseAddrPort("127.0.0.1:50002"), [12]byte(indication[8:20]))
	channel := []byte{0x40, 0, 0, 4, 'd', 'a', 't', 'a'}
	for _, tc := range []struct {
		name           string
		sends, accepts bool
	}{
		{"both", true, true},
		{"the sender's only", true, false},
		{"the receiver's only", false, true},
	} {
		for _, p := range [][]byte{indication, channel} {
			g, out := pairing(t)
			a := g.alloc(from)
			_, b := g.srv.route(a.member, netip.MustParseAddrPort("127.0.0.1:50002"))
			if !b {
				t.Fatal("no route")
			}
			a.permit(here, tc.sends)
			a.member.room.relayed[netip.MustParseAddrPort("127.0.0.1:50002")].permit(here, tc.accepts)
			g.pass(p, from)
			if passed := out.last != nil; passed != (tc.sends && tc.accepts) {
				t.Errorf("permission of %s, first byte %#x: passed %v", tc.name, p[0], passed)
			}
		}
	}
}

func BenchmarkPass(b *testing.B) {
	g, _ := pairing(b)
	from := netip.MustParseAddrPort("127.0.0.1:5000")
	p := append([]byte{0x40, 0, 0x03, 0xe8}, bytes.Repeat([]byte{9}, 1000)...)
	b.ReportAllocs()
	for b.Loop() {
		g.pass(p, from)
	}
}
