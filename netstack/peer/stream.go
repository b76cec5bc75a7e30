package peer

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pion/transport/v4/packetio"
)

const (
	// streamQueue is what may wait for a slow TURN server, in bytes: two large
	// key frames.
	streamQueue = 256 << 10
	// streamGoodbye is how long a closed stream may take to send what waits,
	// the end of the allocation for example.
	streamGoodbye = 100 * time.Millisecond
	streamMessage = 64 << 10 // bytes, TURN's largest
)

// stream is a connection over TCP or TLS to a TURN server that never blocks who
// writes. Pion writes from the goroutine that ICE runs on: a server that is gone
// would stop it, and with it every other path, once the system's buffer is full.
// What finds no room is lost, as it would be over UDP.
type stream struct {
	net.Conn
	below net.Conn // TCP: closing it says no goodbye that could block
	queue *packetio.Buffer
	done  chan struct{}
}

// newStream takes c over, a TLS connection over below or below itself.
func newStream(c, below net.Conn) *stream {
	s := &stream{Conn: c, below: below, queue: packetio.NewBuffer(), done: make(chan struct{})}
	s.queue.SetLimitSize(streamQueue)
	go s.run()
	return s
}

func (s *stream) run() {
	defer close(s.done)
	b := make([]byte, streamMessage)
	for {
		n, err := s.queue.Read(b)
		if err != nil {
			return
		}
		if _, err := s.Conn.Write(b[:n]); err != nil {
			_ = s.queue.Close()
			_ = s.below.Close() // who reads learns it
			return
		}
	}
}

// Write takes one TURN message. It does not block.
func (s *stream) Write(b []byte) (int, error) {
	if _, err := s.queue.Write(b); err != nil && !errors.Is(err, packetio.ErrFull) {
		return 0, fmt.Errorf("writing to the TURN server: %w", err)
	}
	return len(b), nil
}

// Close sends what waits, for streamGoodbye at most.
func (s *stream) Close() error {
	_ = s.Conn.SetWriteDeadline(time.Now().Add(streamGoodbye))
	_ = s.queue.Close() // what is in it is still read
	<-s.done
	_ = s.below.Close()
	return nil
}
