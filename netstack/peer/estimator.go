package peer

import (
	"cmp"
	"strings"
	"sync"
	"time"

	"candid/netstack"
	"candid/netstack/bandwidth"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/cc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

// onTheWire is what SRTP, UDP and IP add to a packet.
const onTheWire = 16 + 8 + 20

// estimator is send-side congestion control of one connection: it hears what
// leaves the pacer and what feedback says of it. It has a memory: when next to
// nothing is sent, the smallest disturbance lowers the estimate to its floor,
// and when a picture is sent again it would need long to recover.
type estimator struct {
	start int
	pacer *pacer
	begun time.Time

	mu     sync.Mutex
	line   bandwidth.Estimate
	before int // the estimate when pictures flowed last; 0: they never did
}

var _ cc.BandwidthEstimator = (*estimator)(nil)

// newEstimator makes one; again is told of packets that are sent again.
func (f *Factory) newEstimator(again func(ssrc uint32, seq uint16)) *estimator {
	b := f.config.Bitrate
	return &estimator{
		start: b.Start, pacer: newPacer(b.Start, again), begun: time.Now(),
		line: bandwidth.Estimate{Limits: bandwidth.Limits{First: b.Start, Least: b.Min, Most: b.Max}, Smooth: true},
	}
}

func (e *estimator) now() int64 { return int64(time.Since(e.begun)) }

// pause notes that no pictures flow from now on.
func (e *estimator) pause() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before = e.line.Bits()
}

// resume begins anew, where the estimate was when pictures flowed last.
func (e *estimator) resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	start := cmp.Or(e.before, e.start)
	if e.line.Bits() < start {
		e.line.Restart(start)
		e.pacer.follow(start, false)
	}
}

// moved notes that packets go over another pair from now on.
func (e *estimator) moved() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.line.Moved(e.now())
}

// AddStream notes what is sound, and has each packet counted when it leaves.
func (e *estimator) AddStream(info *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	var number uint8 // of the extension that numbers packets
	for _, x := range info.RTPHeaderExtensions {
		if x.URI == sdp.TransportCCURI {
			number = uint8(x.ID)
		}
	}
	e.pacer.kind(info.SSRC, strings.HasPrefix(info.MimeType, "audio/"))
	e.pacer.AddStream(info.SSRC, interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		now := e.now()
		n, err := w.Write(h, payload, a) // numbers it
		var t rtp.TransportCCExtension
		if number != 0 && t.Unmarshal(h.GetExtension(number)) == nil {
			e.mu.Lock()
			e.line.Sent(t.TransportSequence, h.MarshalSize()+len(payload)+onTheWire, now)
			e.mu.Unlock()
		}
		return n, err
	}))
	return e.pacer
}

// WriteRTCP takes the other side's feedback. What makes no sense is left out.
func (e *estimator) WriteRTCP(packets []rtcp.Packet, _ interceptor.Attributes) error {
	for _, p := range packets {
		f, ok := p.(*rtcp.TransportLayerCC)
		if !ok {
			continue
		}
		b, err := f.Marshal()
		if err != nil || len(b) < feedbackHeader {
			continue
		}
		now := e.now()
		e.mu.Lock()
		_ = e.line.Feedback(b[feedbackHeader:], now)
		bits, full := e.line.Bits(), e.fullLocked(now)
		e.mu.Unlock()
		e.pacer.follow(bits, full)
	}
	return nil
}

// fullFor is how long after a line was full it is fed with care.
const fullFor = int64(30 * time.Second)

func (e *estimator) fullLocked(now int64) bool {
	over := e.line.OverAt()
	return over != 0 && now-over < fullFor
}

// feedbackHeader is what comes before the body of a feedback packet: the RTCP
// header and two SSRCs.
const feedbackHeader = 12

// budget is what may be sent, in bits per second: nine tenths of the estimate,
// the rest is for RTCP, retransmissions and the encoder's overshoot. Over a line
// that was full lately it is eight: there the estimate feels for the limit, and
// what is too much is lost.
func (e *estimator) budget() netstack.Opt[int] {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.line.Known() {
		return netstack.Opt[int]{}
	}
	share := 9
	if e.fullLocked(e.now()) {
		share = 8
	}
	return netstack.Some(e.line.Bits() * share / 10)
}

// GetTargetBitrate is the estimate.
func (e *estimator) GetTargetBitrate() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.line.Bits()
}

// OnTargetBitrateChange is not used.
func (e *estimator) OnTargetBitrateChange(func(int)) {}

// GetStats is not used.
func (e *estimator) GetStats() map[string]any { return nil }

// Close ends the pacer.
func (e *estimator) Close() error { return e.pacer.Close() }
