package replay

import (
	"maps"
	"math"
	"slices"
	"time"

	"candid/app/call"
	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// link is the sample of the connection at a time.
func (c *imported) link(at time.Time) netstack.Link {
	l := netstack.Link{Peer: c.member.ID, Topology: netstack.P2P, At: at, ICEState: c.ice, Milestones: maps.Clone(c.steps), Failures: slices.Clone(c.failures)}
	selected := ""
	for _, o := range c.objects {
		if !o.alive(at) {
			continue
		}
		switch o.kind {
		case "transport":
			l.DTLSState, l.SRTP = o.text("dtlsState", at), o.text("srtpCipher", at)
			selected = o.text("selectedCandidatePairId", at)
		case "local-candidate":
			l.Local = append(l.Local, o.candidate(at))
		case "remote-candidate":
			l.Remote = append(l.Remote, o.candidate(at))
		case "candidate-pair":
			l.Pairs = append(l.Pairs, o.pair(at))
		case "inbound-rtp":
			l.In = append(l.In, c.inbound(o, at))
		case "outbound-rtp":
			l.Out = append(l.Out, c.outbound(o, at))
		}
	}
	for i := range l.Pairs {
		p := &l.Pairs[i]
		if p.ID != selected {
			continue
		}
		p.Selected = true
		l.RTT = p.RTT
		if v, ok := c.byID[p.ID].number("availableOutgoingBitrate", at); ok && math.Abs(v) < 1e12 {
			l.SendBudget = netstack.Some(int(v))
		}
	}
	l.State = c.stateNow(l)
	return l
}

// stateNow is what the log says, or else what DTLS does.
func (c *imported) stateNow(l netstack.Link) webrtc.PeerConnectionState {
	switch {
	case c.state.OK:
		return c.state.Value
	case l.DTLSState == "connected":
		return webrtc.PeerConnectionStateConnected
	case l.DTLSState == "failed":
		return webrtc.PeerConnectionStateFailed
	case l.DTLSState == "":
		return webrtc.PeerConnectionStateNew
	}
	return webrtc.PeerConnectionStateConnecting
}

func (o *object) candidate(at time.Time) netstack.Candidate {
	address := o.text("address", at)
	if address == "" {
		address = o.text("ip", at)
	}
	kind, err := webrtc.NewICECandidateType(o.text("candidateType", at))
	if err != nil {
		kind = webrtc.ICECandidateTypeHost // there is no unknown one
	}
	return netstack.Candidate{
		ID: o.id, Type: kind, Protocol: o.text("protocol", at), TCPType: o.text("tcpType", at), Address: address,
		Port: uint16(o.count("port", at)), Priority: uint32(o.count("priority", at)), Foundation: o.text("foundation", at),
		RelatedAddress: o.text("relatedAddress", at), RelatedPort: uint16(o.count("relatedPort", at)), URL: o.text("url", at),
		RelayProtocol: o.text("relayProtocol", at), Network: o.network(at),
	}
}

func (o *object) network(at time.Time) netstack.NetworkKind {
	if o.flag("vpn", at) {
		return netstack.VPN
	}
	k := netstack.NetworkKind(o.text("networkType", at))
	switch k {
	case netstack.Ethernet, netstack.WiFi, netstack.Cellular, netstack.VPN, netstack.Loopback:
		return k
	}
	return ""
}

func (o *object) pair(at time.Time) netstack.Pair {
	state := netstack.PairState(o.text("state", at))
	switch state {
	case netstack.PairFrozen, netstack.PairWaiting, netstack.PairInProgress, netstack.PairSucceeded, netstack.PairFailed:
	case "inprogress":
		state = netstack.PairInProgress
	default:
		state = netstack.PairWaiting
	}
	return netstack.Pair{
		ID: o.id, Local: o.text("localCandidateId", at), Remote: o.text("remoteCandidateId", at), State: state,
		Nominated: o.flag("nominated", at), Priority: o.count("priority", at), RTT: o.seconds("currentRoundTripTime", at),
		RequestsSent: o.count("requestsSent", at), ResponsesReceived: o.count("responsesReceived", at),
		RequestsReceived: o.count("requestsReceived", at), ResponsesSent: o.count("responsesSent", at),
		BytesSent: o.count("bytesSent", at), BytesReceived: o.count("bytesReceived", at),
	}
}

func (c *imported) stream(o *object, at time.Time) netstack.Stream {
	s := netstack.Stream{
		TrackID: o.text("trackIdentifier", at), Kind: webrtc.NewRTPCodecType(o.text("kind", at)), SSRC: webrtc.SSRC(o.count("ssrc", at)),
		NACKs: o.count("nackCount", at), PLIs: o.count("pliCount", at), FIRs: o.count("firCount", at),
	}
	if s.TrackID == "" {
		s.TrackID = o.text("mid", at)
	}
	if codec := c.byID[o.text("codecId", at)]; codec != nil {
		s.Codec = codec.text("mimeType", at)
	}
	return s
}

func (c *imported) inbound(o *object, at time.Time) netstack.Stream {
	s := c.stream(o, at)
	s.Packets, s.Bytes, s.Jitter = o.count("packetsReceived", at), o.count("bytesReceived", at), o.seconds("jitter", at)
	if v, ok := o.number("packetsLost", at); ok && math.Abs(v) < 1e15 {
		s.Lost = netstack.Some(int64(v))
	}
	for _, b := range c.before.In {
		if b.SSRC != s.SSRC {
			continue
		}
		s.Bitrate = c.bitrate(b.Bytes, s.Bytes, at)
		lost, came := s.Lost.Value-b.Lost.Value, int64(s.Packets-b.Packets)
		if s.Lost.OK && b.Lost.OK && s.Packets >= b.Packets && lost+came > 0 {
			s.FractionLost = netstack.Some(float64(max(0, lost)) / float64(max(0, lost)+came))
		}
	}
	return s
}

func (c *imported) outbound(o *object, at time.Time) netstack.Stream {
	s := c.stream(o, at)
	s.Packets, s.Bytes = o.count("packetsSent", at), o.count("bytesSent", at)
	for _, b := range c.before.Out {
		if b.SSRC == s.SSRC {
			s.Bitrate = c.bitrate(b.Bytes, s.Bytes, at)
		}
	}
	if r := c.byID[o.text("remoteId", at)]; r != nil { // as the other side reports
		s.Jitter, s.RTT = r.seconds("jitter", at), r.seconds("roundTripTime", at)
		if v, ok := r.number("fractionLost", at); ok {
			s.FractionLost = netstack.Some(min(1, max(0, v)))
		}
		if v, ok := r.number("packetsLost", at); ok && math.Abs(v) < 1e15 {
			s.Lost = netstack.Some(int64(v))
		}
	}
	return s
}

func (c *imported) bitrate(before, now uint64, at time.Time) netstack.Opt[int] {
	d := at.Sub(c.beforeAt).Seconds()
	if now < before || d <= 0 || now-before > 1<<40 {
		return netstack.Opt[int]{}
	}
	return netstack.Some(int(float64(now-before) * 8 / d))
}

// playout tells of the first picture and sound that arrive.
func (c *imported) playout(at time.Time) (p netstack.Opt[call.Picture], s netstack.Opt[call.Sound]) {
	for _, o := range c.objects {
		if o.kind != "inbound-rtp" || !o.alive(at) {
			continue
		}
		delay := c.mean(o, "jitterBufferDelay", "jitterBufferEmittedCount", at)
		switch {
		case !p.OK && o.text("kind", at) == "video" && o.count("framesDecoded", at) > 0:
			fps, _ := o.number("framesPerSecond", at)
			p = netstack.Some(call.Picture{
				FrameWidth: size(o.count("frameWidth", at)), FrameHeight: size(o.count("frameHeight", at)), FramesPerSecond: fps,
				FramesDecoded: o.count("framesDecoded", at), FramesDropped: o.count("framesDropped", at), KeyFramesDecoded: o.count("keyFramesDecoded", at),
				FreezeCount: o.count("freezeCount", at), TotalFreezesDuration: o.seconds("totalFreezesDuration", at).Value,
				JitterBufferDelay: delay, DecodeTime: c.mean(o, "totalDecodeTime", "framesDecoded", at),
			})
		case !s.OK && o.text("kind", at) == "audio" && o.count("totalSamplesReceived", at) > 0:
			v := call.Sound{JitterBufferDelay: delay, ConcealmentEvents: o.count("concealmentEvents", at),
				Total: call.Counters{Samples: o.count("totalSamplesReceived", at), Concealed: o.count("concealedSamples", at)}}
			from := at.Add(-10 * time.Second)
			if n, was := v.Total.Samples, o.count("totalSamplesReceived", from); n > was {
				v.Concealed = netstack.Some(float64(v.Total.Concealed-min(v.Total.Concealed, o.count("concealedSamples", from))) / float64(n-was))
			}
			if d, n := o.seconds("jitterBufferTargetDelay", at), o.count("jitterBufferEmittedCount", at); d.OK && n > 0 {
				v.JitterBufferTarget = d.Value / time.Duration(min(n, math.MaxInt64))
			}
			s = netstack.Some(v)
		}
	}
	return p, s
}

func size(v uint64) int { return int(min(v, 1<<16)) }

// mean is how much sum grew per count over the last second.
func (c *imported) mean(o *object, sum, count string, at time.Time) netstack.Opt[time.Duration] {
	from := at.Add(-time.Second)
	a, b := o.seconds(sum, from), o.seconds(sum, at)
	n, m := o.count(count, at), o.count(count, from)
	if !a.OK || !b.OK || n <= m {
		return netstack.Opt[time.Duration]{}
	}
	return netstack.Some((b.Value - a.Value) / time.Duration(min(n-m, math.MaxInt64)))
}
