package config

import (
	"errors"
	"os"
	"testing"
)

// FuzzLoad: whatever the file holds, the program starts, and what is loaded can
// be saved again.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("name = \"Ada\"\n[[recent]]\nroom = \"otter\"\n"))
	f.Add([]byte("name = 5\n"))
	f.Add([]byte("\xff\xfe[[[[[["))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(fileIn(dir), b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(dir)
		var bad *BadFileError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("load: %v", err)
		}
		if err := Save(dir, c); err != nil {
			t.Errorf("what was loaded cannot be saved: %v", err)
		}
	})
}
