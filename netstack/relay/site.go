package relay

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/turn/v4"
)

// PacketWriter is the UDP socket a Site answers from.
type PacketWriter interface {
	// WriteTo sends one packet; it is called from many goroutines.
	WriteTo(p []byte, to netip.AddrPort) (int, error)
}

// Site is the relay at one local UDP address. Close and Packet must not be
// called at once.
type Site interface {
	// Packet takes a packet of a client. It does not block and keeps nothing
	// of p, but may change it.
	Packet(p []byte, from netip.AddrPort)
	// Close ends the allocations made here.
	Close() error
}

// site is the net.PacketConn that pion reads requests from; all else is dealt
// with in Packet.
type site struct {
	srv   *Server
	local netip.AddrPort
	out   PacketWriter
	guard guard
	turn  *turn.Server

	reader   reader
	requests chan request
	done     chan struct{}
	once     sync.Once

	mu      sync.RWMutex
	clients map[netip.AddrPort]*udpClient

	altMu   sync.Mutex
	alt     *alternate
	altDone sync.WaitGroup
}

type request struct {
	data []byte
	from netip.AddrPort
}

// queuedRequests wait for pion. They are rare, and repeated when lost.
const queuedRequests = 64

// Site starts serving at a local UDP address, with a socket bound to it.
func (s *Server) Site(local netip.AddrPort, out PacketWriter) (Site, error) {
	x := &site{
		srv: s, local: local, out: out,
		requests: make(chan request, queuedRequests),
		done:     make(chan struct{}),
		clients:  make(map[netip.AddrPort]*udpClient),
	}
	x.guard = guard{srv: s, local: local.Addr(), alloc: x.alloc, binding: x.binding, reply: func(p []byte, to netip.AddrPort) {
		_, _ = x.out.WriteTo(p, to)
	}}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	s.sites[x] = struct{}{}
	s.wg.Add(1) // until pion stops reading
	s.mu.Unlock()

	cfg, permit := s.talk(x.client, x.alloc)
	cfg.PacketConnConfigs = []turn.PacketConnConfig{{
		PacketConn: x, RelayAddressGenerator: generator{s, local.Addr()}, PermissionHandler: permit,
	}}
	var err error
	if x.turn, err = turn.NewServer(cfg); err != nil {
		_ = x.Close()
		s.wg.Done()
		return nil, fmt.Errorf("serve TURN: %w", err)
	}
	return x, nil
}

func (x *site) Packet(p []byte, from netip.AddrPort) {
	if !x.guard.pass(p, from) {
		return
	}
	select {
	case x.requests <- request{append([]byte(nil), p...), from}:
	default:
	}
}

// Close ends the site. pion closes it too.
func (x *site) Close() error {
	x.once.Do(func() {
		close(x.done)
		x.srv.mu.Lock()
		delete(x.srv.sites, x)
		x.srv.mu.Unlock()
		x.altMu.Lock()
		alt := x.alt
		x.altMu.Unlock()
		if alt != nil {
			x.closeAlternate(alt)
		}
		x.altDone.Wait()
	})
	return nil
}

// ReadFrom gives pion the next request.
func (x *site) ReadFrom(p []byte) (int, net.Addr, error) {
	x.reader.made()
	select {
	case r := <-x.requests:
		return copy(p, r.data), net.UDPAddrFromAddrPort(r.from), nil
	case <-x.done:
		x.srv.wg.Done() // pion ends here, and its allocations with it
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends pion's answers.
func (x *site) WriteTo(p []byte, to net.Addr) (int, error) {
	x.reader.made()
	return x.out.WriteTo(p, toAddrPort(to))
}

// LocalAddr is the address of the socket.
func (x *site) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(x.local) }

// SetDeadline does nothing; pion does not use it.
func (x *site) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing; pion does not use it.
func (x *site) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing; pion does not use it.
func (x *site) SetWriteDeadline(time.Time) error { return nil }

// udpClient is a client of a site, from its allocation on.
type udpClient struct {
	site *site
	at   netip.AddrPort
	a    *allocation
}

func (c *udpClient) send(p []byte)        { _, _ = c.site.out.WriteTo(p, c.at) }
func (c *udpClient) stream() bool         { return false }
func (c *udpClient) transport() Transport { return UDP }
func (c *udpClient) addr() netip.AddrPort { return c.at }
func (c *udpClient) requests() *reader    { return &c.site.reader }

func (c *udpClient) adopt(a *allocation) {
	c.site.mu.Lock()
	defer c.site.mu.Unlock()
	c.a = a
	c.site.clients[c.at] = c
}

func (c *udpClient) forget(a *allocation) {
	c.site.mu.Lock()
	defer c.site.mu.Unlock()
	if c.site.clients[c.at] == c {
		delete(c.site.clients, c.at)
	}
}

func (x *site) client(src net.Addr) client { return &udpClient{site: x, at: toAddrPort(src)} }

func (x *site) alloc(from netip.AddrPort) *allocation {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if c := x.clients[from]; c != nil {
		return c.a
	}
	return nil
}
