package capture

import (
	"sync"
	"time"
)

// pacer is the clock of a device that plays a file: one turn every period, on
// time in the long run. Turns that nobody waited for in time are left out.
type pacer struct {
	start   time.Time
	period  time.Duration
	turn    int64
	timer   *time.Timer
	closing chan struct{}
	once    sync.Once
}

// newPacer starts the clock.
func newPacer(period time.Duration) *pacer {
	return &pacer{start: time.Now(), period: period, turn: -1, closing: make(chan struct{})}
}

// close ends a wait.
func (p *pacer) close() { p.once.Do(func() { close(p.closing) }) }

// lateness is how many turns may be made up for in a hurry.
const lateness = 5

// wait blocks until the next turn is due and returns when it was; the zero
// time after close.
func (p *pacer) wait() time.Time {
	p.turn++
	if late := int64(time.Since(p.start)/p.period) - p.turn; late > lateness {
		p.turn += late
	}
	due := p.start.Add(time.Duration(p.turn) * p.period)
	if p.timer == nil {
		p.timer = time.NewTimer(time.Until(due))
	} else {
		p.timer.Reset(time.Until(due))
	}
	select {
	case <-p.timer.C:
		return due
	case <-p.closing:
		p.timer.Stop()
		return time.Time{}
	}
}
