package signal

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// memListener is a network in memory, for tests in virtual time: unlike
// net.Pipe it buffers, as TCP does.
type memListener struct {
	accept chan net.Conn
	once   sync.Once
	done   chan struct{}
}

func newMemListener() *memListener {
	return &memListener{accept: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memListener) Addr() net.Addr { return memAddr{} }

type memAddr struct{}

func (memAddr) Network() string { return "mem" }
func (memAddr) String() string  { return "192.0.2.1:7788" }

// dial makes a connection; both its ends can be made to fall silent.
func (l *memListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a, b := newMemHalf(), newMemHalf()
	near, far := &memConn{in: a, out: b}, &memConn{in: b, out: a}
	select {
	case l.accept <- far:
		return near, nil
	case <-l.done:
		return nil, io.ErrUnexpectedEOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// memHalf is one direction.
type memHalf struct {
	mu       sync.Mutex
	cond     *sync.Cond
	buf      []byte
	closed   bool
	dead     bool // drops what is written
	deadline time.Time
	timer    *time.Timer
}

func newMemHalf() *memHalf {
	h := &memHalf{}
	h.cond = sync.NewCond(&h.mu)
	return h
}

type memConn struct{ in, out *memHalf }

func (c *memConn) Read(b []byte) (int, error) {
	h := c.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case len(h.buf) > 0:
			n := copy(b, h.buf)
			h.buf = h.buf[n:]
			return n, nil
		case h.closed:
			return 0, io.EOF
		case !h.deadline.IsZero() && !time.Now().Before(h.deadline):
			return 0, os.ErrDeadlineExceeded
		}
		h.cond.Wait()
	}
}

func (c *memConn) Write(b []byte) (int, error) {
	h := c.out
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	if !h.dead {
		h.buf = append(h.buf, b...)
		h.cond.Broadcast()
	}
	return len(b), nil
}

func (c *memConn) Close() error {
	for _, h := range []*memHalf{c.in, c.out} {
		h.mu.Lock()
		h.closed = true
		if h.timer != nil {
			h.timer.Stop()
		}
		h.cond.Broadcast()
		h.mu.Unlock()
	}
	return nil
}

// silence lets nothing through any more in the direction of the writer.
func (c *memConn) silence() {
	c.out.mu.Lock()
	c.out.dead = true
	c.out.mu.Unlock()
}

func (c *memConn) SetReadDeadline(t time.Time) error {
	h := c.in
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deadline = t
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	if !t.IsZero() {
		h.timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			h.cond.Broadcast()
			h.mu.Unlock()
		})
	}
	h.cond.Broadcast()
	return nil
}

func (c *memConn) SetWriteDeadline(time.Time) error { return nil } // never blocks
func (c *memConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *memConn) LocalAddr() net.Addr              { return memAddr{} }
func (c *memConn) RemoteAddr() net.Addr             { return memAddr{} }
