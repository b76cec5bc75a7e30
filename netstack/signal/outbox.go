package signal

import (
	"errors"
	"sync"

	"candid/netstack"
)

// Bounds of what one side keeps for the other until it is acknowledged.
const (
	maxUnacked      = 1024
	maxUnackedBytes = 1 << 20
	// maxUnackedFrom is the share of one sender in another member's queue, so
	// that nobody can fill it for everyone.
	maxUnackedFrom = 256
	// maxInFlight is what may be sent ahead of the acknowledgements: who takes
	// messages from the socket without handling them is cut off.
	maxInFlight = 512
)

var errOverflow = errors.New("queue is full")

// message is one numbered message, encoded but for seq and ack. The tail is
// shared between the outboxes of all its receivers.
type message struct {
	seq  uint64
	peer netstack.PeerID // at the server: whom it is from; at a client: whom it is for
	tail []byte
}

// outbox keeps the numbered messages of one direction of a session until the
// other side has them, in order, across any number of connections.
type outbox struct {
	mu    sync.Mutex
	owner *socket   // the connection that sends it now, or nil
	queue []message // unacknowledged
	next  int       // index of the first one not sent on this connection
	seq   uint64    // of the newest
	acked uint64    // highest acknowledged
	bytes int
}

// push queues a message. errOverflow means that it was not queued.
func (o *outbox) push(peer netstack.PeerID, tail []byte) error {
	o.mu.Lock()
	if len(o.queue) >= maxUnacked || o.bytes+len(tail) > maxUnackedBytes {
		o.mu.Unlock()
		return errOverflow
	}
	o.seq++
	o.queue = append(o.queue, message{o.seq, peer, tail})
	o.bytes += len(tail)
	owner := o.owner
	o.mu.Unlock()
	if owner != nil {
		owner.poke()
	}
	return nil
}

// share counts the queued messages of one sender.
func (o *outbox) share(from netstack.PeerID) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) < maxUnackedFrom {
		return 0
	}
	for _, m := range o.queue {
		if m.peer == from {
			n++
		}
	}
	return n
}

// pull returns the next message to send on connection s, if there is one.
// stuck is set when the other side lags too far behind.
func (o *outbox) pull(s *socket) (m message, ok, stuck bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owner != s || o.next >= len(o.queue) {
		return message{}, false, false
	}
	if o.next >= maxInFlight {
		return message{}, false, true
	}
	m = o.queue[o.next]
	o.next++
	return m, true, false
}

// ack forgets what the other side has. It reports whether the number can be
// right.
func (o *outbox) ack(n uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ackLocked(n)
}

func (o *outbox) ackLocked(n uint64) bool {
	if n <= o.acked {
		return true
	}
	drop := int(n - o.acked)
	if n > o.seq || drop > o.next {
		return false // never sent
	}
	for i := range drop {
		o.bytes -= len(o.queue[i].tail)
		o.queue[i] = message{}
	}
	o.queue = o.queue[drop:]
	if len(o.queue) == 0 {
		o.queue = nil // an idle session holds no array
	}
	o.next -= drop
	o.acked = n
	return true
}

// rewind makes s the connection to send on, beginning after what the other
// side says it has. It reports whether that can be right.
func (o *outbox) rewind(s *socket, received uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if received < o.acked {
		return false // it has forgotten what it acknowledged
	}
	o.next = len(o.queue) // all of it may have arrived
	ok := o.ackLocked(received)
	o.next = 0
	if ok {
		o.owner = s
		s.poke()
	}
	return ok
}

// restart prepares for a session that begins anew: what is not acknowledged is
// numbered from 1 again, without what keep refuses, which is returned.
func (o *outbox) restart(keep func(message) bool) (refused []message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.queue
	o.queue, o.next, o.seq, o.acked, o.bytes, o.owner = nil, 0, 0, 0, 0, nil
	for _, m := range old {
		if !keep(m) {
			refused = append(refused, m)
			continue
		}
		o.seq++
		m.seq = o.seq
		o.queue = append(o.queue, m)
		o.bytes += len(m.tail)
	}
	return refused
}

// pending returns the number of messages not acknowledged.
func (o *outbox) pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}
