package peer

import (
	"context"
	"sync/atomic"
	"time"

	"candid/netstack"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// pliEvery bounds how often a key frame is asked for: one takes a round trip,
// and asking again before it is here makes the sender send two.
const pliEvery = 300 * time.Millisecond

// remoteTrack is a netstack.RemoteTrack. Its methods may be called from any
// goroutine; ReadRTP from one.
type remoteTrack struct {
	track    *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
	pc       *webrtc.PeerConnection

	line    arrivals
	lastPLI atomic.Int64 // Unix nanoseconds
	plis    atomic.Uint64
	report  atomic.Pointer[netstack.SenderReport]
	ended   atomic.Bool
}

func (t *remoteTrack) ID() string                       { return t.track.ID() }
func (t *remoteTrack) StreamID() string                 { return t.track.StreamID() }
func (t *remoteTrack) Kind() webrtc.RTPCodecType        { return t.track.Kind() }
func (t *remoteTrack) Codec() webrtc.RTPCodecParameters { return t.track.Codec() }

// ReadRTP blocks until a packet arrives; io.EOF after the track ended. It must
// be called: nothing is acknowledged, repaired or counted of a track that
// nobody reads.
func (t *remoteTrack) ReadRTP() (*rtp.Packet, interceptor.Attributes, error) {
	p, a, err := t.track.ReadRTP()
	if err != nil {
		t.ended.Store(true)
		return p, a, err
	}
	t.line.note(p.SequenceNumber, time.Now())
	return p, a, nil
}

// RequestKeyFrame sends a PLI (RFC 4585 section 6.3.1), at most one every
// 300 ms; a request too many is dropped.
func (t *remoteTrack) RequestKeyFrame() {
	now, last := time.Now().UnixNano(), t.lastPLI.Load()
	if last != 0 && now-last < int64(pliEvery) || !t.lastPLI.CompareAndSwap(last, now) {
		return
	}
	t.plis.Add(1)
	// An error means the connection is closed or not up: no key frame either way.
	_ = t.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.track.SSRC())}})
}

// SenderReport is the newest that arrived for this track.
func (t *remoteTrack) SenderReport() netstack.Opt[netstack.SenderReport] {
	if r := t.report.Load(); r != nil {
		return netstack.Some(*r)
	}
	return netstack.Opt[netstack.SenderReport]{}
}

// readRTCP reads what the sender of t says, until the receiver stops. Reading
// also drives congestion control and repair.
func (t *remoteTrack) readRTCP(context.Context) {
	for {
		packets, _, err := t.receiver.ReadRTCP()
		if err != nil {
			t.ended.Store(true)
			return
		}
		for _, p := range packets {
			if r, ok := p.(*rtcp.SenderReport); ok && r.SSRC == uint32(t.track.SSRC()) {
				t.report.Store(&netstack.SenderReport{NTP: fromNTP(r.NTPTime), RTPTime: r.RTPTime, At: time.Now()})
			}
		}
	}
}

// fromNTP converts a 64-bit NTP timestamp (RFC 5905 section 6).
func fromNTP(t uint64) time.Time {
	const toUnix = 2208988800 // seconds from 1900 to 1970
	return time.Unix(int64(t>>32)-toUnix, int64((t&0xffffffff)*1e9>>32))
}

// readFeedback reads what the receiver of a sent track says, until the sender
// stops. keyFrame is called for each PLI and FIR.
func readFeedback(sender *webrtc.RTPSender, keyFrame func()) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				keyFrame()
			}
		}
	}
}
