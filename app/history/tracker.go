package history

import (
	"errors"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/verdict"
)

// Tracker watches one call and remembers it when it is over. It belongs to one
// goroutine.
type Tracker struct {
	history *History
	seen    map[string]*seen
	keys    map[netstack.PeerID]string // of each member, as known last
}

type seen struct {
	name string
	call Call
	last time.Time
	rtts []time.Duration
}

// NewTracker returns a Tracker for a call that begins.
func NewTracker(h *History) *Tracker {
	return &Tracker{history: h, seen: make(map[string]*seen), keys: make(map[netstack.PeerID]string)}
}

// maxRTTs is how many round trips a median is taken of: an hour of them.
const maxRTTs = 3600

// See tells how the line to a contact is now, about once a second. Whose key is
// another than before was verified meanwhile: that is one contact, not two.
func (t *Tracker) See(id netstack.PeerID, key, name string, at time.Time, path verdict.Path, rtt netstack.Opt[time.Duration]) {
	if old := t.keys[id]; old != key && t.seen[key] == nil && t.seen[old] != nil {
		t.seen[key] = t.seen[old]
		delete(t.seen, old)
	}
	s := t.seen[key]
	if s == nil {
		if len(t.seen) >= maxContacts {
			return
		}
		s = &seen{call: Call{At: at, Best: verdict.Broken, Last: verdict.Broken}}
		t.seen[key] = s
	}
	t.keys[id] = key
	s.name, s.last = name, at
	if path != verdict.Connecting && path != verdict.Unknown {
		s.call.Best, s.call.Last = Better(s.call.Best, path), path
	}
	if rtt.OK && len(s.rtts) < maxRTTs {
		s.rtts = append(s.rtts, rtt.Value)
	}
}

// Close remembers the call with everyone who was seen.
func (t *Tracker) Close() error {
	var errs []error
	for key, s := range t.seen {
		s.call.Took = s.last.Sub(s.call.At)
		if n := len(s.rtts); n > 0 {
			slices.Sort(s.rtts)
			s.call.RTT = int(s.rtts[n/2].Round(time.Millisecond) / time.Millisecond)
		}
		errs = append(errs, t.history.Add(key, s.name, s.call))
	}
	clear(t.seen)
	clear(t.keys)
	return errors.Join(errs...)
}
