package peer

import (
	"net"
	"sync"

	"github.com/pion/ice/v4"
)

// tcpConnections bounds who may wait at our ICE-TCP port at a time.
const tcpConnections = 64

// listenTCP opens the passive ICE-TCP port (RFC 6544). Without one there is
// less to try, which is no error.
func (f *Factory) listenTCP() {
	inner, err := net.Listen("tcp", ":0")
	if err != nil {
		f.config.Logger.Debug("no ICE-TCP port", "err", err)
		return
	}
	l := &boundedListener{Listener: inner, open: map[net.Conn]struct{}{}}
	mux := ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: l, Logger: f.logs.NewLogger("tcpmux"), ReadBufferSize: 64, WriteBufferSize: 1 << 20,
		FirstStunBindTimeout: tcpFirstPacket, AliveDurationForConnFromStun: tcpFirstPacket,
	})
	f.tcp, f.closeTCP = mux, func() error {
		l.closeAll() // the mux waits for those that have said nothing yet
		return mux.Close()
	}
}

// boundedListener keeps the connections it accepted in hand.
type boundedListener struct {
	net.Listener
	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

// Accept waits for a connection; those beyond the bound are closed at once.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		b := &boundedConn{Conn: c, l: l}
		l.mu.Lock()
		full := l.closed || len(l.open) >= tcpConnections
		if !full {
			l.open[b] = struct{}{}
		}
		l.mu.Unlock()
		if !full {
			return b, nil
		}
		_ = c.Close()
	}
}

func (l *boundedListener) closeAll() {
	l.mu.Lock()
	l.closed = true
	open := make([]net.Conn, 0, len(l.open))
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

type boundedConn struct {
	net.Conn
	l *boundedListener
}

func (c *boundedConn) Close() error {
	c.l.mu.Lock()
	delete(c.l.open, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}
