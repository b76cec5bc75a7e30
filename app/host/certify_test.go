package host_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack/acmetest"
	"candid/netstack/certificate"
	"candid/netstack/invite"
	"candid/netstack/signal"
)

// leadsHere dials a host on loopback whatever the name.
func leadsHere(port int) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", itoa(port)))
	}
}

// A host with a domain: the authority sees the answer on the one port, the
// certificate is taken, invites without a pin lead in for who trusts the
// authority and for nobody else, those with a pin go on leading in, and the
// certificate is renewed while the host runs.
func TestDomain(t *testing.T) {
	const domain = "call.example.org"
	a := acmetest.New(t)
	a.Lives = func(n int) time.Duration {
		if n == 0 {
			return 5 * time.Second // renewed after a little more than three
		}
		return 90 * 24 * time.Hour
	}
	port := freePort(t)
	a.TLS = net.JoinHostPort("127.0.0.1", itoa(port))
	h := start(t, host.Config{Port: port, Dir: t.TempDir(), EndToEnd: true, Certificate: certificate.Config{Domain: domain, Authority: a.Directory()}})
	in := inviteTo(t, h, "otter")
	if !in.ByName || in.Name() != domain || in.Check() != nil || !in.EndToEnd {
		t.Fatalf("the invite is %v, %v", in, in.Check())
	}
	through := func(i invite.Invite, roots *x509.CertPool) (*signal.Client, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return signal.Dial(ctx, signal.ClientConfig{Invite: i, Name: "Anna", Logger: quiet, Roots: roots, DialContext: leadsHere(port)})
	}
	anna, err := through(in, a.Roots)
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Close()
	if _, err := through(in, x509.NewCertPool()); !errors.Is(err, signal.ErrWrongCertificate) {
		t.Errorf("by an authority that is not trusted: %v", err)
	}
	elsewhere := in
	elsewhere.Addresses = []string{"other.example.org:443"}
	if _, err := through(elsewhere, a.Roots); !errors.Is(err, signal.ErrWrongCertificate) {
		t.Errorf("by another name: %v", err)
	}
	own, err := h.LocalInvite("otter")
	if err != nil {
		t.Fatal(err)
	}
	join(t, own, "Olga") // by its pin, as ever
	first := serial(t, anna.TLS(), port)
	eventually(t, func() bool { return serial(t, anna.TLS(), port) != first })
	if by := a.Issued(); !slices.Equal(by, []string{"tls-alpn-01", "tls-alpn-01"}) || a.Accounts() != 1 {
		t.Errorf("issued by %q, to %d accounts", by, a.Accounts())
	}
}

// serial is the number of the certificate that TURN over TLS would meet.
func serial(t *testing.T, cfg *tls.Config, port int) string {
	t.Helper()
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", itoa(port)), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// Without a certificate there is no host, and it says why.
func TestDomainThatLeadsElsewhere(t *testing.T) {
	a := acmetest.New(t)
	a.TLS = "127.0.0.1:1"
	_, err := host.Start(t.Context(), host.Config{
		Loopback: true, Port: host.AnyPort, Logger: quiet, Certificate: certificate.Config{Domain: "call.example.org", Authority: a.Directory()},
	})
	var e *certificate.Error
	if !errors.As(err, &e) || e.Problem != certificate.Unreachable {
		t.Errorf("%v", err)
	}
}

// freePort is a port that nobody uses now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
