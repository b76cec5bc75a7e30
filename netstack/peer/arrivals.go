package peer

import (
	"sync"
	"time"
)

// arrivals counts what the line loses of a stream. W3C's packetsLost counts
// what never came; most of what the line loses is sent again and comes, so that
// a bad line would look good.
type arrivals struct {
	mu       sync.Mutex
	begun    bool
	highest  uint16
	expected uint64
	missed   uint64
	gaps     [256]gap // the newest, by sequence number
}

// gap is a packet that others have overtaken.
type gap struct {
	seq  uint16
	at   time.Time
	open bool
}

const (
	// overtaken: what comes so soon after those behind it has taken another way
	// and was not lost; to be sent again takes longer.
	overtaken = 15 * time.Millisecond
	// A jump of more is a sender that began anew.
	longestJump = 3000
)

// note takes one packet.
func (a *arrivals) note(seq uint16, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ahead := int(int16(seq - a.highest))
	switch {
	case !a.begun || ahead > longestJump || ahead < -longestJump:
		a.begun, a.highest = true, seq
		a.expected++
	case ahead > 0:
		for s := a.highest + 1; s != seq; s++ {
			a.gaps[s%uint16(len(a.gaps))] = gap{s, now, true}
			a.missed++
		}
		a.highest = seq
		a.expected += uint64(ahead)
	default:
		g := &a.gaps[seq%uint16(len(a.gaps))]
		if g.open && g.seq == seq {
			g.open = false
			if now.Sub(g.at) < overtaken {
				a.missed--
			}
		}
	}
}

// counts returns how many packets were sent, as far as can be told, and how
// many of them the line lost.
func (a *arrivals) counts() (expected, missed uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.expected, a.missed
}
