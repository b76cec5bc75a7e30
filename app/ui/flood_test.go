package ui_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/ui/uitest"

	"fyne.io/fyne/v2"
)

// TestRow30ChatFlood: 10,000 lines of chat come at once, some hundred between two
// beats of the window, with the chat closed and then open. What the window does
// for a beat is bounded, only the newest lines are drawn, and memory is what it
// was.
func TestRow30ChatFlood(t *testing.T) {
	c := uitest.NewCall(uitest.Room(3), uitest.Lines(3, uitest.SFU, uitest.Start)...)
	r := inCall(t, c)
	flood := func(from, n int) (worst []time.Duration, total time.Duration) {
		for i := from; i < from+n; i++ {
			l := call.ChatLine{From: "p1", Name: "Mina Okafor", Text: fmt.Sprintf("line %d of https://example.org/flood %s", i, strings.Repeat("and on ", i%9)), At: uitest.Start}
			c.Tell(func(s *call.Snapshot) {
				s.Chat = append(s.Chat[max(0, len(s.Chat)-call.ChatLength+1):len(s.Chat):len(s.Chat)], l)
			}, call.ChatReceived{Line: l})
			if i%50 > 0 {
				continue
			}
			start := time.Now()
			r.loop.Run()
			r.w.Beat()
			took := time.Since(start)
			worst, total = append(worst, took), total+took
		}
		slices.Sort(worst)
		return worst, total
	}
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	closed, closedAll := flood(0, 5000)
	r.press("Chat")
	flood(5000, 1000)
	objects, before := count(r.canvas().Content()), heap()
	opened, openedAll := flood(6000, 1000)
	flood(7000, 2000)
	last, _ := flood(9000, 1000)
	after := heap()
	t.Logf("chat closed: %v a beat of 50 lines (p99 %v), %v in all; open: %v (p99 %v), %v in all",
		closed[len(closed)/2], closed[len(closed)*99/100], closedAll, opened[len(opened)/2], opened[len(opened)*99/100], openedAll)
	t.Logf("%d objects, %.1f MiB, were %d, %.1f", count(r.canvas().Content()), after, objects, before)
	r.until("the newest line", func() bool {
		r.w.Beat()
		return len(lines(r)) > 0 && strings.Contains(lines(r)[len(lines(r))-1], "line 9999 of")
	})
	if a, b := opened[len(opened)/2], last[len(last)/2]; b > 3*a {
		t.Errorf("a beat takes %v, and %v 3,000 lines later", a, b)
	}
	if n := count(r.canvas().Content()); n > objects+objects/5 {
		t.Errorf("%d objects are drawn, %d before", n, objects)
	}
	if n := len(lines(r)); n > 120 {
		t.Errorf("%d lines of chat are drawn", n)
	}
	if after > before+20 {
		t.Errorf("%.1f MiB more after 4,000 further lines", after-before)
	}
}

// lines are the lines of the flood that are drawn, or ready to be scrolled to.
func lines(r *rig) (out []string) {
	for _, o := range uitest.Seen(r.canvas().Content()) {
		if l, ok := o.(interface{ AccessibilityLabel() string }); ok && strings.Contains(l.AccessibilityLabel(), "/flood") {
			out = append(out, l.AccessibilityLabel())
		}
	}
	return out
}

// count is how many objects a tree has.
func count(o fyne.CanvasObject) int { return len(uitest.Seen(o)) }
