package sfu

import (
	"math/bits"
	"time"
)

// delays counts how long packets were inside: from the socket's reader until
// the system had all copies. Four steps to each doubling of a microsecond.
type delays [delaySteps]uint64

const delaySteps = 4 * 24 // up to 16 seconds

func (d *delays) add(t int64) {
	us := uint64(max(t, 0)) / 1000
	if us < 4 {
		d[us]++
		return
	}
	n := bits.Len64(us) - 1
	d[min(4*(n-1)+int(us>>(n-2)&3), delaySteps-1)]++
}

// quantile is the delay that a share of packets stays within, rounded up to a
// quarter of an octave.
func (d *delays) quantile(share float64) time.Duration {
	total := uint64(0)
	for _, n := range d {
		total += n
	}
	want, seen := uint64(share*float64(total)), uint64(0)
	for i, n := range d {
		if seen += n; n > 0 && seen >= want {
			return upper(i)
		}
	}
	return 0
}

func upper(i int) time.Duration {
	if i < 4 {
		return time.Duration(i+1) * time.Microsecond
	}
	n := i/4 + 1
	return time.Duration(uint64(1)<<n+uint64(i%4+1)<<(n-2)) * time.Microsecond
}
