// Package identity keeps the key a host is known by, and the one that a person is
// (see LoadOrCreatePerson). The host makes its own certificate; its invites
// carry the SHA-256 of the certificate's public key (the pin), and clients trust
// that pin and nothing else: no name, no date and no authority. Signaling and
// TURN over TLS use the same identity.
package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// ErrDamaged is returned for an identity file that cannot be used. It is never
// replaced unasked: with a new identity every invite given out stops working.
var ErrDamaged = errors.New("identity file is damaged")

// ErrWrongPin is what a connection fails with when the other side has another
// identity than the one pinned; see PinError.
var ErrWrongPin = errors.New("certificate does not match the pin")

// PinError says which identity was expected and which one was met. It is
// ErrWrongPin.
type PinError struct{ Want, Got [sha256.Size]byte }

func (e *PinError) Error() string {
	return fmt.Sprintf("certificate does not match the pin: want %s, got %s",
		base64.RawURLEncoding.EncodeToString(e.Want[:]), base64.RawURLEncoding.EncodeToString(e.Got[:]))
}

// Is reports whether target is ErrWrongPin.
func (e *PinError) Is(target error) bool { return target == ErrWrongPin }

// Identity is a host's certificate with its key, and the pin clients know it by.
type Identity struct {
	Certificate tls.Certificate
	Pin         [sha256.Size]byte
}

// fileName holds certificate and key together, so that they are replaced
// together.
const fileName = "identity.pem"

// lifetime of a certificate. Clients go by the pin and not by the date; it is
// long so that other tools do not stumble over it either.
const lifetime = 30 * 365 * 24 * time.Hour

// LoadOrCreate reads the identity kept in dir, or makes one and keeps it
// there. Two processes that do so at once get the same one.
func LoadOrCreate(dir string) (Identity, error) {
	path := filepath.Join(dir, fileName)
	id, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	data, err := create()
	if err != nil {
		return Identity{}, err
	}
	if err := keep(path, data); err != nil {
		return Identity{}, fmt.Errorf("keep the host's identity: %w", err)
	}
	return load(path)
}

// New makes an identity that is kept nowhere.
func New() (Identity, error) {
	data, err := create()
	if err != nil {
		return Identity{}, err
	}
	return parse(data)
}

// PinOf returns the SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469
// section 2.4).
func PinOf(c *x509.Certificate) [sha256.Size]byte {
	return sha256.Sum256(c.RawSubjectPublicKeyInfo)
}

// ServerConfig returns a TLS configuration that serves with the identity.
// Session tickets are off: they save nothing on connections that last.
func (id Identity) ServerConfig() *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{id.Certificate},
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
	}
}

// Trust is whom a client takes for the host: who holds the key of Pin or, if Name
// is not empty, who has a certificate for that DNS name from one of Roots (nil:
// those the system trusts).
type Trust struct {
	Pin   [sha256.Size]byte
	Name  string
	Roots *x509.CertPool
}

// ErrWrongName is what a connection fails with when the other side has no good
// certificate for the host's name.
var ErrWrongName = errors.New("no good certificate for the host's name")

// verify is for tls.Config.VerifyConnection.
func (t Trust) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return &PinError{Want: t.Pin}
	}
	leaf := s.PeerCertificates[0]
	if t.Name != "" {
		others := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			others.AddCert(c)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: t.Name, Roots: t.Roots, Intermediates: others}); err != nil {
			return fmt.Errorf("%w: %w", ErrWrongName, err)
		}
		return nil
	}
	got := PinOf(leaf)
	if subtle.ConstantTimeCompare(got[:], t.Pin[:]) != 1 {
		return &PinError{Want: t.Pin, Got: got}
	}
	return nil
}

// ClientConfig returns a TLS configuration that talks only to the holder of
// the pinned key. The check ends before the client's Finished message, so a
// wrong server gets no application data; it fails with a *PinError.
func ClientConfig(pin [sha256.Size]byte) *tls.Config {
	return ClientConfigBy(func() Trust { return Trust{Pin: pin} })
}

// ClientConfigBy is ClientConfig for any trust, which may change: it is asked for
// on every handshake. Only the name that is asked for stays the same.
func ClientConfigBy(of func() Trust) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: of().Name,
		// Trust replaces the check of name and chain: VerifyConnection is
		// called on every handshake, and the handshake itself proves that the
		// server holds the key.
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return of().verify(s) },
	}
}

func load(path string) (Identity, error) {
	data, err := readSecret(path)
	if err != nil {
		return Identity{}, fmt.Errorf("read the host's identity: %w", err)
	}
	id, err := parse(data)
	if err != nil {
		return Identity{}, fmt.Errorf("%s: %w", path, err)
	}
	return id, nil
}

// readSecret reads a file that is for its owner only, and makes it so.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		// Others could read the key. Windows reports 0666 and ignores this.
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, fmt.Errorf("protect it: %w", err)
		}
	}
	return os.ReadFile(path)
}

func parse(data []byte) (Identity, error) {
	cert, err := tls.X509KeyPair(data, data)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return Identity{Certificate: cert, Pin: PinOf(cert.Leaf)}, nil
}

// create returns certificate and key as PEM.
func create() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Candid host"},
		NotBefore:    now.Add(-24 * time.Hour), // other machines' clocks may be behind
		NotAfter:     now.Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"candid.invalid"},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}

// keep writes a new file, with the folder it lies in.
func keep(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeNew(path, data)
}

// writeNew writes a file that others see whole or not at all. If the file
// exists by then, it is left as it is.
func writeNew(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".identity-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	err = os.Link(f.Name(), path) // unlike Rename it does not replace
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(f.Name(), path) // a file system without links
}
