//go:build !linux || !(amd64 || arm64)

package oneport

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// read takes packets, one by one, until the socket is closed.
func (s *Socket) read() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(brokenPause)
		case n < maxPacket:
			s.take(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}
