package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// ErrPersonDamaged is returned for a person's key that cannot be used. It is
// never replaced unasked: with a new one everyone who compared words would have
// to do so again.
var ErrPersonDamaged = errors.New("person's key file is damaged")

// personFile holds the key of the person who uses this computer.
const personFile = "person.pem"

// LoadOrCreatePerson reads the key kept in dir by which others know the person
// who uses this computer, or makes one and keeps it there. It is another key
// than the host's.
func LoadOrCreatePerson(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, personFile)
	key, err := loadPerson(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key, err = NewPerson()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the person's key: %w", err)
	}
	if err := keep(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("keep the person's key: %w", err)
	}
	return loadPerson(path)
}

// NewPerson makes a person's key that is kept nowhere.
func NewPerson() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the person's key: %w", err)
	}
	return key, nil
}

func loadPerson(path string) (ed25519.PrivateKey, error) {
	data, err := readSecret(path)
	if err != nil {
		return nil, fmt.Errorf("read the person's key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s: %w", path, ErrPersonDamaged)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrPersonDamaged, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: %w: not an Ed25519 key", path, ErrPersonDamaged)
	}
	return key, nil
}
