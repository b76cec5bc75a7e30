package signal

import (
	"sync/atomic"
	"time"
)

// ackTail is the message that only acknowledges.
var ackTail = []byte(`"type":"` + TypeAck + `"}`)

// writeLoop sends what o holds, replies, pings and acknowledgements, until the
// connection is closed; then it closes it. received is the highest number the
// other side's messages have reached.
func (s *socket) writeLoop(o *outbox, received *atomic.Uint64) {
	defer s.finish()
	acked := received.Load()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	armed, late := false, false
	for {
		if err := s.flush(o, received, &acked); err != nil {
			s.close(0, "", nil)
			return
		}
		switch behind := received.Load() - acked; {
		case behind == 0:
			armed = false
		case behind >= ackEvery || late:
			acked = received.Load()
			if err := s.write(0, acked, ackTail); err != nil {
				s.close(0, "", nil)
				return
			}
			armed = false
		case !armed:
			timer.Reset(ackDelay)
			armed = true
		}
		late = false
		select {
		case <-s.done:
			if s.code != 0 {
				_ = s.flush(o, received, &acked)
			}
			return
		case <-s.wake:
		case <-timer.C:
			late = armed
		}
	}
}

// flush sends everything that waits.
func (s *socket) flush(o *outbox, received *atomic.Uint64, acked *uint64) error {
	for _, tail := range s.takeReplies() {
		if err := s.write(0, received.Load(), tail); err != nil {
			return err
		}
	}
	for {
		m, ok := o.pull(s)
		if !ok {
			break
		}
		ack := received.Load()
		if err := s.write(m.seq, ack, m.tail); err != nil {
			return err
		}
		*acked = ack
	}
	if s.pingDue.Swap(false) {
		return s.ws.WriteControl(pingMessage, nil, time.Now().Add(writeTimeout))
	}
	return nil
}
