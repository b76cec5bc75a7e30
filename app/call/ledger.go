package call

import "candid/netstack"

// ledger is the book kept of one member's pictures: which were sent, as far as
// packets on any path tell, and which were shown how often. A picture is known
// by its RTP timestamp. It is not safe for concurrent use.
type ledger struct {
	last  [netstack.MCU + 1]arrived // by path
	lines []ledgerLine              // by timestamp, the oldest first
}

// arrived is the newest packet of a path.
type arrived struct {
	seq uint16
	ts  uint32
	ok  bool
}

// ledgerLine is one picture.
type ledgerLine struct {
	ts      uint32
	before  uint32 // the picture sent before it,
	follows bool   // where that is known: a path brought both, and nothing lay between
	shown   int
}

// ledgerLines bounds a ledger: 17 seconds at 30 pictures a second.
const ledgerLines = 512

// packet notes a packet that came.
func (l *ledger) packet(path netstack.Topology, seq uint16, ts uint32) {
	a := &l.last[path]
	if a.ok && ts == a.ts {
		if int16(seq-a.seq) > 0 {
			a.seq = seq
		}
		return
	}
	line := l.find(ts)
	if a.ok && int32(ts-a.ts) < 0 {
		return // a repair
	}
	if a.ok && seq == a.seq+1 && line != nil {
		line.before, line.follows = a.ts, true
	}
	*a = arrived{seq, ts, true}
}

// show notes that a picture was shown.
func (l *ledger) show(ts uint32) {
	if line := l.find(ts); line != nil {
		line.shown++
	}
}

// excuse notes that a picture need not be shown.
func (l *ledger) excuse(ts uint32) {
	if line := l.find(ts); line != nil {
		line.shown = max(line.shown, 1)
	}
}

// find returns the line of a picture, a new one if there is none; nil if it is
// older than all that are kept.
func (l *ledger) find(ts uint32) *ledgerLine {
	i := len(l.lines)
	for i > 0 && int32(l.lines[i-1].ts-ts) > 0 {
		i--
	}
	if i > 0 && l.lines[i-1].ts == ts {
		return &l.lines[i-1]
	}
	if len(l.lines) >= ledgerLines {
		if i == 0 {
			return nil
		}
		copy(l.lines, l.lines[1:i])
		i--
		l.lines[i] = ledgerLine{ts: ts}
		return &l.lines[i]
	}
	l.lines = append(l.lines, ledgerLine{})
	copy(l.lines[i+1:], l.lines[i:])
	l.lines[i] = ledgerLine{ts: ts}
	return &l.lines[i]
}

// count returns how many pictures after from, up to to, were never shown, and
// how many too often. Where pictures are further apart than spacing, and no
// path tells that nothing lay between, what would have fitted in is missing.
func (l *ledger) count(from, to, spacing uint32) (missing, repeated int) {
	before, begun := uint32(0), false
	for _, line := range l.lines {
		if int32(line.ts-from) < 0 || int32(line.ts-to) > 0 {
			continue
		}
		if line.ts != from {
			switch {
			case line.shown == 0:
				missing++
			case line.shown > 1:
				repeated += line.shown - 1
			}
			if begun && spacing > 0 && !(line.follows && line.before == before) {
				missing += max(int((line.ts-before+spacing/2)/spacing)-1, 0)
			}
		}
		before, begun = line.ts, true
	}
	return missing, repeated
}
