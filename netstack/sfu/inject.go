package sfu

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"candid/netstack"
	"candid/netstack/sfu/forward"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Injection says what track is to be offered to whom.
type Injection struct {
	// Owner and Track are what members see as the track's msid.
	Owner netstack.PeerID
	Track string
	Kind  webrtc.RTPCodecType
	// Elastic says that the picture's sender follows the receivers' Estimate: it
	// is never left out for its bitrate.
	Elastic bool
	// For are the members it is offered to; nobody else learns of it.
	For []netstack.PeerID
	// KeyFrame is called when a receiver cannot decode, at most twice a second;
	// Demand when the height of the tallest tile that the picture is shown in
	// changes (of sound, any height): 0 when nobody takes it any more, and at
	// first. Both may be nil, and must neither block nor call the room back but by methods that
	// do not wait.
	KeyFrame func()
	Demand   func(height int)
}

// Injected is a track that comes from within this process. For its receivers it
// is as any other: packets are kept for those who lost some, and their lines'
// limits are heeded.
type Injected struct {
	room  *Room
	line  *line
	track *track
	layer *layer
	only  []netstack.PeerID
	codec atomic.Uint32
}

// elastic is what a picture that follows the receiver's line takes at least, in
// bits per second.
const elastic = 100_000

// Inject offers a track of ours. Close must be called.
func (r *Room) Inject(o Injection) (*Injected, error) {
	sound, picture := o.Kind == webrtc.RTPCodecTypeAudio, o.Kind == webrtc.RTPCodecTypeVideo
	if !isToken(string(o.Owner)) || !isToken(o.Track) || !sound && !picture {
		return nil, fmt.Errorf("offering track %q of %q: not a track", o.Track, o.Owner)
	}
	i := &Injected{room: r, only: slices.Clone(o.For), line: &line{id: o.Owner, engine: r.engine, near: &near{keyFrame: o.KeyFrame, demand: o.Demand}}}
	i.layer = &layer{index: topLayer, name: o.Track, line: i.line, ssrc: 1, cache: forward.NewCache(picture)}
	return i, r.do(func() error {
		i.track = &track{key: trackKey{o.Owner, o.Track}, kind: o.Kind, owner: i.line, slot: r.slot(), elastic: o.Elastic, codec: ownCodec(o.Kind)}
		r.injected = append(r.injected, i)
		e := r.engine
		e.do(func() {
			e.lines = append(e.lines, i.line)
			e.publish(i.track, []*layer{i.layer})
		})
		r.renegotiate(nil)
		return nil
	})
}

// WriteRTP sends a packet: of its header the number, timestamp and marker count.
// It does not block, and does not keep p. A packet that finds too many waiting
// is dropped.
func (i *Injected) WriteRTP(p *rtp.Packet) error {
	if len(p.Payload) > forward.MaxPacket-forward.MaxOverhead {
		return errors.New("packet is too large")
	}
	h := rtp.Header{Version: 2, Marker: p.Marker, PayloadType: uint8(i.codec.Load()), SequenceNumber: p.SequenceNumber, Timestamp: p.Timestamp, SSRC: i.layer.ssrc}
	i.room.engine.putOwn(i.line, &h, p.Payload)
	return nil
}

// SetCodec says what the pictures are from the next packet on, which must begin a
// key frame; at first they are VP8. Receivers who do not take it get nothing.
func (i *Injected) SetCodec(c forward.Codec) { i.codec.Store(uint32(c % forward.Codecs)) }

// SetReport says how the track's clock relates to the wall's. It does not wait.
func (i *Injected) SetReport(s netstack.SenderReport) {
	e := i.room.engine
	e.do(func() { e.reported(i.layer, toNTP(s.NTP), s.RTPTime) })
}

// Close takes the track back.
func (i *Injected) Close() {
	r := i.room
	_ = r.do(func() error { // an error means closed: so is this
		n := slices.Index(r.injected, i)
		if n < 0 {
			return nil
		}
		r.injected = slices.Delete(r.injected, n, n+1)
		e := r.engine
		e.do(func() {
			e.unpublish(i.track, []*layer{i.layer})
			e.remove(i.line)
		})
		r.withdraw(i.track, nil)
		return nil
	})
}

// Estimate is what a member's line takes, in bits per second, all tracks
// together; unknown before the member has said what arrives.
func (r *Room) Estimate(id netstack.PeerID) (bits netstack.Opt[int]) {
	_ = r.do(func() error {
		if m := r.members[id]; m != nil && m.session != nil {
			if n := m.session.line.bitsNow.Load(); n > 0 {
				bits = netstack.Some(int(n))
			}
		}
		return nil
	})
	return bits
}
