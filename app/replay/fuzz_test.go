package replay

import (
	"os"
	"path/filepath"
	"testing"
)

// What lies beside a recording, whatever became of it, hides no recording from
// the list, and names none but the one it lies beside.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"name":"../../x","room":"tea","took":60000000000,"size":-1}`))
	f.Add([]byte(`{`))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		const name = "2026-11-21 09.00.00 tea"
		for end, b := range map[string][]byte{traceEnd: []byte("x"), entryEnd: data} {
			if err := os.WriteFile(filepath.Join(dir, name+end), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all, err := (Folder{Dir: dir}).List()
		if err != nil || len(all) != 1 || all[0].Name != name || all[0].Size != 1 {
			t.Errorf("listed as %+v, %v", all, err)
		}
	})
}
