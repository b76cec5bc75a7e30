package oneport

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// acceptor takes TCP connections and finds out what they are. It holds every
// connection that is open, to limit them and to close them at the end.
type acceptor struct {
	port *Port
	tls  *tls.Config

	mu      sync.Mutex
	closed  bool
	all     map[net.Conn]netip.Prefix
	perIP   map[netip.Prefix]int
	pending *list.List // of net.Conn, oldest first
}

func newAcceptor(p *Port) *acceptor {
	cfg := p.cfg.TLS.Clone()
	// ALPN (RFC 7301, RFC 7443): no HTTP/2, whose streams cannot be hijacked
	// for a websocket.
	cfg.NextProtos = []string{"http/1.1", "stun.turn"}
	return &acceptor{
		port: p, tls: cfg,
		all:     make(map[net.Conn]netip.Prefix),
		perIP:   make(map[netip.Prefix]int),
		pending: list.New(),
	}
}

// run accepts until l is closed.
func (a *acceptor) run(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, or the client gave up
			a.port.log.Warn("accept a connection", "err", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		place := a.admit(c)
		if place == nil {
			_ = c.Close()
			continue
		}
		a.port.wg.Go(func() { a.serve(c.(*net.TCPConn), place) })
	}
}

// source is the unit connections are counted by: an address, or the /64 that
// one household has in IPv6.
func source(c net.Conn) netip.Prefix {
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	addr := t.AddrPort().Addr().Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	p, _ := addr.Prefix(bits) // fails for invalid addresses only
	return p
}

// admit counts c in, or returns nil if there are too many. Connections that
// have not said what they are do not keep others out: the oldest of them makes
// room, and an honest client is through in a round trip or two.
func (a *acceptor) admit(c net.Conn) *list.Element {
	src, lim := source(c), a.port.cfg.Limits
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.perIP[src] >= lim.PerIP || len(a.all)-a.pending.Len() >= lim.Total {
		return nil
	}
	if a.pending.Len() >= lim.Pending {
		oldest := a.pending.Remove(a.pending.Front()).(net.Conn)
		a.forgetLocked(oldest)
		_ = oldest.Close() // its goroutine ends by it
	}
	a.all[c] = src
	a.perIP[src]++
	return a.pending.PushBack(c)
}

func (a *acceptor) forgetLocked(c net.Conn) {
	src, ok := a.all[c]
	if !ok {
		return
	}
	delete(a.all, c)
	if a.perIP[src]--; a.perIP[src] == 0 {
		delete(a.perIP, src)
	}
}

// settle takes c off the list of those that have not said what they are.
func (a *acceptor) settle(place *list.Element) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending.Remove(place) // does nothing if it made room already
}

func (a *acceptor) closeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for c := range a.all {
		_ = c.Close()
	}
}

// serve finds out what the connection is and hands it to its listener.
func (a *acceptor) serve(raw *net.TCPConn, place *list.Element) {
	conn := &Conn{Conn: raw, tcp: raw, release: func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.forgetLocked(raw)
	}}
	_ = raw.SetDeadline(time.Now().Add(a.port.cfg.Limits.Peek))
	kind, err := conn.peek()
	if err == nil && kind == TLS {
		kind, err = conn.secureWith(a.tls, a.port.cfg.Limits.Peek)
	}
	a.settle(place)
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	switch {
	case err == nil && kind == Relay:
		a.port.relay.deliver(conn)
	case err == nil && kind == HTTP && conn.secure:
		a.port.http.deliver(conn)
	case err == nil && kind == HTTP:
		conn.refusePlain()
	default:
		_ = conn.Close()
	}
}

// peek reads up to peekSize bytes, no more than it needs to tell what the
// connection is, and leaves them to be read again.
func (c *Conn) peek() (Kind, error) {
	buf := make([]byte, 0, peekSize)
	for {
		kind, more := classifyStream(buf)
		if !more {
			c.head = buf
			return kind, nil
		}
		n, err := c.Conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return Unknown, err
		}
		buf = buf[:len(buf)+n]
	}
}

// secureWith ends TLS on c and looks at what is inside.
func (c *Conn) secureWith(cfg *tls.Config, limit time.Duration) (Kind, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	t := tls.Server(&Conn{Conn: c.Conn, head: c.head, release: func() {}}, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		return Unknown, err
	}
	c.Conn, c.head, c.secure = t, nil, true
	return c.peek()
}

const plainAnswer = "HTTP/1.1 400 Bad Request\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" +
	"Connection: close\r\n" +
	"\r\n" +
	"This is a Candid host. It speaks TLS only (https).\n"

// refusePlain answers a client that speaks HTTP without TLS.
func (c *Conn) refusePlain() {
	defer c.Close()
	_ = c.Conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c.Conn, plainAnswer); err != nil {
		return
	}
	// Closing with unread bytes would send a reset, which can overtake the
	// answer: read what is there.
	_ = c.tcp.CloseWrite()
	_, _ = io.CopyN(io.Discard, c.Conn, 16<<10)
}
