package relay

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v4"
)

const (
	// streamBuffer holds what was read and not taken apart yet.
	streamBuffer = 8 << 10
	// queuedFrames wait to be sent on a stream: 128 are about a quarter of a
	// second at the default bitrate. What comes then is lost, as on a slow
	// link; waiting would make the call late, and hold up others.
	queuedFrames = 128
	// streamSendBuffer keeps the kernel from hiding a second of media.
	streamSendBuffer = 64 << 10
	// proveWithin is how long a connection may live without an allocation,
	// idleAfter how long with one: longer than allocations last unrefreshed.
	proveWithin = 15 * time.Second
	idleAfter   = 11 * time.Minute
	writeWithin = 5 * time.Second
)

// streamSite is TURN over TCP and TLS at one local address: the net.Listener
// pion accepts from.
type streamSite struct {
	srv   *Server
	local netip.Addr
	turn  *turn.Server
	queue chan *stream
	done  chan struct{}
	once  sync.Once

	mu      sync.Mutex
	streams map[netip.AddrPort]*stream
}

// takeStream hands a connection to pion at the address it came in on.
func (s *Server) takeStream(c net.Conn) error {
	local := toAddrPort(c.LocalAddr()).Addr().WithZone("")
	x, err := s.streamSite(local)
	if err != nil {
		return err
	}
	secure, ok := c.(interface{ Secure() bool })
	t := newStream(x, c, ok && secure.Secure())
	if !x.add(t) {
		return ErrClosed
	}
	select {
	case x.queue <- t:
		return nil
	case <-x.done:
		_ = t.Close()
		return ErrClosed
	}
}

func (s *Server) streamSite(local netip.Addr) (*streamSite, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if x := s.streams[local]; x != nil {
		return x, nil
	}
	x := &streamSite{
		srv: s, local: local,
		queue:   make(chan *stream),
		done:    make(chan struct{}),
		streams: make(map[netip.AddrPort]*stream),
	}
	cfg, permit := s.talk(x.client, x.alloc)
	cfg.ListenerConfigs = []turn.ListenerConfig{{
		Listener: x, RelayAddressGenerator: generator{s, local}, PermissionHandler: permit,
	}}
	var err error
	if x.turn, err = turn.NewServer(cfg); err != nil {
		return nil, fmt.Errorf("serve TURN: %w", err)
	}
	s.wg.Add(1) // until pion stops accepting
	s.streams[local] = x
	return x, nil
}

// Accept gives pion the next connection.
func (x *streamSite) Accept() (net.Conn, error) {
	select {
	case t := <-x.queue:
		return t, nil
	case <-x.done:
		x.srv.wg.Done()
		return nil, net.ErrClosed
	}
}

// Close is part of net.Listener.
func (x *streamSite) Close() error { x.close(); return nil }

// Addr is the local address.
func (x *streamSite) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(x.local, 0))
}

func (x *streamSite) close() {
	x.once.Do(func() { close(x.done) })
	x.mu.Lock()
	open := x.streams
	x.streams = nil
	x.mu.Unlock()
	for _, t := range open {
		_ = t.Close()
	}
}

func (x *streamSite) add(t *stream) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.streams == nil {
		return false
	}
	x.streams[t.at] = t
	x.srv.wg.Add(1) // until Close, which pion calls
	return true
}

func (x *streamSite) find(at netip.AddrPort) *stream {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.streams[at]
}

func (x *streamSite) client(src net.Addr) client {
	if t := x.find(toAddrPort(src)); t != nil {
		return t
	}
	return nil
}

func (x *streamSite) alloc(from netip.AddrPort) *allocation {
	if t := x.find(from); t != nil {
		return t.a.Load()
	}
	return nil
}

// stream is one TURN connection: the net.Conn pion reads requests from. Data
// frames are dealt with while reading.
type stream struct {
	net.Conn
	site   *streamSite
	at     netip.AddrPort
	secure bool
	guard  guard
	reader reader
	a      atomic.Pointer[allocation]

	buf        [streamBuffer]byte
	start, end int
	extended   time.Time // when the read deadline was last moved

	out    chan *frameOut
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	stopped bool
	writing bool
	writer  sync.WaitGroup
}

// frameOut is a frame that waits to be sent.
type frameOut struct {
	n    int
	data [maxFrame]byte
}

var framesOut = sync.Pool{New: func() any { return new(frameOut) }}

func newStream(x *streamSite, c net.Conn, secure bool) *stream {
	t := &stream{
		Conn: c, site: x, at: toAddrPort(c.RemoteAddr()), secure: secure,
		out: make(chan *frameOut, queuedFrames), closed: make(chan struct{}),
	}
	t.guard = guard{
		srv: x.srv, local: x.local,
		alloc: func(netip.AddrPort) *allocation { return t.a.Load() },
		reply: func(p []byte, _ netip.AddrPort) { _, _ = t.Write(p) },
	}
	_ = c.SetReadDeadline(time.Now().Add(proveWithin))
	if b, ok := c.(interface{ SetWriteBuffer(int) error }); ok {
		_ = b.SetWriteBuffer(streamSendBuffer)
	}
	return t
}

// Read gives pion the next frame it is to see, one at a time.
func (t *stream) Read(p []byte) (int, error) {
	t.reader.made()
	for {
		size, err := frameSize(t.buf[t.start:t.end])
		if err != nil {
			return 0, err
		}
		if size == 0 || size > t.end-t.start {
			if err := t.fill(); err != nil {
				return 0, err
			}
			continue
		}
		frame := t.buf[t.start : t.start+size]
		t.start += size
		if t.guard.pass(frame, t.at) {
			return copy(p, frame), nil
		}
	}
}

// fill reads more. A frame always fits: maxFrame is less than streamBuffer.
func (t *stream) fill() error {
	if t.start > 0 {
		t.end = copy(t.buf[:], t.buf[t.start:t.end])
		t.start = 0
	}
	if now := time.Now(); t.a.Load() != nil && now.Sub(t.extended) > time.Minute {
		t.extended = now
		_ = t.Conn.SetReadDeadline(now.Add(idleAfter))
	}
	n, err := t.Conn.Read(t.buf[t.end:])
	t.end += n
	if n > 0 {
		return nil
	}
	return err
}

// Write sends an answer of pion or the guard.
func (t *stream) Write(p []byte) (int, error) {
	t.reader.made()
	return t.put(p)
}

// put is Write for any goroutine.
func (t *stream) put(p []byte) (int, error) {
	_ = t.Conn.SetWriteDeadline(time.Now().Add(writeWithin))
	return t.Conn.Write(p)
}

// Close ends the connection and its allocation.
func (t *stream) Close() error {
	t.once.Do(func() {
		t.mu.Lock()
		t.stopped = true
		t.mu.Unlock()
		close(t.closed)
		_ = t.Conn.Close()
		if a := t.a.Load(); a != nil {
			_ = a.sock.Close()
		}
		t.site.mu.Lock()
		if t.site.streams[t.at] == t {
			delete(t.site.streams, t.at)
		}
		t.site.mu.Unlock()
		t.writer.Wait()
		t.site.srv.wg.Done()
	})
	return nil
}

func (t *stream) stream() bool         { return true }
func (t *stream) addr() netip.AddrPort { return t.at }
func (t *stream) requests() *reader    { return &t.reader }

func (t *stream) transport() Transport {
	if t.secure {
		return TLS
	}
	return TCP
}

// adopt starts the goroutine that sends what comes for the client.
func (t *stream) adopt(a *allocation) {
	t.a.Store(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writing || t.stopped {
		return
	}
	t.writing = true
	t.writer.Add(1)
	go t.write()
}

func (t *stream) forget(a *allocation) { t.a.CompareAndSwap(a, nil) }

// send queues a copy of a frame, or drops it.
func (t *stream) send(p []byte) {
	f := framesOut.Get().(*frameOut)
	f.n = copy(f.data[:], p)
	select {
	case t.out <- f:
	default:
		framesOut.Put(f)
	}
}

// write sends what is queued, as much as there is with one call.
func (t *stream) write() {
	defer t.writer.Done()
	batch := make([]byte, 0, 4*maxFrame)
	for {
		select {
		case <-t.closed:
			return
		case f := <-t.out:
			batch = appendFrame(batch[:0], f)
		}
	more:
		for len(batch) <= 3*maxFrame {
			select {
			case f := <-t.out:
				batch = appendFrame(batch, f)
			default:
				break more
			}
		}
		if _, err := t.put(batch); err != nil {
			_ = t.Conn.Close() // pion's reading fails by it and closes the rest
			return
		}
	}
}

func appendFrame(b []byte, f *frameOut) []byte {
	b = append(b, f.data[:f.n]...)
	framesOut.Put(f)
	return b
}
