package netlab

import (
	"context"
	"net"
)

// Dial connects from the host, as net.Dial does; address is a literal one.
func (n *NS) Dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	derr := n.Do(func() error {
		var d net.Dialer
		c, err = d.DialContext(ctx, network, address)
		return err
	})
	return c, derr
}

// Listen listens on the host, as net.Listen does.
func (n *NS) Listen(network, address string) (ln net.Listener, err error) {
	derr := n.Do(func() error {
		ln, err = net.Listen(network, address)
		return err
	})
	return ln, derr
}

// ListenPacket listens on the host, as net.ListenPacket does.
func (n *NS) ListenPacket(network, address string) (c net.PacketConn, err error) {
	derr := n.Do(func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, derr
}
