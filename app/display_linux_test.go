//go:build !headless

package app

import (
	"bytes"
	"strings"
	"testing"
)

// TestRow37NoDisplay: where no window can open, it is said in a line.
func TestRow37NoDisplay(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	var out bytes.Buffer
	if code := windowCommand(nil, &out); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	if s := out.String(); strings.Contains(s, "goroutine") || !strings.Contains(s, "display") || strings.Count(s, "\n") > 3 {
		t.Errorf("it says %q", s)
	}
}
