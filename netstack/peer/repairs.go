package peer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// tripUnknown is what a round trip is taken for before ICE has measured it.
const tripUnknown = 100 * time.Millisecond

// repairs has a lost packet sent again once in a round trip. Pion's responder
// does so too, but learns the round trip from a report that takes seconds to
// come: until then every NACK is answered, one in nackEvery. The copies that come
// second are refused as replayed before transport-wide feedback sees them, so
// that a line which loses 4 % is taken for one that loses 30.
//
// It is an interceptor.Factory for one connection, and its interceptor.
type repairs struct {
	interceptor.NoOp
	trip atomic.Int64 // ns, as ICE measures it; 0: not yet

	mu    sync.Mutex
	asked map[uint32]map[uint16]time.Time // by SSRC and number; nil: pion knows
}

func newRepairs() *repairs { return &repairs{asked: map[uint32]map[uint16]time.Time{}} }

// NewInterceptor returns itself.
func (r *repairs) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

// BindLocalStream notes a stream that can be repaired.
func (r *repairs) BindLocalStream(info *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[info.SSRC] = map[uint16]time.Time{}
	return w
}

// UnbindLocalStream forgets it.
func (r *repairs) UnbindLocalStream(info *interceptor.StreamInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asked, info.SSRC)
}

// BindRTCPReader takes out of NACKs what was asked for already.
func (r *repairs) BindRTCPReader(reader interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, a, err := reader.Read(b, a)
		if err != nil {
			return n, a, err
		}
		if a == nil {
			a = interceptor.Attributes{}
		}
		packets, err := a.GetRTCPPackets(b[:n]) // the next interceptors get these
		if err != nil {
			return n, a, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.ReceiverReport:
				r.reported(p.Reports)
			case *rtcp.SenderReport:
				r.reported(p.Reports)
			case *rtcp.TransportLayerNack:
				r.thin(p, time.Now())
			}
		}
		return n, a, nil
	})
}

// reported notes of which streams pion knows the round trip from now on.
func (r *repairs) reported(reports []rtcp.ReceptionReport) {
	for _, s := range reports {
		if _, ours := r.asked[s.SSRC]; ours && s.LastSenderReport != 0 {
			r.asked[s.SSRC] = nil
		}
	}
}

// thin takes out of a NACK what was answered less than a round trip ago.
func (r *repairs) thin(nack *rtcp.TransportLayerNack, now time.Time) {
	asked := r.asked[nack.MediaSSRC]
	if asked == nil {
		return
	}
	trip := time.Duration(r.trip.Load())
	if trip == 0 {
		trip = tripUnknown
	}
	var due []uint16
	for _, pair := range nack.Nacks {
		due = append(due, pair.PacketList()...)
	}
	due = slices.DeleteFunc(due, func(seq uint16) bool {
		at, before := asked[seq]
		if before && now.Sub(at) < trip {
			return true
		}
		asked[seq] = now
		return false
	})
	nack.Nacks = rtcp.NackPairsFromSequenceNumbers(due)
}
