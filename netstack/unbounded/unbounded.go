// Package unbounded holds a channel that never blocks its sender: how facts
// leave the goroutine that owns a state, all of them and in order.
package unbounded

import "sync"

// Channel is a queue with a channel at its end. The zero Channel is not ready:
// use New.
type Channel[T any] struct {
	out  chan T
	wake chan struct{}
	quit chan struct{}
	done chan struct{}

	mu     sync.Mutex
	queue  []T
	closed bool
}

// New returns a Channel. It ends by Close, or by Finish and reading Out to its
// end.
func New[T any]() *Channel[T] {
	c := &Channel[T]{
		out:  make(chan T),
		wake: make(chan struct{}, 1),
		quit: make(chan struct{}),
		done: make(chan struct{}),
	}
	go c.run()
	return c
}

// Put appends v. It does not block; after Close it does nothing.
func (c *Channel[T]) Put(v T) {
	c.mu.Lock()
	if !c.closed {
		c.queue = append(c.queue, v)
	}
	c.mu.Unlock()
	c.poke()
}

// Out yields what was put, in order. It is closed once everything that was put
// before Finish has been taken, or at once by Close.
func (c *Channel[T]) Out() <-chan T { return c.out }

// Finish takes nothing more; what is queued is still delivered, then Out is
// closed. It does not wait.
func (c *Channel[T]) Finish() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.poke()
}

// Close drops what is queued, closes Out and waits for the goroutine. It may
// be called twice.
func (c *Channel[T]) Close() {
	c.mu.Lock()
	c.closed = true
	select {
	case <-c.quit:
	default:
		close(c.quit)
	}
	c.mu.Unlock()
	<-c.done
}

func (c *Channel[T]) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Channel[T]) run() {
	defer close(c.done)
	defer close(c.out)
	for {
		c.mu.Lock()
		batch, closed := c.queue, c.closed
		c.queue = nil
		c.mu.Unlock()
		for _, v := range batch {
			select {
			case c.out <- v:
			case <-c.quit:
				return
			}
		}
		if len(batch) > 0 {
			continue
		}
		if closed {
			return
		}
		select {
		case <-c.wake:
		case <-c.quit:
			return
		}
	}
}
