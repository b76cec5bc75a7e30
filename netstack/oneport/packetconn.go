package oneport

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// PacketConn makes a net.PacketConn of the packets a Socket gives to a Sink,
// for libraries that read for themselves, such as pion/ice's UDPMux. Each
// packet is copied once, into memory that is used again; nothing is allocated
// per packet as long as it is read and written with netip addresses. A reader
// that does not keep up loses packets, as with a socket.
type PacketConn struct {
	socket *Socket
	queue  chan packet
	pool   sync.Pool
	lost   atomic.Uint64

	done     chan struct{}
	once     sync.Once
	deadline deadline
}

type packet struct {
	data *[maxPacket]byte
	n    int
	from netip.AddrPort
}

// queued packets: 10 ms of 25,000 a second.
const queued = 256

// NewPacketConn returns a sink for s that is a net.PacketConn.
func NewPacketConn(s *Socket) *PacketConn {
	c := &PacketConn{socket: s, queue: make(chan packet, queued), done: make(chan struct{})}
	c.pool.New = func() any { return new([maxPacket]byte) }
	c.deadline.init()
	return c
}

// Packet queues a copy of p, or drops it if the queue is full.
func (c *PacketConn) Packet(p []byte, from netip.AddrPort) {
	select {
	case <-c.done:
		return
	default:
	}
	buf := c.pool.Get().(*[maxPacket]byte)
	select {
	case c.queue <- packet{buf, copy(buf[:], p), from}:
	default:
		c.pool.Put(buf)
		c.lost.Add(1)
	}
}

// Lost is how many packets came faster than they were read.
func (c *PacketConn) Lost() uint64 { return c.lost.Load() }

// ReadFromAddrPort waits for a packet. What does not fit into p is cut off.
func (c *PacketConn) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	for {
		expired, changed := c.deadline.wait()
		select {
		case k := <-c.queue:
			n := copy(p, k.data[:k.n])
			c.pool.Put(k.data)
			return n, k.from, nil
		case <-c.done:
			return 0, netip.AddrPort{}, net.ErrClosed
		case <-expired:
			return 0, netip.AddrPort{}, errTimeout{}
		case <-changed:
		}
	}
}

// ReadFrom is ReadFromAddrPort with a net.Addr, which it allocates.
func (c *PacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(p)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToAddrPort sends p from the socket's address.
func (c *PacketConn) WriteToAddrPort(p []byte, to netip.AddrPort) (int, error) {
	return c.socket.WriteTo(p, to)
}

// WriteTo is WriteToAddrPort for a *net.UDPAddr.
func (c *PacketConn) WriteTo(p []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.AddrError{Err: "not a UDP address", Addr: to.String()}
	}
	a := u.AddrPort()
	return c.socket.WriteTo(p, netip.AddrPortFrom(a.Addr().Unmap(), a.Port()))
}

// LocalAddr is the socket's address.
func (c *PacketConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.socket.local) }

// Close ends reading; the socket stays open for its other users.
func (c *PacketConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return nil
}

// SetDeadline sets the time after which reads fail.
func (c *PacketConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline sets the time after which reads fail, also one that waits.
func (c *PacketConn) SetReadDeadline(t time.Time) error { c.deadline.set(t); return nil }

// SetWriteDeadline does nothing: the socket is shared, and sending a datagram
// hardly ever waits.
func (c *PacketConn) SetWriteDeadline(time.Time) error { return nil }

// errTimeout is os.ErrDeadlineExceeded's equal for connections of our own.
type errTimeout struct{}

func (errTimeout) Error() string   { return "read from port: deadline passed" }
func (errTimeout) Timeout() bool   { return true }
func (errTimeout) Temporary() bool { return true }

// deadline is a time that can be moved while somebody waits for it.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer
	expired chan struct{}
	changed chan struct{}
}

func (d *deadline) init() { d.expired, d.changed = make(chan struct{}), make(chan struct{}) }

func (d *deadline) wait() (expired, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.expired, d.changed
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	close(d.changed)
	expired := make(chan struct{})
	d.expired, d.changed = expired, make(chan struct{})
	switch wait := time.Until(t); {
	case t.IsZero():
	case wait <= 0:
		close(expired)
	default:
		d.timer = time.AfterFunc(wait, func() { close(expired) })
	}
}
