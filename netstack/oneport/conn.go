package oneport

import (
	"net"
	"sync"
)

// Conn is a connection of which some first bytes were read to find out what it
// is; they are read again from it.
type Conn struct {
	net.Conn // TCP, or TLS on it
	tcp      *net.TCPConn
	head     []byte
	secure   bool
	release  func()
}

// Secure reports whether the connection came through TLS.
func (c *Conn) Secure() bool { return c.secure }

// Read reads the first bytes again, then from the connection.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// Close closes the connection and frees its place among those allowed.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}

// listener hands out connections of one kind.
type listener struct {
	port  *Port
	queue chan *Conn
	done  chan struct{}
	once  sync.Once
}

func newListener(p *Port) *listener {
	return &listener{port: p, queue: make(chan *Conn), done: make(chan struct{})}
}

// Accept waits for the next connection; net.ErrClosed after Close, also of the
// whole port.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
	case <-l.port.ctx.Done():
	}
	return nil, net.ErrClosed
}

// Close ends Accept. What arrives from then on is closed; the other kinds go on.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is the address of the port's first TCP listener.
func (l *listener) Addr() net.Addr { return l.port.listeners[0].Addr() }

// deliver waits until the connection is taken, and closes it if nobody will.
func (l *listener) deliver(c *Conn) {
	select {
	case l.queue <- c:
	case <-l.done:
		_ = c.Close()
	case <-l.port.ctx.Done():
		_ = c.Close()
	}
}

// SetWriteBuffer sets how much the system holds that was not sent yet, in
// bytes.
func (c *Conn) SetWriteBuffer(n int) error { return c.tcp.SetWriteBuffer(n) }
