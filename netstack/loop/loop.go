// Package loop runs functions one at a time on a goroutine of their own, so
// that the state they touch needs no lock.
package loop

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed is returned once the loop has stopped.
var ErrClosed = errors.New("loop is closed")

// Loop owns some state by being the only goroutine that touches it.
type Loop struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wake   chan struct{}

	mu    sync.Mutex
	queue []func()
}

// New starts a loop. Close must be called.
func New(ctx context.Context) *Loop {
	l := &Loop{wake: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.wg.Add(1)
	go l.run()
	return l
}

// Post runs fn on the loop, later, after everything posted before. It never
// blocks, so that callbacks of libraries may post and return, and the loop may
// post to itself. It returns ErrClosed once the loop has stopped.
func (l *Loop) Post(fn func()) error {
	if l.ctx.Err() != nil {
		return ErrClosed
	}
	l.mu.Lock()
	l.queue = append(l.queue, fn)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// Do runs fn on the loop and waits for it. It must not be called from the loop.
func (l *Loop) Do(fn func()) error {
	done := make(chan struct{})
	if err := l.Post(func() { defer close(done); fn() }); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-l.ctx.Done():
		return ErrClosed
	}
}

// Go starts fn on a goroutine that Close cancels and waits for.
func (l *Loop) Go(fn func(context.Context)) {
	l.wg.Add(1)
	go func() { defer l.wg.Done(); fn(l.ctx) }()
}

// Done is closed when the loop is told to stop.
func (l *Loop) Done() <-chan struct{} { return l.ctx.Done() }

// Close stops the loop and waits for everything it started. What is still
// queued does not run. It must not be called from the loop.
func (l *Loop) Close() {
	l.cancel()
	l.wg.Wait()
}

func (l *Loop) run() {
	defer l.wg.Done()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.wake:
		}
		for {
			l.mu.Lock()
			tasks := l.queue
			l.queue = nil
			l.mu.Unlock()
			if len(tasks) == 0 {
				break
			}
			for _, fn := range tasks {
				if l.ctx.Err() != nil {
					return
				}
				fn()
			}
		}
	}
}
