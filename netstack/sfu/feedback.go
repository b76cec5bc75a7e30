package sfu

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/sfu/forward"
	"candid/netstack/sfu/srtp"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// RTCP packet types and feedback formats (RFC 3550, RFC 4585, RFC 5104).
const (
	typeSR, typeRTPFB, typePSFB = 200, 205, 206
	fmtNACK, fmtTransport       = 1, 15
	fmtPLI, fmtFIR              = 1, 4
)

// takeRTCP handles a compound packet of a client.
func (e *engine) takeRTCP(l *line, b []byte) {
	b, err := l.in.OpenRTCP(b)
	if err != nil {
		l.garbage.Add(1)
		return
	}
	l.agent.heard.Store(e.now)
	l.bytes += uint64(len(b))
	for len(b) >= 4 {
		size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if b[0]>>6 != 2 || size > len(b) {
			l.garbage.Add(1)
			return
		}
		e.takeReport(l, b[1], b[0]&0x1F, b[4:size])
		b = b[size:]
	}
}

func (e *engine) takeReport(l *line, typ, format uint8, body []byte) {
	switch {
	case typ == typeSR && len(body) >= 24:
		e.senderReport(l, body)
	case len(body) < 8:
	case typ == typeRTPFB && format == fmtNACK:
		if d := l.downOf(binary.BigEndian.Uint32(body[4:])); d != nil {
			for f := body[8:]; len(f) >= 4; f = f[4:] {
				e.nack(l, d, binary.BigEndian.Uint16(f), binary.BigEndian.Uint16(f[2:]))
			}
		}
	case typ == typeRTPFB && format == fmtTransport:
		if l.estimate.Feedback(body[8:], e.now) != nil {
			l.garbage.Add(1)
		}
	case typ == typePSFB && format == fmtPLI:
		e.askedKeyFrame(l.downOf(binary.BigEndian.Uint32(body[4:])))
	case typ == typePSFB && format == fmtFIR:
		for f := body[8:]; len(f) >= 8; f = f[8:] {
			e.askedKeyFrame(l.downOf(binary.BigEndian.Uint32(f)))
		}
	}
}

func (l *line) downOf(ssrc uint32) *down {
	for _, d := range l.list {
		if d.SSRC == ssrc {
			return d
		}
	}
	return nil
}

// askedKeyFrame notes that a receiver cannot decode; its layer's sender is asked
// at most every 500 ms, whoever asks how often.
func (e *engine) askedKeyFrame(d *down) {
	if d == nil || !d.Aligned {
		return
	}
	for _, i := range [...]int{d.Layer(), d.want} {
		if i >= 0 && d.track.layers[i] != nil {
			d.track.layers[i].wantKey = true
			return
		}
	}
}

// nack answers a NACK from what is kept of the layer, within a share of the
// line's rate, and for each packet once in a round trip: who asks more often would
// have that share taken by copies. What goes out again is byte for byte what went
// out before.
func (e *engine) nack(l *line, d *down, number, mask uint16) {
	l.resend.Rate, l.resend.Burst = resendShare*float64(l.estimate.Bits())/8, resendBurst
	at := l.agent.selected.Load()
	if at == nil || l.out == nil {
		return
	}
	for i := uint16(0); i <= 16; i++ {
		if i > 0 && mask>>(i-1)&1 == 0 {
			continue
		}
		layer, in, seq, ok := d.Find(number + i)
		if !ok || d.track.layers[layer] == nil || d.OnItsWay(seq, e.now, int64(l.estimate.Trip())) {
			continue
		}
		k, payload, ok := d.track.layers[layer].cache.Get(in)
		if !ok || !l.resend.Take(float64(len(payload)), e.now) {
			continue
		}
		o, ok := d.Again(k, seq)
		if !ok {
			continue
		}
		transport, was := d.WasSent(seq)
		if !was && l.ext.Transport != 0 {
			e.send(l, d, &o, k, payload) // it came late, and goes out for the first time
			continue
		}
		o.Transport = transport
		b := o.AppendHeader(e.out.Next(forward.MaxOverhead+len(payload)+srtp.Overhead), l.ext)
		header := len(b)
		b = append(b, payload...)
		d.Patch(k, o.Seq, b[header:])
		if b, err := l.out.SealRTP(b, header, o.Seq); err == nil {
			e.out.Queue(at.socket, at.remote, b)
			e.resent.Add(1)
			d.Repaired(seq, e.now)
		}
	}
}

// senderReport passes on how a publisher's RTP clock relates to its wall clock,
// so that sound and picture stay together at the receivers.
func (e *engine) senderReport(l *line, body []byte) {
	y := l.layerOf(binary.BigEndian.Uint32(body))
	if y == nil {
		return
	}
	e.reported(y, binary.BigEndian.Uint64(body[4:]), binary.BigEndian.Uint32(body[12:]))
}

func (e *engine) reported(y *layer, ntp uint64, at uint32) {
	y.report.NTPTime, y.report.RTPTime = ntp, at
	y.reportAt, y.reported = e.now, true
	if y.track == nil {
		return // not published yet
	}
	for _, r := range e.lines {
		if !r.ready() || y.track.slot >= len(r.downs) {
			continue
		}
		d := r.downs[y.track.slot]
		if d == nil || d.Layer() != y.index {
			continue
		}
		report := &rtcp.SenderReport{SSRC: d.SSRC, NTPTime: ntp, RTPTime: at + d.Offset(), PacketCount: d.packets, OctetCount: d.octets}
		if r.near != nil {
			r.near.report(d, report, e.now)
		} else {
			e.sendRTCP(r, report)
		}
	}
}

// feedback tells a publisher what came, what did not, and what is needed.
func (e *engine) feedback(l *line) {
	var out []rtcp.Packet
	for _, y := range l.ups {
		if y.ssrc == 0 {
			continue
		}
		l.askedNumber = y.missing.Due(l.askedNumber[:0], e.now)
		if len(l.askedNumber) > 0 {
			out = append(out, &rtcp.TransportLayerNack{MediaSSRC: y.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(l.askedNumber)})
		}
		if y.wantKey && e.now-y.asked >= keyFrameEvery {
			y.asked = e.now
			out = append(out, &rtcp.PictureLossIndication{MediaSSRC: y.ssrc})
		}
	}
	if l.recorder != nil && e.now-l.fedAt >= feedbackEvery {
		l.fedAt = e.now
		out = append(out, l.recorder.BuildFeedbackPacket()...)
	}
	if e.now-l.reportedAt >= reportEvery {
		l.reportedAt = e.now
		out = l.reports(out, e.now)
	}
	if len(out) > 0 {
		e.sendRTCP(l, out...)
	}
}

// askNear asks a sender of this process for what is needed.
func (l *line) askNear(now int64) {
	for _, y := range l.ups {
		if y.wantKey && now-y.asked >= keyFrameEvery && l.near.keyFrame != nil {
			y.asked = now
			l.near.keyFrame()
		}
	}
}

// reports appends receiver reports (RFC 3550 section 6.4.2).
func (l *line) reports(out []rtcp.Packet, now int64) []rtcp.Packet {
	r := &rtcp.ReceiverReport{}
	for _, y := range l.ups {
		if !y.haveFirst {
			continue
		}
		lost, came := y.missing.Lost(), y.packets
		b := rtcp.ReceptionReport{SSRC: y.ssrc, TotalLost: uint32(min(lost, 1<<23-1)), LastSequenceNumber: uint32(y.missing.Highest()), Jitter: uint32(y.jitter)}
		if newLost, newCame := lost-min(lost, y.saidLost), came-y.saidCame; newLost+newCame > 0 {
			b.FractionLost = uint8(min(255, 256*newLost/(newLost+newCame)))
		}
		y.saidLost, y.saidCame = lost, came
		if y.reported {
			b.LastSenderReport = uint32(y.report.NTPTime >> 16)
			b.Delay = uint32((now - y.reportAt) * 65536 / int64(time.Second))
		}
		if r.Reports = append(r.Reports, b); len(r.Reports) == 31 {
			break
		}
	}
	if len(r.Reports) > 0 {
		out = append(out, r)
	}
	return out
}

// sendRTCP seals and queues a compound packet.
func (e *engine) sendRTCP(l *line, packets ...rtcp.Packet) {
	at := l.agent.selected.Load()
	if at == nil || l.out == nil {
		return
	}
	plain, err := rtcp.Marshal(packets)
	if err != nil || len(plain) > 4*forward.MaxPacket {
		return
	}
	if len(plain) > forward.MaxPacket-srtp.Overhead-100 && len(packets) > 1 {
		e.sendRTCP(l, packets[:len(packets)/2]...)
		e.sendRTCP(l, packets[len(packets)/2:]...)
		return
	}
	b, err := l.out.SealRTCP(append(e.out.Next(len(plain)+srtp.Overhead+4), plain...))
	if err == nil {
		e.out.Queue(at.socket, at.remote, b)
	}
}

// demands finds layers, of sound too, that nobody takes any more, and those
// somebody takes again.
func (e *engine) demands() {
	var told map[*line][]demand
	for _, t := range e.tracks {
		if t == nil {
			continue
		}
		var taken [maxLayers]bool
		tallest := 0
		for _, l := range e.lines {
			if t.slot < len(l.downs) && l.downs[t.slot] != nil {
				d := l.downs[t.slot]
				if d.want >= 0 {
					tallest = max(tallest, d.tile)
				}
				for _, i := range [...]int{d.want, d.Layer()} {
					if i >= 0 && l.ready() {
						taken[i] = true
					}
				}
			}
		}
		for i, y := range t.layers {
			if y == nil {
				continue
			}
			if taken[i] {
				y.takenAt = e.now
			}
			if n := y.line.near; n != nil && tallest != n.told && (taken[i] || e.now-y.takenAt >= demandAfter) {
				y.demanded, y.since, n.told = taken[i], e.now, tallest
				e.changed(change{line: y.line, height: tallest})
			}
			if y.line.near != nil {
				continue
			}
			if y.demanded == taken[i] || !taken[i] && e.now-y.takenAt < demandAfter {
				continue
			}
			y.demanded, y.since = taken[i], e.now
			if told == nil {
				told = map[*line][]demand{}
			}
			told[t.owner] = append(told[t.owner], demand{Track: y.name, RID: y.rid, Wanted: taken[i]})
		}
	}
	for l, list := range told {
		e.changed(change{line: l, demand: list})
	}
}

// speak follows who speaks, and tells when the order changed.
func (e *engine) speak() {
	e.speakers = e.speakers[:0]
	for _, t := range e.tracks {
		s := &e.silence
		if t != nil && t.kind == webrtc.RTPCodecTypeAudio {
			s = &t.speaker
		}
		e.speakers = append(e.speakers, s)
	}
	before := e.active
	if before >= len(e.speakers) || before >= 0 && e.speakers[before] == &e.silence {
		before = -1
	}
	e.active = forward.Active(e.speakers, before, e.now)
	if e.active >= 0 {
		e.tracks[e.active].owner.spoke = e.tracks[e.active].speaker.Recent
	}
	if e.active == before || e.active < 0 {
		return
	}
	var order []*track
	for _, t := range e.tracks {
		if t != nil && t.kind == webrtc.RTPCodecTypeAudio && t.speaker.Recent > 0 {
			order = append(order, t)
		}
	}
	slices.SortFunc(order, func(a, b *track) int { return cmp.Compare(b.speaker.Recent, a.speaker.Recent) })
	names := make([]netstack.PeerID, len(order))
	for i, t := range order {
		names[i] = t.key.peer
	}
	e.changed(change{speakers: names})
}
