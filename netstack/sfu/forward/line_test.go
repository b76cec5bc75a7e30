package forward

import (
	"slices"
	"testing"
	"time"
)

const second = int64(time.Second)

func TestChoose(t *testing.T) {
	three := Wish{Layers: 3, Bitrate: [3]int{150_000, 500_000, 1_500_000}, Height: [3]int{180, 360, 720}, Flows: [3]bool{true, true, true}, Tile: 720}
	with := func(w Wish, change func(*Wish)) Wish { change(&w); return w }
	small := with(three, func(w *Wish) { w.Tile = 180 })
	medium := with(three, func(w *Wish) { w.Tile = 400 })
	hidden := with(three, func(w *Wish) { w.Tile = 0 })
	first := with(three, func(w *Wish) { w.Priority = 1 })
	sound := Wish{Layers: 1, Bitrate: [3]int{40_000}, Audio: true}
	for name, tc := range map[string]struct {
		budget int
		wishes []Wish
		want   []int
	}{
		"plenty":                 {9_000_000, []Wish{three, three, sound}, []int{2, 2, 0}},
		"tiles":                  {9_000_000, []Wish{small, medium, three, hidden}, []int{0, 1, 2, -1}},
		"one of two":             {2_500_000, []Wish{three, three}, []int{2, 1}},
		"the first by priority":  {2_500_000, []Wish{three, first}, []int{1, 2}},
		"thin":                   {300_000, []Wish{three, sound}, []int{0, 0}},
		"nothing but sound":      {100_000, []Wish{three, sound, sound}, []int{-1, 0, 0}},
		"sound without a budget": {0, []Wish{sound, three}, []int{0, -1}},
		"lowest does not flow":   {9_000_000, []Wish{with(small, func(w *Wish) { w.Flows[0] = false })}, []int{1}},
		"nothing flows":          {9_000_000, []Wish{with(three, func(w *Wish) { w.Flows = [3]bool{} })}, []int{-1}},
		"one layer":              {9_000_000, []Wish{with(three, func(w *Wish) { w.Layers = 1 })}, []int{0}},
		"rates not known":        {1_000_000, []Wish{with(three, func(w *Wish) { w.Bitrate = [3]int{} })}, []int{1}},
	} {
		got := make([]int, len(tc.wishes))
		if Choose(tc.budget, tc.wishes, got); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestActiveSpeaker(t *testing.T) {
	all := []*Speaker{{}, {}, {}}
	now, active := second, -1
	talk := func(d time.Duration, levels ...uint8) {
		for end := now + int64(d); now < end; now += 20e6 {
			for i, l := range levels {
				all[i].Heard(l, now)
			}
			active = Active(all, active, now)
		}
	}
	for i, step := range []struct {
		d      time.Duration
		levels []uint8
		want   int
	}{
		{time.Second, []uint8{70, 80, 127}, -1}, // a room
		{time.Second, []uint8{30, 80, 127}, 0},
		{200 * time.Millisecond, []uint8{30, 10, 127}, 0}, // a cough
		{time.Second, []uint8{30, 127, 127}, 0},
		{2 * time.Second, []uint8{127, 127, 127}, 0}, // the last who spoke stays
		{time.Second, []uint8{127, 127, 35}, 2},
		{2 * time.Second, []uint8{33, 127, 35}, 2}, // hardly louder: no hopping
		{2 * time.Second, []uint8{15, 127, 35}, 0},
	} {
		if talk(step.d, step.levels...); active != step.want {
			t.Errorf("step %d: speaker %d, want %d", i, active, step.want)
		}
	}
}

func TestMissing(t *testing.T) {
	var m Missing
	now := second
	due := func(after time.Duration) []uint16 { now += int64(after); return m.Due(nil, now) }
	for _, s := range []uint64{65530, 65531, 65534} {
		m.Got(s, now)
	}
	if got := due(0); got != nil {
		t.Errorf("asked for %v at once: it may only be late", got)
	}
	m.Got(65535, now)
	if got := due(0); !slices.Equal(got, []uint16{65532}) {
		t.Errorf("three later ones came, asked for %v", got)
	}
	if got := due(12 * time.Millisecond); !slices.Equal(got, []uint16{65533}) {
		t.Errorf("after a while, asked for %v", got)
	}
	m.Got(65532, now)
	for range askTimes - 1 {
		if got := due(60 * time.Millisecond); !slices.Equal(got, []uint16{65533}) {
			t.Fatalf("asked for %v", got)
		}
	}
	if got := due(60 * time.Millisecond); got != nil || m.Waiting() || m.Lost() != 1 {
		t.Errorf("does not give up: %v, %d lost", got, m.Lost())
	}
	m.Got(1<<17, now)
	if m.Waiting() || m.Highest() != 1<<17 {
		t.Error("a jump is not a row of gaps")
	}
	for s := uint64(1<<17 + 2); s < 1<<17+1000; s += 2 {
		m.Got(s, now)
	}
	if got := due(time.Second); len(got) != missingMost {
		t.Errorf("%d asked for, want the bound", len(got))
	}
}

func TestBucket(t *testing.T) {
	b := Bucket{Rate: 1000, Burst: 100}
	took := 0
	for i := range int64(2000) { // 2 s
		if b.Take(2, second+i*1e6) {
			took += 2
		}
	}
	if took < 2000 || took > 2110 {
		t.Errorf("%d tokens in two seconds", took)
	}
}
