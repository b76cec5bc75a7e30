package trace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func create(t *testing.T, o Options) (*Writer, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "call.trace")
	w, err := Create(path, Header{Program: "test 1", Start: start}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, path
}

func openFile(t *testing.T, path string) *Reader {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, b)
}

func TestWriterToFile(t *testing.T) {
	w, path := create(t, Options{})
	w.Record("hello", start, "world")
	w.Sample("line", "a", start, lineAt("a", 0))
	w.State("plan", "", start, 1)
	w.End("line", "a", second(1))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.Record("late", second(2), nil) // does nothing
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for rec := range openFile(t, path).All() {
		kinds = append(kinds, rec.Kind)
	}
	if got := strings.Join(kinds, " "); got != "hello line plan line" {
		t.Errorf("kinds: %s", got)
	}
	if _, err := Create(path, Header{}, Options{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second writer to the file: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestKill reads what is in the file after a tick, with the writer still alive:
// what a killed program leaves.
func TestKill(t *testing.T) {
	tick := make(chan time.Time)
	w, path := create(t, Options{tick: tick})
	for i := range 5 {
		w.Record("fact", second(i), i)
	}
	taken := func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.queue) == 0 }
	for !taken() {
		tick <- start
	}
	tick <- start
	tick <- start // the one before is done
	n := 0
	for range openFile(t, path).All() {
		n++
	}
	if n != 5 {
		t.Errorf("%d of 5 facts", n)
	}
}

func TestDropsAreCounted(t *testing.T) {
	w, path := create(t, Options{Queue: 4, tick: make(chan time.Time)})
	gate := make(chan bool)
	w.push(entry{what: func(*Encoder, entry) { <-gate }})
	for i := range 100 {
		w.Record("fact", second(i), i)
	}
	close(gate)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	facts, lost := 0, uint64(0)
	for rec := range openFile(t, path).All() {
		if rec.Kind == KindLost {
			var l Lost
			if err := rec.Decode(&l); err != nil {
				t.Fatal(err)
			}
			lost += l.Records
			continue
		}
		facts++
	}
	if lost == 0 || facts+int(lost) != 100 {
		t.Errorf("%d facts and %d lost of 100", facts, lost)
	}
}

func TestRow32UnwritableIsCounted(t *testing.T) {
	w, path := create(t, Options{})
	w.Record("fact", start, 1)
	w.Record("bad", start, func() {})
	w.Record("huge", start, strings.Repeat("x", maxLine))
	w.Sample("bad", "", start, make(chan int))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var l Lost
	for rec := range openFile(t, path).All() {
		if rec.Kind == KindLost && rec.Decode(&l) != nil {
			t.Error("bad record of what was lost")
		}
	}
	if l.Records != 3 {
		t.Errorf("lost %d, want 3", l.Records)
	}
}

// feed tells an hour of a call, and checks now and then.
func feed(w *Writer, tick chan<- time.Time, seconds int, fact string) {
	for i := range seconds {
		for k := range 3 {
			l := lineAt(fmt.Sprint(k), i)
			l.Pairs = append(l.Pairs, fmt.Sprintf("%x", uint64(i*i+k)*0x9e3779b97f4a7c15)) // does not compress
			w.Sample("line", fmt.Sprint(k), second(i), l)
		}
		w.Record("fact", second(i), fact+fmt.Sprint(i))
		w.State("state", "", second(i), i)
		for len(w.queue) > 0 { // a call does not come faster than it is written
			time.Sleep(100 * time.Microsecond)
		}
		tick <- second(i)
	}
}

func TestFullFileIsThinned(t *testing.T) {
	tick := make(chan time.Time)
	const most, seconds = 120_000, 3600
	w, path := create(t, Options{MaxBytes: most, Recent: time.Minute, tick: tick})
	feed(w, tick, seconds, "")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > most*11/10 {
		t.Fatalf("%d bytes, %v", info.Size(), err)
	}
	facts, states, recent, old, thinned := 0, 0, 0, 0, 0
	r := openFile(t, path)
	for rec := range r.All() {
		switch {
		case rec.Kind == "fact":
			facts++
		case rec.Kind == "state":
			states++
		case rec.Kind == KindThinned:
			thinned++
		case rec.At.After(second(seconds - 60)):
			recent++
		default:
			old++
		}
	}
	t.Logf("%d bytes: %d facts, %d states, %d recent and %d old samples; thinned %d times", info.Size(), facts, states, recent, old, thinned)
	if facts != seconds || states != seconds || recent != 3*59 || old == 0 || old > 3*seconds/2 || thinned == 0 {
		t.Error("not what should be kept")
	}
	if d := r.Damages(); d != nil {
		t.Errorf("damages: %v", d)
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestFloodOfFactsLosesTheOldest(t *testing.T) {
	tick := make(chan time.Time)
	const most = 60_000
	w, path := create(t, Options{MaxBytes: most, Recent: time.Minute, tick: tick})
	for i := range 4000 {
		w.Record("fact", second(i), fmt.Sprintf("%x", uint64(i+1)*0x9e3779b97f4a7c15))
		w.Record("fact", second(i), fmt.Sprintf("%x", uint64(i+7)*0xc2b2ae3d27d4eb4f))
		tick <- start
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > most*11/10 {
		t.Fatalf("%d bytes, %v", info.Size(), err)
	}
	var first, last time.Time
	for rec := range openFile(t, path).All() {
		if rec.Kind == "fact" {
			if first.IsZero() {
				first = rec.At
			}
			last = rec.At
		}
	}
	if !first.After(second(100)) || !last.Equal(second(3999)) {
		t.Errorf("facts from %v to %v", first, last)
	}
}
