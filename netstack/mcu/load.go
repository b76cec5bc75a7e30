package mcu

import (
	"sync/atomic"
	"time"
)

// How lateness of the sound slows the pictures.
const (
	lateAfter = 15 * time.Millisecond // a block later than that is a sign of need
	loadStep  = 300 * time.Millisecond
	loadCalm  = 4 * time.Second // without a late block, before pictures get more again
	maxLoad   = 3               // 30 >> 3: nearly 4 pictures a second
)

// load is how far pictures have to give way: their rate is halved so many
// times. One goroutine writes, any may read.
type load struct {
	level   atomic.Int32
	changed time.Time // the writer's
	late    time.Time
}

// note takes over how late a block of sound was begun.
func (l *load) note(late time.Duration, now time.Time) {
	level := l.level.Load()
	switch {
	case late >= lateAfter:
		l.late = now
		if level < maxLoad && now.Sub(l.changed) >= loadStep {
			l.level.Store(level + 1)
			l.changed = now
		}
	case level > 0 && now.Sub(l.late) >= loadCalm && now.Sub(l.changed) >= loadCalm:
		l.level.Store(level - 1)
		l.changed = now
	}
}

// interval is how far apart pictures are now.
func (l *load) interval() time.Duration { return frameInterval << l.level.Load() }
