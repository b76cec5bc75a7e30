package signal

import (
	"errors"
	"fmt"
	"time"
)

const (
	silentAfter = 5 * time.Second // the host pings every 1.5 s
	stableAfter = 5 * time.Second // a connection that held so long starts the back-off anew
)

// run keeps the client connected until the end.
func (c *Client) run(s *socket) {
	tries := 0
	for {
		began := time.Now()
		err := c.serve(s)
		if c.ended(err) {
			return
		}
		if time.Since(began) >= stableAfter {
			tries = 0
		}
		c.events.Put(ConnectionLost{Err: err})
		lost := time.Now()
		if s, tries, err = c.comeBack(tries, lost); err != nil {
			c.ended(err)
			return
		}
	}
}

// ended reports whether err is the end, and if so says so.
func (c *Client) ended(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done || c.ctx.Err() != nil {
		err = ErrClosed
	}
	if !final(err) {
		return false
	}
	c.done = true
	c.stopGhostsLocked()
	why := err.Error()
	if c.farewell != "" {
		why = c.farewell
	}
	c.events.Put(RoomClosed{Why: why, Err: err})
	c.events.Finish()
	return true
}

// comeBack tries until the client is connected again or it makes no sense any
// more.
func (c *Client) comeBack(tries int, lost time.Time) (*socket, int, error) {
	wait := c.cfg.Backoff(tries)
	for {
		t := time.NewTimer(wait)
		select {
		case <-c.ctx.Done():
			t.Stop()
			return nil, tries, ErrClosed
		case <-t.C:
		case <-c.hurry:
			t.Stop()
			tries = 0
		}
		tries++
		s, err := c.connect(c.ctx)
		if err == nil {
			c.mu.Lock()
			c.events.Put(ConnectionRestored{After: time.Since(lost), Address: c.address})
			c.mu.Unlock()
			return s, tries, nil
		}
		if final(err) || c.ctx.Err() != nil {
			return nil, tries, err
		}
		wait = c.cfg.Backoff(tries)
		var w *WaitError
		if errors.As(err, &w) {
			wait = max(wait, w.After)
		}
		c.events.Put(RetryFailed{Err: err, Next: wait})
	}
}

// serve reads a connection to its end and returns why it ended.
func (c *Client) serve(s *socket) error {
	stop := make(chan struct{})
	watched := make(chan error, 1)
	go func() { watched <- c.watch(s, stop) }()
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.writeLoop(c.out, &c.received)
	}()
	err := c.listen(s)
	s.close(0, "", nil)
	close(s.drained)
	close(stop)
	<-written
	c.mu.Lock()
	c.sock = nil
	if c.done {
		c.cancel()
	}
	c.mu.Unlock()
	if silent := <-watched; silent != nil {
		return silent
	}
	return err
}

// watch cuts a connection over which nothing comes any more, and one that is
// open when the client is closed.
func (c *Client) watch(s *socket, stop <-chan struct{}) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-c.ctx.Done():
			s.cut()
			return nil
		case <-t.C:
			if s.silence() > silentAfter {
				s.cut()
				return fmt.Errorf("%w for %v", ErrSilent, silentAfter)
			}
		}
	}
}

// listen handles what arrives.
func (c *Client) listen(s *socket) error {
	for {
		f, err := s.read()
		if err != nil {
			return c.explain(err)
		}
		if !c.out.ack(f.Ack) {
			return fmt.Errorf("%w: acknowledged what was never sent", ErrProtocol)
		}
		if f.Seq != 0 {
			switch have := c.received.Load(); {
			case f.Seq <= have:
				continue // sent again, had it
			case f.Seq > have+1:
				return fmt.Errorf("%w: a message is missing", ErrProtocol)
			}
		}
		if err := c.take(f); err != nil {
			return err
		}
		if f.Seq != 0 {
			c.received.Store(f.Seq)
			s.poke() // to acknowledge
		}
	}
}

// explain turns the end of a connection into why it ended.
func (c *Client) explain(err error) error {
	kind := error(nil)
	switch closeCode(err) {
	case closeRoom:
		kind = ErrHostGone
	case closeRemoved:
		kind = ErrRemoved
	case closeReplaced:
		kind = ErrReplaced
	case closeTooSlow:
		kind = ErrTooSlow
	case closeProtocol, closeFault:
		kind = ErrProtocol
		c.mu.Lock()
		c.faulty = true
		c.mu.Unlock()
	default:
		return fmt.Errorf("connection to the host: %w", err)
	}
	return fmt.Errorf("%w (%w)", kind, err)
}
