package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
)

// panelModel is what the connection panel shows, as plain data.
type panelModel struct {
	lines    []call.Line
	graph    []call.Edge
	outgoing []call.Outgoing
	changes  []call.PathChange
	plan     call.Plan
	self     call.Member
	privacy  call.Privacy
	since    time.Time // of the call
	// forced is what this member chose, roomForced what a moderator did.
	forced, roomForced netstack.Topology

	selected netstack.PeerID // whose line is shown in depth
	// edge is a line between two others that is shown instead; empty: none.
	edge [2]netstack.PeerID
}

// many reports whether there is a room to draw and not a line.
func (m *panelModel) many() bool { return len(m.lines) > 1 }

// from takes what the call knows now. The selection stays as long as its
// member does.
func (m *panelModel) from(s call.Snapshot, lines []call.Line) {
	m.lines, m.plan, m.self, m.privacy, m.since = lines, s.Plan, s.Self, s.Privacy, s.Since
	m.forced, m.roomForced = s.Forced, s.RoomForced
	if _, ok := m.line(); !ok && len(lines) > 0 {
		m.selected = lines[0].Member.ID
	}
}

// line is the selected line.
func (m *panelModel) line() (call.Line, bool) {
	i := slices.IndexFunc(m.lines, func(l call.Line) bool { return l.Member.ID == m.selected })
	if i < 0 {
		return call.Line{}, false
	}
	return m.lines[i], true
}

// words are the sentences of the selected line.
type words struct{ Badge, Why, Better string }

func (m *panelModel) words() words {
	l, ok := m.line()
	if !ok {
		return words{Badge: "Nobody else is here", Why: "As soon as somebody comes in, this panel shows the way your picture and sound take."}
	}
	return words{l.Verdict.Badge, l.Verdict.Why, l.Verdict.Better}
}

// mode is the topology as an index of P2P, SFU, MCU; -1 is none yet.
func (m *panelModel) mode() int {
	t := m.plan.Topology
	if t == netstack.Auto {
		if l, ok := m.line(); ok {
			t = l.Link.Topology
		}
	}
	return int(t) - int(netstack.P2P)
}

// pathColour is the colour of a way; it never is all that tells it.
func pathColour(p verdict.Path) fyne.ThemeColorName {
	switch p {
	case verdict.Direct:
		return cGood
	case verdict.Relayed:
		return cWarn
	case verdict.ViaSFU, verdict.ViaMCU:
		return cAccent
	case verdict.Broken:
		return cBad
	}
	return cDim
}

// pathIcon is the sign of a way.
func pathIcon(p verdict.Path) string {
	switch p {
	case verdict.Direct:
		return "zap"
	case verdict.Relayed:
		return "server"
	case verdict.ViaSFU:
		return "shuffle"
	case verdict.ViaMCU:
		return "layout-grid"
	case verdict.Broken:
		return "wifi-off"
	}
	return "loader"
}

// candidateView is one candidate as the panel lists it.
type candidateView struct {
	Type, Address, Detail string
}

// candidateViews lists one side's candidates, best first.
func candidateViews(cs []netstack.Candidate) []candidateView {
	sorted := slices.Clone(cs)
	slices.SortStableFunc(sorted, func(a, b netstack.Candidate) int { return int(b.Priority>>1) - int(a.Priority>>1) })
	out := make([]candidateView, len(sorted))
	for i, c := range sorted {
		out[i] = candidateView{Type: c.Type.String(), Address: address(c), Detail: candidateDetail(c)}
	}
	return out
}

// address is where a candidate is reached: "udp 192.168.1.2:5000".
func address(c netstack.Candidate) string {
	proto := c.Protocol
	if c.TCPType != "" {
		proto += " " + c.TCPType
	}
	return strings.TrimSpace(proto + " " + hostPort(c.Address, c.Port))
}

func hostPort(host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(int(port))
}

func candidateDetail(c netstack.Candidate) string {
	parts := []string{fmt.Sprintf("priority %d", c.Priority)}
	if c.Network != "" {
		parts = append(parts, networkName(c.Network))
	}
	if c.RelatedAddress != "" {
		parts = append(parts, "from "+hostPort(c.RelatedAddress, c.RelatedPort))
	}
	if c.RelayProtocol != "" {
		parts = append(parts, "to the relay over "+strings.ToUpper(c.RelayProtocol))
	}
	if c.URL != "" {
		parts = append(parts, "given by "+c.URL)
	}
	return strings.Join(parts, " · ")
}

func networkName(k netstack.NetworkKind) string {
	switch k {
	case netstack.Ethernet:
		return "cable"
	case netstack.WiFi:
		return "Wi-Fi"
	case netstack.Cellular:
		return "mobile network"
	case netstack.VPN:
		return "VPN"
	case netstack.Loopback:
		return "this computer"
	}
	return string(k)
}

// pairView is one candidate pair as the panel lists it.
type pairView struct {
	ID                   string
	LocalType, LocalAt   string
	RemoteType, RemoteAt string
	State                string // in words, with what is special about it
	RTT                  string
	Selected, Failed     bool
	Live                 bool     // succeeded
	Detail               []string // lines shown when it is opened
}

// pairViews lists a check list: the selected pair first, then by state and
// priority.
func pairViews(l netstack.Link) []pairView {
	pairs := slices.Clone(l.Pairs)
	rank := func(p netstack.Pair) int {
		switch {
		case p.Selected:
			return 0
		case p.State == netstack.PairSucceeded:
			return 1
		case p.State == netstack.PairInProgress:
			return 2
		case p.State == netstack.PairFailed:
			return 4
		}
		return 3
	}
	slices.SortStableFunc(pairs, func(a, b netstack.Pair) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		switch {
		case a.Priority > b.Priority:
			return -1
		case a.Priority < b.Priority:
			return 1
		}
		return 0
	})
	out := make([]pairView, len(pairs))
	for i, p := range pairs {
		out[i] = onePair(p, byID(l.Local, p.Local), byID(l.Remote, p.Remote))
	}
	return out
}

func onePair(p netstack.Pair, local, remote netstack.Candidate) pairView {
	v := pairView{
		ID: p.ID, Selected: p.Selected, Failed: p.State == netstack.PairFailed, Live: p.State == netstack.PairSucceeded,
		LocalType: local.Type.String(), LocalAt: address(local), RemoteType: remote.Type.String(), RemoteAt: address(remote),
		State: string(p.State), RTT: known(p.RTT, roundTrip),
	}
	switch {
	case p.Selected:
		v.State = "in use"
	case p.Nominated:
		v.State = "nominated"
	}
	v.Detail = []string{
		"From " + v.LocalAt,
		"To " + v.RemoteAt,
		"State " + string(p.State) + ", " + either(p.Nominated, "nominated", "not nominated"),
		fmt.Sprintf("Checks sent %d, answered %d", p.RequestsSent, p.ResponsesReceived),
		fmt.Sprintf("Checks received %d, answered %d", p.RequestsReceived, p.ResponsesSent),
		fmt.Sprintf("Sent %s, received %s", bytesOf(p.BytesSent), bytesOf(p.BytesReceived)),
		fmt.Sprintf("Priority %d", p.Priority),
	}
	return v
}

func byID(cs []netstack.Candidate, id string) netstack.Candidate {
	for _, c := range cs {
		if c.ID == id {
			return c
		}
	}
	return netstack.Candidate{Address: wordUnknown}
}

func either(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// fact is a name and a value.
type fact struct{ Name, Value string }

// mediaFacts tell how picture and sound arrive.
func mediaFacts(l call.Line) []fact {
	var out []fact
	add := func(name, value string) { out = append(out, fact{name, value}) }
	if p := l.Picture; p.OK {
		v := p.Value
		add("Picture", fmt.Sprintf("%d × %d, %.0f a second", v.FrameWidth, v.FrameHeight, v.FramesPerSecond))
		add("Frames", fmt.Sprintf("%d decoded, %d dropped, %d key", v.FramesDecoded, v.FramesDropped, v.KeyFramesDecoded))
		add("Freezes", count(int(v.FreezeCount), "time", "times")+", "+millis(v.TotalFreezesDuration)+" in all")
		add("Picture waits", known(v.JitterBufferDelay, millis))
		add("Decoding takes", known(v.DecodeTime, millis))
	} else {
		add("Picture", wordUnproven)
	}
	if s := l.Sound; s.OK {
		v := s.Value
		add("Sound waits", known(v.JitterBufferDelay, millis)+", aims at "+millis(v.JitterBufferTarget))
		add("Made up", known(v.Concealed, percent)+" of the last 10 s")
		add("Sound after picture", known(v.LipSync, signedMillis))
	} else {
		add("Sound", wordUnproven)
	}
	for _, s := range l.Link.In {
		add("From there", streamFact(s))
	}
	for _, s := range l.Link.Out {
		add("To there", streamFact(s))
	}
	add("Room to send", known(l.Link.SendBudget, func(v int) string { return rate(float64(v)) }))
	return out
}

// outgoingFacts tell what is sent, as its encoders make it.
func outgoingFacts(all []call.Outgoing) []fact {
	var out []fact
	for _, o := range all {
		codec := o.Codec
		if _, short, ok := strings.Cut(codec, "/"); ok {
			codec = short
		}
		if !o.Active {
			out = append(out, fact{layerName(o.TrackID), codec + ", at rest: nobody takes it"})
			continue
		}
		v := fmt.Sprintf("%s %d × %d, %.0f a second, aims at %s, %s", codec, o.FrameWidth, o.FrameHeight, o.FramesPerSecond, rate(float64(o.TargetBitrate)), limitWords(o.QualityLimitationReason))
		out = append(out, fact{layerName(o.TrackID), v + "; encoding takes " + known(o.EncodeTime, millis)})
	}
	return out
}

// layerName says which layer of a picture a track is.
func layerName(track string) string {
	name, layer, _ := strings.Cut(track, "~")
	name = strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]
	switch layer {
	case "q":
		return name + ", quarter"
	case "h":
		return name + ", half"
	}
	return name
}

// limitWords say what keeps a picture from being better (W3C
// qualityLimitationReason).
func limitWords(reason string) string {
	switch reason {
	case "none":
		return "nothing limits it"
	case "bandwidth":
		return "limited by the line"
	case "cpu":
		return "limited by this computer"
	case "":
		return "limit " + wordUnknown
	}
	return "limited (" + reason + ")"
}

func signedMillis(d time.Duration) string {
	if d < 0 {
		return "−" + millis(-d)
	}
	return millis(d)
}

func streamFact(s netstack.Stream) string {
	codec := s.Codec
	if _, short, ok := strings.Cut(codec, "/"); ok {
		codec = short
	}
	return codec + " · " + known(s.Bitrate, func(v int) string { return rate(float64(v)) }) +
		" · lost " + known(s.FractionLost, percent)
}

// lineFacts tell how the line itself is.
func lineFacts(l call.Line) []fact {
	k := l.Link
	out := []fact{
		{"Connection", k.State.String()},
		{"ICE", k.ICEState.String() + ", " + count(k.Restarts, "restart", "restarts")},
		{"DTLS", orElse(k.DTLSState, wordUnknown)},
		{"SRTP", orElse(k.SRTP, wordUnknown)},
	}
	start, ok := k.Milestones[netstack.GatheringStarted]
	for _, step := range []struct {
		m    netstack.Milestone
		name string
	}{{netstack.ICEConnected, "Way found after"}, {netstack.DTLSConnected, "Keys agreed after"}, {netstack.FirstPicture, "First picture after"}} {
		if at, reached := k.Milestones[step.m]; ok && reached {
			out = append(out, fact{step.name, millis(at.Sub(start))})
		}
	}
	return out
}

// failureText tells of a server that gave no candidate.
func failureText(f netstack.CandidateFailed) string {
	s := f.URL + ": "
	if f.ErrorText != "" {
		s += f.ErrorText
	} else {
		s += "no answer"
	}
	if f.ErrorCode != 0 {
		s += fmt.Sprintf(" (%d)", f.ErrorCode)
	}
	return s
}

// age says how old the newest numbers are, if that is worth saying.
func age(at, now time.Time) string {
	switch d := now.Sub(at); {
	case at.IsZero():
		return wordUnproven
	case d < 2500*time.Millisecond:
		return "live"
	default:
		return fmt.Sprintf("%.0f s old", d.Seconds())
	}
}
