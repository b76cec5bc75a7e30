package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"candid/netstack/ifwatch"

	"github.com/pion/transport/v4"
)

const (
	// socketBuffer is asked of the system for each UDP socket. Linux grants
	// 208 KiB (net.core.rmem_max) and counts double: some 180 packets, where
	// its default overflows at 90, less than one large key frame.
	socketBuffer = 1 << 20
	dialTimeout  = 5 * time.Second
)

var errNetworkClosed = errors.New("connection is closed")

// network is the machine's network as one PeerConnection sees it: fresh
// interfaces without private bridges, larger buffers, TURN over TLS with our
// own idea of trust, and all sockets in one hand, so that closing does not
// wait for a server that never answers.
type network struct {
	transport.Net
	factory *Factory
	ctx     context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	open   map[*trackedConn]struct{}
}

func newNetwork(f *Factory) *network {
	n := &network{Net: f.base, factory: f, open: map[*trackedConn]struct{}{}}
	n.ctx, n.cancel = context.WithCancel(f.ctx)
	return n
}

// Interfaces lists the interfaces as they are now: pion's own list is made
// once, and a restart after a change of address would not see the new one.
func (n *network) Interfaces() ([]*transport.Interface, error) {
	if n.factory.config.Net != nil {
		return n.Net.Interfaces()
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing network interfaces: %w", err)
	}
	var out []*transport.Interface
	for _, i := range all {
		if ifwatch.Bridge(i.Name) {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil { // gone in between
			continue
		}
		t := transport.NewInterface(i)
		for _, a := range addrs {
			// Link-local IPv6 is told to nobody (RFC 8445 section 5.1.1.1).
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				continue
			}
			t.AddAddress(a)
		}
		out = append(out, t)
	}
	return out, nil
}

// ListenUDP opens a socket with larger buffers.
func (n *network) ListenUDP(proto string, addr *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(proto, addr)
	if err != nil || addr != nil && addr.IP.IsMulticast() {
		return c, err // mDNS needs the bare socket, and closes it
	}
	// Errors mean the default size, which is only worse.
	_ = c.SetReadBuffer(socketBuffer)
	_ = c.SetWriteBuffer(socketBuffer)
	t, err := n.track(c)
	if err != nil {
		return nil, err
	}
	return &trackedUDP{c, t}, nil
}

// ListenPacket is what pion opens towards TURN servers. It asks for IPv4 only;
// the socket speaks both, for servers that have IPv6 or people who have nothing
// else.
func (n *network) ListenPacket(proto, addr string) (net.PacketConn, error) {
	if n.factory.config.Net == nil && proto == "udp4" && addr == "0.0.0.0:0" {
		proto, addr = "udp", ":0"
	}
	c, err := n.Net.ListenPacket(proto, addr)
	if err != nil {
		return nil, err
	}
	if u, ok := c.(interface {
		SetReadBuffer(int) error
		SetWriteBuffer(int) error
	}); ok {
		_ = u.SetReadBuffer(socketBuffer)
		_ = u.SetWriteBuffer(socketBuffer)
	}
	t, err := n.track(c)
	if err != nil {
		return nil, err
	}
	return &trackedPacket{c, t, newPermitter()}, nil
}

// Dial connects to a TURN server over TCP or TLS; pion takes the network for
// its proxy dialer, since that is the only way to bring one's own trust.
func (n *network) Dial(_, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	below, err := n.dialTCP(ctx, addr)
	if err != nil {
		return nil, err
	}
	c := below
	if tlsPorts(n.factory.iceServers())[addr] {
		if c, err = n.handshake(ctx, below, addr); err != nil {
			return nil, err
		}
	}
	s := newStream(c, below)
	t, err := n.track(s)
	if err != nil {
		return nil, err
	}
	return &trackedStream{Conn: s, t: t, permitter: newPermitter()}, nil
}

func (n *network) dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	if n.factory.config.Net != nil {
		return n.Net.CreateDialer(&net.Dialer{Timeout: dialTimeout}).Dial("tcp", addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr) // either family: a TURN server may have IPv6 only
}

func (n *network) handshake(ctx context.Context, c net.Conn, addr string) (net.Conn, error) {
	config := &tls.Config{}
	if n.factory.config.TLS != nil {
		config = n.factory.config.TLS.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if host, _, err := net.SplitHostPort(addr); err == nil && config.ServerName == "" {
		config.ServerName = host
	}
	t := tls.Client(c, config)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("greeting the TURN server: %w", err)
	}
	return t, nil
}

// shut closes all sockets and opens no more.
func (n *network) shut() {
	n.cancel()
	n.mu.Lock()
	n.closed = true
	open := n.open
	n.open = map[*trackedConn]struct{}{}
	n.mu.Unlock()
	for t := range open {
		_ = t.Close()
	}
}

func (n *network) track(c interface{ Close() error }) (*trackedConn, error) {
	t := &trackedConn{n: n, close: c.Close}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		_ = c.Close()
		return nil, errNetworkClosed
	}
	n.open[t] = struct{}{}
	return t, nil
}

// trackedConn closes a socket and forgets it.
type trackedConn struct {
	n      *network
	close  func() error
	closed atomic.Bool
}

func (t *trackedConn) Close() error {
	t.closed.Store(true)
	t.n.mu.Lock()
	delete(t.n.open, t)
	t.n.mu.Unlock()
	return t.close()
}

type (
	trackedUDP struct {
		transport.UDPConn
		t *trackedConn
	}
	trackedPacket struct {
		net.PacketConn
		t         *trackedConn
		permitter *permitter
	}
	trackedStream struct {
		net.Conn
		t         *trackedConn
		permitter *permitter
		frame     frame // of what is read
	}
)

func (c *trackedUDP) Close() error    { return c.t.Close() }
func (c *trackedPacket) Close() error { return c.t.Close() }

// LocalAddr is of IPv4 whatever the socket is: pion asks a TURN server for a
// relayed address of the family of this one, but only of one family do the two
// sides' relayed addresses make a pair (RFC 8656 section 7.2: IPv4 where nothing
// is asked for).
func (c *trackedPacket) LocalAddr() net.Addr {
	if a, ok := c.PacketConn.LocalAddr().(*net.UDPAddr); ok && a.IP.To4() == nil {
		return &net.UDPAddr{IP: net.IPv4zero, Port: a.Port}
	}
	return c.PacketConn.LocalAddr()
}

// LocalAddr is of IPv4, as that of trackedPacket.
func (c *trackedStream) LocalAddr() net.Addr {
	if a, ok := c.Conn.LocalAddr().(*net.TCPAddr); ok && a.IP.To4() == nil {
		return &net.TCPAddr{IP: net.IPv4zero, Port: a.Port}
	}
	return c.Conn.LocalAddr()
}

func (c *trackedStream) Close() error { return c.t.Close() }
