package relay_test

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"candid/netstack/relay"

	"github.com/pion/logging"
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
	_ = conn.SetReadBuffer(1 << 20)
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

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen")
		}
	}
}
