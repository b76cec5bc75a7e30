// Package contacts remembers with whom words were compared: the long-lived keys
// of those people (see package e2ee) and the names they had. It is one small
// file, written whole and at once.
package contacts

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"candid/netstack/wholefile"
)

// ErrDamaged is returned for a file that cannot be read. It is never replaced
// unasked: somebody else would pass for a person whose key it held.
var ErrDamaged = errors.New("contacts file is damaged")

const (
	fileName    = "contacts.json"
	maxFile     = 4 << 20
	maxContacts = 5000
	maxName     = 256 // bytes
)

// Contact is a person with whom words were compared and found the same.
type Contact struct {
	Name string            `json:"name"`
	Key  ed25519.PublicKey `json:"key"`
	At   time.Time         `json:"at"`
}

// Standing is what the book says of a key and the name it goes by.
type Standing uint8

// The standings.
const (
	Unknown Standing = iota
	// Verified: words were compared with who holds this key, under this name.
	Verified
	// Changed: words were compared with somebody of this name, who had another
	// key.
	Changed
	// Renamed: words were compared with who holds this key, under another name.
	Renamed
)

// Book is all contacts. Its methods may be called from any goroutine.
type Book struct {
	path  string // empty: kept nowhere
	looks func(name string) string

	mu  sync.Mutex
	all []Contact // in order of Add
}

// Open reads the book kept in dir; an empty dir is a book that is kept nowhere.
// looks makes names equal that people take for the same.
func Open(dir string, looks func(name string) string) (*Book, error) {
	b := &Book{looks: looks}
	if dir == "" {
		return b, nil
	}
	b.path = filepath.Join(dir, fileName)
	f, err := os.Open(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the contacts: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the contacts: %w", err)
	}
	if b.all, err = parse(data); err != nil {
		return nil, fmt.Errorf("%s: %w", b.path, err)
	}
	return b, nil
}

func parse(data []byte) ([]Contact, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrDamaged, maxFile)
	}
	var all []Contact
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if len(all) > maxContacts {
		return nil, fmt.Errorf("%w: more than %d contacts", ErrDamaged, maxContacts)
	}
	for _, c := range all {
		if len(c.Key) != ed25519.PublicKeySize || c.Name == "" || len(c.Name) > maxName {
			return nil, fmt.Errorf("%w: a contact makes no sense", ErrDamaged)
		}
	}
	return all, nil
}

// Judge says what is known of who holds key and goes by name.
func (b *Book) Judge(key ed25519.PublicKey, name string) Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	name = b.looks(name)
	standing := Unknown
	for _, c := range b.all {
		same := b.looks(c.Name) == name
		switch {
		case same && c.Key.Equal(key):
			return Verified
		case same:
			standing = Changed
		case c.Key.Equal(key) && standing == Unknown:
			standing = Renamed
		}
	}
	return standing
}

// Add remembers that words were compared with who holds key and goes by name.
// It blocks on the disk.
func (b *Book) Add(key ed25519.PublicKey, name string, at time.Time) error {
	if len(key) != ed25519.PublicKeySize || name == "" || len(name) > maxName {
		return errors.New("remember a contact: no usable name or key")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(b.all), func(c Contact) bool {
		return c.Key.Equal(key) && b.looks(c.Name) == b.looks(name)
	})
	all = append(all, Contact{Name: name, Key: bytes.Clone(key), At: at.UTC()})
	if n := len(all) - maxContacts; n > 0 {
		all = all[n:]
	}
	return b.replaceLocked(all)
}

// Remove forgets a key, under all its names. It blocks on the disk.
func (b *Book) Remove(key ed25519.PublicKey) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(b.all), func(c Contact) bool { return c.Key.Equal(key) })
	if len(all) == len(b.all) {
		return nil
	}
	return b.replaceLocked(all)
}

// All returns the contacts, the newest last.
func (b *Book) All() []Contact {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

// replaceLocked takes over all and writes it; what cannot be written holds until
// the program ends.
func (b *Book) replaceLocked(all []Contact) error {
	b.all = all
	if b.path == "" {
		return nil
	}
	data, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return fmt.Errorf("write the contacts: %w", err)
	}
	if err = os.MkdirAll(filepath.Dir(b.path), 0o700); err == nil {
		err = wholefile.Replace(b.path, data)
	}
	if err != nil {
		return fmt.Errorf("write the contacts: %w", err)
	}
	return nil
}
