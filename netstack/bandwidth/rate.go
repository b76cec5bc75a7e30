package bandwidth

import "time"

// Rate measures bits per second over the last second or so, in ten steps. A
// clock that jumps begins anew.
type Rate struct {
	bins [10]int
	at   int64 // start of the newest bin
	i    int
	sum  int
}

const binTime = int64(100 * time.Millisecond)

// Add counts n bytes.
func (r *Rate) Add(n int, now int64) {
	r.turn(now)
	r.bins[r.i] += n
	r.sum += n
}

func (r *Rate) turn(now int64) {
	if away := now - r.at; away >= int64(len(r.bins))*binTime || away < -int64(len(r.bins))*binTime {
		*r = Rate{at: now}
		return
	}
	for now-r.at >= binTime {
		r.i = (r.i + 1) % len(r.bins)
		r.sum -= r.bins[r.i]
		r.bins[r.i] = 0
		r.at += binTime
	}
}

// Bits is the rate in bits per second.
func (r *Rate) Bits(now int64) int {
	r.turn(now)
	return 8 * r.sum
}

// Recent is the rate over the last three whole steps: what a line lets through
// now, rather than a second ago.
func (r *Rate) Recent(now int64) int {
	r.turn(now)
	sum := 0
	for n := 1; n <= 3; n++ {
		sum += r.bins[(r.i+len(r.bins)-n)%len(r.bins)]
	}
	return sum * 8 * 10 / 3
}
