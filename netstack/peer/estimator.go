package peer

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"candid/netstack"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/cc"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtcp"
)

// estimator is send-side congestion control with what it lacks: to know
// whether it has measured anything yet, sound that does not queue behind video,
// and a memory. Google's takes what arrives for what can: when next to nothing
// is sent, the smallest disturbance lowers it to its floor, and when a picture
// is sent again it needs half a minute to recover.
type estimator struct {
	make  func(start int) (*gcc.SendSideBWE, error)
	start int
	bwe   atomic.Pointer[gcc.SendSideBWE]
	pacer *pacer
	fed   atomic.Bool

	mu      sync.Mutex
	streams []stream
	before  int // the estimate when pictures flowed last; 0: they never did
	closed  bool
}

// stream is one that the estimator follows.
type stream struct {
	info   *interceptor.StreamInfo
	writer interceptor.RTPWriter
}

var _ cc.BandwidthEstimator = (*estimator)(nil)

// shared is a pacer that outlives an estimator.
type shared struct{ *pacer }

func (shared) Close() error { return nil }

func (f *Factory) newEstimator() (*estimator, error) {
	b := f.config.Bitrate
	e := &estimator{start: b.Start, pacer: newPacer(b.Start)}
	e.make = func(start int) (*gcc.SendSideBWE, error) {
		return gcc.NewSendSideBWE(gcc.SendSideBWEPacer(shared{e.pacer}), gcc.WithLoggerFactory(f.logs),
			gcc.SendSideBWEInitialBitrate(start), gcc.SendSideBWEMinBitrate(b.Min), gcc.SendSideBWEMaxBitrate(b.Max))
	}
	bwe, err := e.make(b.Start)
	if err != nil {
		_ = e.pacer.Close()
		return nil, fmt.Errorf("starting congestion control: %w", err)
	}
	e.bwe.Store(bwe)
	return e, nil
}

// pause notes that no pictures flow from now on.
func (e *estimator) pause() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before = e.GetTargetBitrate()
}

// resume begins anew, where the estimate was when pictures flowed last.
func (e *estimator) resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	start := e.start
	if e.before > 0 {
		start = e.before
	}
	if e.closed || e.GetTargetBitrate() >= start {
		return
	}
	bwe, err := e.make(start)
	if err != nil {
		return // the old one goes on
	}
	for _, s := range e.streams {
		bwe.AddStream(s.info, s.writer)
	}
	e.pacer.SetTargetBitrate(start)
	_ = e.bwe.Swap(bwe).Close()
}

// AddStream notes what is sound.
func (e *estimator) AddStream(info *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pacer.kind(info.SSRC, strings.HasPrefix(info.MimeType, "audio/"))
	e.streams = append(e.streams, stream{info, w})
	return e.bwe.Load().AddStream(info, w)
}

// WriteRTCP takes the other side's feedback.
func (e *estimator) WriteRTCP(packets []rtcp.Packet, a interceptor.Attributes) error {
	for _, p := range packets {
		if _, ok := p.(*rtcp.TransportLayerCC); ok {
			e.fed.Store(true)
		}
	}
	err := e.bwe.Load().WriteRTCP(packets, a)
	if errors.Is(err, gcc.ErrSendSideBWEClosed) {
		return nil // replaced just now
	}
	return err
}

// budget is what may be sent, in bits per second: nine tenths of the estimate,
// the rest is for RTCP, retransmissions and the encoder's overshoot.
func (e *estimator) budget() netstack.Opt[int] {
	if !e.fed.Load() {
		return netstack.Opt[int]{}
	}
	return netstack.Some(e.GetTargetBitrate() * 9 / 10)
}

// GetTargetBitrate is the estimate.
func (e *estimator) GetTargetBitrate() int { return e.bwe.Load().GetTargetBitrate() }

// OnTargetBitrateChange is not used.
func (e *estimator) OnTargetBitrateChange(func(int)) {}

// GetStats are the estimator's own.
func (e *estimator) GetStats() map[string]any { return e.bwe.Load().GetStats() }

// Close ends it, with the pacer.
func (e *estimator) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return errors.Join(e.bwe.Load().Close(), e.pacer.Close())
}
