package probe

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/netstack/identity"
	"candid/netstack/relay"

	"github.com/pion/webrtc/v4"
)

var discard = slog.New(slog.DiscardHandler)

// host is a relay on loopback, over UDP and, through TLS, over TCP.
type host struct {
	*relay.Server
	udp, tls string
	id       identity.Identity
}

type writer struct{ *net.UDPConn }

func (w writer) WriteTo(p []byte, to netip.AddrPort) (int, error) { return w.WriteToUDPAddrPort(p, to) }

func serve(t *testing.T) *host {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	srv := relay.New(relay.Config{Loopback: true, Logger: discard})
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	l, err := tls.Listen("tcp", "127.0.0.1:0", id.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	site, err := srv.Site(at, writer{c})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				_ = site.Close()
				return
			}
			site.Packet(buf[:n], from)
		}
	})
	wg.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() { _ = c.Close(); _ = l.Close(); wg.Wait(); _ = srv.Close() })
	return &host{srv, at.String(), l.Addr().String(), id}
}

// dead is a UDP and TCP port where nobody answers.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = l.Close() })
	return l.Addr().String()
}

func find(t *testing.T, r Report, url string) Server {
	t.Helper()
	for _, s := range r.Servers {
		if s.URL == url {
			return s
		}
	}
	t.Fatalf("no %s in %+v", url, r.Servers)
	return Server{}
}

// Each server's result is told, with the code of its error, and what was
// allocated is given back.
func TestServers(t *testing.T) {
	h := serve(t)
	cred, err := h.Issue(relay.Member{Room: "otter", ID: "check"}, netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	silent := dead(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	stunURL, udpURL, tlsURL := "stun:"+h.udp, "turn:"+h.udp+"?transport=udp", "turns:"+h.tls+"?transport=tcp"
	r := Run(context.Background(), Config{
		Logger: discard, Timeout: 1500 * time.Millisecond,
		TLS: identity.ClientConfig(h.id.Pin), Signaling: []string{h.tls, silent, nobody.Addr().String()},
		ICEServers: []webrtc.ICEServer{
			{URLs: []string{stunURL, "stun:" + silent, "stun:name.invalid"}},
			{URLs: []string{udpURL, tlsURL, "turn:" + silent + "?transport=tcp"}, Username: cred.Username, Credential: cred.Password},
			{URLs: []string{"turn:" + h.udp}, Username: cred.Username, Credential: "guessed"},
		},
	})
	for _, tc := range []struct {
		url  string
		want Outcome
		code int
	}{
		{stunURL, OK, 0},
		{udpURL, OK, 0},
		{tlsURL, OK, 0},
		{"turn:" + h.udp, Unauthorized, 401},
		{"stun:" + silent, TimedOut, 701},
		{"turn:" + silent + "?transport=tcp", TimedOut, 701},
		{"stun:name.invalid", NoName, 701},
	} {
		s := find(t, r, tc.url)
		if s.Outcome != tc.want || s.Code != tc.code || (tc.want == OK) != s.RTT.OK && tc.want != Unauthorized || tc.want == OK && !s.Mapped.IsValid() {
			t.Errorf("%+v, want %s %d", s, tc.want, tc.code)
		}
		if relayed := tc.want == OK && strings.HasPrefix(tc.url, "turn"); relayed != s.Relayed.IsValid() {
			t.Errorf("%s relays at %v", tc.url, s.Relayed)
		}
	}
	for i, want := range []Outcome{OK, TimedOut, Unreachable} {
		if e := r.Signaling[i]; e.Outcome != want || e.TLS.Or(false) != (want == OK) {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	if r.UDP != some(true) || r.IPv4 != some(true) || r.NAT != no || r.Mapping != EndpointIndependent || r.CaptivePortal != no || r.Hairpin.OK {
		t.Errorf("%s", r)
	}
	// The host has one address, and its second port was reached and heard.
	if r.Filtering != PortIndependent {
		t.Errorf("filtering %q", r.Filtering)
	}
	if level, s := r.Sentence(); level != Good {
		t.Errorf("%s: %s", level, s)
	}
	if n := h.Stats().Allocations; n != 0 {
		t.Errorf("%d allocations left behind", n)
	}
}

// Without credentials the alternate port is not asked for, and nothing is
// said of filtering; TURN says what it wants.
func TestWithoutCredentials(t *testing.T) {
	h := serve(t)
	r := Run(context.Background(), Config{Logger: discard, ICEServers: []webrtc.ICEServer{{URLs: []string{"turn:" + h.udp}}}})
	if s := r.Servers[0]; s.Outcome != Unauthorized || s.Code != 401 || !s.RTT.OK {
		t.Errorf("%+v", s)
	}
	if r.UDP != some(true) || r.Filtering != "" {
		t.Errorf("%s", r)
	}
}

// When every server is dead, the deadline still holds, and nothing is claimed.
func TestAllDead(t *testing.T) {
	silent := dead(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r := Run(ctx, Config{Logger: discard, Timeout: 300 * time.Millisecond, TLS: &tls.Config{}, Signaling: []string{silent},
		ICEServers: []webrtc.ICEServer{{URLs: []string{"stun:" + silent, "turn:" + silent, "turns:" + silent + "?transport=tcp"}, Username: "u", Credential: "p"}}})
	if ctx.Err() != nil {
		t.Fatal("the deadline did not hold")
	}
	for _, s := range r.Servers {
		if s.Outcome != TimedOut || s.Code != 701 {
			t.Errorf("%+v", s)
		}
	}
	if r.UDP.OK || r.NAT.OK || r.Mapping != "" || r.Filtering != "" || r.CaptivePortal.OK || r.Signaling[0].TLS != no || r.Signaling[0].Outcome != TimedOut {
		t.Errorf("claims %+v", r)
	}
}

// Someone else in the host's place is told from the host.
func TestSomeoneElse(t *testing.T) {
	h, other := serve(t), serve(t)
	r := Run(context.Background(), Config{Logger: discard, TLS: identity.ClientConfig(h.id.Pin), Signaling: []string{other.tls}})
	if e := r.Signaling[0]; e.Outcome != WrongCert || e.TCP != some(true) || r.CaptivePortal != some(true) {
		t.Errorf("%+v, captive %v", e, r.CaptivePortal)
	}
}

// Two sockets that reach each other by the addresses a server saw them as have
// a hairpin between them; what is this machine's own needs none.
func TestHairpin(t *testing.T) {
	at := ap(serve(t).udp)
	lost := dead(t) // takes what is sent and says nothing
	for _, tc := range []struct {
		name      string
		outside   netip.AddrPort // where the NAT seems to have us; zero: where we are
		local     bool
		works, ok bool
	}{
		{"comes back", netip.AddrPort{}, false, true, true},
		{"is lost", ap(lost), false, false, true},
		{"no NAT", netip.AddrPort{}, true, false, false},
	} {
		n := sockets{}.withDefaults()
		if tc.outside.IsValid() { // whatever goes to the other socket goes there instead
			listen := n.listen
			n.listen = func(network, address string) (net.PacketConn, error) {
				c, err := listen(network, address)
				return astray{c, at, tc.outside}, err
			}
		}
		works, ok := natTest{net: n, server: at}.hairpin(context.Background(), func(netip.Addr) bool { return tc.local })
		if works != tc.works || ok != tc.ok {
			t.Errorf("%s: %v, %v", tc.name, works, ok)
		}
	}
}

// astray lets packets through to one address; all others go elsewhere.
type astray struct {
	net.PacketConn
	to, instead netip.AddrPort
}

func (a astray) WriteTo(p []byte, to net.Addr) (int, error) {
	if to.(*net.UDPAddr).AddrPort() != a.to {
		to = net.UDPAddrFromAddrPort(a.instead)
	}
	return a.PacketConn.WriteTo(p, to)
}
