package sound_test

import (
	"errors"
	"os"
	"testing"

	"candid/media/sound"
)

// Looking for a sound system again and again, where there is none, costs no
// descriptor.
func TestLookingLeavesNothingOpen(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PULSE_SERVER", "")
	t.Setenv("PULSE_RUNTIME_PATH", t.TempDir())
	look := func() {
		s, err := sound.Connect()
		if err != nil {
			if !errors.Is(err, sound.ErrNone) {
				t.Fatal(err)
			}
			return
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	look() // what is opened once stays
	before := files(t)
	for range 20 {
		look()
	}
	if after := files(t); after > before {
		t.Errorf("%d descriptors after twenty looks, %d before", after, before)
	}
}

func files(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
