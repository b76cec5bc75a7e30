//go:build !headless

package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/history"
	"candid/app/ui"
	"candid/netstack"
	"candid/netstack/verdict"
)

// TestImportExportForget goes the way of a call from a file to a report.
func TestImportExportForget(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DOWNLOAD_DIR", "")
	e := &engine{dir: filepath.Join(home, "candid"), log: slog.New(slog.DiscardHandler)}
	e.openMemory()
	ctx := context.Background()
	other := filepath.Join(home, "other.json")
	if err := os.WriteFile(other, []byte(`{"nothing": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.ImportCall(ctx, other); !errors.Is(err, errNoCall) {
		t.Errorf("a file without a call: %v", err)
	}
	dump, err := filepath.Glob("replay/testdata/*internals*.json*")
	if err != nil || len(dump) == 0 {
		t.Fatalf("no dump to import: %v", err)
	}
	r, err := e.ImportCall(ctx, dump[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, f := range []ui.Format{ui.HTML, ui.JSON, ui.JSON} {
		file, err := e.ExportCall(ctx, r, f, i == 0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil || len(b) < 1000 || filepath.Dir(file) != home || !strings.HasSuffix(file, string(f)) {
			t.Errorf("%s: %d bytes, %v", file, len(b), err)
		}
	}
	tracker := history.NewTracker(e.history)
	anna := call.Member{Name: "Anna"}
	line := call.Line{Member: anna, Verdict: verdict.Verdict{Path: verdict.Direct}, Link: netstack.Link{RTT: netstack.Some(time.Millisecond)}}
	remember(tracker, time.Now(), []call.Line{line})
	if err := tracker.Close(); err != nil {
		t.Fatal(err)
	}
	if got := e.History(anna, time.Now().Add(time.Hour)); got != "direct in the one call so far" {
		t.Errorf("history: %q", got)
	}
	if err := e.DeleteRecording(ctx, ""); err != nil || e.History(anna, time.Now().Add(time.Hour)) != "" {
		t.Errorf("not forgotten: %v", err)
	}
}
