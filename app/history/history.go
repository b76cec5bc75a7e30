// Package history remembers how calls with each contact were connected: "direct
// in 41 of 43 calls". It is one small file, written whole and at once.
package history

import (
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

	"candid/netstack/verdict"
	"candid/netstack/wholefile"
)

// Bounds of the file: the contacts called longest ago are forgotten first, and
// of each contact the oldest calls.
const (
	maxContacts = 500
	maxCalls    = 100
	maxFile     = 8 << 20
)

// Call is one call with one contact.
type Call struct {
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
	// Best is the best way that media took for a while, Last the one at the end;
	// verdict.Broken if there never was one.
	Best verdict.Path `json:"best"`
	Last verdict.Path `json:"last"`
	RTT  int          `json:"rtt,omitempty"` // median in ms; 0 is unknown
}

// Contact is whom calls were with. The key is what tells them from others: that
// of the person where it was verified, or else their name.
type Contact struct {
	Key   string `json:"key"`
	Name  string `json:"name"` // as in the newest call
	Calls []Call `json:"calls"`
	// Earlier sums up the calls that were forgotten.
	Earlier Summary `json:"earlier"`
}

// Summary counts calls.
type Summary struct {
	Calls  int `json:"calls"`
	Direct int `json:"direct"`
}

// String says it as the window does; it is empty if there were no calls.
func (s Summary) String() string {
	switch {
	case s.Calls == 0:
		return ""
	case s.Calls == 1 && s.Direct == 1:
		return "direct in the one call so far"
	case s.Calls == 1:
		return "not direct in the one call so far"
	case s.Direct == s.Calls:
		return fmt.Sprintf("direct in all %d calls", s.Calls)
	case s.Direct == 0:
		return fmt.Sprintf("never direct in %d calls", s.Calls)
	}
	return fmt.Sprintf("direct in %d of %d calls", s.Direct, s.Calls)
}

func (s Summary) with(c Call) Summary {
	s.Calls++
	if c.Best == verdict.Direct {
		s.Direct++
	}
	return s
}

// Better returns the better of two ways, for Call.Best.
func Better(a, b verdict.Path) verdict.Path {
	order := []verdict.Path{verdict.Direct, verdict.Relayed, verdict.ViaSFU, verdict.ViaMCU}
	for _, p := range order {
		if a == p || b == p {
			return p
		}
	}
	return verdict.Broken
}

// History is the file. Its methods may be called from any goroutine; Add
// writes the file before it returns.
type History struct {
	path string

	mu       sync.Mutex
	contacts []Contact // called last first
}

// Open reads the file, which need not be there. A file that cannot be read is
// an error; the History is then empty, and the first Add replaces the file.
func Open(path string) (*History, error) {
	h := &History{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, fmt.Errorf("read call history: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("larger than %d MB", maxFile>>20)
	}
	if err == nil {
		err = json.Unmarshal(b, &h.contacts)
	}
	if err != nil {
		h.contacts = nil
		return h, fmt.Errorf("read call history: %w", err)
	}
	h.contacts = h.contacts[:min(len(h.contacts), maxContacts)]
	for i := range h.contacts {
		h.contacts[i].trim()
	}
	return h, nil
}

// Of returns how calls with a contact went that began before a time.
func (h *History) Of(key string, before time.Time) Summary {
	c, _ := h.Contact(key)
	s := c.Earlier
	for _, one := range c.Calls {
		if one.At.Before(before) {
			s = s.with(one)
		}
	}
	return s
}

// Contact returns what is known of a contact. The result is the caller's own.
func (h *History) Contact(key string) (Contact, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.contacts, func(c Contact) bool { return c.Key == key })
	if i < 0 {
		return Contact{}, false
	}
	c := h.contacts[i]
	c.Calls = slices.Clone(c.Calls)
	return c, true
}

// Add remembers a call. An error means that it is known until the program ends,
// but could not be written.
func (h *History) Add(key, name string, c Call) error {
	if key == "" {
		return nil // nobody we could know again
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	contact := Contact{Key: key}
	if i := slices.IndexFunc(h.contacts, func(c Contact) bool { return c.Key == key }); i >= 0 {
		contact = h.contacts[i]
		h.contacts = slices.Delete(h.contacts, i, i+1)
	}
	contact.Name = name
	contact.Calls = append(slices.Clone(contact.Calls), c)
	contact.trim()
	h.contacts = slices.Insert(h.contacts, 0, contact)
	h.contacts = h.contacts[:min(len(h.contacts), maxContacts)]
	return h.saveLocked()
}

// Forget removes a contact, or everyone if key is empty.
func (h *History) Forget(key string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.contacts = slices.DeleteFunc(h.contacts, func(c Contact) bool { return key == "" || c.Key == key })
	return h.saveLocked()
}

func (c *Contact) trim() {
	for len(c.Calls) > maxCalls {
		c.Earlier = c.Earlier.with(c.Calls[0])
		c.Calls = c.Calls[1:]
	}
}

// saveLocked puts a whole new file in the place of the old one.
func (h *History) saveLocked() error {
	b, err := json.Marshal(h.contacts)
	if err != nil {
		return fmt.Errorf("save call history: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return fmt.Errorf("save call history: %w", err)
	}
	if err := wholefile.Replace(h.path, b); err != nil {
		return fmt.Errorf("save call history: %w", err)
	}
	return nil
}
