package peer

import "time"

// ICE may call a path connected on which nothing arrives: after a NAT rebound,
// checks go one way and media another. Where media flowed, silence of silentAfter
// means that; where only RTCP did (one report a second, from browsers one in
// five), idleAfter.
const (
	silentAfter = 2 * time.Second
	idleAfter   = 8 * time.Second
	// busy is what arrives in busyWindow when media does: 1 kB/s.
	busy       = 5000 // bytes
	busyWindow = 5 * time.Second
)

// WatchEvery is how often a Silence is to be told what was heard.
const WatchEvery = 250 * time.Millisecond

// Silence tells when too little has arrived by a path for too long. It is not
// for use by several goroutines at once.
type Silence struct {
	bytes   uint64 // arrived in all
	heardAt time.Time
	recent  []uint64 // arrived by each watch of the last busyWindow
}

// Begin forgets what has arrived: a new path is used.
func (s *Silence) Begin(now time.Time) { s.heardAt, s.recent = now, nil }

// Excuse lets the silence so far count for nothing.
func (s *Silence) Excuse(now time.Time) { s.heardAt = now }

// Heard notes how many bytes have arrived in all; it reports whether there are
// new ones.
func (s *Silence) Heard(bytes uint64, now time.Time) bool {
	if bytes == s.bytes {
		return false // recent keeps what was before the silence
	}
	s.bytes, s.heardAt = bytes, now
	s.recent = append(s.recent, bytes)
	if n := int(busyWindow / WatchEvery); len(s.recent) > n {
		s.recent = s.recent[len(s.recent)-n:]
	}
	return true
}

// Lasts reports whether too little has arrived for too long.
func (s *Silence) Lasts(now time.Time) bool {
	limit := idleAfter
	if n := len(s.recent); n > 0 && s.recent[n-1]-s.recent[0] >= busy {
		limit = silentAfter
	}
	return now.Sub(s.heardAt) >= limit
}
