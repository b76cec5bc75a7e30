package acmetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/asn1"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/acme"
)

// identifier is the extension a TLS-ALPN-01 certificate has (RFC 8737 section 3).
var identifier = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}

// validate looks whether the holder of the account answers at the domain.
func (a *Authority) validate(o *order, kind string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	o.after = kind
	var err error
	if kind == "http-01" {
		err = a.byHTTP(ctx, o)
	} else {
		err = a.byTLS(ctx, o)
	}
	var wire *net.OpError
	switch {
	case err == nil:
		o.valid, o.problem = true, ""
	case errors.As(err, &wire) && wire.Op == "dial":
		o.problem = "connection"
	default:
		o.problem = "unauthorized"
		a.t.Logf("%s: %v", kind, err)
	}
}

func (a *Authority) byTLS(ctx context.Context, o *order) error {
	d := tls.Dialer{Config: &tls.Config{
		ServerName: o.domain, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true, // it is self-made
	}}
	c, err := d.DialContext(ctx, "tcp", a.TLS)
	if err != nil {
		return err
	}
	defer c.Close()
	s := c.(*tls.Conn).ConnectionState()
	if s.NegotiatedProtocol != acme.ALPNProto {
		return errors.New("another protocol")
	}
	leaf := s.PeerCertificates[0]
	if !slices.Equal(leaf.DNSNames, []string{o.domain}) {
		return errors.New("another name")
	}
	sum := sha256.Sum256([]byte(a.authorization(o)))
	want, err := asn1.Marshal(sum[:])
	if err != nil {
		return err
	}
	for _, e := range leaf.Extensions {
		if e.Id.Equal(identifier) && e.Critical && bytes.Equal(e.Value, want) {
			return nil
		}
	}
	return errors.New("another answer")
}

func (a *Authority) byHTTP(ctx context.Context, o *order) error {
	if a.HTTP == "" {
		return &net.OpError{Op: "dial", Err: errors.New("nobody there")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.HTTP+"/.well-known/acme-challenge/"+o.token, nil)
	if err != nil {
		return err
	}
	req.Host = o.domain
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err == nil && string(body) != a.authorization(o) {
		err = errors.New("another answer")
	}
	return err
}
