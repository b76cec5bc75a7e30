package replay

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/trace"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A simulated call: what a Session would tell, second by second, and the
// Recorder that listens.
type sim struct {
	t       testing.TB
	now     time.Time
	rec     *Recorder
	s       call.Snapshot
	lines   []call.Line
	graph   []call.Edge
	sent    []call.Outgoing
	changes []call.PathChange
	members []*simMember
	live    []Moment // what the call gave, at each of times
	times   []time.Time
}

type simMember struct {
	call.Member
	joined  int
	direct  bool
	broken  bool
	restart int
	history []call.Sample
}

var simStart = time.Date(2026, 11, 21, 19, 30, 0, 123456789, time.FixedZone("here", 3600))

func newSim(t testing.TB, sink func(start time.Time) Sink) *sim {
	s := &sim{t: t, now: simStart}
	s.rec = NewRecorder(sink(simStart), func() time.Time { return s.now })
	s.s = call.Snapshot{State: call.Joining, Room: "Sunday at Anna's", Invite: "candid://192.0.2.1:7788/r?k=verysecret", Since: simStart,
		Self: call.Member{ID: "me", Name: "Jonas Weber"}}
	return s
}

func (s *sim) tell(e call.Event) {
	s.s.Others = nil
	for _, m := range s.members {
		s.s.Others = append(s.s.Others, m.Member)
	}
	s.rec.Event(e, s.s)
}

func (s *sim) net(e netstack.Event) { s.tell(call.Net{Event: e}) }

func (s *sim) join(i int, id, name string, direct bool) {
	m := &simMember{Member: call.Member{ID: netstack.PeerID(id), Name: name, Problem: "connecting…"}, joined: i, direct: direct}
	s.members = append(s.members, m)
	s.tell(call.MemberJoined{Member: m.Member})
	for _, c := range locals() {
		s.net(netstack.CandidateFound{Peer: m.ID, Local: true, Candidate: c})
	}
	s.net(netstack.CandidateFailed{Peer: m.ID, URL: "stun:stun.example.org:3478", ErrorCode: 701, ErrorText: "no answer from 198.51.100.77"})
	for step, at := range s.milestones(m) {
		s.net(netstack.MilestoneReached{Peer: m.ID, Step: step, At: at})
	}
	m.Problem = ""
	s.tell(call.MemberChanged{Member: m.Member})
	if s.s.State != call.Connected {
		s.s.State = call.Connected
		s.tell(call.StateChanged{State: call.Connected})
	}
}

func (s *sim) leave(k int, why string) {
	m := s.members[k]
	s.members = append(s.members[:k:k], s.members[k+1:]...)
	s.tell(call.MemberLeft{Member: m.Member, Why: why})
}

func (s *sim) milestones(m *simMember) map[netstack.Milestone]time.Time {
	at := simStart.Add(time.Duration(m.joined)*time.Second + 40*time.Millisecond)
	out := map[netstack.Milestone]time.Time{}
	for step, ms := range map[netstack.Milestone]int{netstack.GatheringStarted: 0, netstack.OfferReceived: 12, netstack.AnswerSent: 21,
		netstack.GatheringComplete: 96, netstack.ICEConnected: 143, netstack.DTLSConnected: 188, netstack.FirstPacket: 203, netstack.FirstPicture: 262} {
		out[step] = at.Add(time.Duration(ms) * time.Millisecond)
	}
	return out
}

func cand(id, typ, addr string, port uint16, prio uint32) netstack.Candidate {
	t, err := webrtc.NewICECandidateType(typ)
	if err != nil {
		panic(err)
	}
	return netstack.Candidate{ID: id, Type: t, Protocol: "udp", Address: addr, Port: port, Priority: prio, Foundation: "f" + id}
}

func locals() []netstack.Candidate {
	host := cand("l1", "host", "192.168.178.23", 51044, 2130706431)
	host.Network = netstack.WiFi
	v6 := cand("l2", "host", "2a02:8108:96c0:3e0::a1", 51045, 2130706175)
	srflx := cand("l3", "srflx", "93.184.216.34", 51044, 1694498815)
	srflx.RelatedAddress, srflx.RelatedPort, srflx.URL = "192.168.178.23", 51044, "stun:203.0.113.5:7788"
	relay := cand("l4", "relay", "203.0.113.5", 60112, 16777215)
	relay.RelayProtocol, relay.URL, relay.RelatedAddress, relay.RelatedPort = "udp", "turn:203.0.113.5:7788?transport=udp", "93.184.216.34", 51044
	return []netstack.Candidate{host, v6, srflx, relay}
}

func remotes() []netstack.Candidate {
	return []netstack.Candidate{
		cand("r1", "host", "10.0.0.14", 40122, 2130706431), cand("r2", "srflx", "81.2.69.142", 40122, 1694498815), cand("r3", "relay", "203.0.113.5", 60140, 16777215)}
}

// sampleAt takes the statistics of a member's line.
func (s *sim) sampleAt(i int, m *simMember) call.Line {
	x := float64(i-m.joined) + float64(len(m.Name))*7
	bad := math.Exp(-math.Pow((float64(i)-210)/12, 2))
	base := 61.0
	if m.direct {
		base = 24
	}
	rtt := time.Duration((base*(1+.08*math.Sin(x/7)+.05*math.Sin(x/1.7)) + 70*bad) * float64(time.Millisecond))
	l := netstack.Link{Peer: m.ID, Topology: netstack.P2P, At: s.now.Add(-3 * time.Millisecond), State: webrtc.PeerConnectionStateConnected,
		ICEState: webrtc.ICEConnectionStateConnected, DTLSState: "connected", SRTP: "AEAD_AES_128_GCM", Local: locals(), Remote: remotes(),
		Milestones: s.milestones(m), Restarts: m.restart, RTT: netstack.Some(rtt), SendBudget: netstack.Some(2_400_000 - int(1_800_000*bad)),
		Failures: []netstack.CandidateFailed{{Peer: m.ID, URL: "stun:stun.example.org:3478", ErrorCode: 701, ErrorText: "no answer from 198.51.100.77"}}}
	n := uint64(i - m.joined)
	loss := max(0, .002+.002*math.Sin(x/5)+.06*bad)
	l.In = []netstack.Stream{
		{TrackID: "camera", Kind: webrtc.RTPCodecTypeVideo, SSRC: 4021377, Codec: "video/VP8", Packets: 180 * n, Bytes: 190_000 * n,
			Bitrate: netstack.Some(int((1_500_000 + 120_000*math.Sin(x/6)) * (1 - .6*bad))), Lost: netstack.Some(int64(n / 3)), FractionLost: netstack.Some(loss),
			Jitter: netstack.Some(time.Duration((3 + math.Sin(x/4) + 16*bad) * float64(time.Millisecond))), PLIs: n / 100},
		{TrackID: "mic", Kind: webrtc.RTPCodecTypeAudio, SSRC: 1 << 31, Codec: "audio/opus", Packets: 50 * n, Bytes: 4100 * n, Bitrate: netstack.Some(41_000), FractionLost: netstack.Some(loss)}}
	l.Out = []netstack.Stream{
		{TrackID: "camera", Kind: webrtc.RTPCodecTypeVideo, SSRC: 99, Codec: "video/VP8", Packets: 170 * n, Bytes: 170_000 * n,
			Bitrate: netstack.Some(int((1_320_000 + 80_000*math.Sin(x/9)) * (1 - .5*bad))), RTT: netstack.Some(rtt)}}
	use := 1
	if m.direct {
		use = 0
	}
	l.Pairs = []netstack.Pair{
		{ID: "p1", Local: "l3", Remote: "r2", State: netstack.PairSucceeded, Priority: 7277816997830721535, RequestsSent: 4 + n/5, ResponsesReceived: 4 + n/5},
		{ID: "p2", Local: "l4", Remote: "r2", State: netstack.PairSucceeded, Priority: 72057593987596287, RequestsSent: 3 + n/5, ResponsesReceived: 3 + n/5},
		{ID: "p3", Local: "l1", Remote: "r1", State: netstack.PairFailed, Priority: 9115005270282338815, RequestsSent: 7}}
	if !m.direct {
		l.Pairs[0].State = netstack.PairFailed
	}
	l.Pairs[use].Selected, l.Pairs[use].Nominated, l.Pairs[use].RTT = true, true, netstack.Some(rtt)
	if m.broken {
		l.State, l.ICEState, l.RTT, l.SendBudget, l.In = webrtc.PeerConnectionStateDisconnected, webrtc.ICEConnectionStateDisconnected, netstack.Opt[time.Duration]{}, netstack.Opt[int]{}, nil
	}
	sample := call.Sample{At: l.At, RTT: l.RTT, Send: l.Out[0].Bitrate}
	if !m.broken {
		sample.Loss, sample.Jitter, sample.Receive = netstack.Some(loss), l.In[0].Jitter, netstack.Some(l.In[0].Bitrate.Value+41_000)
	}
	m.history = append(m.history, sample)
	if len(m.history) > call.HistoryLength {
		m.history = m.history[1:]
	}
	line := call.Line{Member: m.Member, Link: l, Verdict: verdict.Of(l, verdict.Evidence{}, verdict.Evidence{}), History: m.history[:len(m.history):len(m.history)]}
	line.Picture = netstack.Some(call.Picture{FrameWidth: 1280, FrameHeight: 720, FramesPerSecond: 29.97 - 4*bad, FramesDecoded: 30 * n, FreezeCount: n / 200})
	if n > 2 {
		line.Sound = netstack.Some(call.Sound{JitterBufferTarget: 30 * time.Millisecond, Concealed: netstack.Some(loss / 3), LipSync: netstack.Some(-6 * time.Millisecond)})
	}
	return line
}

// tick is the sample of one second; the call's answers are kept for comparing.
func (s *sim) tick(i int) {
	s.lines = nil
	for _, m := range s.members {
		s.lines = append(s.lines, s.sampleAt(i, m))
	}
	s.room(i)
	s.rec.Lines(s.s, s.lines)
	s.rec.Room(s.graph, s.sent, s.changes)
	s.keep()
}

// room is what the whole room and our encoders tell in one second.
func (s *sim) room(i int) {
	s.graph, s.sent = nil, nil
	for k, l := range s.lines {
		e := call.Edge{From: "me", To: l.Member.ID, Path: l.Verdict.Path, Protocol: "udp", RTT: l.Link.RTT, At: s.now}
		e.There.Bitrate, e.Back.Loss = netstack.Some(1000*i), netstack.Some(float64(k)/100)
		s.graph = append(s.graph, e)
	}
	if i > 5 {
		s.sent = []call.Outgoing{{TrackID: "camera", Codec: "video/VP8", Active: i%50 > 9, FrameWidth: 1280, FrameHeight: 720,
			FramesPerSecond: 29.5, FramesEncoded: uint64(30 * i), TargetBitrate: 1_200_000, QualityLimitationReason: "bandwidth", EncodeTime: netstack.Some(8 * time.Millisecond)}}
	}
	if i == 112 || i == 114 {
		c := call.PathChange{At: s.now, From: netstack.P2P, To: netstack.SFU, Why: "More than three: the host passes on.", Revision: 2}
		if i == 114 {
			c = s.changes[0]
			c.Done, c.Concealed, c.ToDone = true, 4*time.Millisecond, 2*time.Second
		}
		s.changes = []call.PathChange{c}
		s.s.Change = netstack.Some(c)
		s.tell(call.PathChanged{Change: c})
	}
}

func (s *sim) keep() {
	s.live = append(s.live, Moment{s.s, s.lines, s.graph, s.sent, s.changes})
	s.times = append(s.times, s.now)
}

// run is a call of some minutes: joins, leaves, a restart, a break, a path that
// becomes direct, an end with an error.
func (s *sim) run(seconds int) {
	for i := range seconds {
		s.now = simStart.Add(time.Duration(i)*time.Second + time.Duration(i*7919%997)*time.Microsecond)
		s.script(i, seconds)
		s.tick(i)
		s.now = s.now.Add(600 * time.Millisecond) // between samples
		if i%60 == 31 && len(s.members) > 0 {
			m := s.members[0]
			m.Muted = !m.Muted
			s.tell(call.MemberChanged{Member: m.Member})
		}
		s.keep()
	}
}

func (s *sim) script(i, seconds int) {
	switch i {
	case 1:
		s.s.State = call.Alone
		s.s.Plan = call.Plan{Revision: 1, Topology: netstack.P2P, Why: "Two people: everybody sends to everybody."}
		s.tell(call.StateChanged{State: call.Alone})
		s.tell(call.PlanChanged{Plan: s.s.Plan})
	case 3:
		s.join(i, "anna", "Anna Lindqvist", false)
	case 40:
		s.join(i, "ben", "Ben Okafor", true)
	case 50:
		s.s.Chat = []call.ChatLine{{From: "anna", Name: "Anna Lindqvist", Text: "this is verysecret"}}
		s.tell(call.ChatReceived{Line: s.s.Chat[0]})
	case 70:
		s.members[0].direct = true // a better way was found
		s.net(netstack.PairChanged{Peer: "anna", Pair: netstack.Pair{ID: "p1", Selected: true, State: netstack.PairSucceeded}})
	case 110:
		s.join(i, "chloé", "Chloé", false)
		s.s.Plan = call.Plan{Revision: 2, Topology: netstack.SFU, Why: "More than three: the host passes on."}
		s.tell(call.PlanChanged{Plan: s.s.Plan})
	case 205:
		s.members[1].broken = true
		s.net(netstack.LinkChanged{Peer: "ben", State: webrtc.PeerConnectionStateDisconnected, Why: "nothing heard from 81.2.69.142 for 5 s"})
	case 212:
		s.members[1].broken, s.members[1].restart = false, 1
		s.net(netstack.Restarted{Peer: "ben", Why: "the address 192.168.178.23 is gone"})
		s.net(netstack.LinkChanged{Peer: "ben", State: webrtc.PeerConnectionStateConnected})
		s.tell(call.Noticed{Text: "Ben Okafor is back after 7 s."})
	case 240:
		s.leave(2, "left")
	case 250:
		s.join(i, "dora", "Dora", true)
	case seconds - 20:
		s.leave(0, "lost the connection")
	case seconds - 1:
		s.s.State, s.s.Err = call.Ended, errors.New("the host 203.0.113.5 closed candid://203.0.113.5/r?k=verysecret")
		s.tell(call.StateChanged{State: call.Ended, Err: s.s.Err})
	}
}

// record runs a simulated call into a trace in memory.
func record(t testing.TB, seconds int) (*sim, *Recording, []byte) {
	t.Helper()
	var out bytes.Buffer
	var enc *trace.Encoder
	s := newSim(t, func(start time.Time) Sink {
		enc = trace.NewEncoder(&out, trace.Header{Program: "Candid 0.1.0", Start: start})
		return enc
	})
	s.run(seconds)
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return s, r, out.Bytes()
}

// data makes values comparable that mean the same: times in one zone without
// the monotonic clock, errors by their text, no difference of empty and nil.
func data(v any) any {
	return plain(reflect.ValueOf(v)).Interface()
}

func plain(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return reflect.ValueOf(t.Round(0).UTC())
		}
		for i := range v.NumField() {
			out.Field(i).Set(plain(v.Field(i)))
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = reflect.Append(out, plain(v.Index(i)))
		}
	case reflect.Map:
		if v.Len() == 0 {
			return out
		}
		out = reflect.MakeMap(v.Type())
		for _, k := range v.MapKeys() {
			out.SetMapIndex(k, plain(v.MapIndex(k)))
		}
	case reflect.Interface:
		if err, ok := v.Interface().(error); ok {
			return reflect.ValueOf(recordedError(hidden(err.Error())))
		}
	default:
		return v
	}
	return out
}

// remembered is what of a moment is recorded: not the invite, which is a secret,
// nor what people wrote to each other.
func remembered(m Moment) Moment {
	m.Snapshot.Invite, m.Snapshot.Chat = "", nil
	return m
}
