package playout

import (
	"sync/atomic"
	"time"
)

// Lip sync's numbers.
const (
	// syncSlack is how far sound and picture may be apart before the earlier
	// one is held back. People notice sound that is 45 ms early, and 125 ms
	// late (ITU-R BT.1359); up to here next to nothing is delayed on a short
	// path, where sound comes some 40 ms after the picture.
	syncSlack = 37 * time.Millisecond
	// maxSyncDelay is the most that either is held back.
	maxSyncDelay = 200 * time.Millisecond
	// A distance beyond maxSkew is not a fault of the network: the sender's
	// reports are wrong, and better ignored.
	maxSkew = 2 * time.Second
	// What has not been seen for so long (muted, camera off) sets no pace.
	syncStale = 2 * time.Second
)

// Sync relates the sound and the picture of one member. Give it to their Audio
// and Video. It holds only numbers, and never blocks.
//
// For each of the two it knows how long after it was taken, by the sender's
// clock, something is heard or seen here. That contains the unknown offset of
// the two machines' clocks, the same in both, so the difference is true. The
// earlier one is held back by what exceeds syncSlack: pictures wait, still
// encoded, in the frame buffer; sound gets a longer jitter buffer.
type Sync struct {
	epoch time.Time
	heard latency // sound, as it leaves the speaker
	ready latency // picture, when it could be decoded
	shown latency // picture, when it was handed to its sink
}

// NewSync makes a Sync. now is the clock its Audio and Video use, nil for time.Now.
func NewSync(now func() time.Time) *Sync {
	if now == nil {
		now = time.Now
	}
	return &Sync{epoch: now()}
}

// Offset is how much later the sound is than the picture now; negative when the
// picture is. It is unknown until both run and both had a sender report, and
// when one of them has stopped.
func (s *Sync) Offset() (offset time.Duration, ok bool) {
	heard, at, ok1 := s.heard.get()
	shown, at2, ok2 := s.shown.get()
	if !ok1 || !ok2 || (at-at2).Abs() > syncStale {
		return 0, false
	}
	return heard - shown, true
}

// release returns when a picture taken at captured (sender's clock, ns) and
// ready now is to be decoded and shown: now, or later if the sound is late.
func (s *Sync) release(captured int64, now time.Time) time.Time {
	local := now.Sub(s.epoch)
	s.ready.observe(local-time.Duration(captured), local)
	heard, at, ok := s.heard.get()
	if !ok || local-at > syncStale {
		return now
	}
	hold := time.Duration(captured) + heard - syncSlack - local
	if hold > maxSkew {
		return now
	}
	return now.Add(min(max(hold, 0), maxSyncDelay))
}

// saw notes that a picture taken at captured was handed to its sink.
func (s *Sync) saw(captured int64, now time.Time) {
	local := now.Sub(s.epoch)
	s.shown.observe(local-time.Duration(captured), local)
}

// hear notes that sound taken at captured (sender's clock, ns) is heard at the
// local time at, and returns how much longer than this very block it ought to
// be delayed for the picture's sake; negative if it may be shorter. ok is false
// while nothing can be said.
func (s *Sync) hear(captured int64, at time.Time) (more time.Duration, ok bool) {
	local := at.Sub(s.epoch)
	took := local - time.Duration(captured)
	s.heard.observe(took, local)
	ready, seen, ok := s.ready.get()
	if !ok || local-seen > syncStale {
		return 0, false
	}
	more = ready - syncSlack - took
	return more, more < maxSkew
}

// latency is a smoothed delay with one writer and any number of readers. It
// includes the offset of two clocks, so its size says nothing by itself.
type latency struct {
	value atomic.Int64
	at    atomic.Int64 // when it was last observed, 0 for never
}

// smoothing is the time constant of a latency.
const smoothing = time.Second

func (l *latency) observe(v, at time.Duration) {
	old, last, ok := l.get()
	if ok && (v-old).Abs() < maxSkew/4 && at-last < syncStale {
		share := float64(at-last) / float64(smoothing)
		v = old + time.Duration(float64(v-old)*min(max(share, 0), 1))
	}
	l.value.Store(int64(v))
	l.at.Store(max(int64(at), 1))
}

func (l *latency) get() (v, at time.Duration, ok bool) {
	at = time.Duration(l.at.Load())
	return time.Duration(l.value.Load()), at, at != 0
}
