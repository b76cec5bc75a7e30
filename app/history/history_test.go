package history

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"candid/netstack/verdict"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func at(i int) time.Time { return time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC) }

func add(t *testing.T, h *History, key string, i int, best verdict.Path) {
	t.Helper()
	if err := h.Add(key, "Anna "+key, Call{At: at(i), Took: time.Minute, Best: best, Last: best}); err != nil {
		t.Fatal(err)
	}
}

func TestDirectIn41Of43(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "history.json")
	h, err := Open(path)
	if err != nil || h.Of("pin", at(1000)).String() != "" {
		t.Fatal(err, h.Of("pin", at(1000)))
	}
	for i := range 43 {
		best := verdict.Direct
		if i == 3 || i == 30 {
			best = verdict.Relayed
		}
		add(t, h, "pin", i, best)
	}
	if err := h.Add("", "a stranger", Call{}); err != nil {
		t.Error(err)
	}
	for _, h := range []*History{h, reopen(t, path)} {
		if got := h.Of("pin", at(1000)).String(); got != "direct in 41 of 43 calls" {
			t.Error(got)
		}
		if c, ok := h.Contact("pin"); !ok || c.Name != "Anna pin" || len(c.Calls) != 43 || !c.Calls[42].At.Equal(at(42)) {
			t.Errorf("%+v", c)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if err := h.Forget("pin"); err != nil || reopen(t, path).Of("pin", at(1000)).Calls != 0 {
		t.Error("not forgotten", err)
	}
}

func reopen(t *testing.T, path string) *History {
	t.Helper()
	h, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.json")
	h := reopen(t, path)
	for i := range maxCalls + 20 {
		add(t, h, "often", i, verdict.Direct)
	}
	for i := range maxContacts - 1 {
		add(t, h, fmt.Sprint(i), i, verdict.Relayed)
	}
	h = reopen(t, path)
	c, ok := h.Contact("often")
	if !ok || len(c.Calls) != maxCalls || h.Of("often", at(1000)).String() != "direct in all 120 calls" {
		t.Errorf("%v, %d calls, %v", ok, len(c.Calls), h.Of("often", at(1000)))
	}
	add(t, h, "one more", 0, verdict.ViaMCU)
	if _, ok := h.Contact("often"); ok {
		t.Error("whom one called longest ago is still known")
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || left != nil {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestBadFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.json")
	if err := os.WriteFile(path, []byte(`[{"key":`), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := Open(path)
	if err == nil || h == nil {
		t.Fatal("a bad file is no error")
	}
	add(t, h, "a", 1, verdict.Direct)
	if got := reopen(t, path).Of("a", at(1000)).String(); got != "direct in the one call so far" {
		t.Error(got)
	}
}

func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := Open(filepath.Join(file, "history.json")) // below a file
	if err == nil {
		t.Error("a file is no folder")
	}
	if err := h.Add("a", "A", Call{Best: verdict.Relayed}); err == nil {
		t.Error("written below a file")
	}
	if got := h.Of("a", at(1000)).String(); got != "not direct in the one call so far" {
		t.Errorf("%q is known of it", got)
	}
}

func TestWords(t *testing.T) {
	for s, want := range map[Summary]string{{}: "", {1, 1}: "direct in the one call so far", {5, 0}: "never direct in 5 calls", {5, 5}: "direct in all 5 calls", {5, 2}: "direct in 2 of 5 calls"} {
		if got := s.String(); got != want {
			t.Errorf("%+v is %q", s, got)
		}
	}
	for _, c := range [][3]verdict.Path{{verdict.Direct, verdict.Relayed, verdict.Direct}, {"", verdict.ViaSFU, verdict.ViaSFU}, {verdict.ViaMCU, verdict.Relayed, verdict.Relayed}, {verdict.Connecting, "", verdict.Broken}} {
		if got := Better(c[0], c[1]); got != c[2] {
			t.Errorf("%v", c)
		}
	}
}
