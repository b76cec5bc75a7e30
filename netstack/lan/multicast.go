package lan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// The groups of RFC 6762 section 3.
var (
	group4 = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: mdnsPort}
	group6 = &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: mdnsPort}
)

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// openMulticast opens a socket for each family, beside other programs' on the
// same port. One of them is enough.
func openMulticast() ([]conn, error) {
	var out []conn
	c4, err4 := net.ListenMulticastUDP("udp4", nil, group4)
	if err4 == nil {
		p := ipv4.NewPacketConn(c4)
		// What a system does not know of these it does not need.
		_ = p.SetMulticastLoopback(true) // other programs on this machine
		_ = p.SetMulticastTTL(255)
		out = append(out, &multicast{
			conn: c4, group: group4,
			join: func(i *net.Interface) error { return p.JoinGroup(i, group4) },
			write: func(b []byte, i *net.Interface) error {
				_, err := p.WriteTo(b, &ipv4.ControlMessage{IfIndex: i.Index}, group4)
				return err
			},
		})
	}
	c6, err6 := net.ListenMulticastUDP("udp6", nil, group6)
	if err6 == nil {
		p := ipv6.NewPacketConn(c6)
		_ = p.SetMulticastLoopback(true)
		_ = p.SetMulticastHopLimit(255)
		out = append(out, &multicast{
			conn: c6, group: group6,
			join: func(i *net.Interface) error { return p.JoinGroup(i, group6) },
			write: func(b []byte, i *net.Interface) error {
				_, err := p.WriteTo(b, &ipv6.ControlMessage{IfIndex: i.Index}, group6)
				return err
			},
		})
	}
	if len(out) == 0 {
		return nil, errors.Join(err4, err6)
	}
	for _, c := range out {
		c.(*multicast).joinAll()
	}
	return out, nil
}

// multicast is a socket of one family, in the group on every interface.
type multicast struct {
	conn  *net.UDPConn
	group *net.UDPAddr
	join  func(*net.Interface) error
	write func([]byte, *net.Interface) error
}

func (m *multicast) read(p []byte) (int, netip.AddrPort, error) {
	return m.conn.ReadFromUDPAddrPort(p)
}

// joinAll joins on the interfaces that are there now and returns them. Those
// joined before say so, which is no error.
func (m *multicast) joinAll() []net.Interface {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []net.Interface
	for _, i := range all {
		const need = net.FlagUp | net.FlagMulticast
		if i.Flags&need == need {
			_ = m.join(&i)
			out = append(out, i)
		}
	}
	return out
}

// send sends on every interface; an error is returned only if none took it.
func (m *multicast) send(p []byte) error {
	var last error
	sent := false
	for _, i := range m.joinAll() {
		if err := m.write(p, &i); err != nil {
			last = err
		} else {
			sent = true
		}
	}
	if !sent && last != nil {
		return fmt.Errorf("send to %v: %w", m.group, last)
	}
	return nil
}

func (m *multicast) close() error { return m.conn.Close() }
