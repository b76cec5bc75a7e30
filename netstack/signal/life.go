package signal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

const (
	silentAfter = 5 * time.Second // the host pings every 1.5 s
	moveAfter   = time.Second     // the same, after another network was seen
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
	if c.done || c.cfg.Rehearse || c.ctx.Err() != nil {
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
		s, err := c.connectNow()
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

// connectNow connects, and starts anew if the network changes meanwhile.
func (c *Client) connectNow() (*socket, error) {
	for {
		ctx, cancel := context.WithCancel(c.ctx)
		done := make(chan struct{})
		woken := make(chan bool, 1)
		go func() {
			select {
			case <-c.hurry:
				cancel()
				woken <- true
			case <-done:
				woken <- false
			}
		}()
		s, err := c.connect(ctx)
		close(done)
		again := <-woken
		cancel()
		if err == nil || !again || c.ctx.Err() != nil {
			return s, err
		}
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
// open when the client is closed. After Wake it does not wait long, and not at
// all if the address the connection is from is gone.
func (c *Client) watch(s *socket, stop <-chan struct{}) error {
	var woken <-chan time.Time
	var before int64 // when something was last heard, at Wake
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-c.ctx.Done():
			s.cut()
			return nil
		case <-c.hurry:
			if !here(s.ws.LocalAddr()) {
				s.cut()
				return errMoved
			}
			before = s.heard.Load()
			s.askPing()
			woken = time.After(moveAfter)
		case <-woken:
			if s.heard.Load() == before {
				s.cut()
				return errMoved
			}
		case <-t.C:
			if s.silence() > silentAfter {
				s.cut()
				return fmt.Errorf("%w for %v", ErrSilent, silentAfter)
			}
		}
	}
}

// errMoved: the network the connection went through is gone.
var errMoved = errors.New("this machine has another network now")

// here reports whether an address is on an interface of this machine that is
// up, as far as can be known.
func here(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	all, err := net.Interfaces()
	if !ok || err != nil {
		return true
	}
	for _, i := range all {
		addrs, _ := i.Addrs()
		if i.Flags&net.FlagUp != 0 && slices.ContainsFunc(addrs, func(b net.Addr) bool {
			n, ok := b.(*net.IPNet)
			return ok && n.IP.Equal(t.IP)
		}) {
			return true
		}
	}
	return false
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
