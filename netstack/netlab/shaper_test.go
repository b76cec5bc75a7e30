package netlab

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func newShaper() *shaper { return &shaper{rnd: rand.New(rand.NewPCG(1, 2))} }

// near fails unless got is within tolerance of want.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %.4g, want %.4g ± %.4g", what, got, want, tolerance)
	}
}

func TestShaperLoss(t *testing.T) {
	const n = 200000
	for _, p := range []Params{{Loss: 0.05}, {Loss: 0.3}, {Loss: 0.1, Burst: 5}, {Loss: 0.2, Burst: 3}, {Loss: 1}, {}} {
		s, losses, runs, before := newShaper(), 0, 0, passed
		for range n {
			f, _ := s.judge(p, time.Time{}, 1000, false)
			if f == lost {
				losses++
				if before != lost {
					runs++
				}
			}
			before = f
		}
		near(t, "loss", float64(losses)/n, p.Loss, 0.01)
		if p.Burst > 1 {
			near(t, "burst", float64(losses)/float64(runs), p.Burst, 0.2)
		}
	}
}

func TestShaperSparesWhatMust(t *testing.T) {
	s := newShaper()
	if f, _ := s.judge(Params{Loss: 1}, time.Time{}, 60, true); f != passed {
		t.Errorf("got %v, want it to pass", f)
	}
	if f, _ := s.judge(Params{Cut: true}, time.Time{}, 60, true); f != lost {
		t.Errorf("got %v past a pulled cable, want it lost", f)
	}
}

func TestShaperRateAndQueue(t *testing.T) {
	// 1000 byte at 1 Mbit/s take 8 ms; more than 100 ms of them do not wait.
	s, now, went := newShaper(), time.Unix(0, 0), 0
	var at time.Time
	for range 100 {
		f, leaves := s.judge(Params{Rate: 1e6}, now, 1000, false)
		if f == passed {
			went, at = went+1, leaves
		}
	}
	if went != 13 {
		t.Errorf("%d packets found room, want 13", went)
	}
	if want := now.Add(13 * 8 * time.Millisecond); !at.Equal(want) {
		t.Errorf("the last left at %v, want %v", at, want)
	}
	if _, leaves := s.judge(Params{Rate: 1e6}, now.Add(time.Second), 1000, false); !leaves.Equal(now.Add(1008 * time.Millisecond)) {
		t.Errorf("on a line that was free again one left at %v", leaves)
	}
}

func TestShaperDelayKeepsOrderUnlessToldNotTo(t *testing.T) {
	const n = 20000
	p := Params{Delay: 50 * time.Millisecond, Jitter: 20 * time.Millisecond}
	overtakes := func(p Params) (share float64) {
		s, last := newShaper(), time.Time{}
		for k := range n {
			now := time.Unix(0, 0).Add(time.Duration(k) * time.Millisecond)
			_, at := s.judge(p, now, 1000, false)
			if d := at.Sub(now); d < p.Delay/4-p.Jitter || d > p.Delay+p.Jitter {
				t.Fatalf("a packet took %v", d)
			}
			if at.Before(last) {
				share += 1. / n
			} else {
				last = at
			}
		}
		return share
	}
	near(t, "overtaking", overtakes(p), 0, 0)
	p.Jitter, p.Reorder = 0, 0.05
	near(t, "overtaking", overtakes(p), 0.05, 0.01)
}

func TestShaperDuplicates(t *testing.T) {
	s, n := newShaper(), 0
	for range 20000 {
		if f, _ := s.judge(Params{Duplicate: 0.02}, time.Time{}, 100, false); f == doubled {
			n++
		}
	}
	near(t, "duplicates", float64(n)/20000, 0.02, 0.005)
}
