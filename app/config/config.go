// Package config holds the one Config of the program: defaults, file,
// validation. It knows nothing of windows or calls.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"candid/netstack/wholefile"

	"github.com/BurntSushi/toml"
)

// DefaultPort is the one port, TCP and UDP, a host listens on.
const DefaultPort = 7788

// MaxRecent is how many rooms Home remembers.
const MaxRecent = 12

// Config is what the user chose, kept from one start to the next. Device IDs
// are those of package studio; empty means the system's default.
type Config struct {
	Name       string `toml:"name"`
	Theme      string `toml:"theme"` // "auto", "light", "dark"
	Camera     string `toml:"camera"`
	Microphone string `toml:"microphone"`
	Speaker    string `toml:"speaker"`

	JoinMuted     bool `toml:"join_muted"`
	JoinCameraOff bool `toml:"join_camera_off"`

	Echo  bool `toml:"echo_cancellation"`
	Noise bool `toml:"noise_suppression"`
	Gain  bool `toml:"automatic_gain"`

	// RelayOnly hides this machine's addresses from the other members: media
	// goes through the host's relay, always.
	RelayOnly bool `toml:"relay_only"`

	// DirectOnly rather has no connection than one through a relay.
	DirectOnly bool `toml:"direct_only"`

	// RecordCalls keeps what the connection panel showed of each call, and how
	// calls with each contact were connected: never picture, sound or chat.
	RecordCalls bool `toml:"record_calls"`

	// OpenPort has the router open the port while a room is hosted here;
	// Announce tells the local network the names of rooms hosted here.
	OpenPort bool `toml:"open_port"`
	Announce bool `toml:"announce_rooms"`

	Port   int      `toml:"port"` // a room hosted here listens on it
	Recent []Recent `toml:"recent"`
}

// Recent is a room that was joined or hosted.
type Recent struct {
	Room   string    `toml:"room"`
	Link   string    `toml:"link"` // the invite; empty for a room hosted here
	Hosted bool      `toml:"hosted"`
	At     time.Time `toml:"at"`
}

// Themes are the values of Config.Theme.
var Themes = []string{"auto", "light", "dark"}

// Default is the configuration of a first start.
func Default() Config {
	return Config{Theme: "auto", Echo: true, Noise: true, Gain: true, RecordCalls: true, Port: DefaultPort}
}

// Validate reports everything that is wrong with c, naming keys as in the file.
func (c Config) Validate() error {
	var errs []error
	if !slices.Contains(Themes, c.Theme) {
		errs = append(errs, fmt.Errorf("%q is %q, want one of %s", "theme", c.Theme, strings.Join(Themes, ", ")))
	}
	if c.Port < 1 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("%q is %d, want 1 to 65535", "port", c.Port))
	}
	return errors.Join(errs...)
}

// Remember puts r at the top of the recent rooms.
func (c *Config) Remember(r Recent) {
	c.Recent = slices.DeleteFunc(slices.Clone(c.Recent), func(o Recent) bool {
		return o.Room == r.Room && o.Hosted == r.Hosted
	})
	c.Recent = slices.Insert(c.Recent, 0, r)
	c.Recent = c.Recent[:min(len(c.Recent), MaxRecent)]
}

// Dir is where the program keeps its files: under the user's configuration
// directory.
func Dir() (string, error) {
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the configuration directory: %w", err)
	}
	return filepath.Join(base, "candid"), nil
}

// BadFileError says that the file could not be read as a configuration. It was
// put aside as Backup, and the defaults are used.
type BadFileError struct {
	File, Backup string
	Err          error
}

func (e *BadFileError) Error() string {
	return fmt.Sprintf("read %s: %v (kept as %s)", e.File, e.Err, e.Backup)
}

func (e *BadFileError) Unwrap() error { return e.Err }

// Load reads the configuration in dir. The Config is always usable: a missing
// file is a first start, and a bad one is put aside and reported as a
// BadFileError.
func Load(dir string) (Config, error) {
	file := fileIn(dir)
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Default(), nil
	case err != nil:
		return Default(), fmt.Errorf("read settings: %w", err)
	}
	c := Default()
	_, err = toml.Decode(string(b), &c)
	if err == nil {
		err = c.Validate()
	}
	if err == nil {
		return c, nil
	}
	bad := &BadFileError{File: file, Backup: file + ".bak", Err: err}
	if err := os.Rename(file, bad.Backup); err != nil {
		bad.Backup = file
	}
	return Default(), bad
}

// Save writes c to dir, all or nothing: a full disk leaves the old file as it
// was.
func Save(dir string, c Config) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	var b bytes.Buffer
	err := toml.NewEncoder(&b).Encode(c)
	if err == nil {
		err = wholefile.Replace(fileIn(dir), b.Bytes()) // for nobody else to read: links hold secrets
	}
	if err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	return nil
}

func fileIn(dir string) string { return filepath.Join(dir, "config.toml") }
