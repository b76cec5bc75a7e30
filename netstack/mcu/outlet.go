package mcu

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/pion/rtp"
)

// parcel is what is sent at one moment, a frame or a packet of sound. Any
// number of outlets share it, so nobody changes it.
type parcel struct {
	payloads  [][]byte
	timestamp uint32
	key       bool
	last      bool // its last packet carries the marker
}

// outlet sends parcels to one sink from a goroutine of its own, so that a sink
// which blocks holds up nobody else. Sequence numbers follow each other and
// timestamps grow, whatever mixes the parcels come from.
type outlet struct {
	sink    PacketSink
	queue   chan *parcel
	quit    chan struct{}
	once    sync.Once
	done    sync.WaitGroup
	packets atomic.Uint64
	failed  atomic.Uint64

	packet rtp.Packet // the goroutine's
	begun  bool
}

// Stream says how the packets of a mix are marked. *webrtc.TrackLocalStaticRTP
// writes its own values over both.
type Stream struct {
	SSRC        uint32 // 0: chosen
	PayloadType uint8
}

func newOutlet(sink PacketSink, s Stream, room int) *outlet {
	for s.SSRC == 0 {
		s.SSRC = rand.Uint32()
	}
	o := &outlet{sink: sink, queue: make(chan *parcel, room), quit: make(chan struct{})}
	o.packet.Header = rtp.Header{
		Version: 2, SSRC: s.SSRC, PayloadType: s.PayloadType, SequenceNumber: uint16(rand.Uint32()),
	}
	o.done.Go(o.run)
	return o
}

// put reports whether there was room for p. It does not block.
func (o *outlet) put(p *parcel) bool {
	select {
	case o.queue <- p:
		return true
	default:
		return false
	}
}

func (o *outlet) run() {
	for {
		select {
		case <-o.quit:
			return
		case p := <-o.queue:
			o.send(p)
		}
	}
}

func (o *outlet) send(p *parcel) {
	at := p.timestamp
	if o.begun && int32(at-o.packet.Timestamp) <= 0 {
		at = o.packet.Timestamp + 1 // two mixes at one moment, when changing over
	}
	o.begun = true
	o.packet.Timestamp = at
	for i, payload := range p.payloads {
		select {
		case <-o.quit:
			return
		default:
		}
		o.packet.Payload = payload
		o.packet.Marker = p.last && i == len(p.payloads)-1
		if err := o.sink.WriteRTP(&o.packet); err != nil {
			o.failed.Add(1)
		}
		o.packets.Add(1)
		o.packet.SequenceNumber++
	}
}

// close waits for the sink to return; it is not called again.
func (o *outlet) close() {
	o.once.Do(func() { close(o.quit) })
	o.done.Wait()
}
