package mcu

import (
	"sync/atomic"
	"time"
)

// How lateness of the sound slows the pictures. A late block now and then is no
// need: listeners hold more sound than that.
const (
	lateAfter  = 20 * time.Millisecond
	loadWindow = 50 // wake-ups: half a second
	lateMany   = 4  // late ones of a window: pictures get fewer
	lateFew    = 1  // not more than so many, and the window is calm
	calmMany   = 4  // calm windows in a row: pictures get more again
	maxLoad    = 3  // 30 >> 3: nearly 4 pictures a second
)

// load is how far pictures have to give way: their rate is halved so many
// times. One goroutine writes, any may read.
type load struct {
	level atomic.Int32
	n     int // wake-ups in this window
	late  int // of them, late
	calm  int // windows
}

// note takes over how late a block of sound was begun.
func (l *load) note(late time.Duration) {
	l.n++
	if late >= lateAfter {
		l.late++
	}
	level := l.level.Load()
	switch {
	case l.late >= lateMany:
		l.level.Store(min(level+1, maxLoad))
		l.calm = 0
	case l.n < loadWindow:
		return
	case l.late > lateFew:
		l.calm = 0
	default:
		if l.calm++; l.calm >= calmMany {
			l.level.Store(max(level-1, 0))
			l.calm = 0
		}
	}
	l.n, l.late = 0, 0
}

// interval is how far apart pictures are now.
func (l *load) interval() time.Duration { return frameInterval << l.level.Load() }
