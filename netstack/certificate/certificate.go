// Package certificate gets a host that has a DNS name a certificate for it from
// an authority, by ACME (RFC 8555), and renews it in time. The authority sees
// that the name leads here by TLS-ALPN-01 (RFC 8737), answered on the host's own
// port, or, if asked, by HTTP-01 (RFC 8555 section 8.3).
package certificate

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
)

// Config says for what name, and from whom.
type Config struct {
	Domain string // a DNS name that leads here
	// Dir keeps the account's key and the certificate; it must exist. Empty:
	// nothing is kept.
	Dir string
	// Authority is the URL of an ACME directory; empty: Let's Encrypt, whose
	// terms are agreed to.
	Authority string
	// HTTP is an address, such as ":80", at which HTTP-01 is answered when
	// TLS-ALPN-01 does not work; empty: nowhere.
	HTTP   string
	Logger *slog.Logger // nil: slog.Default
}

// Keeper has a certificate and keeps it good. Its methods may be called from any
// goroutine.
type Keeper struct {
	cfg     Config
	log     *slog.Logger
	account *ecdsa.PrivateKey

	current   atomic.Pointer[tls.Certificate] // nil: none yet
	challenge atomic.Pointer[tls.Certificate] // of TLS-ALPN-01, while one is on
	answer    atomic.Pointer[answer]          // of HTTP-01, likewise
}

// answer is what HTTP-01 asks for.
type answer struct{ path, body string }

// Times of getting a certificate.
const (
	obtainIn  = 2 * time.Minute // from the order to the certificate
	retrySoon = time.Minute     // after a failure; see retry
	retryLate = time.Hour
)

// New returns a Keeper with the certificate kept in Dir, if there is one.
func New(cfg Config) (*Keeper, error) {
	if cfg.Authority == "" {
		cfg.Authority = acme.LetsEncryptURL
	}
	k := &Keeper{cfg: cfg, log: cfg.Logger}
	if k.log == nil {
		k.log = slog.Default()
	}
	if err := k.load(); err != nil {
		return nil, fmt.Errorf("certificate for %s: %w", cfg.Domain, err)
	}
	return k, nil
}

// Over returns a configuration that serves the certificate to who asks for the
// domain, answers the authority, and serves everyone else as base does.
func (k *Keeper) Over(base *tls.Config) *tls.Config {
	out := base.Clone()
	out.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if strings.EqualFold(strings.TrimSuffix(h.ServerName, "."), k.cfg.Domain) {
			return k.current.Load(), nil // nil: that of base
		}
		return nil, nil
	}
	out.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		c := k.challenge.Load()
		if c == nil || !slices.Equal(h.SupportedProtos, []string{acme.ALPNProto}) {
			return nil, nil // as out says
		}
		return &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: []string{acme.ALPNProto}, MinVersion: tls.VersionTLS12}, nil
	}
	return out
}

// Ready returns when there is a certificate that is good now, getting one if
// there is none. What Over returned must be served by then. The error is an
// *Error, or ctx's.
func (k *Keeper) Ready(ctx context.Context) error {
	if c := k.current.Load(); c != nil && time.Now().Before(c.Leaf.NotAfter) {
		return nil
	}
	return k.renew(ctx)
}

// Run renews the certificate in time until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	for wait := k.due(); ; {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		if err := k.renew(ctx); err != nil {
			wait = k.retry()
			k.log.Warn("certificate not renewed", "again in", wait, "why", brief(err))
			continue
		}
		wait = k.due()
	}
}

// due is how long the certificate may stay: two thirds of its life, as
// authorities advise.
func (k *Keeper) due() time.Duration {
	c := k.current.Load()
	if c == nil {
		return 0
	}
	return time.Until(c.Leaf.NotAfter.Add(-c.Leaf.NotAfter.Sub(c.Leaf.NotBefore) / 3))
}

// retry is how long to wait after a failure: the less time is left, the less.
func (k *Keeper) retry() time.Duration {
	c := k.current.Load()
	if c == nil {
		return retrySoon
	}
	return min(max(time.Until(c.Leaf.NotAfter)/10, retrySoon), retryLate)
}

// ServeHTTP answers HTTP-01, and nothing else.
func (k *Keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := k.answer.Load()
	if a == nil || r.URL.Path != a.path {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write([]byte(a.body))
}
