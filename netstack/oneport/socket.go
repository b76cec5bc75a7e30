package oneport

import (
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxPacket is more than any path carries: RFC 8656 and pion stay under
	// 1600. Larger packets arrive cut and are dropped.
	maxPacket = 2048
	// socketBuffer is asked of the kernel, which caps it (net.core.rmem_max).
	// Its default of 208 KiB holds some 90 packets: one key frame.
	socketBuffer = 4 << 20
)

// Socket is the UDP half of the port at one local address.
type Socket struct {
	conn  *net.UDPConn
	local netip.AddrPort

	relay, media Sink // of the reading goroutine

	packets, dropped atomic.Uint64
}

func openSocket(local netip.AddrPort) (*Socket, error) {
	network := "udp6"
	if local.Addr().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, err
	}
	// A kernel that gives less is no reason to stop.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	return &Socket{conn: conn, local: local}, nil
}

// Local is the address the socket is bound to; never a wildcard.
func (s *Socket) Local() netip.AddrPort { return s.local }

// WriteTo sends one packet from the socket's address. It allocates nothing and
// may be called from any goroutine, also in Sink.Packet.
func (s *Socket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return s.conn.WriteToUDPAddrPort(p, to)
}

// SyscallConn gives access to the file descriptor, for sending many packets
// with one call. Reading from it takes packets away from the sinks.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return s.conn.SyscallConn() }

// Counts returns how many packets arrived, and how many of them were nothing
// this port knows or had no taker.
func (s *Socket) Counts() (packets, dropped uint64) { return s.packets.Load(), s.dropped.Load() }

// run makes the sinks and reads until the socket is closed.
func (s *Socket) run(cfg *Config) {
	if cfg.Relay != nil {
		s.relay = cfg.Relay(s)
	}
	if cfg.Media != nil {
		s.media = cfg.Media(s)
	}
	defer s.closeSinks()
	s.read()
}

// brokenPause keeps a broken socket cheap. Some systems report ICMP errors of
// earlier writes to a reader; nothing is lost by going on.
const brokenPause = time.Millisecond

// take hands one packet to its sink.
func (s *Socket) take(p []byte, from netip.AddrPort) {
	s.packets.Add(1)
	var sink Sink
	switch ClassifyPacket(p) {
	case Relay:
		sink = s.relay
	case Media:
		sink = s.media
	}
	if sink == nil {
		s.dropped.Add(1)
		return
	}
	sink.Packet(p, from)
}

func (s *Socket) closeSinks() {
	for _, k := range []Sink{s.relay, s.media} {
		if k != nil {
			_ = k.Close()
		}
	}
}
