package uitest

import (
	"fmt"
	"math"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

var names = []string{"Robin Vale", "Mina Okafor", "Tom Reyes", "Ada Lindqvist", "Jun Park", "Sam Osei", "Lea Moreau", "Ivo Horvat", "Noa Levi",
	"Kai Brandt", "Zoe Adler", "Max Iyer", "Eli Stone", "Uma Rao", "Ben Hale", "Ivy Chen"}

// MemberAt is the i-th member of every story; 0 is oneself.
func MemberAt(i int) call.Member {
	return call.Member{ID: netstack.PeerID(fmt.Sprintf("p%d", i)), Name: names[i%len(names)], Host: i == 0}
}

// Room is a snapshot of a room of n people, Start long ago.
func Room(n int) call.Snapshot {
	s := call.Snapshot{State: call.Connected, Room: "design-review", Invite: Invite, Hosted: true, Self: MemberAt(0),
		Since: Start, Plan: call.Plan{Revision: 1, Topology: netstack.P2P, Why: "Two people are connected directly."}}
	if n > 2 {
		s.Plan.Why = "Three people, and the direct paths are measurably shorter for all of them."
	}
	for i := 1; i < n; i++ {
		s.Others = append(s.Others, MemberAt(i))
	}
	if n == 1 {
		s.State = call.Alone
	}
	return s
}

// Way is a kind of line.
type Way uint8

// The ways that are told apart.
const (
	LAN Way = iota
	TwoRouters
	RelayUDP
	RelayTCP
	RelayTLS
	Failing
	Lost
	SFU
	MCU
)

func cand(id, kind, proto, addr string, port uint16, prio uint32) netstack.Candidate {
	t, err := webrtc.NewICECandidateType(kind)
	if err != nil {
		panic(err) // the literals below
	}
	return netstack.Candidate{ID: id, Type: t, Protocol: proto, Address: addr, Port: port, Priority: prio, Foundation: id}
}

func locals() []netstack.Candidate {
	host := cand("l1", "host", "udp", "192.168.1.24", 52144, 2130706431)
	host.Network = netstack.WiFi
	v6 := cand("l2", "host", "udp", "2a02:8071:22c1:7300:9cf4:11ff:fe2a:7d31", 52146, 2130706175)
	v6.Network = netstack.WiFi
	tcp := cand("l3", "host", "tcp", "192.168.1.24", 9, 2128609279)
	tcp.Network, tcp.TCPType = netstack.WiFi, "active"
	srflx := cand("l4", "srflx", "udp", "91.64.12.8", 52144, 1694498815)
	srflx.RelatedAddress, srflx.RelatedPort, srflx.URL, srflx.Network = "192.168.1.24", 52144, "stun:203.0.113.5:7788", netstack.WiFi
	relay := cand("l5", "relay", "udp", "203.0.113.5", 49811, 16777215)
	relay.RelatedAddress, relay.RelatedPort, relay.URL, relay.RelayProtocol = "91.64.12.8", 52144, "turn:203.0.113.5:7788", "udp"
	return []netstack.Candidate{host, v6, tcp, srflx, relay}
}

func remotes() []netstack.Candidate {
	srflx := cand("r2", "srflx", "udp", "84.112.9.41", 40212, 1694498815)
	srflx.RelatedAddress, srflx.RelatedPort = "10.0.0.7", 51820
	return []netstack.Candidate{
		cand("r1", "host", "udp", "192.168.1.31", 51820, 2130706431), srflx,
		cand("r3", "prflx", "udp", "84.112.9.41", 61002, 1862270975),
		cand("r4", "relay", "udp", "203.0.113.5", 50220, 16777215),
	}
}

// Line is the line to the i-th member as it is at the time at.
func Line(i int, way Way, at time.Time) call.Line {
	m := MemberAt(i)
	rtt := map[Way]time.Duration{LAN: 1200 * time.Microsecond, TwoRouters: 24 * time.Millisecond, RelayUDP: 61 * time.Millisecond, RelayTCP: 88 * time.Millisecond, RelayTLS: 94 * time.Millisecond, SFU: 18 * time.Millisecond, MCU: 21 * time.Millisecond}[way]
	rtt += time.Duration(i-1) * 7 * time.Millisecond
	l := netstack.Link{
		Peer: m.ID, Topology: netstack.P2P, At: at, State: webrtc.PeerConnectionStateConnected, ICEState: webrtc.ICEConnectionStateConnected,
		DTLSState: "connected", SRTP: "AEAD_AES_128_GCM", Local: locals(), Remote: remotes(), RTT: netstack.Some(rtt),
		SendBudget: netstack.Some(2_400_000), Milestones: milestones(at), Pairs: pairs(way, rtt), In: inbound(), Out: outbound(rtt),
	}
	switch way {
	case SFU:
		l.Topology = netstack.SFU
	case MCU:
		l.Topology = netstack.MCU
	case RelayTCP:
		l.Local[4].RelayProtocol, l.Local[4].URL = "tcp", "turn:203.0.113.5:7788?transport=tcp"
		l.Failures = []netstack.CandidateFailed{{Peer: m.ID, URL: "stun:203.0.113.5:7788", ErrorCode: 701, ErrorText: "no answer over UDP"}}
	case RelayTLS:
		l.Local[4].RelayProtocol, l.Local[4].URL = "tls", "turns:203.0.113.5:7788?transport=tcp"
		l.Failures = []netstack.CandidateFailed{{Peer: m.ID, URL: "stun:203.0.113.5:7788", ErrorCode: 701, ErrorText: "no answer over UDP"},
			{Peer: m.ID, URL: "turn:203.0.113.5:7788?transport=tcp", ErrorCode: 701, ErrorText: "the connection was cut"}}
	case Failing:
		l.State, l.ICEState, l.RTT, l.SendBudget = webrtc.PeerConnectionStateFailed, webrtc.ICEConnectionStateFailed, netstack.Opt[time.Duration]{}, netstack.Opt[int]{}
		l.DTLSState, l.SRTP, l.In, l.Out, l.Milestones = "new", "", nil, nil, nil
		l.Local = l.Local[:4]
		l.Failures = []netstack.CandidateFailed{
			{Peer: m.ID, URL: "turn:203.0.113.5:7788", ErrorCode: 486, ErrorText: "allocation quota reached"},
			{Peer: m.ID, URL: "turn:203.0.113.5:7788?transport=tcp", ErrorCode: 701, ErrorText: "server unreachable"}}
	case Lost:
		l.State = webrtc.PeerConnectionStateDisconnected
	}
	line := call.Line{Member: m, Link: l, Verdict: verdict.Of(l, verdict.Evidence{}, verdict.Evidence{})}
	if way != Failing {
		line.History = history(rtt, at, i)
		line.Picture, line.Sound = picture(), sound()
	}
	return line
}

// Lines are those of a room of n, all of one way.
func Lines(n int, way Way, at time.Time) []call.Line {
	var out []call.Line
	for i := 1; i < n; i++ {
		out = append(out, Line(i, way, at))
	}
	return out
}

func pairs(way Way, rtt time.Duration) []netstack.Pair {
	ps := []netstack.Pair{
		{ID: "1", Local: "l1", Remote: "r1", State: netstack.PairFailed, Priority: 9115005270282338815, RequestsSent: 7},
		{ID: "2", Local: "l4", Remote: "r2", State: netstack.PairFailed, Priority: 7277816997797167103, RequestsSent: 9},
		{ID: "3", Local: "l1", Remote: "r2", State: netstack.PairFailed, Priority: 7277816997830721535, RequestsSent: 8},
		{ID: "4", Local: "l5", Remote: "r2", State: netstack.PairFailed, Priority: 72057593987596287},
		{ID: "5", Local: "l5", Remote: "r4", State: netstack.PairWaiting, Priority: 72057589742960639},
		{ID: "6", Local: "l3", Remote: "r1", State: netstack.PairFrozen, Priority: 7277816997797167101},
	}
	use := map[Way]int{LAN: 0, TwoRouters: 2, RelayUDP: 3, RelayTCP: 4, RelayTLS: 4, SFU: 2, MCU: 2, Lost: 2}
	i, ok := use[way]
	if !ok {
		for j := range ps {
			ps[j].State = netstack.PairFailed
		}
		return ps[:3]
	}
	p := &ps[i]
	p.State, p.Nominated, p.Selected, p.RTT = netstack.PairSucceeded, true, true, netstack.Some(rtt)
	p.RequestsSent, p.ResponsesReceived, p.RequestsReceived, p.ResponsesSent = 214, 213, 211, 211
	p.BytesSent, p.BytesReceived = 48_120_331, 51_004_118
	other := &ps[min(i+1, 3)]
	if other != p {
		other.State, other.RTT = netstack.PairSucceeded, netstack.Some(rtt+38*time.Millisecond)
	}
	return ps
}

func milestones(at time.Time) map[netstack.Milestone]time.Time {
	t := at.Add(-12 * time.Minute)
	return map[netstack.Milestone]time.Time{
		netstack.GatheringStarted: t, netstack.OfferSent: t.Add(8 * time.Millisecond), netstack.AnswerReceived: t.Add(52 * time.Millisecond),
		netstack.GatheringComplete: t.Add(96 * time.Millisecond), netstack.FirstPacket: t.Add(203 * time.Millisecond), netstack.ICEConnected: t.Add(143 * time.Millisecond),
		netstack.DTLSConnected: t.Add(188 * time.Millisecond), netstack.FirstPicture: t.Add(262 * time.Millisecond),
	}
}

func inbound() []netstack.Stream {
	return []netstack.Stream{
		{TrackID: "camera", Kind: webrtc.RTPCodecTypeVideo, Codec: "video/VP8", Packets: 91230, Bytes: 98_000_000, Bitrate: netstack.Some(1_480_000), Lost: netstack.Some[int64](212), FractionLost: netstack.Some(0.004), Jitter: netstack.Some(3 * time.Millisecond)},
		{TrackID: "mic", Kind: webrtc.RTPCodecTypeAudio, Codec: "audio/opus", Packets: 36011, Bytes: 2_900_000, Bitrate: netstack.Some(41_000), FractionLost: netstack.Some(0.0)},
	}
}

func outbound(rtt time.Duration) []netstack.Stream {
	return []netstack.Stream{
		{TrackID: "camera", Kind: webrtc.RTPCodecTypeVideo, Codec: "video/VP8", Bitrate: netstack.Some(1_320_000), FractionLost: netstack.Some(0.002), RTT: netstack.Some(rtt)},
		{TrackID: "mic", Kind: webrtc.RTPCodecTypeAudio, Codec: "audio/opus", Bitrate: netstack.Some(40_000)},
	}
}

func picture() netstack.Opt[call.Picture] {
	return netstack.Some(call.Picture{FrameWidth: 1280, FrameHeight: 720, FramesPerSecond: 29.9, FramesDecoded: 21544, FramesDropped: 12, KeyFramesDecoded: 9,
		FreezeCount: 1, TotalFreezesDuration: 310 * time.Millisecond, JitterBufferDelay: netstack.Some(18 * time.Millisecond), DecodeTime: netstack.Some(2300 * time.Microsecond)})
}

func sound() netstack.Opt[call.Sound] {
	return netstack.Some(call.Sound{JitterBufferDelay: netstack.Some(34 * time.Millisecond), JitterBufferTarget: 30 * time.Millisecond,
		Concealed: netstack.Some(0.002), ConcealmentEvents: 3, LipSync: netstack.Some(-6 * time.Millisecond)})
}

// history is eight minutes of a line that had a bad moment three minutes ago,
// and ten seconds in which nothing was measured.
func history(rtt time.Duration, at time.Time, seed int) []call.Sample {
	const n = 480
	out := make([]call.Sample, 0, n)
	for k := range n {
		back := n - 1 - k
		x := float64(k) + float64(seed)*37
		bad := math.Exp(-math.Pow(float64(back-180)/14, 2))
		s := call.Sample{At: at.Add(-time.Duration(back) * time.Second)}
		if back < 96 || back > 106 {
			ms := float64(rtt)/float64(time.Millisecond)*(1+0.10*math.Sin(x/9)+0.06*math.Sin(x/2.3)) + 46*bad
			if back == 0 {
				ms = float64(rtt) / float64(time.Millisecond)
			}
			s.RTT = netstack.Some(time.Duration(ms * float64(time.Millisecond)))
			s.Loss = netstack.Some(max(0, 0.0015+0.0015*math.Sin(x/5)+0.05*bad))
			s.Jitter = netstack.Some(time.Duration((3 + math.Sin(x/6) + 14*bad) * float64(time.Millisecond)))
			s.Receive = netstack.Some(int((1_520_000 + 160_000*math.Sin(x/7)) * (1 - 0.6*bad)))
			s.Send = netstack.Some(int((1_340_000 + 90_000*math.Sin(x/11)) * (1 - 0.45*bad)))
		}
		out = append(out, s)
	}
	return out
}
