package signal

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	aRoom   = "otter"
	aSecret = "kJv0d8Q2mXn4rT6yB1cZ7w"
)

// quiet is a logger for nobody.
var quiet = slog.New(slog.DiscardHandler)

// testHost is a server on a port of its own.
type testHost struct {
	*Server
	id       identity.Identity
	listener net.Listener
	http     *http.Server
	received atomic.Int64 // bytes of requests, after decryption
	wg       sync.WaitGroup
}

// startHost serves cfg with one room on address.
func startHost(t testing.TB, cfg ServerConfig, id *identity.Identity, address string) *testHost {
	t.Helper()
	if id == nil {
		made, err := identity.New()
		if err != nil {
			t.Fatal(err)
		}
		id = &made
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, cfg, *id, l)
}

func serveOn(t testing.TB, cfg ServerConfig, id identity.Identity, l net.Listener) *testHost {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	if cfg.MaxSocketsPerIP == 0 {
		cfg.MaxSocketsPerIP, cfg.MaxStrangers, cfg.MaxSockets = 300, 300, 300
	}
	h := &testHost{Server: NewServer(cfg), id: id, listener: l}
	if err := h.AddRoom(aRoom, RoomOptions{Secret: aSecret}); err != nil {
		t.Fatal(err)
	}
	h.http = &http.Server{Handler: h.Server, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 5 * time.Second}
	h.wg.Go(func() { _ = h.http.Serve(&countingListener{tls.NewListener(l, id.ServerConfig()), h}) })
	t.Cleanup(h.stop)
	return h
}

// stop ends the host properly.
func (h *testHost) stop() {
	_ = h.Server.Close()
	_ = h.http.Close()
	h.wg.Wait()
}

// crash ends the host without a word to anyone.
func (h *testHost) crash() {
	_ = h.listener.Close()
	h.mu.Lock()
	rooms := h.rooms
	h.mu.Unlock()
	for _, r := range rooms {
		_ = r.do(nil, func() {
			for _, m := range r.order {
				if m.sock != nil {
					m.sock.cut()
				}
			}
			r.closed = true
		})
	}
	h.stop()
}

// invite leads to the host, by way of addresses if some are given.
func (h *testHost) invite(addresses ...string) invite.Invite {
	if len(addresses) == 0 {
		addresses = []string{h.listener.Addr().String()}
	}
	return invite.Invite{Addresses: addresses, Room: aRoom, Secret: aSecret, Pin: h.id.Pin}
}

// countingListener counts the bytes that clients send inside TLS.
type countingListener struct {
	net.Listener
	host *testHost
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{c, l.host}, nil
}

type countingConn struct {
	net.Conn
	host *testHost
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.host.received.Add(int64(n))
	return n, err
}

func dial(t testing.TB, cfg ClientConfig) *Client {
	t.Helper()
	c, err := tryDial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func tryDial(cfg ClientConfig) (*Client, error) {
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	if cfg.Name == "" {
		cfg.Name = "Anna"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return Dial(ctx, cfg)
}

// next returns the next event of type E; those of other types are skipped.
func next[E Event](t testing.TB, c *Client) E {
	t.Helper()
	return nextWhere(t, c, func(E) bool { return true })
}

// nextWhere returns the next event of type E for which ok holds.
func nextWhere[E Event](t testing.TB, c *Client, ok func(E) bool) E {
	t.Helper()
	timeout := time.After(patience())
	var seen []string
	for {
		select {
		case e, open := <-c.Events():
			if !open {
				t.Fatalf("events ended without %v; saw %v", reflect.TypeFor[E](), seen)
			}
			if e, is := e.(E); is && ok(e) {
				return e
			}
			seen = append(seen, fmt.Sprintf("%T%+v", e, e))
		case <-timeout:
			t.Fatalf("no %v; saw %v", reflect.TypeFor[E](), seen)
		}
	}
}

// patience is how long tests wait; in virtual time, which begins in 2000, it
// costs nothing.
func patience() time.Duration {
	if time.Now().Year() == 2000 {
		return 3 * time.Hour
	}
	return 30 * time.Second
}

// numbered is a message that a test can put in order.
func numbered(to netstack.PeerID, n int) netstack.Envelope {
	body, _ := json.Marshal(map[string]int{"n": n})
	return netstack.Envelope{Type: "x-test", To: to, Path: netstack.P2P, Body: body}
}

func numberOf(e netstack.Envelope) int {
	var b struct{ N int }
	_ = json.Unmarshal(e.Body, &b)
	return b.N
}
