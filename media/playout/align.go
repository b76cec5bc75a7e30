package playout

import "sync"

// aligner gives the packets of one stream that arrives over several paths the
// numbers of the first of them: a path that was not taken for a while counts
// only what it carried, so its numbers say nothing about the others'. What a
// packet is known by is its timestamp. It may be used from any goroutine.
type aligner struct {
	mu     sync.Mutex
	high   uint16 // newest number,
	highTS uint32 // and its timestamp
	known  [alignSlots]aligned
	offset map[uint8]uint16 // by source: added to its numbers
}

type aligned struct {
	seq  uint16
	ts   uint32
	used bool
}

const (
	alignSlots = 256     // packets remembered: 5 s of 20 ms
	alignSpan  = 960     // samples of a packet, where nothing better is known
	alignPause = 25      // packets: after half a second the sender was silent
	alignJump  = 480_000 // samples: after ten seconds it began anew
)

// number returns the number that a packet has among those of all sources.
func (a *aligner) number(source uint8, seq uint16, ts uint32) uint16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.offset == nil {
		a.offset = map[uint8]uint16{source: 0}
		a.high, a.highTS = seq-1, ts-alignSpan
	}
	offset, had := a.offset[source]
	n := seq + offset
	if len(a.offset) > 1 && !a.fits(n, ts) || !had {
		n = a.place(n, ts)
		a.offset[source] = n - seq
	}
	a.known[n%alignSlots] = aligned{n, ts, true}
	if int16(n-a.high) > 0 {
		a.high, a.highTS = n, ts
	}
	return n
}

// fits reports whether a number and a timestamp do not contradict what is known.
func (a *aligner) fits(n uint16, ts uint32) bool {
	if k := a.known[n%alignSlots]; k.used && k.seq == n {
		return k.ts == ts
	}
	return (int16(n-a.high) > 0) == (int32(ts-a.highTS) > 0)
}

// place finds the number of a packet by its timestamp; n is what it has if that
// says nothing.
func (a *aligner) place(n uint16, ts uint32) uint16 {
	for _, k := range a.known {
		if k.used && k.ts == ts && uint16(a.high-k.seq) < alignSlots {
			return k.seq
		}
	}
	ahead := int32(ts - a.highTS)
	switch {
	case ahead >= alignJump || ahead <= -alignJump:
		return n
	case ahead > alignPause*alignSpan:
		return a.high + 1
	case ahead > 0:
		return a.high + uint16(max((ahead+alignSpan/2)/alignSpan, 1))
	}
	return a.high - uint16((-ahead+alignSpan/2)/alignSpan)
}
