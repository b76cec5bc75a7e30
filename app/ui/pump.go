package ui

import (
	"sync"
	"sync/atomic"
	"time"
)

// How far apart the pump hands pictures over. Fyne paints at most every 16.7 ms,
// and then the whole window, so more tiles at their own pace would only cost
// repaints: from two on they share one every 1/30 s.
const (
	spacingOne  = 15 * time.Millisecond
	spacingFew  = 32 * time.Millisecond // 2 to 9 tiles
	spacingMany = 50 * time.Millisecond // 10 and more
	// rideAlong is how long a picture that does not wake the pump waits for one
	// that does.
	rideAlong = 60 * time.Millisecond
)

func spacingFor(tiles int) time.Duration {
	switch {
	case tiles <= 1:
		return spacingOne
	case tiles <= 9:
		return spacingFew
	}
	return spacingMany
}

// Pump carries pictures from any goroutine to the window. It is driven by
// events: the first picture after a pause is handed over at once, those that
// follow within the spacing together. At most one call to the main goroutine is
// ever queued. It has no goroutine of its own.
type Pump struct {
	do    func(func()) // runs on the main goroutine, in order: fyne.Do
	now   func() time.Time
	after func(time.Duration, func()) *time.Timer
	run   func() // p.swap, made once so that wake allocates nothing

	queued  atomic.Bool  // a call is queued or a timer runs
	posted  atomic.Bool  // a call is queued
	last    atomic.Int64 // when pictures were handed over, in ns of now
	spacing atomic.Int64
	asked   atomic.Int64 // when the call was queued, in ns of now
	lag     atomic.Int64 // how long such a call waited lately
	stopped atomic.Bool

	mu    sync.Mutex
	timer *time.Timer
	early bool // the timer was set for a picture that rides along

	surfaces []*Surface  // main goroutine
	each     func()      // main goroutine, after every hand-over: meters and rings
	handed   func(n int) // for tests
}

// newPump returns a Pump that runs things on the main goroutine with do.
func newPump(do func(func())) *Pump {
	p := &Pump{do: do, now: time.Now, after: time.AfterFunc}
	p.run = p.swap
	p.spacing.Store(int64(spacingOne))
	return p
}

// setSurfaces says which surfaces there are. Main goroutine.
func (p *Pump) setSurfaces(s []*Surface) {
	p.surfaces = s
	eager := 0
	for _, x := range s {
		if x.eager {
			eager++
		}
	}
	p.spacing.Store(int64(spacingFor(eager)))
}

// wake says that a picture waits. It does not block. One that is not eager is
// carried by the next that is, or after rideAlong.
func (p *Pump) wake(eager bool) {
	if p.stopped.Load() {
		return
	}
	if !p.queued.CompareAndSwap(false, true) {
		if eager {
			p.hurry()
		}
		return
	}
	wait := p.apart() - p.since()
	if !eager {
		wait = max(wait, rideAlong)
	}
	if wait <= 0 {
		p.post()
		return
	}
	p.wait(wait, !eager)
}

// maxApart is the most that hand-overs are apart, however busy the main
// goroutine is.
const maxApart = 300 * time.Millisecond

// apart is how far apart hand-overs are now. While the main goroutine is busy
// with painting, a call waits as long as a paint takes: then pictures leave it
// half of its time, so that keys and clicks are answered.
func (p *Pump) apart() time.Duration {
	return max(time.Duration(p.spacing.Load()), min(2*time.Duration(p.lag.Load()), maxApart))
}

func (p *Pump) since() time.Duration {
	return time.Duration(p.now().UnixNano() - p.last.Load())
}

func (p *Pump) wait(d time.Duration, early bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.early = early
	if p.timer == nil {
		p.timer = p.after(d, p.post)
		return
	}
	p.timer.Reset(d)
}

// hurry shortens a wait that was for a picture that rides along.
func (p *Pump) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.early || !p.timer.Stop() {
		return
	}
	p.early = false
	wait := p.apart() - p.since()
	if wait > 0 {
		p.timer.Reset(wait)
		return
	}
	p.post()
}

// post queues the hand-over.
func (p *Pump) post() {
	p.asked.Store(p.now().UnixNano())
	p.posted.Store(true)
	p.do(p.run)
}

// beforePaint hands over what is due, when Fyne is about to paint and its queue
// has not had its turn: after a long paint both are ready, and Fyne takes either.
// Main goroutine.
func (p *Pump) beforePaint(float32) { p.swap() }

// swap hands every waiting picture over, if that is due. Main goroutine.
func (p *Pump) swap() {
	if !p.posted.CompareAndSwap(true, false) {
		return
	}
	now := p.now().UnixNano()
	p.last.Store(now)
	lag := p.lag.Load()
	p.lag.Store(lag + (now-p.asked.Load()-lag)/4)
	p.queued.Store(false) // before looking: what comes now wakes the pump again
	if p.stopped.Load() {
		return
	}
	n := 0
	for _, s := range p.surfaces {
		if s.swap() {
			n++
		}
	}
	if n > 0 && p.each != nil {
		p.each()
	}
	if p.handed != nil {
		p.handed(n)
	}
}

// setRunning starts or stops the pump; a hidden window needs no pictures.
func (p *Pump) setRunning(on bool) {
	p.stopped.Store(!on)
	if on {
		p.wake(true) // what came meanwhile
	}
}

// close stops the pump for good.
func (p *Pump) close() {
	p.stopped.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}
