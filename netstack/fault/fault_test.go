package fault

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// A panic is counted and mended, and the log names nobody, even where mending
// panics as well.
func TestGuard(t *testing.T) {
	var c Counter
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	ran := false
	c.Guard(log, func() { ran = true }, func() { t.Error("mended what was whole") })
	if !ran || c.Count() != 0 {
		t.Errorf("without a panic: ran %v, %d counted", ran, c.Count())
	}
	mended := false
	if c.Guard(log, func() { panic("Ada at 192.0.2.7") }, func() { mended = true; panic("again") }); !mended {
		t.Error("a panic is not mended")
	}
	var none []int
	c.Guard(log, func() { _ = none[len(out.String())] }, nil)
	if c.Count() != 2 {
		t.Errorf("%d panics, want 2", c.Count())
	}
	if s := out.String(); strings.Contains(s, "Ada") || strings.Contains(s, "192.0.2.7") || !strings.Contains(s, "index out of range") || !strings.Contains(s, "cause=string") {
		t.Errorf("log: %s", s)
	}
	for range 2 * mostLogged {
		c.Guard(log, func() { panic(1) }, nil)
	}
	if n := strings.Count(out.String(), "cause="); n != mostLogged {
		t.Errorf("%d panics logged", n)
	}
}
