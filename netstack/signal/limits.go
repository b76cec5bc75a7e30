package signal

import (
	"net/netip"
	"sync"
	"time"
)

// bucket is a token bucket for one goroutine.
type bucket struct {
	rate, burst, level float64
	at                 time.Time
}

func newBucket(rate, burst float64) *bucket { return &bucket{rate: rate, burst: burst, level: burst} }

// take takes n tokens and returns how long to wait until they are there.
func (b *bucket) take(n float64, now time.Time) time.Duration {
	if !b.at.IsZero() {
		b.level = min(b.burst, b.level+now.Sub(b.at).Seconds()*b.rate)
	}
	b.at = now
	b.level -= n
	if b.level >= 0 {
		return 0
	}
	return time.Duration(-b.level / b.rate * float64(time.Second))
}

// Limits of wrong tries: so many in a minute from one address, then a pause
// that doubles.
const (
	maxFailures  = 5
	failureSpan  = time.Minute
	maxPause     = 15 * time.Minute
	maxRemembers = 4096
)

// failures remembers who tried wrong secrets.
type failures struct {
	mu sync.Mutex
	by map[netip.Prefix]*failure
}

type failure struct {
	count  int
	first  time.Time
	pauses int
	until  time.Time
}

// wait returns how long an address must wait before its next try.
func (f *failures) wait(from netip.Prefix, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.by[from]; r != nil {
		return max(0, r.until.Sub(now))
	}
	return 0
}

// add notes a wrong try.
func (f *failures) add(from netip.Prefix, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.by[from]
	if r == nil {
		if len(f.by) >= maxRemembers {
			f.forgetLocked(now)
		}
		r = &failure{first: now}
		if f.by == nil {
			f.by = make(map[netip.Prefix]*failure)
		}
		f.by[from] = r
	}
	if now.Sub(r.first) > failureSpan {
		r.count, r.first = 0, now
	}
	if r.count++; r.count >= maxFailures {
		r.until = now.Add(min(maxPause, time.Minute<<min(r.pauses, 10)))
		r.pauses++
		r.count = 0
	}
}

// forgetLocked makes room: first by dropping what is over, and if nothing is,
// any one.
func (f *failures) forgetLocked(now time.Time) {
	for k, r := range f.by {
		if now.Sub(r.first) > failureSpan && now.After(r.until.Add(maxPause)) {
			delete(f.by, k)
		}
	}
	for k := range f.by {
		if len(f.by) < maxRemembers {
			return
		}
		delete(f.by, k)
	}
}

// gate counts sockets.
type gate struct {
	maxAll, maxPerIP, maxStrangers int

	mu        sync.Mutex
	all       int
	perIP     map[netip.Prefix]int
	strangers map[netip.Prefix]int // not in a room yet
}

// enter takes a place. full is set if the whole server has none, rather than
// this address.
func (g *gate) enter(from netip.Prefix) (ok, full bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.maxAll {
		return false, true
	}
	if g.perIP[from] >= g.maxPerIP || g.strangers[from] >= g.maxStrangers {
		return false, false
	}
	if g.perIP == nil {
		g.perIP, g.strangers = make(map[netip.Prefix]int), make(map[netip.Prefix]int)
	}
	g.all++
	g.perIP[from]++
	g.strangers[from]++
	return true, false
}

// known notes that one from this address is no stranger any more.
func (g *gate) known(from netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	decrease(g.strangers, from)
}

// leave gives the place back.
func (g *gate) leave(from netip.Prefix, stranger bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	decrease(g.perIP, from)
	if stranger {
		decrease(g.strangers, from)
	}
}

func decrease(m map[netip.Prefix]int, k netip.Prefix) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// sourceOf is what limits count by: an IPv4 address, or an IPv6 /64, which is
// what one customer gets.
func sourceOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: all of these together
	}
	return p
}
