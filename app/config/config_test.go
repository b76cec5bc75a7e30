package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"candid/app/config"
)

func TestFirstStart(t *testing.T) {
	c, err := config.Load(filepath.Join(t.TempDir(), "none"))
	if err != nil || !reflect.DeepEqual(c, config.Default()) {
		t.Fatalf("got %+v, %v; want the defaults", c, err)
	}
}

func TestSaveLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	c := config.Default()
	c.Name, c.Theme, c.Port, c.RelayOnly = "Zoë \"Z\"", "dark", 9000, true
	c.Remember(config.Recent{Room: "tea", Link: "candid://x", At: time.Unix(1e9, 0).UTC()})
	if err := config.Save(dir, c); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(dir)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Fatalf("got %+v, %v\nwant %+v", got, err, c)
	}
	if st, err := os.Stat(filepath.Join(dir, "config.toml")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600: links hold secrets", st.Mode(), err)
	}
}

func TestBadFileIsKept(t *testing.T) {
	for name, text := range map[string]string{
		"syntax": "name = [",
		"type":   "port = \"many\"",
		"theme":  "theme = \"pink\"",
		"port":   "port = 70000",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "config.toml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(dir)
			var bad *config.BadFileError
			if !errors.As(err, &bad) || !reflect.DeepEqual(c, config.Default()) {
				t.Fatalf("got %+v, %v; want the defaults and a BadFileError", c, err)
			}
			if kept, err := os.ReadFile(bad.Backup); err != nil || string(kept) != text {
				t.Errorf("backup holds %q, %v; want %q", kept, err, text)
			}
			if _, err := config.Load(dir); err != nil {
				t.Errorf("second start: %v", err)
			}
		})
	}
}

func TestSaveRefusesWhatLoadWould(t *testing.T) {
	c := config.Default()
	c.Theme, c.Port = "pink", 0
	err := config.Save(t.TempDir(), c)
	if err == nil || !strings.Contains(err.Error(), `"theme"`) || !strings.Contains(err.Error(), `"port"`) {
		t.Errorf("got %v, want both keys named", err)
	}
}

func TestFailedSaveLosesNothing(t *testing.T) {
	dir := t.TempDir()
	c := config.Default()
	c.Name = "Ada"
	if err := config.Save(dir, c); err != nil {
		t.Fatal(err)
	}
	// A directory where the file should be makes the last step fail.
	blocked := t.TempDir()
	if err := os.MkdirAll(filepath.Join(blocked, "config.toml", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := config.Save(blocked, c); err == nil {
		t.Error("saving over a directory succeeded")
	}
	left, err := filepath.Glob(filepath.Join(blocked, "config-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if got, err := config.Load(dir); err != nil || got.Name != "Ada" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRemember(t *testing.T) {
	var c config.Config
	for i := range 2 * config.MaxRecent {
		c.Remember(config.Recent{Room: string(rune('a' + i))})
	}
	c.Remember(config.Recent{Room: "x", Link: "new"})
	if len(c.Recent) != config.MaxRecent || c.Recent[0].Link != "new" {
		t.Fatalf("got %+v", c.Recent)
	}
	for _, r := range c.Recent[1:] {
		if r.Room == "x" {
			t.Error("x is there twice")
		}
	}
}
