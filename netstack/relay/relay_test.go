package relay_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/netstack/relay"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 5 * time.Second

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// socket is a UDP socket as the relay sees it.
type socket struct{ *net.UDPConn }

func (s socket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(p, to)
}

// served is a relay with a UDP and a TCP port on loopback.
type served struct {
	*relay.Server
	udp, tcp string
}

func serve(t *testing.T, cfg relay.Config) *served { return serveAt(t, cfg, "127.0.0.1") }

func serveAt(t *testing.T, cfg relay.Config, host string) *served {
	t.Helper()
	cfg.Loopback = true
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv := relay.New(cfg)
	local := netip.AddrPortFrom(netip.MustParseAddr(host), 0)
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", local.String())
	if err != nil {
		t.Fatal(err)
	}
	site, err := srv.Site(conn.LocalAddr().(*net.UDPAddr).AddrPort(), socket{conn})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				_ = site.Close()
				return
			}
			site.Packet(buf[:n], from)
		}
	})
	wg.Go(func() {
		if err := srv.Serve(l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		_ = l.Close()
		wg.Wait()
		_ = srv.Close()
	})
	return &served{srv, conn.LocalAddr().String(), l.Addr().String()}
}

var (
	anna  = relay.Member{Room: "otter", ID: "anna"}
	ben   = relay.Member{Room: "otter", ID: "ben"}
	carol = relay.Member{Room: "heron", ID: "carol"}
	here  = netip.MustParseAddr("127.0.0.1")
)

func (s *served) issue(t *testing.T, m relay.Member) relay.Credential {
	t.Helper()
	c, err := s.Issue(m, here)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// dial makes a TURN client, over "udp" or "tcp".
func (s *served) dial(t *testing.T, network string, c relay.Credential) *turn.Client {
	t.Helper()
	var conn net.PacketConn
	to := s.udp
	if network == "tcp" {
		to = s.tcp
		tcp, err := net.Dial("tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(tcp)
	} else {
		host, _, _ := net.SplitHostPort(to)
		var err error
		if conn, err = net.ListenPacket("udp", net.JoinHostPort(host, "0")); err != nil {
			t.Fatal(err)
		}
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	cl, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: to, TURNServerAddr: to, Conn: conn,
		Username: c.Username, Password: c.Password, RTO: 100 * time.Millisecond, LoggerFactory: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cl.Close(); _ = conn.Close() })
	return cl
}

func (s *served) allocate(t *testing.T, network string, c relay.Credential) (net.PacketConn, *turn.Client) {
	t.Helper()
	cl := s.dial(t, network, c)
	conn, err := cl.Allocate()
	if err != nil {
		t.Fatalf("allocate: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, cl
}

func send(t *testing.T, from net.PacketConn, text string, to net.Addr) {
	t.Helper()
	if _, err := from.WriteTo([]byte(text), to); err != nil {
		t.Fatalf("send %q: %v", text, err)
	}
}

func receive(t *testing.T, at net.PacketConn, want string) net.Addr {
	t.Helper()
	_ = at.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 1600)
	n, from, err := at.ReadFrom(buf)
	if err != nil {
		t.Fatalf("wait for %q: %v", want, err)
	}
	if got := string(buf[:n]); got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	return from
}

func TestBinding(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		s := serveAt(t, relay.Config{}, host)
		for _, network := range []string{"udp", "tcp"} {
			cl := s.dial(t, network, relay.Credential{})
			at, err := cl.SendBindingRequest()
			if err != nil {
				t.Fatalf("%s %s: %v", network, host, err)
			}
			if got := at.(*net.UDPAddr).IP.String(); got != host {
				t.Errorf("%s: mapped to %s, want %s", network, got, host)
			}
		}
	}
}

// Two members of a room reach each other by their relayed addresses, whatever
// each comes by; first in indications, then in a channel.
func TestRelayToRelay(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, pair := range [][2]string{{"udp", "udp"}, {"udp", "tcp"}, {"tcp", "tcp"}} {
			t.Run(fmt.Sprint(pair, " ", host), func(t *testing.T) {
				s := serveAt(t, relay.Config{Own: func(a netip.Addr) bool { return a.IsLoopback() }}, host)
				a, _ := s.allocate(t, pair[0], s.issue(t, anna))
				b, cb := s.allocate(t, pair[1], s.issue(t, ben))
				if err := cb.CreatePermission(a.LocalAddr()); err != nil {
					t.Fatal(err)
				}
				for i := range 20 { // the client binds a channel on the way
					text := fmt.Sprintf("packet %d%s", i, strings.Repeat("x", i)) // pion's client holds back frames under 9 bytes
					send(t, a, text, b.LocalAddr())
					if from := receive(t, b, text); from.String() != a.LocalAddr().String() {
						t.Fatalf("from %v, want %v", from, a.LocalAddr())
					}
					send(t, b, text, a.LocalAddr())
					receive(t, a, text)
				}
				st := s.Stats()
				if st.Allocations != 2 || st.Up.Packets != 40 || st.Down.Packets != 40 {
					t.Errorf("stats: %d allocations, %d up, %d down", st.Allocations, st.Up.Packets, st.Down.Packets)
				}
				if got := st.Members[1].Allocations[0].Transport; string(got) != pair[1] {
					t.Errorf("transport %q, want %q", got, pair[1])
				}
			})
		}
	}
}

func peerSocket(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestSignaledPeer(t *testing.T) {
	s := serve(t, relay.Config{})
	peer, at := peerSocket(t)
	a, cl := s.allocate(t, "udp", s.issue(t, anna))
	s.issue(t, ben)
	s.issue(t, carol)
	refused := func(why string) {
		t.Helper()
		if err := cl.CreatePermission(peer.LocalAddr()); err == nil || !strings.Contains(err.Error(), "403") {
			t.Fatalf("%s: %v, want 403", why, err)
		}
	}
	refused("nobody signaled it")
	signaled := func(m relay.Member) {
		t.Helper()
		if err := s.Signaled(m, at); err != nil {
			t.Fatal(err)
		}
	}
	signaled(anna)
	refused("only the member itself signaled it")
	signaled(carol)
	refused("it was signaled in another room")
	signaled(ben)
	send(t, a, "hello", peer.LocalAddr())
	from := receive(t, peer, "hello")
	if from.String() != a.LocalAddr().String() {
		t.Errorf("from %v, want %v", from, a.LocalAddr())
	}
	send(t, peer, "back", from)
	receive(t, a, "back")

	// Another port of the same address was not signaled: nothing goes there,
	// and nothing comes from there.
	other, _ := peerSocket(t)
	send(t, a, "no", other.LocalAddr())
	send(t, other, "no", from)
	send(t, a, "again", peer.LocalAddr())
	receive(t, peer, "again")
	send(t, peer, "again", from)
	receive(t, a, "again")
	untouched(t, s, other)

	// With the member goes what it signaled.
	s.Revoke(ben)
	refused("who signaled it has left")
}

// untouched fails if anything was relayed to a socket. What was sent through
// the relay before has been dealt with when a Binding sent after is answered.
func untouched(t *testing.T, s *served, victim *net.UDPConn) {
	t.Helper()
	if _, err := s.dial(t, "udp", relay.Credential{}).SendBindingRequest(); err != nil {
		t.Fatal(err)
	}
	sentinel, err := net.DialUDP("udp4", nil, victim.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer sentinel.Close()
	if _, err := sentinel.Write([]byte("sentinel")); err != nil {
		t.Fatal(err)
	}
	receive(t, victim, "sentinel")
}

// One address of each special-purpose prefix, and forms that carry one.
var specialPeers = []string{
	"0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.2", "169.254.169.254",
	"172.16.0.1", "192.0.0.192", "192.0.2.200", "192.88.99.1", "192.168.0.1",
	"198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
	"255.255.255.255", "0.0.0.0",
	"::127.0.0.1", "::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
	"2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254",
	"fe80::1", "ff02::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
}

func TestSpecialPeersAreRefused(t *testing.T) {
	s := serve(t, relay.Config{})
	victim, _ := peerSocket(t)
	a, cl := s.allocate(t, "udp", s.issue(t, anna))
	for _, p := range append(specialPeers, "8.8.8.8", "2606:4700::1111") {
		err := cl.CreatePermission(&net.UDPAddr{IP: net.ParseIP(p), Port: 9999})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("permission for %s: %v, want 403", p, err)
		}
	}
	for range 10 {
		_, _ = a.WriteTo([]byte("attack"), victim.LocalAddr()) // the client refuses by itself
	}
	untouched(t, s, victim)
	if got := s.Stats().Refused; got < uint64(len(specialPeers)) {
		t.Errorf("%d refusals counted, want %d and more", got, len(specialPeers))
	}
}

func TestWrongCredentials(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		s := serve(t, relay.Config{})
		good := s.issue(t, anna)
		for _, tc := range []struct {
			name string
			c    relay.Credential
		}{
			{"no user", relay.Credential{}},
			{"unknown user", relay.Credential{Username: "x", Password: good.Password}},
			{"wrong password", relay.Credential{Username: good.Username, Password: "x"}},
		} {
			_, err := s.dial(t, network, tc.c).Allocate()
			if code := turnCode(err); code != stun.CodeUnauthorized {
				t.Errorf("%s over %s: %v, want 401", tc.name, network, err)
			}
		}
		if st := s.Stats(); st.AuthFailed != 3 || st.Allocations != 0 {
			t.Errorf("%d failures and %d allocations counted", st.AuthFailed, st.Allocations)
		}
	}
}

func turnCode(err error) stun.ErrorCode {
	var e *stun.TurnError
	if errors.As(err, &e) {
		return e.ErrorCodeAttr.Code
	}
	return 0
}

// A credential's time counts for new allocations only: a call may last.
func TestExpiry(t *testing.T) {
	c := newClock()
	s := serve(t, relay.Config{Now: c.Now, Limits: relay.Limits{TTL: time.Minute}})
	cred := s.issue(t, anna)
	a, cl := s.allocate(t, "udp", cred)
	peer, at := peerSocket(t)
	s.issue(t, ben)
	if err := s.Signaled(ben, at); err != nil {
		t.Fatal(err)
	}
	c.add(3 * time.Minute)
	if _, err := s.dial(t, "udp", cred).Allocate(); turnCode(err) != stun.CodeUnauthorized {
		t.Errorf("new allocation with an expired credential: %v, want 401", err)
	}
	if err := cl.CreatePermission(peer.LocalAddr()); err != nil {
		t.Errorf("permission in a call longer than the credential: %v", err)
	}
	send(t, a, "still here", peer.LocalAddr())
	receive(t, peer, "still here")
	renewed := s.issue(t, anna)
	s.allocate(t, "udp", renewed)
}

func TestRevoke(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		s := serve(t, relay.Config{})
		cred := s.issue(t, anna)
		a, _ := s.allocate(t, network, cred)
		b, cb := s.allocate(t, "udp", s.issue(t, ben))
		if err := cb.CreatePermission(a.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		send(t, a, "before", b.LocalAddr())
		receive(t, b, "before")
		s.Revoke(anna)
		s.Revoke(anna) // again does no harm
		eventually(t, func() bool { return s.Stats().Allocations == 1 })
		_, _ = a.WriteTo([]byte("after"), b.LocalAddr())
		if _, err := s.dial(t, "udp", relay.Credential{}).SendBindingRequest(); err != nil {
			t.Fatal(err)
		}
		_ = b.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, _, err := b.ReadFrom(make([]byte, 100)); err == nil {
			t.Errorf("%s: %d bytes relayed for a member who left", network, n)
		}
		if _, err := s.dial(t, "udp", cred).Allocate(); turnCode(err) != stun.CodeUnauthorized {
			t.Errorf("%s: allocate after leaving: %v, want 401", network, err)
		}
		if st := s.Stats(); len(st.Members) != 1 || st.Members[0].Member != ben {
			t.Errorf("members left: %v", st.Members)
		}
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen")
		}
	}
}

func TestQuota(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{PerMember: 3, Total: 5}})
	a, b := s.issue(t, anna), s.issue(t, ben)
	var first net.PacketConn
	for i := range 3 {
		c, _ := s.allocate(t, []string{"udp", "tcp"}[i%2], a)
		if first == nil {
			first = c
		}
	}
	over := func(c relay.Credential, why string) {
		t.Helper()
		if _, err := s.dial(t, "udp", c).Allocate(); turnCode(err) != stun.CodeAllocQuotaReached {
			t.Errorf("%s: %v, want 486", why, err)
		}
	}
	over(a, "fourth of a member")
	s.allocate(t, "udp", b)
	s.allocate(t, "tcp", b)
	over(b, "sixth in all")
	_ = first.Close()
	eventually(t, func() bool { return s.Stats().Allocations == 4 })
	s.allocate(t, "udp", b)
	if got := s.Stats().Quota; got != 2 {
		t.Errorf("%d refused by quota, want 2", got)
	}
}

// Many allocations asked for at once do not slip past the quota.
func TestQuotaAtOnce(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{PerMember: 5, MemberReplies: 1000}})
	c := s.issue(t, anna)
	var clients []*turn.Client
	for range 20 {
		clients = append(clients, s.dial(t, "tcp", c))
	}
	var wg sync.WaitGroup
	for _, cl := range clients {
		wg.Go(func() {
			if conn, err := cl.Allocate(); err == nil {
				t.Cleanup(func() { _ = conn.Close() })
			}
		})
	}
	wg.Wait()
	if got := s.Stats().Allocations; got != 5 {
		t.Errorf("%d allocations, want 5", got)
	}
}

// A stranger gets ten replies a second, however many he asks for.
func TestRepliesAreBounded(t *testing.T) {
	c := newClock()
	s := serve(t, relay.Config{Now: c.Now})
	raw, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	alloc := stun.NewType(stun.MethodAllocate, stun.ClassRequest)
	forged := []stun.Setter{stun.NewUsername("x"), stun.NewRealm("candid"), stun.NewNonce("n"), stun.NewShortTermIntegrity("x")}
	count := func() (n int) {
		for i := range 200 {
			m := []stun.Setter{stun.TransactionID, stun.BindingRequest}
			switch i % 3 {
			case 1:
				m[1] = alloc
			case 2:
				m[1] = alloc
				m = append(m, forged...)
			}
			if _, err := raw.Write(stun.MustBuild(m...).Raw); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, 1500)
		for {
			_ = raw.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			if _, err := raw.Read(buf); err != nil {
				return n
			}
			n++
		}
	}
	if n := count(); n != 10 {
		t.Errorf("%d replies to a stranger, want 10", n)
	}
	c.add(time.Second)
	if n := count(); n != 10 {
		t.Errorf("%d replies in the next second, want 10", n)
	}
	if got := s.Stats().Silenced; got != 380 {
		t.Errorf("%d silenced, want 380", got)
	}
	s.issue(t, anna) // a member signals from there
	if n := count(); n != 100 {
		t.Errorf("%d replies to a member's address, want 100", n)
	}
}

func TestPolicing(t *testing.T) {
	c := newClock()
	s := serve(t, relay.Config{Now: c.Now, Limits: relay.Limits{Bitrate: 8000, Burst: 2000}})
	peer, at := peerSocket(t)
	a, _ := s.allocate(t, "udp", s.issue(t, anna))
	s.issue(t, ben)
	if err := s.Signaled(ben, at); err != nil {
		t.Fatal(err)
	}
	packet := bytes.Repeat([]byte{1}, 500)
	round := func(sent, want uint64) {
		t.Helper()
		before := s.Stats().Up
		for range sent {
			if _, err := a.WriteTo(packet, peer.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, func() bool {
			now := s.Stats().Up
			return now.Packets+now.Policed-before.Packets-before.Policed == sent
		})
		if got := s.Stats().Up.Packets - before.Packets; got != want {
			t.Errorf("%d of %d packets passed, want %d", got, sent, want)
		}
	}
	round(20, 4) // the burst
	c.add(time.Second)
	round(20, 2) // 1000 bytes a second
	if m := s.Stats().Members[0]; m.Up.Policed != 34 || m.Up.Bytes != 3000 {
		t.Errorf("the member's counters: %+v", m.Up)
	}
}

func TestCandidateLimit(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{Candidates: 2}})
	s.issue(t, anna)
	for i, want := range []error{nil, nil, relay.ErrTooMany} {
		err := s.Signaled(anna, netip.AddrPortFrom(netip.MustParseAddr("8.8.8.8"), uint16(5000+i)))
		if !errors.Is(err, want) {
			t.Errorf("candidate %d: %v, want %v", i+1, err, want)
		}
	}
	if err := s.Signaled(anna, netip.MustParseAddrPort("8.8.8.8:5000")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := s.Signaled(relay.Member{Room: "x", ID: "y"}, netip.MustParseAddrPort("8.8.8.8:5000")); err != nil {
		t.Errorf("of nobody: %v", err)
	}
}

// A TCP client that reads nothing loses its own media and holds up nobody.
func TestStalledClient(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{Bitrate: 1 << 40, Burst: 1 << 40}})
	a, _ := s.allocate(t, "udp", s.issue(t, anna))
	stalled, cb := s.allocate(t, "tcp", s.issue(t, ben))
	if err := cb.CreatePermission(a.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	cb.Close() // stops reading; the connection stays
	packet := bytes.Repeat([]byte{1}, 1000)
	for range 5000 {
		if _, err := a.WriteTo(packet, stalled.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.dial(t, "udp", relay.Credential{}).SendBindingRequest(); err != nil {
		t.Errorf("the relay does not answer others: %v", err)
	}
}

func TestGarbageOnStreams(t *testing.T) {
	s := serve(t, relay.Config{})
	for _, p := range [][]byte{
		{0xff, 0xff, 0xff, 0xff},
		{0x00, 0x03, 0xff, 0xff, 0x21, 0x12, 0xa4, 0x42},
		{0x00, 0x03, 0x00, 0x03, 0x21, 0x12, 0xa4, 0x42},
		{0x40, 0x00, 0xff, 0xff},
	} {
		c, err := net.Dial("tcp", s.tcp)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		var timeout net.Error
		if _, err := c.Read(p); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("% x: not closed: %v", p, err)
		}
		_ = c.Close()
	}
}

func TestClosed(t *testing.T) {
	s := serve(t, relay.Config{})
	a, _ := s.allocate(t, "udp", s.issue(t, anna))
	b, _ := s.allocate(t, "tcp", s.issue(t, anna))
	_ = s.Close()
	_ = s.Close()
	if n := s.Stats().Allocations; n != 0 {
		t.Errorf("%d allocations after Close", n)
	}
	for _, x := range []net.PacketConn{a, b} {
		sock, err := net.ListenPacket("udp", x.LocalAddr().String())
		if err != nil {
			t.Errorf("a relay socket is still open: %v", err)
			continue
		}
		_ = sock.Close()
	}
	if _, err := s.Issue(anna, here); !errors.Is(err, relay.ErrClosed) {
		t.Errorf("Issue after Close: %v", err)
	}
	if _, err := s.Site(netip.MustParseAddrPort("127.0.0.1:1"), nil); !errors.Is(err, relay.ErrClosed) {
		t.Errorf("Site after Close: %v", err)
	}
}
