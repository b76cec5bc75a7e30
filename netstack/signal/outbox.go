package signal

import (
	"errors"
	"sync"
	"time"

	"candid/netstack"
)

// Bounds of what one side keeps for the other until it is acknowledged.
const (
	maxUnacked      = 1024
	maxUnackedBytes = 1 << 20
	// maxUnackedFrom is the share of one sender in another member's queue, so
	// that nobody can fill it for everyone.
	maxUnackedFrom = 256
	// maxInFlight is what may be sent ahead of the acknowledgements.
	maxInFlight = 256
)

var errOverflow = errors.New("queue is full")

// message is one numbered message, encoded but for seq and ack. The tail is
// shared between the outboxes of all its receivers.
type message struct {
	seq  uint64
	peer netstack.PeerID // at the server: whom it is from; at a client: whom it is for
	tail []byte
	// topic, if set, is what the message tells the newest of: a newer one of
	// the same topic takes the place of one that was not sent yet.
	topic string
	// once says that it is not sent again to a host that has forgotten us: it
	// was what made another the host.
	once bool
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
	stuck time.Time // since when maxInFlight holds back what is queued, or zero
}

// push queues a message. errOverflow means that it was not queued.
func (o *outbox) push(m message) error {
	o.mu.Lock()
	if i := o.olderLocked(m.topic); i >= 0 {
		o.bytes += len(m.tail) - len(o.queue[i].tail)
		o.queue[i].tail = m.tail
		o.mu.Unlock()
		return nil
	}
	if len(o.queue) >= maxUnacked || o.bytes+len(m.tail) > maxUnackedBytes {
		o.mu.Unlock()
		return errOverflow
	}
	o.seq++
	m.seq = o.seq
	o.queue = append(o.queue, m)
	o.bytes += len(m.tail)
	owner := o.owner
	o.mu.Unlock()
	if owner != nil {
		owner.poke()
	}
	return nil
}

// olderLocked returns the index of a message of this topic that the other side
// cannot have, or -1. What was sent on an earlier connection and is still
// queued after rewind did not arrive.
func (o *outbox) olderLocked(topic string) int {
	if topic == "" {
		return -1
	}
	for i := len(o.queue) - 1; i >= o.next; i-- {
		if o.queue[i].topic == topic {
			return i
		}
	}
	return -1
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
func (o *outbox) pull(s *socket) (m message, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owner != s || o.next >= len(o.queue) {
		return message{}, false
	}
	if o.next >= maxInFlight {
		if o.stuck.IsZero() {
			o.stuck = time.Now()
		}
		return message{}, false
	}
	m = o.queue[o.next]
	o.next++
	return m, true
}

// held returns how long messages have been waiting for an acknowledgement of
// those before.
func (o *outbox) held(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stuck.IsZero() {
		return 0
	}
	return now.Sub(o.stuck)
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
	if !o.stuck.IsZero() {
		o.stuck = time.Time{}
		if o.owner != nil {
			o.owner.poke()
		}
	}
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
	o.next, o.stuck = 0, time.Time{}
	if ok {
		o.owner = s
		s.poke()
	}
	return ok
}

// restart prepares for a session that begins anew: what is not acknowledged is
// numbered from 1 again, without what keep refuses. sent tells whether the
// other side may have it.
func (o *outbox) restart(keep func(m message, sent bool) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old, next := o.queue, o.next
	o.queue, o.next, o.seq, o.acked, o.bytes, o.owner, o.stuck = nil, 0, 0, 0, 0, nil, time.Time{}
	for i, m := range old {
		if !keep(m, i < next) {
			continue
		}
		o.seq++
		m.seq = o.seq
		o.queue = append(o.queue, m)
		o.bytes += len(m.tail)
	}
}

// pending returns the number of messages not acknowledged.
func (o *outbox) pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}
