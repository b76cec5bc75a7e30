package peer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
	"github.com/pion/webrtc/v4"
)

// selfMade makes a certificate nobody vouches for.
func selfMade(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func pinned(cert tls.Certificate) *tls.Config {
	want := sha256.Sum256(cert.Certificate[0])
	return &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		if got := sha256.Sum256(s.PeerCertificates[0].Raw); got != want {
			return errors.New("not the certificate of the invite")
		}
		return nil
	}}
}

// tap notes the first byte of each connection.
type tap struct {
	net.Listener
	mu    sync.Mutex
	heard bytes.Buffer
}

func (l *tap) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tapped{Conn: c, l: l}, nil
}

type tapped struct {
	net.Conn
	l    *tap
	once sync.Once
}

func (c *tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.once.Do(func() { c.l.mu.Lock(); c.l.heard.WriteByte(b[0]); c.l.mu.Unlock() })
	}
	return n, err
}

// turnOverTLS serves TURN over TLS on loopback; it returns the server's URL
// and what came over the wire.
func turnOverTLS(t *testing.T, cert tls.Certificate) (string, *tap) {
	t.Helper()
	inner, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &tap{Listener: inner}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	s, err := turn.NewServer(turn.ServerConfig{
		Realm: "test", LoggerFactory: quiet,
		AuthHandler: func(user, realm string, _ net.Addr) ([]byte, bool) {
			return turn.GenerateAuthKey(user, realm, "right"), true
		},
		ListenerConfigs: []turn.ListenerConfig{{
			Listener:              tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}),
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return fmt.Sprintf("turns:127.0.0.1:%d?transport=tcp", inner.Addr().(*net.TCPAddr).Port), l
}

// With only a pinned TURN server over TLS the call runs over it, and the link
// says so; nothing is ever said in clear.
func TestRow26RelayOverPinnedTLS(t *testing.T) {
	cert := selfMade(t)
	url, wire := turnOverTLS(t, cert)
	c := local()
	c.Policy = RelayOnly
	c.TLS = pinned(cert)
	// The same port without TLS is left out, or it would be asked in clear.
	plain := "turn:" + url[len("turns:"):]
	c.ICEServers = []webrtc.ICEServer{{URLs: []string{plain, url}, Username: "u", Credential: "right"}}
	a, b := newSide(t, "anna", "bert", c), newSide(t, "bert", "anna", c)
	join(a, b)
	a.awaitStep(netstack.DTLSConnected)
	b.awaitStep(netstack.DTLSConnected)
	for _, s := range []*side{a, b} {
		if err := s.peer.loop.Do(func() { s.peer.sample(time.Now()) }); err != nil {
			t.Fatal(err)
		}
		l := s.peer.Link()
		_, local, _, ok := l.SelectedPair()
		if !ok || local.Type != webrtc.ICECandidateTypeRelay || local.RelayProtocol != "tls" || local.URL != url {
			t.Errorf("selected %+v", local)
		}
		for _, c := range l.Local {
			if c.Type != webrtc.ICECandidateTypeRelay {
				t.Errorf("%s candidate although only relayed ones are allowed", c.Type)
			}
		}
	}
	a.mu.Lock()
	for _, e := range a.sent {
		if body := string(e.Body); e.Type == TypeCandidate && strings.Contains(body, "candidate:") && !strings.Contains(body, " raddr 0.0.0.0 rport 0 ") {
			t.Errorf("a relayed candidate tells of more than the relay: %s", body)
		}
	}
	a.mu.Unlock()
	wire.mu.Lock()
	defer wire.mu.Unlock()
	for _, b := range wire.heard.Bytes() {
		if b != 0x16 { // a TLS handshake record
			t.Errorf("a connection began with %#x", b)
		}
	}
}

// A server with another certificate is told nothing, and reported.
func TestRow26WrongPin(t *testing.T) {
	url, _ := turnOverTLS(t, selfMade(t))
	c := local()
	c.TLS = pinned(selfMade(t))
	c.ICEServers = []webrtc.ICEServer{{URLs: []string{url}, Username: "u", Credential: "right"}}
	b := newSide(t, "bert", "anna", c)
	b.await("word of the server", func() bool {
		return b.saw(func(e netstack.Event) bool { f, ok := e.(netstack.CandidateFailed); return ok && f.URL == url }) == 1
	})
	if n := b.saw(func(e netstack.Event) bool {
		f, ok := e.(netstack.CandidateFound)
		return ok && f.Candidate.Type == webrtc.ICECandidateTypeRelay
	}); n != 0 {
		t.Error("a relayed candidate from a server that is not the one of the invite")
	}
}

// Where UDP does not get through, TCP does.
func TestICETCP(t *testing.T) {
	c := Config{Loopback: true, onlyTCP: true}
	a, b := newSide(t, "anna", "bert", c), newSide(t, "bert", "anna", c)
	join(a, b)
	a.awaitStep(netstack.DTLSConnected)
	b.awaitStep(netstack.DTLSConnected)
	if err := a.peer.loop.Do(func() { a.peer.sample(time.Now()) }); err != nil {
		t.Fatal(err)
	}
	if _, local, remote, ok := a.peer.Link().SelectedPair(); !ok || local.Protocol != "tcp" || remote.Protocol != "tcp" {
		t.Errorf("selected %+v to %+v", local, remote)
	}
}

// Those who connect to the ICE-TCP port and say nothing keep nobody out for
// good, and do not hold up closing.
func TestICETCPBounded(t *testing.T) {
	f, err := NewFactory(Config{Loopback: true, Logger: testLog()})
	if err != nil {
		t.Fatal(err)
	}
	addr := f.tcp.(interface{ LocalAddr() net.Addr }).LocalAddr().(*net.TCPAddr)
	refused := 0
	var open []net.Conn
	for range tcpConnections + 20 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", addr.Port))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	for _, c := range open[tcpConnections:] {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			refused++
		}
	}
	if refused != 20 {
		t.Errorf("%d of 20 connections too many refused", refused)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range open {
		_ = c.Close()
	}
}

func TestServers(t *testing.T) {
	for url, ok := range map[string]bool{
		"stun:example.org": true, "stun:example.org:7788": true, "turn:example.org?transport=tcp": true, "turns:[2001:db8::1]:443?transport=tcp": true,
		"": false, "example.org": false, "http://example.org": false, "turn:": false, "stun:example.org:99999999": false, "turn:example.org?transport=carrier-pigeon": false,
	} {
		_, err := checkServers([]webrtc.ICEServer{{URLs: []string{url}, Username: "u", Credential: "c"}})
		if (err == nil) != ok {
			t.Errorf("%q: error %v, want ok %v", url, err, ok)
		}
	}
	if _, err := checkServers([]webrtc.ICEServer{{URLs: []string{"turn:example.org"}, Username: "u", Credential: 5}}); err == nil {
		t.Error("a number was taken for a password")
	}
	one := []webrtc.ICEServer{{URLs: []string{"stun:h:1", "turn:h:1?transport=udp", "turns:h:1?transport=tcp"}, Username: "u", Credential: "c"}}
	two := append(one, webrtc.ICEServer{URLs: []string{"stun:other:1"}})
	for _, c := range []struct {
		servers []webrtc.ICEServer
		typ     webrtc.ICECandidateType
		over    string
		want    string
	}{
		{one, webrtc.ICECandidateTypeHost, "", ""},
		{one, webrtc.ICECandidateTypeSrflx, "", "stun:h:1"},
		{two, webrtc.ICECandidateTypeSrflx, "", ""}, // either
		{two, webrtc.ICECandidateTypeRelay, "udp", "turn:h:1?transport=udp"},
		{two, webrtc.ICECandidateTypeRelay, "tls", "turns:h:1?transport=tcp"},
		{two, webrtc.ICECandidateTypeRelay, "tcp", ""},
	} {
		if got := serverURL(c.servers, c.typ, c.over); got != c.want {
			t.Errorf("%s over %q: %q, want %q", c.typ, c.over, got, c.want)
		}
	}
}

// Hidden addresses are hidden in all that is sent.
func TestHiddenAddresses(t *testing.T) {
	own, err := ifwatch.Addresses()
	if err != nil {
		t.Fatal(err)
	}
	b := newSide(t, "bert", "anna", Config{HideAddresses: true})
	b.awaitStep(netstack.GatheringComplete)
	b.firstOffer()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.sent {
		for _, a := range own {
			if !a.IP.IsLoopback() && strings.Contains(string(e.Body), a.IP.String()) {
				t.Errorf("%s tells %s", e.Type, a.IP)
			}
		}
	}
}

func TestMayTell(t *testing.T) {
	host := webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeHost, Address: "192.0.2.1"}
	named := webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeHost, Address: "x.local"}
	active := webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeHost, Address: "192.0.2.1", TCPType: "active"}
	relay := webrtc.ICECandidate{Typ: webrtc.ICECandidateTypeRelay, Address: "198.51.100.1"}
	open, hidden, relayed := &Factory{}, &Factory{config: Config{HideAddresses: true}}, &Factory{policy: RelayOnly}
	for _, c := range []struct {
		f    *Factory
		c    webrtc.ICECandidate
		want bool
	}{
		{open, host, true}, {open, named, true}, {open, active, false}, {open, relay, true},
		{hidden, host, false}, {hidden, named, true}, {hidden, relay, true},
		{relayed, host, false}, {relayed, named, false}, {relayed, relay, true},
	} {
		if got := c.f.mayTell(&c.c, c.f.policy); got != c.want {
			t.Errorf("mayTell(%s %s) = %v, want %v (%+v)", c.c.Typ, c.c.Address, got, c.want, c.f.config)
		}
	}
}
