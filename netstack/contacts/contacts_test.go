package contacts

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func keyOf(n byte) ed25519.PublicKey { return bytes.Repeat([]byte{n}, ed25519.PublicKeySize) }

func open(t *testing.T, dir string) *Book {
	t.Helper()
	b, err := Open(dir, strings.ToLower)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestJudge(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	b := open(t, dir)
	now := time.Unix(1e9, 0)
	for _, c := range []struct {
		key  byte
		name string
	}{{1, "Anna"}, {2, "Bert"}, {3, "anna"}, {1, "ANNA"}} {
		if err := b.Add(keyOf(c.key), c.name, now); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for _, c := range []struct {
			key  byte
			name string
			want Standing
		}{
			{1, "Anna", Verified},
			{3, "Anna", Verified}, // another computer of hers
			{2, "bert", Verified},
			{4, "Carl", Unknown},
			{4, "Anna", Changed},
			{2, "Anna", Changed}, // Bert, under her name
			{2, "Carl", Renamed},
		} {
			if got := b.Judge(keyOf(c.key), c.name); got != c.want {
				t.Errorf("key %d as %s: %v, want %v", c.key, c.name, got, c.want)
			}
		}
		b = open(t, dir) // and so it is in the next call
	}
	if n := len(b.All()); n != 3 {
		t.Errorf("%d contacts", n)
	}
	if err := b.Remove(keyOf(1)); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir).Judge(keyOf(1), "Anna"); got != Changed {
		t.Errorf("after it was removed: %v", got)
	}
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestKeptNowhere(t *testing.T) {
	b := open(t, "")
	if err := b.Add(keyOf(1), "Anna", time.Now()); err != nil || b.Judge(keyOf(1), "Anna") != Verified {
		t.Error(err)
	}
	for _, bad := range []struct {
		key  ed25519.PublicKey
		name string
	}{{nil, "Anna"}, {keyOf(1), ""}, {keyOf(1), strings.Repeat("a", 1000)}} {
		if b.Add(bad.key, bad.name, time.Now()) == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestDamagedFileIsNotReplaced(t *testing.T) {
	for _, bad := range []string{"", "{", `[{"name":"Anna","key":"AAAA"}]`, `[{"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]`, strings.Repeat("[", maxFile+1)} {
		dir := t.TempDir()
		path := filepath.Join(dir, fileName)
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, strings.ToLower); !errors.Is(err, ErrDamaged) {
			t.Errorf("%.40q: %v", bad, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != bad {
			t.Errorf("the file is now %.40q, %v", got, err)
		}
	}
}

// The file is whole at every moment, and the number of contacts is bounded.
func TestWhole(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.Add(keyOf(200), "First", time.Now()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range byte(8) {
		wg.Go(func() {
			for range 10 {
				if err := b.Add(keyOf(n), "Anna", time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		open(t, dir)
	}
	wg.Wait()
	if n := len(open(t, dir).All()); n != 9 {
		t.Errorf("%d contacts", n)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".contacts-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{"name":"Anna","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","at":"2026-11-21T08:00:00Z"}]`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[{}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parse(data)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		for _, c := range all {
			if len(c.Key) != ed25519.PublicKeySize {
				t.Fatal("a key that is none")
			}
		}
	})
}
