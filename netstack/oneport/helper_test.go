package oneport_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"candid/netstack/identity"
	"candid/netstack/oneport"

	"github.com/pion/stun/v3"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}

// collect keeps what a sink gets.
type collect struct {
	got    chan []byte
	closed chan struct{}
	once   sync.Once
}

func newCollect() *collect {
	return &collect{got: make(chan []byte, 64), closed: make(chan struct{})}
}

func (c *collect) Packet(p []byte, _ netip.AddrPort) { c.got <- bytes.Clone(p) }
func (c *collect) Close() error                      { c.once.Do(func() { close(c.closed) }); return nil }

func (c *collect) next(t *testing.T) []byte {
	t.Helper()
	select {
	case p := <-c.got:
		return p
	case <-time.After(5 * time.Second):
		t.Fatal("no packet came")
		return nil
	}
}

func config(t *testing.T) oneport.Config {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	return oneport.Config{Bind: loopback, TLS: id.ServerConfig(), Logger: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, cfg oneport.Config) *oneport.Port {
	t.Helper()
	p, err := oneport.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func at(p *oneport.Port, host string) string {
	return netip.AddrPortFrom(netip.MustParseAddr(host), uint16(p.Number())).String()
}

var allocate = stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }
