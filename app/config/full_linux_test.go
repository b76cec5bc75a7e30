package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"candid/app/config"
)

// A full disk: the settings of before stay, and the error says what it was.
func TestRow32FullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Skipf("a small disk can only be made by root: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	c := config.Default()
	c.Name = "Ada"
	if err := config.Save(dir, c); err != nil {
		t.Fatal(err)
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 512))
	}
	if cerr := filler.Close(); cerr != nil {
		t.Fatal(cerr)
	}
	c.Name = "Noor"
	if err := config.Save(dir, c); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("saving on a full disk: %v, want ENOSPC", err)
	}
	if got, err := config.Load(dir); err != nil || got.Name != "Ada" {
		t.Errorf("afterwards the settings are %+v, %v", got, err)
	}
}
