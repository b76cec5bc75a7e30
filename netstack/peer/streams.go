package peer

import (
	"time"

	"candid/netstack"

	"github.com/pion/interceptor/pkg/stats"
	"github.com/pion/webrtc/v4"
)

// counters are those of one stream at the sample before.
type counters struct {
	bytes            uint64
	expected, missed uint64 // on the line, before repair
	bitrate          netstack.Opt[int]
	fraction         netstack.Opt[float64]
	at               time.Time
}

// streams fills in what flows, and forgets tracks that ended.
func (p *Peer) streams(l *netstack.Link, now time.Time) {
	next := map[webrtc.SSRC]counters{}
	alive := p.tracks[:0]
	for _, t := range p.tracks {
		if t.ended.Load() {
			continue
		}
		alive = append(alive, t)
		if s := p.meters.streams.Get(uint32(t.track.SSRC())); s != nil {
			l.In = append(l.In, p.inbound(t, s, next, now))
		}
	}
	clear(p.tracks[len(alive):])
	p.tracks = alive
	for _, s := range p.sent {
		if s.sender == nil {
			continue
		}
		for _, e := range s.sender.GetParameters().Encodings {
			if st := p.meters.streams.Get(uint32(e.SSRC)); st != nil {
				l.Out = append(l.Out, p.outbound(s, e.SSRC, st, next, now))
			}
		}
	}
	p.view.counters = next
}

func (p *Peer) inbound(t *remoteTrack, s *stats.Stats, next map[webrtc.SSRC]counters, now time.Time) netstack.Stream {
	in := s.InboundRTPStreamStats
	expected, missed := t.line.counts()
	c := p.since(t.track.SSRC(), counters{bytes: in.BytesReceived, expected: expected, missed: missed, at: now}, next)
	out := netstack.Stream{
		TrackID: t.ID(), StreamID: t.StreamID(), Kind: t.Kind(), SSRC: t.track.SSRC(), Codec: t.Codec().MimeType,
		Packets: in.PacketsReceived, Bytes: in.BytesReceived, Bitrate: c.bitrate, FractionLost: c.fraction,
		NACKs: uint64(in.NACKCount), PLIs: uint64(in.PLICount), FIRs: uint64(in.FIRCount),
	}
	if in.PacketsReceived > 0 {
		out.Lost, out.Jitter = netstack.Some(max(in.PacketsLost, 0)), netstack.Some(seconds(in.Jitter))
	}
	return out
}

func (p *Peer) outbound(s *sent, ssrc webrtc.SSRC, st *stats.Stats, next map[webrtc.SSRC]counters, now time.Time) netstack.Stream {
	o, r := st.OutboundRTPStreamStats, st.RemoteInboundRTPStreamStats
	c := p.since(ssrc, counters{bytes: o.BytesSent, at: now}, next)
	out := netstack.Stream{
		TrackID: s.track.ID(), StreamID: s.track.StreamID(), Kind: s.track.Kind(), SSRC: ssrc, Codec: codecOf(s.sender),
		Packets: o.PacketsSent, Bytes: o.BytesSent, Bitrate: c.bitrate,
		NACKs: uint64(o.NACKCount), PLIs: uint64(o.PLICount), FIRs: uint64(o.FIRCount),
	}
	if r.RoundTripTimeMeasurements > 0 { // a receiver report has come
		out.Lost, out.FractionLost = netstack.Some(max(r.PacketsLost, 0)), netstack.Some(r.FractionLost)
		out.Jitter, out.RTT = netstack.Some(seconds(r.Jitter)), netstack.Some(r.RoundTripTime)
	}
	return out
}

// since works out rates over the time since the sample before. Samples that
// follow each other too fast keep the rate there was.
func (p *Peer) since(ssrc webrtc.SSRC, now counters, next map[webrtc.SSRC]counters) counters {
	old, ok := p.view.counters[ssrc]
	passed := now.at.Sub(old.at)
	if ok && passed < sampleEvery/2 {
		next[ssrc] = old
		return old
	}
	if ok && now.bytes >= old.bytes {
		now.bitrate = netstack.Some(int(float64(now.bytes-old.bytes) * 8 / passed.Seconds()))
		if sent := now.expected - old.expected; sent > 0 && now.expected >= old.expected {
			missed := min(max(int64(now.missed-old.missed), 0), int64(sent)) // an old gap may be none after all
			now.fraction = netstack.Some(float64(missed) / float64(sent))
		}
	}
	next[ssrc] = now
	return now
}

func codecOf(s *webrtc.RTPSender) string {
	if c := s.GetParameters().Codecs; len(c) > 0 {
		return c[0].MimeType
	}
	return ""
}
