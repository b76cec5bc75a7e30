package forward

import "time"

// Lost packets of a publisher are asked for as soon as three later ones have
// come or askAfter has passed, then again each askEvery, askTimes in all.
const (
	askAfter = int64(10 * time.Millisecond)
	askEvery = int64(50 * time.Millisecond)
	askTimes = 10
	// missingMost is more than a lost burst; what is beyond needs a key frame.
	missingMost = 64
)

// Missing are the packets of one layer that have not come.
type Missing struct {
	list    [missingMost]gap
	n       int
	highest uint64
	any     bool
	lost    uint64 // gaps seen, less those filled
}

type gap struct {
	seq   uint64
	next  int64 // when to ask
	tries uint8
}

// Got notes a packet.
func (m *Missing) Got(seq uint64, now int64) {
	if !m.any {
		m.any, m.highest = true, seq
		return
	}
	if seq <= m.highest {
		for i := range m.n {
			if m.list[i].seq == seq {
				m.remove(i)
				m.lost--
				return
			}
		}
		return
	}
	gapped := seq - m.highest - 1
	m.lost += gapped
	if gapped > missingMost {
		m.n = 0 // a pause or a disaster: neither is mended one by one
	} else {
		for s := m.highest + 1; s < seq; s++ {
			if m.n == missingMost {
				m.remove(0)
			}
			m.list[m.n] = gap{seq: s, next: now + askAfter}
			m.n++
		}
	}
	m.highest = seq
}

func (m *Missing) remove(i int) {
	copy(m.list[i:m.n], m.list[i+1:m.n])
	m.n--
}

// Due appends the numbers to ask for now.
func (m *Missing) Due(out []uint16, now int64) []uint16 {
	for i := 0; i < m.n; i++ {
		g := &m.list[i]
		if now < g.next && (g.tries > 0 || m.highest < g.seq+3) {
			continue
		}
		if g.tries == askTimes {
			m.remove(i)
			i--
			continue
		}
		g.tries++
		g.next = now + askEvery
		out = append(out, uint16(g.seq))
	}
	return out
}

// Waiting reports whether something is missing that is still asked for.
func (m *Missing) Waiting() bool { return m.n > 0 }

// Highest is the highest number that came, Lost how many before it did not.
func (m *Missing) Highest() uint64 { return m.highest }

// Lost is how many packets never came.
func (m *Missing) Lost() uint64 { return m.lost }

// Bucket is a token bucket: it bounds a rate and lets bursts through.
type Bucket struct {
	Rate, Burst float64 // tokens per second; at once
	tokens      float64
	last        int64
}

// Take takes n tokens if they are there.
func (b *Bucket) Take(n float64, now int64) bool {
	if b.last == 0 {
		b.tokens = b.Burst
	} else {
		b.tokens = min(b.Burst, b.tokens+float64(now-b.last)*b.Rate/1e9)
	}
	b.last = now
	if b.tokens < n {
		return false
	}
	b.tokens -= n
	return true
}
