package wholefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"candid/netstack/wholefile"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "settings")
	for _, want := range []string{"first, and long", "second"} {
		if err := wholefile.Replace(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != want || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	// What cannot be put in place leaves nothing behind.
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if wholefile.Replace(folder, nil) == nil {
		t.Error("replaces a folder")
	}
	if wholefile.Replace(filepath.Join(dir, "none", "file"), nil) == nil {
		t.Error("writes into no folder")
	}
	if all, err := os.ReadDir(dir); len(all) != 2 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
}
