package certificate_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"candid/netstack/acmetest"
	"candid/netstack/certificate"
	"candid/netstack/identity"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const domain = "call.example.org"

var quiet = slog.New(slog.DiscardHandler)

func keeper(t *testing.T, cfg certificate.Config) *certificate.Keeper {
	t.Helper()
	cfg.Domain, cfg.Logger = domain, quiet
	k, err := certificate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// serve serves TLS with a keeper's certificate and returns where.
func serve(t *testing.T, k *certificate.Keeper) string {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", k.Over(id.ServerConfig()))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _ = c.(*tls.Conn).Handshake(); _ = c.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return l.Addr().String()
}

// The certificate and the account are kept: a second start asks for nothing.
func TestKept(t *testing.T) {
	a := acmetest.New(t)
	cfg := certificate.Config{Dir: t.TempDir(), Authority: a.Directory()}
	for range 2 {
		k := keeper(t, cfg)
		a.TLS = serve(t, k)
		if err := k.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if by := a.Issued(); !slices.Equal(by, []string{"tls-alpn-01"}) || a.Accounts() != 1 {
		t.Errorf("issued by %q for %d accounts", by, a.Accounts())
	}
	files, err := filepath.Glob(filepath.Join(cfg.Dir, "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("kept %q, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
		// What is damaged: the certificate is got anew, the account is not.
		if err := os.WriteFile(f, []byte("no"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := certificate.New(certificate.Config{Domain: domain, Dir: cfg.Dir, Authority: a.Directory(), Logger: quiet})
		if damaged := filepath.Base(f) == "acme-account.pem"; damaged != (err != nil) {
			t.Errorf("%s damaged: %v", f, err)
		}
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

// Where port 443 is not to be had, port 80 does.
func TestHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	a := acmetest.New(t)
	a.TLS, a.HTTP = "127.0.0.1:1", at
	k := keeper(t, certificate.Config{Authority: a.Directory(), HTTP: at})
	if err := k.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if by := a.Issued(); !slices.Equal(by, []string{"http-01"}) {
		t.Errorf("issued by %q", by)
	}
	if c, err := net.Dial("tcp", at); err == nil {
		_ = c.Close()
		t.Error("port 80 is still open")
	}
}

// Why there is no certificate is told apart.
func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(a *acmetest.Authority, k *certificate.Keeper)
		want certificate.Problem
	}{
		"port closed":      {func(a *acmetest.Authority, _ *certificate.Keeper) { a.TLS = "127.0.0.1:1" }, certificate.Unreachable},
		"another computer": {func(a *acmetest.Authority, _ *certificate.Keeper) { a.TLS = serve(t, keeper(t, certificate.Config{})) }, certificate.NotHere},
		"no DNS":           {func(a *acmetest.Authority, _ *certificate.Keeper) { a.Refuse("dns") }, certificate.NoName},
		"too many":         {func(a *acmetest.Authority, _ *certificate.Keeper) { a.Refuse("rateLimited") }, certificate.TooMany},
		"CAA":              {func(a *acmetest.Authority, _ *certificate.Keeper) { a.Refuse("caa") }, certificate.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			a := acmetest.New(t)
			k := keeper(t, certificate.Config{Authority: a.Directory()})
			c.set(a, k)
			var e *certificate.Error
			if err := k.Ready(t.Context()); !errors.As(err, &e) || e.Problem != c.want {
				t.Errorf("%v", err)
			}
		})
	}
	k := keeper(t, certificate.Config{Authority: "http://127.0.0.1:1/directory"})
	var e *certificate.Error
	start := time.Now()
	if err := k.Ready(t.Context()); !errors.As(err, &e) || e.Problem != certificate.NoAuthority {
		t.Errorf("no authority: %v", err)
	}
	t.Logf("an authority that is away was noticed in %v", time.Since(start).Round(time.Millisecond))
}
