package replay

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever a recording is called, nothing outside its folder is opened or
// removed.
func TestRow31NamesStayInTheFolder(t *testing.T) {
	root := t.TempDir()
	f := Folder{Dir: filepath.Join(root, "calls")}
	if err := os.Mkdir(f.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(root, "victim"+traceEnd)
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../victim", `..\victim`, "/victim", filepath.Join(root, "victim"), "", ".", "..", "calls/../../victim"} {
		if r, err := f.Open(name); err == nil {
			_ = r.Close()
			t.Errorf("%q was opened", name)
		}
		if err := f.Delete(name); err == nil {
			t.Errorf("%q was deleted", name)
		}
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
	// A link out of the folder is no recording.
	if err := os.Symlink(victim, filepath.Join(f.Dir, "link"+traceEnd)); err != nil {
		t.Skip(err)
	}
	if list, err := f.List(); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
