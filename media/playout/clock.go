package playout

import (
	"sync/atomic"
	"time"
)

// reportEvery is how often the newest sender report is asked for. Senders send
// one every second or so.
const reportEvery = 100 * time.Millisecond

// maxOffset is the largest offset between sender and this machine, beyond what
// sender reports say, that a capture time may show before it is held for wrong.
const maxOffset = 10 * time.Second

// anchor is one sender report in use: it turns RTP timestamps of one stream
// into the sender's time, and that into this machine's. An anchor does not
// change once it is published.
type anchor struct {
	ntp    int64 // sender's clock, in ns since 1970
	rtp    uint32
	rate   int64
	offset time.Duration // local clock (since epoch) minus sender's, with the least delay seen
}

// captured returns the sender's time of an RTP timestamp, in ns.
func (a *anchor) captured(ts uint32) int64 {
	return a.ntp + int64(int32(ts-a.rtp))*int64(time.Second)/a.rate
}

// senderClock keeps the anchor of one stream up to date. It may be used from any
// goroutine.
type senderClock struct {
	report func() (SenderReport, bool)
	epoch  time.Time
	rate   int64
	busy   atomic.Bool // someone refreshes; what follows is theirs

	asked   time.Time
	last    SenderReport
	offsets [8]time.Duration // of the newest reports
	n       int
	cur     atomic.Pointer[anchor]
}

func newSenderClock(report func() (SenderReport, bool), epoch time.Time, rate int) *senderClock {
	return &senderClock{report: report, epoch: epoch, rate: int64(rate)}
}

// refresh takes over a new sender report, if there is one. If another goroutine
// is at it, nothing is done.
func (c *senderClock) refresh(now time.Time) {
	if c.report == nil || !c.busy.CompareAndSwap(false, true) {
		return
	}
	defer c.busy.Store(false)
	if !c.asked.IsZero() && now.Sub(c.asked) < reportEvery {
		return
	}
	c.asked = now
	sr, ok := c.report()
	if !ok || sr.NTP.IsZero() || sr.NTP.Equal(c.last.NTP) && sr.RTPTime == c.last.RTPTime {
		return
	}
	c.last = sr
	// The least of the newest offsets belongs to the report that was delayed
	// the least on its way.
	c.offsets[c.n%len(c.offsets)] = time.Duration(int64(sr.At.Sub(c.epoch)) - sr.NTP.UnixNano())
	c.n++
	least := c.offsets[0]
	for _, o := range c.offsets[:min(c.n, len(c.offsets))] {
		least = min(least, o)
	}
	c.cur.Store(&anchor{ntp: sr.NTP.UnixNano(), rtp: sr.RTPTime, rate: c.rate, offset: least})
}

// get returns the anchor in use, or nil.
func (c *senderClock) get() *anchor { return c.cur.Load() }

// local returns when the picture or sample with timestamp ts was taken, on this
// machine's clock; zero while that is unknown. oneWay is how long the fastest
// packets are on their way.
func (c *senderClock) local(ts uint32, oneWay time.Duration, now time.Time) time.Time {
	a := c.get()
	if a == nil {
		return time.Time{}
	}
	at := c.epoch.Add(time.Duration(a.captured(ts)) + a.offset - oneWay)
	if d := now.Sub(at); d < -maxOffset || d > maxOffset {
		return time.Time{}
	}
	return at
}
