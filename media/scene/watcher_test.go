package scene

import (
	"testing"
	"time"
)

func TestWatcherCounts(t *testing.T) {
	var w Watcher
	const late = 40 * time.Millisecond
	see := func(n int) {
		m := markOf(n)
		w.See(m, true, m.Captured.Add(late))
	}
	for n := 10; n < 100; n++ {
		switch {
		case n == 20 || n == 21: // never arrives
		case n == 30:
			see(n)
			see(n)
		case n == 40:
			see(41)
			see(40)
			n = 41
		default:
			see(n)
		}
	}
	w.See(Mark{}, false, markOf(100).Captured)
	s := w.Seen()
	if s.Frames != 87 || s.Missing != 3 || s.Repeated != 1 || s.Late != 1 || s.Unread != 1 || s.First != 10 || s.Last != 99 {
		t.Errorf("%+v", s)
	}
	if len(s.Latency) != 87 || median(s.Latency) != late {
		t.Errorf("%d latencies, median %v", len(s.Latency), median(s.Latency))
	}
	// start is 137 ms after a second: the flashes seen begin at the next three.
	if len(s.Flash) == 0 {
		t.Error("no flash was seen")
	}
	if s.Freeze < 99*time.Millisecond || s.Freeze > 101*time.Millisecond {
		t.Errorf("longest freeze %v, want three frames", s.Freeze)
	}
	w.Reset()
	if s := w.Seen(); s.Frames != 0 || s.Missing != 0 || len(s.Latency) != 0 || s.Freeze != 0 {
		t.Errorf("after Reset: %+v", s)
	}
}

// Frame numbers may pass the largest there is.
func TestWatcherAtTheEndOfNumbers(t *testing.T) {
	var w Watcher
	for n := range 6 {
		w.See(Mark{Frame: uint32(n) - 3, Captured: start}, true, start)
	}
	if s := w.Seen(); s.Frames != 6 || s.Missing != 0 || s.Late != 0 {
		t.Errorf("%+v", s)
	}
}

func TestLipSync(t *testing.T) {
	if _, ok := LipSync(Heard{}, Seen{Latency: []time.Duration{1}}); ok {
		t.Error("lip sync without sound")
	}
	if _, ok := LipSync(Heard{Latency: []time.Duration{1}}, Seen{}); ok {
		t.Error("lip sync without picture")
	}
	const ms = time.Millisecond
	got, ok := LipSync(Heard{Latency: []time.Duration{60 * ms, 62 * ms, 300 * ms}}, Seen{Latency: []time.Duration{50 * ms, 51 * ms, 48 * ms}})
	if !ok || got != 12*ms {
		t.Errorf("lip sync %v, %v", got, ok)
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for q, want := range map[float64]float64{0: 1, 0.05: 1, 0.5: 5, 0.95: 10, 1: 10} {
		if got := Quantile(v, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if Quantile([]float64(nil), 0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}
