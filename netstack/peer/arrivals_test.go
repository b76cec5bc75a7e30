package peer

import (
	"testing"
	"time"
)

// What the line loses is counted though it comes again; what is overtaken is
// not.
func TestArrivals(t *testing.T) {
	type packet struct {
		seq uint16
		at  time.Duration
	}
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		packets          []packet
		expected, missed uint64
	}{
		"whole":           {[]packet{{5, 0}, {6, 20 * ms}, {7, 40 * ms}}, 3, 0},
		"over the end":    {[]packet{{65534, 0}, {65535, 1}, {0, 2}, {2, 3}}, 5, 1},
		"lost":            {[]packet{{1, 0}, {4, 20 * ms}}, 4, 2},
		"repaired":        {[]packet{{1, 0}, {3, 20 * ms}, {2, 80 * ms}}, 3, 1},
		"repaired twice":  {[]packet{{1, 0}, {3, 20 * ms}, {2, 80 * ms}, {2, 81 * ms}}, 3, 1},
		"overtaken":       {[]packet{{1, 0}, {3, 20 * ms}, {2, 22 * ms}}, 3, 0},
		"in double":       {[]packet{{1, 0}, {1, 1}, {2, 20 * ms}, {2, 21 * ms}}, 2, 0},
		"began anew":      {[]packet{{1, 0}, {30000, 20 * ms}, {30001, 40 * ms}}, 3, 0},
		"overtaken twice": {[]packet{{1, 0}, {3, 20 * ms}, {2, 22 * ms}, {2, 23 * ms}}, 3, 0},
	} {
		var a arrivals
		start := time.Unix(1000, 0)
		for _, p := range c.packets {
			a.note(p.seq, start.Add(p.at))
		}
		if e, m := a.counts(); e != c.expected || m != c.missed {
			t.Errorf("%s: %d expected, %d missed; want %d and %d", name, e, m, c.expected, c.missed)
		}
	}
}
