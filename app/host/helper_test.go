package host_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack/invite"
	"candid/netstack/signal"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

var quiet = slog.New(slog.DiscardHandler)

func start(t *testing.T, cfg host.Config) *host.Host {
	t.Helper()
	cfg.Loopback = true
	cfg.Logger = quiet
	if cfg.Port == 0 {
		cfg.Port = host.AnyPort
	}
	if cfg.Rooms == nil {
		cfg.Rooms = []string{"otter"}
	}
	h, err := host.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func inviteTo(t *testing.T, h *host.Host, room string) invite.Invite {
	t.Helper()
	i, err := h.Invite(room)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func join(t *testing.T, i invite.Invite, name string) *signal.Client {
	t.Helper()
	c, err := dial(i, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func dial(i invite.Invite, name string) (*signal.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return signal.Dial(ctx, signal.ClientConfig{Invite: i, Name: name, Logger: quiet})
}

// server is one of the host's STUN and TURN servers as a member is told.
type server struct {
	uri            *stun.URI
	user, password string
}

func serversOf(t *testing.T, c *signal.Client) []server {
	t.Helper()
	var out []server
	for _, s := range c.Servers() {
		for _, u := range s.URLs {
			uri, err := stun.ParseURI(u)
			if err != nil {
				t.Fatalf("%q: %v", u, err)
			}
			password, _ := s.Credential.(string)
			out = append(out, server{uri, s.Username, password})
		}
	}
	return out
}

// turnClient connects to one of the servers, by its pin if it is TLS.
func (s server) client(t *testing.T, pin invite.Pin) *turn.Client {
	t.Helper()
	at := net.JoinHostPort(s.uri.Host, itoa(s.uri.Port))
	var conn net.PacketConn
	if s.uri.Proto == stun.ProtoTypeTCP {
		tcp, err := dialTCP(at, s.uri.IsSecure(), pin)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(tcp)
	} else {
		var err error
		if conn, err = net.ListenPacket("udp", net.JoinHostPort(s.uri.Host, "0")); err != nil {
			t.Fatal(err)
		}
	}
	none := logging.NewDefaultLoggerFactory()
	none.DefaultLogLevel = logging.LogLevelDisabled
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Username: s.user, Password: s.password, LoggerFactory: none,
		RequestedAddressFamily: turn.RequestedAddressFamilyIPv4, // as peer does
	})
	if err == nil {
		err = c.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); _ = conn.Close() })
	return c
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen")
		}
	}
}
