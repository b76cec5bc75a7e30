// Package fault keeps a panic from taking more with it than it must: at a host,
// the one connection it was met for.
package fault

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// mostLogged is how many panics a Counter logs; all are counted.
const mostLogged = 100

// Counter counts panics. The zero Counter is ready.
type Counter struct{ n atomic.Uint64 }

// Count is how many there were.
func (c *Counter) Count() uint64 { return c.n.Load() }

// Guard runs fn. If it panics, that is counted and logged, in words that name
// nobody, and then runs mend, which may be nil and may panic too.
func (c *Counter) Guard(log *slog.Logger, fn, mend func()) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if c.n.Add(1) <= mostLogged {
			log.Error("panicked", "cause", causeOf(p), "stack", string(debug.Stack()))
		}
		if mend != nil {
			defer func() { _ = recover() }() // what is broken may panic again
			mend()
		}
	}()
	fn()
}

// causeOf is what a log may hold of a panic: its words, if they are the runtime's,
// which name nobody.
func causeOf(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("%T", p)
}
