// Package acmetest is an authority for tests: as much of RFC 8555 as one order
// for one name takes. It validates as a real one does, over the network, and its
// certificates are trusted by who takes Roots.
package acmetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// Authority is a running authority.
type Authority struct {
	Roots *x509.CertPool
	// At is where it looks for the holder of a name, by TLS and by plain HTTP;
	// empty: it cannot be reached.
	TLS, HTTP string
	// Lives is how long the n-th certificate is good, counted from 0.
	Lives func(n int) time.Duration

	t      testing.TB
	server *httptest.Server
	key    *ecdsa.PrivateKey
	root   *x509.Certificate

	mu       sync.Mutex
	nonces   map[string]bool
	account  *ecdsa.PublicKey
	orders   []*order
	accounts int
	refuse   string // kind of problem every order is refused with
}

type order struct {
	domain, token  string
	problem, after string // of validation; kind of challenge it was by
	valid          bool
	cert           []byte
}

// New starts an authority that ends with the test.
func New(t testing.TB) *Authority {
	a := &Authority{t: t, Roots: x509.NewCertPool(), nonces: map[string]bool{}, Lives: func(int) time.Duration { return 90 * 24 * time.Hour }}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err == nil {
		a.root, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.Roots.AddCert(a.root)
	a.server = httptest.NewServer(a)
	t.Cleanup(a.server.Close)
	return a
}

// Directory is the URL to be configured.
func (a *Authority) Directory() string { return a.server.URL + "/directory" }

// RootPEM is the root's certificate as a file.
func (a *Authority) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}

// Refuse lets every further order fail with a kind of problem, "rateLimited" for
// example; empty: none.
func (a *Authority) Refuse(kind string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = kind
}

// Issued is by which challenges certificates were given, in order.
func (a *Authority) Issued() (by []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.orders {
		if o.cert != nil {
			by = append(by, o.after)
		}
	}
	return by
}

// Accounts is how many were opened.
func (a *Authority) Accounts() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.accounts
}

// ServeHTTP is the authority's side of RFC 8555 section 7.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	nonce := fmt.Sprintf("nonce%d", time.Now().UnixNano())
	a.nonces[nonce] = true
	w.Header().Set("Replay-Nonce", nonce)
	u := a.server.URL
	if r.Method != http.MethodPost {
		reply(w, http.StatusOK, map[string]any{
			"newNonce": u + "/nonce", "newAccount": u + "/account", "newOrder": u + "/order", "revokeCert": u + "/revoke", "keyChange": u + "/key",
		})
		return
	}
	payload, err := a.open(r)
	if err != nil {
		problem(w, "malformed", err.Error())
		return
	}
	what, n := r.URL.Path, 0
	if _, err := fmt.Sscanf(strings.TrimLeft(r.URL.Path, "/abcdefghijklmnopqrstuvwxyz-"), "%d", &n); err == nil {
		what = strings.TrimRight(r.URL.Path, "0123456789")
	}
	a.act(w, what, n, payload)
}

// act does what is asked for.
func (a *Authority) act(w http.ResponseWriter, what string, n int, payload []byte) {
	u := a.server.URL
	switch what {
	case "/account":
		status := http.StatusOK
		if a.accounts == 0 {
			a.accounts, status = 1, http.StatusCreated
		}
		w.Header().Set("Location", u+"/account/1")
		reply(w, status, map[string]any{"status": "valid"})
	case "/order":
		var ask struct {
			Identifiers []struct{ Value string }
		}
		if err := json.Unmarshal(payload, &ask); err != nil || len(ask.Identifiers) != 1 {
			problem(w, "malformed", "one name, please")
			return
		}
		if a.refuse != "" {
			problem(w, a.refuse, "not now")
			return
		}
		a.orders = append(a.orders, &order{domain: ask.Identifiers[0].Value, token: fmt.Sprintf("token-%d", time.Now().UnixNano())})
		a.tell(w, len(a.orders)-1, http.StatusCreated)
	case "/order-":
		a.tell(w, n, http.StatusOK)
	case "/authz-":
		o := a.orders[n]
		reply(w, http.StatusOK, map[string]any{
			"status": o.status("valid"), "identifier": map[string]string{"type": "dns", "value": o.domain},
			"challenges": []any{a.challenge(n, "tls-alpn-01"), a.challenge(n, "http-01")},
		})
	case "/tls-alpn-", "/http-":
		kind := strings.Trim(what, "/") + "01"
		a.validate(a.orders[n], kind)
		reply(w, http.StatusOK, a.challenge(n, kind))
	case "/finalize-":
		if err := a.issue(n, payload); err != nil {
			problem(w, "badCSR", err.Error())
			return
		}
		a.tell(w, n, http.StatusOK)
	case "/cert-":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.orders[n].cert)
	default:
		problem(w, "malformed", "what is "+what)
	}
}

func (a *Authority) tell(w http.ResponseWriter, n, code int) {
	u, o := a.server.URL, a.orders[n]
	out := map[string]any{
		"status": o.status("ready"), "identifiers": []any{map[string]string{"type": "dns", "value": o.domain}},
		"authorizations": []string{fmt.Sprintf("%s/authz-%d", u, n)}, "finalize": fmt.Sprintf("%s/finalize-%d", u, n),
	}
	if o.cert != nil {
		out["status"], out["certificate"] = "valid", fmt.Sprintf("%s/cert-%d", u, n)
	}
	w.Header().Set("Location", fmt.Sprintf("%s/order-%d", u, n))
	reply(w, code, out)
}

func (a *Authority) challenge(n int, kind string) map[string]any {
	o := a.orders[n]
	out := map[string]any{"type": kind, "url": fmt.Sprintf("%s/%s-%d", a.server.URL, strings.TrimSuffix(kind, "-01"), n), "token": o.token, "status": "pending"}
	if o.after == kind {
		out["status"] = o.status("valid")
		if o.problem != "" {
			out["error"] = map[string]any{"type": "urn:ietf:params:acme:error:" + o.problem, "detail": "validation failed"}
		}
	}
	return out
}

func (o *order) status(good string) string {
	switch {
	case o.valid:
		return good
	case o.problem != "":
		return "invalid"
	}
	return "pending"
}

// issue signs what a request asks for.
func (a *Authority) issue(n int, payload []byte) error {
	o := a.orders[n]
	var ask struct{ CSR string }
	if err := json.Unmarshal(payload, &ask); err != nil {
		return err
	}
	der, err := base64.RawURLEncoding.DecodeString(ask.CSR)
	if err != nil {
		return err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	if err := csr.CheckSignature(); err != nil || !o.valid || !slices.Equal(csr.DNSNames, []string{o.domain}) {
		return fmt.Errorf("not for %v: %v", csr.DNSNames, err)
	}
	issued := 0
	for _, p := range a.orders {
		if p.cert != nil {
			issued++
		}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(100 + issued)), DNSNames: csr.DNSNames, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Truncate(time.Second), NotAfter: time.Now().Add(a.Lives(issued)),
	}
	leaf, err := x509.CreateCertificate(rand.Reader, template, a.root, csr.PublicKey, a.key)
	if err != nil {
		return err
	}
	o.cert = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), a.RootPEM()...)
	return nil
}

// open checks a JWS and returns what it holds (RFC 8555 section 6.2).
func (a *Authority) open(r *http.Request) ([]byte, error) {
	var jws struct{ Protected, Payload, Signature string }
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10)).Decode(&jws); err != nil {
		return nil, err
	}
	raw, err1 := base64.RawURLEncoding.DecodeString(jws.Protected)
	payload, err2 := base64.RawURLEncoding.DecodeString(jws.Payload)
	sig, err3 := base64.RawURLEncoding.DecodeString(jws.Signature)
	var head struct {
		Nonce, URL, Alg string
		JWK             *struct{ X, Y string }
	}
	err4 := json.Unmarshal(raw, &head)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return nil, err
		}
	}
	if !a.nonces[head.Nonce] || head.URL != a.server.URL+r.URL.Path || head.Alg != "ES256" || len(sig) != 64 {
		return nil, fmt.Errorf("bad header %s", raw)
	}
	delete(a.nonces, head.Nonce)
	if head.JWK != nil {
		key, err := publicKey(head.JWK.X, head.JWK.Y)
		if err != nil {
			return nil, err
		}
		if a.account != nil && !a.account.Equal(key) {
			a.accounts = 0 // somebody new
		}
		a.account = key
	}
	sum := sha256.Sum256([]byte(jws.Protected + "." + jws.Payload))
	if a.account == nil || !ecdsa.Verify(a.account, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return nil, fmt.Errorf("bad signature")
	}
	return payload, nil
}

func publicKey(x, y string) (*ecdsa.PublicKey, error) {
	bx, err1 := base64.RawURLEncoding.DecodeString(x)
	by, err2 := base64.RawURLEncoding.DecodeString(y)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("bad key: %v, %v", err1, err2)
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, bx...), by...))
}

// authorization is what a challenge must show (RFC 8555 section 8.1).
func (a *Authority) authorization(o *order) string {
	thumb, err := acme.JWKThumbprint(crypto.PublicKey(a.account))
	if err != nil {
		a.t.Error(err)
	}
	return o.token + "." + thumb
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func problem(w http.ResponseWriter, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": 403})
}
