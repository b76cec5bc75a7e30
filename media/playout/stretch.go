package playout

import "math"

// Sound is made shorter or longer by leaving out, or repeating, one period of
// it: the length at which it resembles itself best, between shortestPeriod and
// longestPeriod, faded over. Neither pitch nor rhythm is heard to change.
const (
	shortestPeriod = 120 // 2.5 ms
	longestPeriod  = 600 // 12.5 ms
	history        = 960 // samples kept behind what was played
	queueRoom      = 24000
	hushed         = 1000 // energy per sample below which anything resembles anything: −60 dB
)

// pcmQueue is sound that is decoded and not yet played, with what was played
// last before it.
type pcmQueue struct {
	buf        [queueRoom]int16
	start, end int
}

func newPCMQueue() *pcmQueue { return &pcmQueue{start: history, end: history} }

func (q *pcmQueue) len() int { return q.end - q.start }

// grow returns room for n more samples at the end, to be written by the caller.
func (q *pcmQueue) grow(n int) []int16 {
	if q.end+n > len(q.buf) {
		copy(q.buf[:], q.buf[q.start-history:q.end])
		q.end -= q.start - history
		q.start = history
	}
	n = min(n, len(q.buf)-q.end) // never in practice: see maxTarget
	q.end += n
	return q.buf[q.end-n : q.end]
}

func (q *pcmQueue) write(pcm []int16) { copy(q.grow(len(pcm)), pcm) }

func (q *pcmQueue) silence(n int) { clear(q.grow(n)) }

// read moves len(pcm) samples out; what is missing is silence.
func (q *pcmQueue) read(pcm []int16) {
	n := copy(pcm, q.buf[q.start:q.end])
	clear(pcm[n:])
	q.start += n
}

// drop forgets what was not yet played.
func (q *pcmQueue) drop() { q.end = q.start }

// shorten leaves out about most samples, at most, if the sound at the front
// resembles itself by at least likeness (0..1), and returns how many.
func (q *pcmQueue) shorten(most int, likeness float64) int {
	x := q.buf[q.start:q.end]
	hi := min(most, longestPeriod, len(x)/2)
	if hi < shortestPeriod {
		return 0
	}
	lag, like := resemblance(x, 0, 1, hi, min(len(x)-hi, 480))
	if like < likeness {
		return 0
	}
	fade(x[lag:2*lag], x[:lag], x[lag:2*lag])
	q.start += lag
	// What was played is now followed by x[lag:]; keep the history joined to it.
	copy(q.buf[q.start-history:q.start], q.buf[q.start-lag-history:q.start-lag])
	return lag
}

// lengthen repeats at most most samples before the front, if the sound there
// resembles itself by at least likeness, and returns how many.
func (q *pcmQueue) lengthen(most int, likeness float64) int {
	hi := min(most, longestPeriod, q.len())
	if hi < shortestPeriod {
		return 0
	}
	x := q.buf[q.start-hi : q.end]
	lag, like := resemblance(x, hi, -1, hi, min(q.len(), 480))
	if like < likeness {
		return 0
	}
	var again [longestPeriod]int16
	fade(again[:lag], x[hi:hi+lag], x[hi-lag:hi])
	q.grow(lag)
	x = q.buf[q.start:q.end]
	copy(x[lag:], x[:len(x)-lag])
	copy(x, again[:lag])
	return lag
}

// fade writes to dst what begins as from and ends as to. dst may be to.
func fade(dst, from, to []int16) {
	n := int32(len(dst))
	for i := range dst {
		w := int32(i)
		dst[i] = int16((int32(from[i])*(n-w) + int32(to[i])*w) / n)
	}
}

// resemblance finds the lag, from shortestPeriod to hi, at which n samples of x
// from at on are most like those at at+dir·lag, and how like: the normalised
// correlation, up to 1. Sound too soft to matter is always like itself.
func resemblance(x []int16, at, dir, hi, n int) (lag int, like float64) {
	const coarse = 6
	best, like := hi, -1.0
	for l := shortestPeriod; l <= hi; l += coarse {
		if c := correlation(x[at:at+n], x[at+dir*l:at+dir*l+n], coarse); c > like {
			best, like = l, c
		}
	}
	if like >= 1 { // hush: the most that may go
		return hi, 1
	}
	lag, like = best, -1
	for l := max(best-coarse, shortestPeriod); l <= min(best+coarse, hi); l++ {
		if c := correlation(x[at:at+n], x[at+dir*l:at+dir*l+n], 1); c > like {
			lag, like = l, c
		}
	}
	return lag, like
}

// correlation compares a and b, every step-th sample, averaged with its
// neighbour so that high pitches do not mislead a coarse look.
func correlation(a, b []int16, step int) float64 {
	var ab, aa, bb float64
	for i := 0; i+1 < len(a); i += step {
		u := float64(a[i]) + float64(a[i+1])
		v := float64(b[i]) + float64(b[i+1])
		ab += u * v
		aa += u * u
		bb += v * v
	}
	floor := float64(hushed) * float64(len(a)/step)
	if aa < floor && bb < floor {
		return 1
	}
	return ab / (math.Sqrt(aa*bb) + 1) * 0.9999
}
