package peer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// mended is a stream with pion's repairs and ours, by the registry's order.
type mended struct {
	*testing.T
	repairs *repairs
	wire    *sink
	asks    chan []rtcp.Packet
	busy    bool // nothing can be sent
	heard   interceptor.RTCPReader
}

func newMended(t *testing.T) *mended {
	m := &mended{T: t, repairs: newRepairs(), wire: &sink{}, asks: make(chan []rtcp.Packet, 1)}
	responder, err := nack.NewResponderInterceptor()
	if err != nil {
		t.Fatal(err)
	}
	var all interceptor.Registry
	all.Add(m.repairs)
	all.Add(responder)
	chain, err := all.Build("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chain.Close() })
	info := &interceptor.StreamInfo{SSRC: pictures, RTCPFeedback: []interceptor.RTCPFeedback{{Type: "nack"}}}
	newest := uint16(0) // the pacer tells what is sent again
	w := chain.BindLocalStream(info, interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if m.busy {
			return 0, errPacerClosed
		}
		if h.SequenceNumber < newest {
			m.repairs.again(h.SSRC, h.SequenceNumber)
		}
		newest = max(newest, h.SequenceNumber)
		return m.wire.Write(h, payload, a)
	}))
	m.heard = chain.BindRTCPReader(interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		raw, err := rtcp.Marshal(<-m.asks)
		return copy(b, raw), a, err
	}))
	for seq := range uint16(10) {
		if _, err := w.Write(&rtp.Header{Version: 2, SSRC: pictures, SequenceNumber: seq}, make([]byte, 100), nil); err != nil {
			t.Fatal(err)
		}
	}
	m.wire.reset()
	return m
}

// hear takes what the other side says.
func (m *mended) hear(p ...rtcp.Packet) {
	m.Helper()
	m.asks <- p
	if _, _, err := m.heard.Read(make([]byte, 1500), nil); err != nil {
		m.Fatal(err)
	}
	synctest.Wait()
}

// lost asks for packets, as our receivers do: each nackEvery, for as long.
func (m *mended) lost(long time.Duration, seq ...uint16) {
	m.Helper()
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(nackEvery) {
		m.hear(&rtcp.TransportLayerNack{MediaSSRC: pictures, Nacks: rtcp.NackPairsFromSequenceNumbers(seq)})
	}
}

// What is asked for again and again is sent once in a round trip, from the first
// second on.
func TestRepairedOnceInARoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMended(t)
		m.lost(tripUnknown, 3, 5)
		if n := m.wire.count(); n != 2 {
			t.Errorf("2 packets lost, no round trip known: %d sent", n)
		}
		m.wire.reset()
		m.repairs.trip.Store(int64(60 * time.Millisecond))
		m.lost(120*time.Millisecond, 6)
		if n := m.wire.count(); n != 2 {
			t.Errorf("a packet lost for two round trips was sent %d times", n)
		}
		m.wire.reset()
		m.lost(nackEvery, 6, 7)
		m.lost(nackEvery, 6, 8)
		if n := m.wire.count(); n != 3 {
			t.Errorf("three packets, lost one after the other: %d sent", n)
		}
		m.wire.reset()
		m.busy = true
		m.lost(nackEvery, 2)
		m.busy = false
		m.lost(nackEvery, 2)
		if n := m.wire.count(); n != 1 {
			t.Errorf("a packet that could not be sent at first: %d sent", n)
		}
	})
}
