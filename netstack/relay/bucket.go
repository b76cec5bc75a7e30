package relay

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// bucket is a token bucket: rate units a second, burst at most.
type bucket struct {
	mu          sync.Mutex
	rate, burst float64
	level       float64
	at          time.Time
}

func newBucket(rate, burst float64) *bucket { return &bucket{rate: rate, burst: burst, level: burst} }

// take takes n units, or nothing and returns false.
func (b *bucket) take(n float64, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.at.IsZero() { // a clock that was set back gives nothing, and takes nothing
		b.level = min(b.burst, b.level+max(0, now.Sub(b.at).Seconds())*b.rate)
	}
	b.at = now
	if b.level < n {
		return false
	}
	b.level -= n
	return true
}

// limiter bounds replies to those who have not proven anything yet, by source:
// the sender's address may be forged, and the reply hit somebody else. Its
// memory is fixed: sources that meet in a cell share it.
type limiter struct {
	seed  maphash.Seed
	rate  float64
	mu    sync.Mutex
	cells [limiterCells]cell
}

// limiterCells times 8 bytes are 32 KiB.
const limiterCells = 4096

type cell struct {
	ms    uint32 // of the last take
	level float32
}

func newLimiter(perSecond float64) *limiter {
	l := &limiter{seed: maphash.MakeSeed(), rate: perSecond}
	for i := range l.cells {
		l.cells[i].level = float32(perSecond)
	}
	return l
}

// allow reports whether one more reply may go to src.
func (l *limiter) allow(src netip.Addr, now time.Time) bool {
	key := sourceOf(src).As16()
	i := maphash.Bytes(l.seed, key[:]) % limiterCells
	ms := uint32(now.UnixMilli()) // wraps in 49 days, which costs a source one second of tokens
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.cells[i]
	since := float64(ms-c.ms) / 1000
	level := min(l.rate, float64(c.level)+since*l.rate)
	c.ms = ms
	c.level = float32(level)
	if level < 1 {
		return false
	}
	c.level--
	return true
}

// sourceOf is the unit senders are counted by: an IPv4 address or an IPv6 /64.
func sourceOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
