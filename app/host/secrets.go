package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"candid/netstack"
	"candid/netstack/signal"
	"candid/netstack/wholefile"
)

// secrets are the rooms this host has had, with what opens them, the newest
// last. Without a file they are forgotten with the host.
type secrets struct {
	file string

	mu    sync.Mutex
	rooms []keptRoom
}

type keptRoom struct {
	Room      string          `json:"room"`
	Secret    string          `json:"secret"`              // of guests
	Moderator string          `json:"moderator,omitempty"` // makes its user one
	EndToEnd  bool            `json:"endToEnd,omitempty"`
	Settings  signal.Settings `json:"settings,omitzero"`
	Token     string          `json:"token,omitempty"` // of other tools
	Invites   []keptInvite    `json:"invites,omitempty"`
}

// keptInvite is an invite with limits.
type keptInvite struct {
	Secret  string    `json:"secret"`
	Expires time.Time `json:"expires,omitzero"`
	Uses    int       `json:"uses,omitempty"`
	// Used are those who came by it, at most Uses.
	Used []netstack.PeerID `json:"used,omitempty"`
}

// maxKept rooms are remembered; the oldest give way. It is as many as are open at
// a time, if nobody says otherwise.
const maxKept = 1000

const secretsFile = "rooms.json"

// loadSecrets reads the file in dir. A damaged one is put aside: new rooms are
// better than no host.
func loadSecrets(dir string) (*secrets, error) {
	k := &secrets{file: filepath.Join(dir, secretsFile)}
	b, err := os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the rooms: %w", err)
	}
	if json.Unmarshal(b, &k.rooms) != nil {
		k.rooms = nil
		if err := os.Rename(k.file, k.file+".bak"); err != nil {
			return nil, fmt.Errorf("put the damaged list of rooms aside: %w", err)
		}
	}
	return k, nil
}

// of returns what is kept of a room.
func (k *secrets) of(room string) (keptRoom, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := k.indexLocked(room); i >= 0 {
		return k.rooms[i], true
	}
	return keptRoom{}, false
}

func (k *secrets) indexLocked(room string) int {
	return slices.IndexFunc(k.rooms, func(r keptRoom) bool { return r.Room == room })
}

// change changes what is kept of a room; a new one is the newest.
func (k *secrets) change(room string, fn func(*keptRoom)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := k.indexLocked(room)
	if i < 0 {
		k.rooms = append(k.rooms, keptRoom{Room: room})
		k.rooms = k.rooms[max(0, len(k.rooms)-maxKept):]
		i = len(k.rooms) - 1
	}
	fn(&k.rooms[i])
	return k.saveLocked()
}

func (k *secrets) forget(room string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.rooms)
	k.rooms = slices.DeleteFunc(k.rooms, func(r keptRoom) bool { return r.Room == room })
	if len(k.rooms) == n {
		return nil
	}
	return k.saveLocked()
}

// saveLocked writes the file whole or not at all, for nobody else to read.
func (k *secrets) saveLocked() error {
	if k.file == "" {
		return nil
	}
	b, err := json.MarshalIndent(k.rooms, "", "\t")
	if err != nil {
		return fmt.Errorf("save the rooms: %w", err)
	}
	if err := wholefile.Replace(k.file, b); err != nil {
		return fmt.Errorf("save the rooms: %w", err)
	}
	return nil
}
