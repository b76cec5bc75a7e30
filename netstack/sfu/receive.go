package sfu

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"candid/netstack/sfu/forward"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/webrtc/v4"
)

// take handles one packet of a client. Nothing in it is believed before it is
// authenticated, and only what was negotiated is looked at.
func (e *engine) take(l *line, b []byte, at int64) {
	if l.near != nil {
		e.takeOwn(l, b, at)
		return
	}
	if l.in == nil || len(b) < 12 {
		l.garbage.Add(1)
		return
	}
	if b[1] >= 192 && b[1] <= 223 { // RFC 5761 section 4
		e.takeRTCP(l, b)
		return
	}
	if !e.takeRTP(l, b, at) {
		l.garbage.Add(1)
		e.dropped.Add(1)
	}
}

// takeRTP reports whether the packet was good, or at least no sign of malice.
func (e *engine) takeRTP(l *line, b []byte, at int64) bool {
	header, err := forward.HeaderSize(b)
	if err != nil {
		return false
	}
	y := l.layerOf(binary.BigEndian.Uint32(b[8:]))
	if y == nil {
		if y = l.candidate(b[:header]); y == nil {
			return false
		}
	}
	index := y.numbers.Guess(binary.BigEndian.Uint16(b[2:]))
	if y.numbers.Seen(index) {
		return true // a late copy
	}
	if b, err = l.in.OpenRTP(b, header, index); err != nil {
		return false
	}
	l.agent.heard.Store(at)
	l.bytes += uint64(len(b))
	var p forward.Packet
	if p.Parse(b) != nil || p.PT != y.pt {
		return false
	}
	y.numbers.Add(index)
	y.ssrc = p.SSRC
	if n := p.Extension(l.transport); len(n) == 2 {
		l.record(p.SSRC, binary.BigEndian.Uint16(n), at)
	}
	if len(p.Payload) == 0 {
		y.missing.Got(index, e.now) // padding: a probe
		return true
	}
	return e.accept(y, &p, 0, index, at)
}

// takeOwn handles a packet of this process.
func (e *engine) takeOwn(l *line, b []byte, at int64) {
	var p forward.Packet
	if len(l.ups) == 0 || p.Parse(b) != nil || len(p.Payload) == 0 {
		return
	}
	y := l.ups[0]
	index := y.numbers.Guess(p.Seq)
	if !y.numbers.Seen(index) {
		y.numbers.Add(index)
		e.accept(y, &p, forward.Codec(p.PT), index, at)
	}
}

// layerOf finds the layer of an SSRC.
func (l *line) layerOf(ssrc uint32) *layer {
	for _, y := range l.ups {
		if y.ssrc == ssrc {
			return y
		}
	}
	return nil
}

// candidate finds the layer whose SSRC is not known yet that a packet says it
// is of, by its rid (RFC 8852). The packet is still to be authenticated.
func (l *line) candidate(header []byte) *layer {
	var p forward.Packet
	if p.Parse(header) != nil {
		return nil
	}
	rid := p.Extension(l.rid)
	if len(rid) == 0 {
		return nil
	}
	for _, y := range l.ups {
		if y.ssrc == 0 && y.rid == string(rid) {
			return y
		}
	}
	return nil
}

// record notes a packet for transport-wide feedback.
func (l *line) record(ssrc uint32, number uint16, at int64) {
	if l.recorder == nil {
		l.recorder = twcc.NewRecorder(0)
	}
	l.recorder.Record(ssrc, number, at/1000)
}

// accept keeps a packet and queues it for everyone. own is its codec, if not
// the track's.
func (e *engine) accept(y *layer, p *forward.Packet, own forward.Codec, index uint64, at int64) bool {
	k := forward.Kept{Seq: index, Timestamp: p.Timestamp, Marker: p.Marker}
	sound := y.track.kind == webrtc.RTPCodecTypeAudio
	if sound {
		if level := p.Extension(y.line.level); len(level) == 1 {
			k.Level, k.HasLevel = level[0], true
			y.track.speaker.Heard(level[0]&0x7F, e.now)
		}
	} else {
		c := y.track.codec
		if k.Codec = own; own != 0 {
			c = own
		}
		v, err := forward.ParsePicture(c, p.Payload)
		if err != nil {
			return false
		}
		if v.Key && v.Height > 0 {
			y.width, y.height = int(v.Width), int(v.Height)
		}
		k.VP8 = v
	}
	if !y.cache.Put(k, p.Payload) {
		return true // had
	}
	y.missing.Got(index, e.now)
	y.count(p, index, at, e.now)
	if sound {
		e.audio = append(e.audio, item{y, k, p.Payload})
		return true
	}
	y.key.Put(k, p.Payload, e.now)
	if k.VP8.Key {
		y.wantKey = false
	}
	e.video = append(e.video, item{y, k, p.Payload})
	return true
}

// count keeps what reports are made of (RFC 3550 appendix A).
func (y *layer) count(p *forward.Packet, index uint64, at, now int64) {
	y.rate.Add(len(p.Payload)+forward.MaxOverhead, now)
	y.last = now
	y.packets++
	clock := int64(90_000)
	if y.track.kind == webrtc.RTPCodecTypeAudio {
		clock = 48_000
	}
	transit := at/1000*clock/1_000_000 - int64(p.Timestamp)
	if y.haveFirst {
		d := int64(int32(transit - y.transit))
		y.jitter += (float64(max(d, -d)) - y.jitter) / 16
	} else {
		y.haveFirst, y.firstSeq = true, index
	}
	y.transit = transit
}

// choose decides which layers a receiver gets, and gives those it starts with
// what is at hand.
func (e *engine) choose(l *line) {
	e.wishes, e.chosen = e.wishes[:0], e.chosen[:0]
	budget, quiet := l.estimate.Bits(), false
	if l.near != nil {
		budget = math.MaxInt32
	} else {
		quiet = e.now-l.agent.heard.Load() > silentAfter
		if l.estimate.Known() {
			l.bitsNow.Store(int64(budget))
			l.fullAt.Store(l.estimate.OverAt())
		}
	}
	for _, d := range l.list {
		w := forward.Wish{Tile: d.tile, Priority: d.priority, Audio: d.track.kind == webrtc.RTPCodecTypeAudio && d.tile > 0}
		if e.active == d.track.slot || e.active >= 0 && e.tracks[e.active] != nil && e.tracks[e.active].key.peer == d.track.key.peer {
			w.Priority = max(w.Priority, 1)
		}
		e.wished(&w, d.track)
		if quiet || d.track.behind && d.priority == 0 && l.near == nil {
			w.Tile, w.Audio = 0, false
		}
		e.wishes, e.chosen = append(e.wishes, w), append(e.chosen, -1)
	}
	forward.Choose(budget, e.wishes, e.chosen)
	l.takes = false
	for i, d := range l.list {
		layer := e.chosen[i]
		if layer >= 0 && d.track.kind == webrtc.RTPCodecTypeAudio {
			layer = topLayer // its only one
		}
		e.want(l, d, layer)
		l.takes = l.takes || d.want >= 0
	}
}

// wished fills in what there is of a track.
func (e *engine) wished(w *forward.Wish, t *track) {
	if t.kind == webrtc.RTPCodecTypeAudio {
		if y := t.layers[topLayer]; y != nil { // nil: given up, and about to be taken from its receivers
			w.Layers, w.Flows[0], w.Bitrate[0] = 1, true, y.bitrate(e.now)
		}
		return
	}
	w.Layers = maxLayers
	for i, y := range t.layers {
		if y.flows(e.now) {
			w.Flows[i], w.Bitrate[i], w.Height[i] = true, y.bitrate(e.now), y.height
			if t.elastic {
				w.Bitrate[i] = elastic
			}
		}
	}
}

// rank finds the pictures of the last speakers, which are all that receivers
// get who asked for no other.
func (e *engine) rank() {
	e.pictures = e.pictures[:0]
	for _, t := range e.tracks {
		if t != nil && t.kind == webrtc.RTPCodecTypeVideo {
			t.behind = false
			if t.owner.near == nil {
				e.pictures = append(e.pictures, t)
			}
		}
	}
	if len(e.pictures) <= e.lastN {
		return
	}
	slices.SortStableFunc(e.pictures, func(a, b *track) int { return cmp.Compare(b.owner.spoke, a.owner.spoke) })
	for _, t := range e.pictures[e.lastN:] {
		t.behind = true
	}
}

// want moves a receiver towards a layer.
func (e *engine) want(l *line, d *down, layer int) {
	if layer < 0 {
		if d.want >= 0 {
			d.want = -1
			d.Pause()
		}
		return
	}
	fresh := d.want < 0
	d.want = layer
	if d.Layer() == layer || !d.Aligned {
		return
	}
	y := d.track.layers[layer]
	if (fresh || d.Layer() < 0) && e.replay(l, d, layer) {
		return
	}
	y.wantKey = true
}

// replay starts a receiver from what is kept: everything since the last key
// frame if that is at hand, else the key frame alone, so that there is a
// picture until the next comes. It reports whether the stream goes on from it.
func (e *engine) replay(l *line, d *down, want int) bool {
	if d.Layer() >= 0 {
		return false
	}
	for _, i := range [...]int{want, 1, 0, topLayer} {
		y := d.track.layers[i]
		if y == nil || y.key.Len() == 0 {
			continue
		}
		first, at := y.key.First()
		if e.now-at > forgottenKeyFrame {
			continue
		}
		if k, _ := y.key.Packet(0); d.Rewinds(i, k.Timestamp) {
			continue
		}
		newest, _ := y.cache.Newest()
		if newest-first < maxReplay && y.whole(first, newest) {
			for seq := first; seq <= newest; seq++ {
				if k, payload, ok := y.cache.Get(seq); ok {
					e.mapped(l, d, i, k, payload)
				}
			}
			return i == want
		}
		if d.Highest() != 0 {
			continue // it has had a picture: an old one would only confuse
		}
		for n := range y.key.Len() {
			k, payload := y.key.Packet(n)
			e.mapped(l, d, i, k, payload)
		}
		d.Pause()
		return false
	}
	return false
}

// whole reports whether all packets are at hand.
func (y *layer) whole(from, to uint64) bool {
	for seq := from; seq <= to; seq++ {
		if !y.cache.Has(seq) {
			return false
		}
	}
	return true
}

func (e *engine) mapped(l *line, d *down, layer int, k *forward.Kept, payload []byte) {
	if o, ok := d.Map(layer, layer, k); ok {
		e.send(l, d, &o, k, payload)
	}
}
