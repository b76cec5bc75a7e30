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

	mu   sync.Mutex
	sent map[uint32]*[256]repair // by SSRC, the newest by sequence number
}

// repair is a packet that was sent again.
type repair struct {
	seq uint16
	at  time.Time
}

func newRepairs() *repairs { return &repairs{sent: map[uint32]*[256]repair{}} }

// NewInterceptor returns itself.
func (r *repairs) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

// BindLocalStream notes a stream that can be repaired.
func (r *repairs) BindLocalStream(info *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent[info.SSRC] = new([256]repair)
	return w
}

// UnbindLocalStream forgets it.
func (r *repairs) UnbindLocalStream(info *interceptor.StreamInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sent, info.SSRC)
}

// again notes that a packet was sent again.
func (r *repairs) again(ssrc uint32, seq uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sent := r.sent[ssrc]; sent != nil {
		sent[seq%uint16(len(sent))] = repair{seq, time.Now()}
	}
}

// BindRTCPReader takes out of NACKs what is on its way already.
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
		for _, p := range packets {
			if nack, ok := p.(*rtcp.TransportLayerNack); ok {
				r.thin(nack, time.Now())
			}
		}
		return n, a, nil
	})
}

// thin takes out of a NACK what was sent again less than a round trip ago.
func (r *repairs) thin(nack *rtcp.TransportLayerNack, now time.Time) {
	trip := time.Duration(r.trip.Load())
	if trip == 0 {
		trip = tripUnknown
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent[nack.MediaSSRC]
	if sent == nil {
		return
	}
	var due []uint16
	for _, pair := range nack.Nacks {
		due = append(due, pair.PacketList()...)
	}
	nack.Nacks = rtcp.NackPairsFromSequenceNumbers(slices.DeleteFunc(due, func(seq uint16) bool {
		last := sent[seq%uint16(len(sent))]
		return last.seq == seq && now.Sub(last.at) < trip
	}))
}
