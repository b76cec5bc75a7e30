package machine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"candid/netstack"
)

func TestCPUTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stat")
	for text, want := range map[string][2]uint64{
		"cpu  10 1 20 100 5 2 3 0 4 0\ncpu0 1 2\n": {36, 141},
		"cpu 1 2\n":     {},
		"nonsense":      {},
		"cpu a b c d e": {},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if busy, all, _ := cpuTime(file); busy != want[0] || all != want[1] {
			t.Errorf("%q: %d of %d", text, busy, all)
		}
	}
}

func TestOnBattery(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  netstack.Opt[bool]
	}{
		"desktop":    {nil, netstack.Some(false)},
		"plugged in": {map[string]string{"AC/type": "Mains", "AC/online": "1", "BAT0/type": "Battery", "BAT0/status": "Charging"}, netstack.Some(false)},
		"on battery": {map[string]string{"AC/type": "Mains", "AC/online": "0", "BAT0/type": "Battery", "BAT0/status": "Discharging"}, netstack.Some(true)},
		"a mouse's":  {map[string]string{"m/type": "Battery", "m/scope": "Device", "m/status": "Discharging"}, netstack.Some(false)},
	} {
		dir := t.TempDir()
		for f, text := range tc.files {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o700), os.WriteFile(filepath.Join(dir, f), []byte(text+"\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if got := onBattery(dir); got != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := onBattery(filepath.Join(t.TempDir(), "none")); got.OK {
		t.Errorf("nothing to read: %+v", got)
	}
}
