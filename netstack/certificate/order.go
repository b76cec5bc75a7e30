package certificate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"golang.org/x/crypto/acme"
)

// renew gets a new certificate and keeps it.
func (k *Keeper) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, obtainIn)
	defer cancel()
	c, err := k.obtain(ctx)
	if err != nil {
		return k.explain(err)
	}
	k.current.Store(c)
	if err := k.save(c); err != nil { // it is good all the same
		k.log.Warn("certificate not kept for the next start", "err", err)
	}
	k.log.Info("certificate renewed", "until", c.Leaf.NotAfter.Format(time.DateOnly))
	return nil
}

// obtain asks the authority, by one kind of challenge after the other. The error
// is that of the last one that could be answered.
func (k *Keeper) obtain(ctx context.Context) (*tls.Certificate, error) {
	client := &acme.Client{Key: k.account, DirectoryURL: k.cfg.Authority, UserAgent: "candid", HTTPClient: &http.Client{Timeout: 30 * time.Second}}
	defer client.HTTPClient.CloseIdleConnections()
	if _, err := client.Register(ctx, &acme.Account{}, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("open an account: %w", err)
	}
	order, err := k.order(ctx, client, "tls-alpn-01")
	if err != nil && k.cfg.HTTP != "" && ctx.Err() == nil {
		order, err = k.order(ctx, client, "http-01")
	}
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{k.cfg.Domain}}, key)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	chain, _, err := client.CreateOrderCert(ctx, order.FinalizeURL, csr, true)
	if err != nil {
		return nil, fmt.Errorf("take the certificate: %w", err)
	}
	return usable(chain, key, k.cfg.Domain)
}

// usable checks what the authority gave.
func usable(chain [][]byte, key *ecdsa.PrivateKey, domain string) (*tls.Certificate, error) {
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate")
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	if err := leaf.VerifyHostname(domain); err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the certificate is for another key")
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}

// order makes an order and shows that the domain leads here.
func (k *Keeper) order(ctx context.Context, client *acme.Client, kind string) (*acme.Order, error) {
	o, err := client.AuthorizeOrder(ctx, acme.DomainIDs(k.cfg.Domain))
	if err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	for _, at := range o.AuthzURLs {
		z, err := client.GetAuthorization(ctx, at)
		if err != nil {
			return nil, fmt.Errorf("read what is to be shown: %w", err)
		}
		if z.Status == acme.StatusPending {
			if err := k.show(ctx, client, z, kind); err != nil {
				return nil, err
			}
		}
	}
	if o, err = client.WaitOrder(ctx, o.URI); err != nil {
		return nil, fmt.Errorf("wait for the order: %w", err)
	}
	return o, nil
}

// show answers one challenge.
func (k *Keeper) show(ctx context.Context, client *acme.Client, z *acme.Authorization, kind string) error {
	for _, c := range z.Challenges {
		if c.Type != kind {
			continue
		}
		stop, err := k.prepare(client, c)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", kind, err)
		}
		defer stop()
		if _, err := client.Accept(ctx, c); err != nil {
			return fmt.Errorf("answer %s: %w", kind, err)
		}
		_, err = client.WaitAuthorization(ctx, z.URI)
		return err
	}
	return fmt.Errorf("the authority does not offer %s", kind)
}

// prepare makes the answer ready, until stop.
func (k *Keeper) prepare(client *acme.Client, c *acme.Challenge) (stop func(), err error) {
	if c.Type == "tls-alpn-01" {
		cert, err := client.TLSALPN01ChallengeCert(c.Token, k.cfg.Domain)
		if err != nil {
			return nil, err
		}
		k.challenge.Store(&cert)
		return func() { k.challenge.Store(nil) }, nil
	}
	body, err := client.HTTP01ChallengeResponse(c.Token)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", k.cfg.HTTP)
	if err != nil {
		return nil, err
	}
	k.answer.Store(&answer{client.HTTP01ChallengePath(c.Token), body})
	s := &http.Server{
		Handler: k, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // it names addresses
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	return func() {
		k.answer.Store(nil)
		_ = s.Close()
		<-done
	}, nil
}
