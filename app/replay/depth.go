package replay

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"candid/netstack"
)

// chartView is a graph as it is drawn: a picture of chartWidth by chartHeight,
// stretched to its place, with its words around it.
type chartView struct {
	Title, Note, Top, Half string
	Lines                  []curve
	Spans                  []tick
	Bars                   []bar // the ways, under it
	Empty                  bool  // nothing was measured
}

type curve struct{ Class, Line, Area, Name string }

const (
	chartWidth  = 600.0
	chartHeight = 120.0
)

// charts put what is received and sent into one picture.
func charts(r Report, l ReportLine) []chartView {
	by := map[string]Graph{}
	for _, g := range l.Graphs {
		by[g.Of] = g
	}
	n := l.Numbers
	kinds := []struct {
		title, note, unit string
		floor             float64
		of                []string
		names             []string
	}{
		{"Round trip", "to them and back · median " + optional(n.RTT, millis), "ms", 10, []string{"roundTripTime"}, []string{"a"}},
		{"Bitrate", "received " + optional(n.Receive, rate) + " · sent " + optional(n.Send, rate) + ", dashed", "kbit/s", 100, []string{"bitrateReceived", "bitrateSent"}, []string{"a", "b"}},
		{"Lost packets", "of what arrives here · mean " + optional(n.Loss, percent), "%", 2, []string{"packetsLost"}, []string{"a"}},
		{"Jitter", "how unevenly packets arrive · median " + optional(n.Jitter, millis), "ms", 10, []string{"jitter"}, []string{"a"}},
	}
	var out []chartView
	for _, k := range kinds {
		top := k.floor
		for _, of := range k.of {
			for _, p := range by[of].Points {
				if p.OK {
					top = max(top, p.Value)
				}
			}
		}
		top = roundUp(top)
		c := chartView{Title: k.title, Note: k.note, Top: scale(top, k.unit), Half: scale(top/2, k.unit)}
		for i, of := range k.of {
			g := by[of]
			line, area := draw(g.Points, top)
			c.Lines = append(c.Lines, curve{"curve-" + k.names[i], line, area, []string{"received", "sent"}[i]})
			if i == 0 {
				c.Spans = spans(r, g)
				c.Bars = bars(r, l.Ways, g.Start, g.Start.Add(time.Duration(len(g.Points))*g.Every))
			}
		}
		c.Empty = !slices.ContainsFunc(c.Lines, func(l curve) bool { return l.Line != "" })
		out = append(out, c)
	}
	return out
}

func scale(v float64, unit string) string {
	if unit == "kbit/s" && v >= 1000 {
		return strconv.FormatFloat(v/1000, 'g', 3, 64) + " Mbit/s"
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " " + unit
}

// spans are the times under a chart: its start, middle and end.
func spans(r Report, g Graph) []tick {
	all := time.Duration(len(g.Points)) * g.Every
	var out []tick
	for _, share := range []float64{0, .5, 1} {
		out = append(out, tick{share * 100, into(g.Start.Add(time.Duration(share * float64(all))).Sub(r.Start))})
	}
	return out
}

// draw makes SVG paths of points: the line, and the area under it. Where
// nothing was measured there is a gap.
func draw(points []netstack.Opt[float64], top float64) (line, area string) {
	var l, a strings.Builder
	step := chartWidth / float64(max(1, len(points)-1))
	y := func(v float64) float64 { return chartHeight - min(1, max(0, v/top))*(chartHeight-4) - 2 }
	for i := 0; i < len(points); {
		if !points[i].OK {
			i++
			continue
		}
		from := i
		fmt.Fprintf(&a, "M%.1f %.1f", float64(i)*step, chartHeight)
		for ; i < len(points) && points[i].OK; i++ {
			op := "L"
			if i == from {
				op = "M"
			}
			fmt.Fprintf(&l, "%s%.1f %.1f", op, float64(i)*step, y(points[i].Value))
			fmt.Fprintf(&a, "L%.1f %.1f", float64(i)*step, y(points[i].Value))
		}
		if i == from+1 { // a single point is a short line
			fmt.Fprintf(&l, "h%.1f", max(step/2, 1))
		}
		fmt.Fprintf(&a, "L%.1f %.1fZ", float64(i-1)*step, chartHeight)
	}
	return l.String(), a.String()
}

// depthView is what engineers want to see.
type depthView struct {
	Facts         []figure
	Local, Remote []candidateView
	Pairs         []pairView
	Streams       []streamView
	Failures      []failureView
}

type candidateView struct{ Type, Address, Detail string }

type pairView struct {
	Class, State, Local, LocalType, Remote, RemoteType, RTT, Checks string
}

type streamView struct{ Way, Codec, Bitrate, Lost, Jitter, Packets, Repairs string }

type failureView struct{ URL, Text string }

func depth(l ReportLine) *depthView {
	k := l.Last.Value
	d := &depthView{Local: candidateViews(k.Local), Remote: candidateViews(k.Remote), Pairs: pairViews(k)}
	d.Facts = []figure{
		{"Topology", k.Topology.String(), ""}, {"Connection", k.State.String(), ""}, {"ICE", k.ICEState.String(), count(k.Restarts, "restart", "restarts")},
		{"DTLS", orUnknown(k.DTLSState), ""}, {"SRTP", orUnknown(k.SRTP), ""}, {"Room to send", optional(k.SendBudget, rate), ""},
	}
	if p := l.Picture; p.OK {
		d.Facts = append(d.Facts, figure{"Picture", fmt.Sprintf("%d × %d", p.Value.FrameWidth, p.Value.FrameHeight), fmt.Sprintf("%.0f a second, %s", p.Value.FramesPerSecond, count(int(p.Value.FreezeCount), "freeze", "freezes"))})
	}
	if s := l.Sound; s.OK {
		d.Facts = append(d.Facts, figure{"Sound made up", optional(s.Value.Concealed, percent), "of the last 10 s"})
	}
	for _, s := range k.In {
		d.Streams = append(d.Streams, streamOf("received", s))
	}
	for _, s := range k.Out {
		d.Streams = append(d.Streams, streamOf("sent", s))
	}
	for _, f := range l.Servers {
		text := f.ErrorText
		if text == "" {
			text = "no answer"
		}
		if f.ErrorCode != 0 {
			text += fmt.Sprintf(" (%d)", f.ErrorCode)
		}
		d.Failures = append(d.Failures, failureView{f.URL, text})
	}
	return d
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func streamOf(way string, s netstack.Stream) streamView {
	codec := s.Codec
	if _, short, ok := strings.Cut(codec, "/"); ok {
		codec = short
	}
	return streamView{way, s.Kind.String() + ", " + orUnknown(codec), optional(s.Bitrate, rate), optional(s.FractionLost, percent), optional(s.Jitter, millis),
		strconv.FormatUint(s.Packets, 10), fmt.Sprintf("%d / %d", s.NACKs, s.PLIs+s.FIRs)}
}

func candidateViews(cs []netstack.Candidate) []candidateView {
	cs = slices.Clone(cs)
	slices.SortStableFunc(cs, func(a, b netstack.Candidate) int { return int(b.Priority>>1) - int(a.Priority>>1) })
	var out []candidateView
	for _, c := range cs {
		detail := []string{"priority " + strconv.FormatUint(uint64(c.Priority), 10)}
		if c.Network != "" {
			detail = append(detail, string(c.Network))
		}
		if c.RelatedAddress != "" {
			detail = append(detail, "from "+hostPort(c.RelatedAddress, c.RelatedPort))
		}
		if c.URL != "" {
			detail = append(detail, "by "+c.URL)
		}
		out = append(out, candidateView{c.Type.String(), strings.TrimSpace(c.Protocol + " " + c.TCPType + " " + hostPort(c.Address, c.Port)), strings.Join(detail, " · ")})
	}
	return out
}

func hostPort(host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// pairViews lists a check list: the selected pair first, then what worked.
func pairViews(l netstack.Link) []pairView {
	rank := func(p netstack.Pair) int {
		switch {
		case p.Selected:
			return 0
		case p.State == netstack.PairSucceeded:
			return 1
		case p.State == netstack.PairFailed:
			return 3
		}
		return 2
	}
	pairs := slices.Clone(l.Pairs)
	slices.SortStableFunc(pairs, func(a, b netstack.Pair) int { return rank(a) - rank(b) })
	byID := map[string]netstack.Candidate{}
	for _, c := range append(slices.Clone(l.Local), l.Remote...) {
		byID[c.ID] = c
	}
	var out []pairView
	for _, p := range pairs {
		local, remote := byID[p.Local], byID[p.Remote]
		v := pairView{State: string(p.State), Local: hostPort(local.Address, local.Port), LocalType: local.Type.String(),
			Remote: hostPort(remote.Address, remote.Port), RemoteType: remote.Type.String(), RTT: optional(p.RTT, millis),
			Checks: fmt.Sprintf("%d of %d", p.ResponsesReceived, p.RequestsSent)}
		switch {
		case p.Selected:
			v.State, v.Class = "in use", "direct"
		case p.State == netstack.PairFailed:
			v.Class = "broken"
		}
		out = append(out, v)
	}
	return out
}

type term struct{ Word, Meaning string }

var glossary = []term{
	{"Direct", "Picture and sound go straight from one computer to the other. Nothing is faster, and nobody is in between."},
	{"Relayed by the host", "The two networks let nothing through directly, so the host of the room passes the encrypted packets on. It cannot look inside."},
	{"Passed on by the host (SFU)", "Everybody sends once to the host, which passes it on unchanged to all others. Best for several people."},
	{"Mixed by the host (MCU)", "The host mixes all into one picture and one sound, so it can see and hear the call."},
	{"Round trip", "How long a packet takes to the other side and back. Under 100 ms feels like one room; above 400 ms people begin to talk over each other."},
	{"Lost", "The share of packets that never arrived. Up to a few percent are repaired unnoticed; above 5 % one begins to hear and see it."},
	{"Jitter", "How unevenly packets arrive. The receiver waits as long as the unevenness, so much jitter means more delay."},
	{"Candidate", "An address a computer can be reached at. host: its own. srflx, prflx: what its router shows to the world. relay: one lent by the relay."},
	{"Pair", "One address of each side. Every pair is a way that may work; all are tried, and the best that worked is used (ICE, RFC 8445)."},
	{"Router", "It lets many devices share one public address and for that changes addresses on the way (NAT), which is why a way has to be searched."},
}
