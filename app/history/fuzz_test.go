package history

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The file of past calls, whatever became of it, is read or an error, and what
// was read can be asked.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`[{"key":"a","name":"Ann","calls":[{"at":"2026-11-21T08:00:00Z"}]}]`))
	f.Add([]byte(`[{},{"calls":[{},{}]}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "history.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := Open(path)
		if h == nil || err != nil && len(h.contacts) > 0 || len(h.contacts) > maxContacts {
			t.Fatalf("%d contacts, %v", len(h.contacts), err)
		}
		for _, c := range h.contacts {
			_ = h.Of(c.Key, time.Now()).String()
		}
	})
}
