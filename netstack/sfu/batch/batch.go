// Package batch sends many UDP packets at little cost. Where the system can, it
// takes them with one call, and those to one receiver as trains that the kernel
// cuts up (UDP_SEGMENT); elsewhere one by one. The cost of a packet is its way
// through the kernel's stack, and a train goes that way once.
package batch

import (
	"net/netip"
	"syscall"
)

// Socket is a UDP socket, such as oneport's.
type Socket interface {
	// WriteTo sends one packet.
	WriteTo(p []byte, to netip.AddrPort) (int, error)
	SyscallConn() (syscall.RawConn, error)
}

const (
	// arenaSize is what waits to be sent at most, in bytes; more than the
	// pictures of a moment for forty receivers.
	arenaSize = 256 << 10
	// maxMessages is how many trains wait at most: the first receivers need not
	// wait until everything is sealed for the last.
	maxMessages = 64
	// maxTrain bounds a train: UDP's length field, less headers, and the 64
	// segments every kernel with UDP_SEGMENT takes.
	maxTrain    = 60_000
	maxSegments = 60
)

// Sender collects packets and sends them. It belongs to one goroutine. The
// zero Sender is ready, and holds no memory until it is used.
type Sender struct {
	arena   []byte
	used    int
	trains  []train
	system  system
	sent    uint64
	calls   uint64
	dropped uint64
}

// train is packets of one size (the last may be shorter) to one receiver.
type train struct {
	socket    Socket
	to        netip.AddrPort
	from, end int // in arena
	size      int // of a segment
	count     int
	closed    bool // a shorter one was the last
}

// Next returns room for one packet of up to n bytes, of length 0. What is built
// there is given to Queue before anything else is called.
func (s *Sender) Next(n int) []byte {
	if s.arena == nil {
		s.arena = make([]byte, arenaSize)
		s.trains = make([]train, 0, maxMessages)
	}
	if s.used+n > len(s.arena) || len(s.trains) == maxMessages {
		s.Flush()
	}
	return s.arena[s.used : s.used : s.used+n]
}

// Queue sends the packet p, which was built in what Next returned, with the
// next Flush, or before.
func (s *Sender) Queue(socket Socket, to netip.AddrPort, p []byte) {
	from := s.used
	s.used += len(p)
	if n := len(s.trains); n > 0 {
		t := &s.trains[n-1]
		if !t.closed && t.socket == socket && t.to == to && len(p) <= t.size && t.count < maxSegments && t.end-t.from+len(p) <= maxTrain {
			t.end = s.used
			t.count++
			t.closed = len(p) < t.size
			return
		}
	}
	s.trains = append(s.trains, train{socket: socket, to: to, from: from, end: s.used, size: len(p), count: 1})
}

// Flush sends what waits. It does not wait for the network: what the system
// does not take is lost, as on the wire.
func (s *Sender) Flush() {
	if len(s.trains) == 0 {
		return
	}
	s.send()
	s.trains, s.used = s.trains[:0], 0
}

// Counts returns how many packets were sent, with how many system calls, and
// how many the system did not take.
func (s *Sender) Counts() (sent, calls, dropped uint64) { return s.sent, s.calls, s.dropped }

// one sends a train packet by packet.
func (s *Sender) one(t *train) {
	for at := t.from; at < t.end; at += t.size {
		s.calls++
		if _, err := t.socket.WriteTo(s.arena[at:min(at+t.size, t.end)], t.to); err != nil {
			s.dropped++
		} else {
			s.sent++
		}
	}
}
