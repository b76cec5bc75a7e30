package oneport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/netstack/oneport"

	"github.com/pion/stun/v3"
)

func TestTCPKinds(t *testing.T) {
	p := open(t, config(t))
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, tc := range []struct {
			name   string
			secure bool
			first  []byte
			from   net.Listener
		}{
			{"turn", false, allocate, p.Relay()},
			{"turns", true, allocate, p.Relay()},
			{"https", true, []byte("GET / HTTP/1.1\r\n\r\n"), p.HTTP()},
		} {
			t.Run(tc.name+" "+host, func(t *testing.T) {
				c := dial(t, at(p, host), tc.secure)
				// One byte at a time: the kind is told all the same.
				for _, b := range tc.first {
					if _, err := c.Write([]byte{b}); err != nil {
						t.Fatal(err)
					}
				}
				s, err := tc.from.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				got := make([]byte, len(tc.first))
				if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, tc.first) {
					t.Errorf("read %q, %v; want what was sent", got, err)
				}
				if s.(*oneport.Conn).Secure() != tc.secure {
					t.Errorf("Secure is %v", !tc.secure)
				}
			})
		}
	}
}

func dial(t *testing.T, addr string, secure bool) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err == nil && secure {
		c = tls.Client(c, insecure())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestPlainHTTPIsAnswered(t *testing.T) {
	p := open(t, config(t))
	c := dial(t, at(p, "127.0.0.1"), false)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 400 || !strings.Contains(string(body), "https") {
		t.Errorf("answer %d %q, %v", res.StatusCode, body, err)
	}
}

func TestUDPKinds(t *testing.T) {
	relay, media := newCollect(), newCollect()
	cfg := config(t)
	var sockets []netip.Addr
	var mu sync.Mutex
	cfg.Relay = func(s *oneport.Socket) oneport.Sink {
		mu.Lock()
		defer mu.Unlock()
		sockets = append(sockets, s.Local().Addr())
		return relay
	}
	cfg.Media = func(*oneport.Socket) oneport.Sink { return media }
	p := open(t, cfg)
	check := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b")).Raw
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := net.Dial("udp", at(p, host))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, tc := range []struct {
			name string
			p    []byte
			to   *collect
		}{
			{"STUN", binding, relay},
			{"TURN", allocate, relay},
			{"ChannelData", []byte{0x40, 0, 0, 1, 7}, relay},
			{"ICE", check, media},
			{"DTLS", []byte{22, 254, 253}, media},
			{"RTP", []byte{128, 96, 1, 2}, media},
		} {
			if _, err := c.Write(tc.p); err != nil {
				t.Fatal(err)
			}
			if got := tc.to.next(t); !bytes.Equal(got, tc.p) {
				t.Errorf("%s: got %x, want %x", tc.name, got, tc.p)
			}
		}
	}
	_ = p.Close()
	for _, c := range []*collect{relay, media} {
		select {
		case <-c.closed:
		default:
			t.Error("a sink was not closed")
		}
	}
	slices.SortFunc(sockets, netip.Addr.Compare)
	if !slices.Equal(sockets, loopback) {
		t.Errorf("sockets at %v, want %v", sockets, loopback)
	}
}

func TestRepliesComeFromTheAddressAsked(t *testing.T) {
	cfg := config(t)
	cfg.Bind = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	cfg.Relay = func(s *oneport.Socket) oneport.Sink { return echo{s} }
	p := open(t, cfg)
	for _, a := range cfg.Bind {
		c, err := net.Dial("udp", at(p, a.String())) // takes answers of a only
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(allocate); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := c.Read(make([]byte, 100)); err != nil || n != len(allocate) {
			t.Errorf("%v: %d bytes, %v", a, n, err)
		}
	}
}

type echo struct{ s *oneport.Socket }

func (e echo) Packet(p []byte, from netip.AddrPort) { _, _ = e.s.WriteTo(p, from) }
func (e echo) Close() error                         { return nil }

func TestRow33PortInUse(t *testing.T) {
	first := open(t, config(t))
	cfg := config(t)
	cfg.Port = first.Number()
	_, err := oneport.Open(cfg)
	var used *oneport.InUseError
	if !errors.As(err, &used) || used.Port != first.Number() {
		t.Fatalf("second on one port: %v, want an InUseError", err)
	}
	if !strings.Contains(err.Error(), "another program uses it") {
		t.Errorf("sentence: %q", err)
	}
	cfg.NextFree = 20
	second := open(t, cfg)
	if n := second.Number(); n <= first.Number() || n > first.Number()+20 {
		t.Errorf("next free port is %d, first is %d", n, first.Number())
	}
}

func TestUDPInUse(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cfg := config(t)
	cfg.Port = c.LocalAddr().(*net.UDPAddr).Port
	_, err = oneport.Open(cfg)
	if used := (*oneport.InUseError)(nil); !errors.As(err, &used) {
		t.Fatalf("UDP taken: %v, want an InUseError", err)
	}
	// Nothing of the attempt is left.
	l, err := net.Listen("tcp", c.LocalAddr().String())
	if err != nil {
		t.Fatalf("TCP half stayed open: %v", err)
	}
	_ = l.Close()
}

func TestBadConfig(t *testing.T) {
	if _, err := oneport.Open(oneport.Config{}); err == nil {
		t.Error("opened without a certificate")
	}
	cfg := config(t)
	cfg.Port = 70000
	if _, err := oneport.Open(cfg); err == nil {
		t.Error("opened port 70000")
	}
	cfg = config(t)
	cfg.Bind = []netip.Addr{netip.MustParseAddr("198.51.100.77")}
	if _, err := oneport.Open(cfg); err == nil {
		t.Error("opened on an address that is not here")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	p := open(t, config(t))
	pending := dial(t, at(p, "127.0.0.1"), false)
	taken := dial(t, at(p, "127.0.0.1"), false)
	waiting := dial(t, at(p, "127.0.0.1"), false)
	if _, err := taken.Write(allocate); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Relay().Accept(); err != nil {
		t.Fatal(err)
	}
	if _, err := waiting.Write(allocate); err != nil { // nobody accepts it
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{pending, taken, waiting} {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("a connection is still open: %v", err)
		}
	}
	for _, l := range []net.Listener{p.HTTP(), p.Relay()} {
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	}
	cfg := config(t)
	cfg.Port = p.Number()
	open(t, cfg) // the number is free again
}

func TestAddressesComeAndGo(t *testing.T) {
	list := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	cfg := config(t)
	cfg.Bind = nil
	cfg.Addrs = func() ([]netip.Addr, error) { return list, nil }
	change := make(chan []netip.Addr)
	cfg.Watch = func(ctx context.Context, changed func([]netip.Addr)) {
		for {
			select {
			case l := <-change:
				changed(l)
			case <-ctx.Done():
				return
			}
		}
	}
	gone := make(chan netip.Addr, 4)
	cfg.Relay = func(s *oneport.Socket) oneport.Sink { return closeTeller{s.Local().Addr(), gone} }
	p := open(t, cfg)
	want := func(addrs ...string) {
		t.Helper()
		for {
			got := p.Addrs()
			slices.SortFunc(got, netip.Addr.Compare)
			if len(got) == len(addrs) && got[0].String() == addrs[0] && got[len(got)-1].String() == addrs[len(addrs)-1] {
				return
			}
			select {
			case <-t.Context().Done():
				t.Fatalf("sockets at %v, want %v", got, addrs)
			case <-time.After(time.Millisecond):
			}
		}
	}
	want("127.0.0.1")
	change <- []netip.Addr{list[0], netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("fe80::1")}
	want("127.0.0.1", "127.0.0.2")
	if !p.Own(netip.MustParseAddr("fe80::1")) || p.Own(netip.MustParseAddr("127.0.0.3")) {
		t.Error("Own does not know the machine's addresses")
	}
	change <- []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	want("127.0.0.2")
	if a := <-gone; a != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("sink of %v was closed", a)
	}
}

type closeTeller struct {
	a    netip.Addr
	gone chan<- netip.Addr
}

func (closeTeller) Packet([]byte, netip.AddrPort) {}
func (c closeTeller) Close() error                { c.gone <- c.a; return nil }
