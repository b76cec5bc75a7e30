package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"candid/netstack/wholefile"
)

// The files: the account's key, and the certificate with its key.
const (
	accountFile     = "acme-account.pem"
	certificateFile = "acme-certificate.pem"
)

// load reads both, or makes an account's key. A certificate that cannot be read
// is got anew; so is one that is for another name.
func (k *Keeper) load() error {
	if err := k.loadAccount(); err != nil {
		return err
	}
	if k.cfg.Dir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(k.cfg.Dir, certificateFile))
	if err != nil {
		return nil
	}
	if c, err := tls.X509KeyPair(data, data); err == nil && c.Leaf.VerifyHostname(k.cfg.Domain) == nil {
		k.current.Store(&c)
	}
	return nil
}

func (k *Keeper) loadAccount() error {
	path := filepath.Join(k.cfg.Dir, accountFile)
	if k.cfg.Dir != "" {
		data, err := os.ReadFile(path)
		if err == nil {
			if k.account, err = parseKey(data); err == nil {
				return nil
			}
			return fmt.Errorf("%s: %w", path, err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var err error
	if k.account, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil || k.cfg.Dir == "" {
		return err
	}
	data, err := keyPEM(k.account)
	if err != nil {
		return err
	}
	return wholefile.Replace(path, data)
}

func parseKey(data []byte) (*ecdsa.PrivateKey, error) {
	b, _ := pem.Decode(data)
	if b == nil {
		return nil, errors.New("holds no key")
	}
	key, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, err
	}
	if k, ok := key.(*ecdsa.PrivateKey); ok {
		return k, nil
	}
	return nil, errors.New("holds a key of another kind")
}

func keyPEM(key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func (k *Keeper) save(c *tls.Certificate) error {
	if k.cfg.Dir == "" {
		return nil
	}
	var out []byte
	for _, der := range c.Certificate {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := keyPEM(c.PrivateKey)
	if err != nil {
		return err
	}
	return wholefile.Replace(filepath.Join(k.cfg.Dir, certificateFile), append(out, key...))
}
