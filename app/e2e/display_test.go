//go:build e2e && linux

package e2e

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestRow37DisplayDies: the display dies under a window that is in a call. The
// program ends by itself, with one line and no stack, and the others hear that
// it left.
func TestRow37DisplayDies(t *testing.T) {
	ada := newDesktop(t).candid(t.TempDir(), "--test-devices")
	link := ada.host()
	doomed := newDesktop(t)
	noor := doomed.candid(t.TempDir(), "--test-devices", "--member", "1", "--name", "Noor", link)
	noor.keys("Return") // the device check: Join now
	ada.shows("Direct")
	noor.shows("Direct")
	died := time.Now()
	if err := doomed.x.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- noor.cmd.Wait() }()
	select {
	case err := <-end:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still there 20 s after its display")
	}
	if s := noor.stderr.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "display is gone") {
		t.Errorf("said %q", s)
	}
	t.Logf("ended %v after its display", time.Since(died).Round(time.Millisecond))
	ada.until("Ada alone", func() bool { return !strings.Contains(ada.title(), "Direct") })
	ada.stops()
}
