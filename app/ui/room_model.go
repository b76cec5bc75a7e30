package ui

import (
	"slices"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
)

// roomView is the room as a graph: its people around, and in the middle the
// host, if it passes on or mixes, or else its relay, if a line needs it.
type roomView struct {
	Nodes  []roomNode
	Edges  []roomEdge
	Middle middleNode
}

// middleNode is what stands in the middle of the room.
type middleNode struct {
	Icon, Title string // empty: nothing does
	Selected    bool
	Relay       bool // it is the relay, which passes lines on and ends none
}

// roomNode is a person.
type roomNode struct {
	ID                     netstack.PeerID
	Name                   string
	Label                  string // round trip, or why there is none; empty: no line of ours
	Col                    fyne.ThemeColorName
	Self, Selected, Broken bool
}

// atMiddle is the middle, as the end of an edge.
const atMiddle = -1

// roomEdge is a line between two nodes, named by their indices.
type roomEdge struct {
	From, To       int
	Ends           [2]netstack.PeerID
	Quality        quality
	Label          string
	Mine, Selected bool
	Relayed        bool
	There, Back    bool // something flows that way
}

// quality is how good a line is, in four steps.
type quality uint8

const (
	unknownQuality quality = iota
	goodQuality
	fairQuality
	poorQuality
	noLine
)

// Beyond these, a conversation begins to suffer, and suffers (ITU-T G.114 has
// 150 and 400 ms one way, of which the rest of the way takes its part).
const (
	fairRTT, poorRTT   = 150 * time.Millisecond, 400 * time.Millisecond
	fairLoss, poorLoss = 0.02, 0.05
)

func qualityOf(p verdict.Path, rtt netstack.Opt[time.Duration], loss ...netstack.Opt[float64]) quality {
	most := 0.0
	for _, l := range loss {
		most = max(most, l.Or(0))
	}
	switch {
	case p == verdict.Broken:
		return noLine
	case p == verdict.Connecting || p == verdict.Unknown || !rtt.OK:
		return unknownQuality
	case rtt.Value >= poorRTT || most >= poorLoss:
		return poorQuality
	case rtt.Value >= fairRTT || most >= fairLoss:
		return fairQuality
	}
	return goodQuality
}

func (q quality) colour() fyne.ThemeColorName {
	return [...]fyne.ThemeColorName{cDim, cGood, cWarn, cBad, cBad}[q]
}

func (q quality) word() string {
	return [...]string{"not measured", "good", "fair", "poor", "no connection"}[q]
}

// edges are the lines of the room, from the graph that its members made
// together, and where that has none, from our own lines.
func (m *panelModel) edges() []call.Edge {
	out := slices.Clone(m.graph)
	for _, l := range m.lines {
		ends := []netstack.PeerID{l.Member.ID}
		if t := l.Link.Topology; t == netstack.SFU || t == netstack.MCU {
			ends = []netstack.PeerID{netstack.HostID}
			if !hasEdge(out, netstack.HostID, l.Member.ID) {
				out = append(out, call.Edge{From: netstack.HostID, To: l.Member.ID, Path: verdict.Unknown})
			}
		}
		for _, to := range ends {
			if !hasEdge(out, m.self.ID, to) {
				out = append(out, edgeOf(m.self.ID, to, l))
			}
		}
	}
	return out
}

func hasEdge(edges []call.Edge, a, b netstack.PeerID) bool { return findEdge(edges, a, b) >= 0 }

// findEdge finds the line between two, whichever end is first.
func findEdge(edges []call.Edge, a, b netstack.PeerID) int {
	return slices.IndexFunc(edges, func(e call.Edge) bool { return e.From == a && e.To == b || e.From == b && e.To == a })
}

// edgeOf is our own line as an edge.
func edgeOf(self, to netstack.PeerID, l call.Line) call.Edge {
	e := call.Edge{From: self, To: to, Path: l.Verdict.Path, RTT: l.Link.RTT, At: l.Link.At}
	if _, local, _, ok := l.Link.SelectedPair(); ok {
		e.Protocol = strings.ToLower(protocolName(local))
	}
	if n := len(l.History); n > 0 {
		s := l.History[n-1]
		e.There.Bitrate, e.Back.Bitrate, e.Back.Loss = s.Send, s.Receive, s.Loss
	}
	return e
}

// room draws the graph's edges between the people who are here.
func (m *panelModel) room() roomView {
	v := roomView{Nodes: []roomNode{{ID: m.self.ID, Name: orElse(m.self.Name, wordYouAlone), Col: cAccent, Self: true}}}
	at := map[netstack.PeerID]int{m.self.ID: 0}
	for _, l := range m.lines {
		at[l.Member.ID] = len(v.Nodes)
		v.Nodes = append(v.Nodes, m.node(l))
	}
	edges := m.edges()
	hub, relayed := false, false
	for _, e := range edges {
		hub = hub || e.From == netstack.HostID || e.To == netstack.HostID
		relayed = relayed || e.Path == verdict.Relayed
	}
	switch {
	case hub && m.mode() == 2:
		v.Middle = middleNode{Icon: "layout-grid", Title: "Mixer"}
	case hub:
		v.Middle = middleNode{Icon: "shuffle", Title: "Host"}
	case relayed:
		v.Middle = middleNode{Icon: "server", Title: "Relay", Relay: true}
	}
	if hub {
		at[netstack.HostID] = atMiddle
		if i := findEdge(edges, m.self.ID, netstack.HostID); i >= 0 {
			v.Nodes[0].Label = known(edges[i].RTT, roundTrip)
		}
		v.Middle.Selected = m.edge == [2]netstack.PeerID{m.self.ID, netstack.HostID}
	}
	for _, e := range edges {
		a, ok1 := at[e.From]
		b, ok2 := at[e.To]
		if !ok1 || !ok2 || a == b {
			continue
		}
		v.Edges = append(v.Edges, m.roomEdge(e, a, b))
	}
	return v
}

func (m *panelModel) roomEdge(e call.Edge, a, b int) roomEdge {
	mine := a == 0 || b == 0
	out := roomEdge{
		From: a, To: b, Ends: [2]netstack.PeerID{e.From, e.To}, Mine: mine, Relayed: e.Path == verdict.Relayed,
		Quality: qualityOf(e.Path, e.RTT, e.There.Loss, e.Back.Loss), Label: known(e.RTT, roundTrip),
		There: e.There.Bitrate.Or(0) > 0, Back: e.Back.Bitrate.Or(0) > 0,
	}
	out.Selected = m.edge == out.Ends || m.edge[1] == "" && mine && (e.From == m.selected || e.To == m.selected)
	if m.edge[1] == "" && (a == atMiddle || b == atMiddle) { // the whole way to the chosen person
		out.Selected = mine || e.From == m.selected || e.To == m.selected
	}
	return out
}

func (m *panelModel) node(l call.Line) roomNode {
	n := roomNode{
		ID: l.Member.ID, Name: l.Member.Name, Label: known(l.Link.RTT, roundTrip),
		Broken:   l.Verdict.Path == verdict.Broken || l.Verdict.Path == verdict.Connecting,
		Selected: l.Member.ID == m.selected && m.edge[1] == "",
		Col:      qualityOf(l.Verdict.Path, l.Link.RTT).colour(),
	}
	if t := l.Link.Topology; t == netstack.SFU || t == netstack.MCU {
		n.Label = wordUnproven // theirs to the host: only they can measure it
		if i := findEdge(m.graph, netstack.HostID, l.Member.ID); i >= 0 {
			n.Label = known(m.graph[i].RTT, roundTrip)
		}
	}
	if n.Broken {
		n.Label = strings.ToLower(l.Verdict.Badge)
	}
	return n
}

// choose selects an edge: one of ours is its person's, any other is shown by
// itself.
func (m *panelModel) choose(e roomEdge) {
	m.edge = e.Ends
	for i, end := range e.Ends {
		if other := e.Ends[1-i]; end == m.self.ID && other != netstack.HostID {
			m.selected, m.edge = other, [2]netstack.PeerID{}
		}
	}
}

// edgeView is a line between two others, or to the host, in words.
type edgeView struct {
	Title, Badge string
	Col          fyne.ThemeColorName
	Icon         string
	Facts        []fact
}

// chosenEdge tells of the edge that is selected, if one is.
func (m *panelModel) chosenEdge(now time.Time) (edgeView, bool) {
	if m.edge[1] == "" {
		return edgeView{}, false
	}
	edges := m.edges()
	i := findEdge(edges, m.edge[0], m.edge[1])
	if i < 0 {
		m.edge = [2]netstack.PeerID{}
		return edgeView{}, false
	}
	e := edges[i]
	q := qualityOf(e.Path, e.RTT, e.There.Loss, e.Back.Loss)
	from, to := m.nameOf(e.From), m.nameOf(e.To)
	v := edgeView{Title: from + " and " + to, Badge: q.word(), Col: q.colour(), Icon: pathIcon(e.Path)}
	v.Facts = []fact{
		{"Way", edgeWay(e)},
		{"Round trip", known(e.RTT, roundTrip)},
		{from + " sends", flowText(e.There)},
		{to + " sends", flowText(e.Back)},
		{"Measured", either(e.At.IsZero(), wordUnproven, age(e.At, now))},
	}
	return v, true
}

func edgeWay(e call.Edge) string {
	words := map[verdict.Path]string{
		verdict.Direct: "direct", verdict.Relayed: "through the host's relay", verdict.ViaSFU: "to the host, which passes on",
		verdict.ViaMCU: "to the host, which mixes", verdict.Broken: "broken", verdict.Connecting: "being looked for",
	}
	w := orElse(words[e.Path], wordUnknown)
	if e.Protocol != "" {
		w += ", " + strings.ToUpper(e.Protocol)
	}
	return w
}

func flowText(f call.Flow) string {
	if !f.Bitrate.OK && !f.Loss.OK {
		return wordUnproven
	}
	return known(f.Bitrate, func(v int) string { return rate(float64(v)) }) + ", lost " + known(f.Loss, percent)
}

// nameOf names an end of an edge.
func (m *panelModel) nameOf(id netstack.PeerID) string {
	switch id {
	case m.self.ID:
		return wordYouAlone
	case netstack.HostID:
		return "the host"
	}
	for _, l := range m.lines {
		if l.Member.ID == id {
			return l.Member.Name
		}
	}
	return string(id)
}
