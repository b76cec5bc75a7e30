package identity

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoadOrCreateKeepsTheIdentity(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	first, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first.Pin != second.Pin || first.Pin == [32]byte{} {
		t.Errorf("pins differ: %x and %x", first.Pin, second.Pin)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("left %d files, want 1", len(entries))
	}
}

func TestKeyFileIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes mean nothing here")
	}
	dir := t.TempDir()
	if _, err := LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	mode := func() os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if mode() != 0o600 {
		t.Errorf("mode %o after creating", mode())
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	if mode() != 0o600 {
		t.Errorf("mode %o after loading a readable key", mode())
	}
}

func TestDamagedFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "half a ke" {
		t.Error("the file was replaced")
	}
}

func TestManyAtOnceGetOneIdentity(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	pins := make([][32]byte, 8)
	for i := range pins {
		wg.Go(func() {
			id, err := LoadOrCreate(dir)
			if err != nil {
				t.Error(err)
			}
			pins[i] = id.Pin
		})
	}
	wg.Wait()
	for _, p := range pins {
		if p != pins[0] {
			t.Fatal("two identities were made")
		}
	}
}

func TestOnlyThePinnedKeyIsTrusted(t *testing.T) {
	host, other := mustNew(t), mustNew(t)
	if err := handshake(t, host, host.Pin); err != nil {
		t.Errorf("right pin: %v", err)
	}
	err := handshake(t, other, host.Pin)
	var pe *PinError
	if !errors.As(err, &pe) || !errors.Is(err, ErrWrongPin) {
		t.Fatalf("wrong pin: got %v", err)
	}
	if pe.Want != host.Pin || pe.Got != other.Pin {
		t.Errorf("error names %x and %x", pe.Want, pe.Got)
	}
}

func mustNew(t *testing.T) Identity {
	t.Helper()
	id, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// handshake sends a word to a server over loopback and returns what the
// client made of it.
func handshake(t *testing.T, server Identity, pin [32]byte) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if n, _ := io.Copy(io.Discard, c); n != 0 && pin != server.Pin {
			t.Errorf("%d bytes of application data reached the wrong server", n)
		}
	})
	c, err := tls.Dial("tcp", l.Addr().String(), ClientConfig(pin))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("hello"))
	return err
}

func TestPersonIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	key, err := LoadOrCreatePerson(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreatePerson(dir)
	if err != nil || !again.Equal(key) {
		t.Errorf("another key: %v", err)
	}
	path := filepath.Join(dir, personFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for _, bad := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadOrCreatePerson(dir); !errors.Is(err, ErrPersonDamaged) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
