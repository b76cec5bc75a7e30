package peer

import (
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtp"
)

// How video leaves: up to burst at once, so that an ordinary frame does not
// wait, then at paceFactor times the estimate but never below paceFloor, so
// that a key frame of 90 packets neither floods a socket nor takes long.
//
// What is sent again does not wait behind what is new.
//
// Over a line that was full lately it leaves hardly faster than the line takes it:
// a router in front of it may hold no more than a tenth of a second of it.
const (
	burst       = 24 << 10 // bytes: 20 full packets
	paceFactor  = 2.5
	paceFloor   = 4_000_000 / 8 // bytes per second
	paceEvery   = 2 * time.Millisecond
	paceLongest = 250 * time.Millisecond
	fullFactor  = 1.2
	fullBurst   = 40 * time.Millisecond // of the estimate
	leastBurst  = 2 << 10               // bytes
)

var errPacerClosed = errors.New("sending: connection is closed")

// pacer spreads bursts of video over time. It is an interceptor.RTPWriter.
type pacer struct {
	again func(ssrc uint32, seq uint16) // told of what is sent again

	mu      sync.Mutex
	writers map[uint32]interceptor.RTPWriter
	audio   map[uint32]bool
	newest  map[uint32]uint16 // sequence number, by SSRC
	repairs []queued          // sent again: these leave first, everything waits for them
	queue   []queued
	queued  int     // bytes of both
	rate    float64 // bytes per second
	burst   float64 // bytes
	tokens  float64 // bytes that may leave now
	filled  time.Time
	busy    bool // run holds a packet it has not sent yet
	closed  bool

	wake chan struct{}
	done chan struct{}
	wg   sync.WaitGroup
}

type queued struct {
	writer     interceptor.RTPWriter
	header     rtp.Header
	payload    []byte
	attributes interceptor.Attributes
}

func newPacer(bitrate int, again func(ssrc uint32, seq uint16)) *pacer {
	p := &pacer{
		again:   again,
		writers: map[uint32]interceptor.RTPWriter{}, audio: map[uint32]bool{}, newest: map[uint32]uint16{},
		tokens: burst, filled: time.Now(),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	p.follow(bitrate, false)
	p.wg.Go(p.run)
	return p
}

func (p *pacer) kind(ssrc uint32, audio bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.audio[ssrc] = audio
}

// AddStream says where packets of ssrc go.
func (p *pacer) AddStream(ssrc uint32, w interceptor.RTPWriter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writers[ssrc] = w
}

// follow takes a new estimate, and whether the line was full lately.
func (p *pacer) follow(bitrate int, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bytes := float64(bitrate) / 8
	if p.rate, p.burst = max(paceFactor*bytes, paceFloor), burst; full {
		p.rate, p.burst = fullFactor*bytes, max(bytes*fullBurst.Seconds(), leastBurst)
	}
}

// Write sends a packet now if it is sound or there is room, later otherwise.
func (p *pacer) Write(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
	size := h.MarshalSize() + len(payload)
	p.mu.Lock()
	w, ok := p.writers[h.SSRC]
	switch {
	case p.closed:
		p.mu.Unlock()
		return 0, errPacerClosed
	case !ok:
		p.mu.Unlock()
		return 0, gcc.ErrUnknownStream
	}
	p.fillLocked(time.Now())
	queue := p.queueLocked(h)
	if p.audio[h.SSRC] || !p.busy && len(p.repairs)+len(p.queue) == 0 && p.tokens >= float64(size) {
		p.tokens -= float64(size) // sound may overdraw: video waits a little longer
		p.mu.Unlock()
		return w.Write(h, payload, a)
	}
	*queue = append(*queue, queued{w, h.Clone(), append([]byte(nil), payload...), maps.Clone(a)})
	p.queued += size
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return size, nil
}

// queueLocked notes a packet, and returns where it waits if it must.
func (p *pacer) queueLocked(h *rtp.Header) *[]queued {
	newest, known := p.newest[h.SSRC]
	if known && int16(h.SequenceNumber-newest) <= 0 {
		p.again(h.SSRC, h.SequenceNumber)
		return &p.repairs
	}
	p.newest[h.SSRC] = h.SequenceNumber
	return &p.queue
}

func (p *pacer) fillLocked(now time.Time) {
	// Nothing waits longer than paceLongest, whatever the estimate says.
	rate := max(p.rate, float64(p.queued)/paceLongest.Seconds())
	p.tokens = min(p.tokens+now.Sub(p.filled).Seconds()*rate, p.burst)
	p.filled = now
}

// Close drops what waits.
func (p *pacer) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
	}
	p.repairs, p.queue = nil, nil
	p.mu.Unlock()
	p.wg.Wait()
	return nil
}

// run sends what waits; it sleeps while nothing does.
func (p *pacer) run() {
	tick := time.NewTicker(paceEvery)
	tick.Stop()
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-p.wake:
			tick.Reset(paceEvery)
		case <-tick.C:
		}
		for {
			q, more := p.next()
			if !more {
				break
			}
			_, _ = q.writer.Write(&q.header, q.payload, q.attributes) // as lost as on the wire
		}
		p.mu.Lock()
		if len(p.repairs)+len(p.queue) == 0 {
			tick.Stop()
		}
		p.mu.Unlock()
	}
}

func (p *pacer) next() (queued, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fillLocked(time.Now())
	queue := &p.repairs
	if len(*queue) == 0 {
		queue = &p.queue
	}
	p.busy = len(*queue) > 0 && p.tokens > 0
	if !p.busy {
		return queued{}, false
	}
	q := (*queue)[0]
	(*queue)[0] = queued{}
	*queue = (*queue)[1:]
	size := q.header.MarshalSize() + len(q.payload)
	p.queued -= size
	p.tokens -= float64(size)
	return q, true
}
