package topology

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"candid/netstack"
)

// The messages between a member and the host about how the room is connected.
const (
	// TypeReport goes to the host: a Report, every ReportEvery and when
	// something changed.
	TypeReport = "x-report"
	// TypeGraph comes from the host: a Graph, at most once a second.
	TypeGraph = "x-graph"
)

// ReportEvery is how often members report.
const ReportEvery = 2 * time.Second

// Report is what one member measured. What it does not know is unknown.
type Report struct {
	Uplink    netstack.Opt[int]     `json:"uplink,omitzero"`   // bit/s
	Downlink  netstack.Opt[int]     `json:"downlink,omitzero"` // bit/s
	Load      netstack.Opt[float64] `json:"load,omitzero"`     // share of its processor in use, 0..1
	Metered   netstack.Opt[bool]    `json:"metered,omitzero"`
	OnBattery netstack.Opt[bool]    `json:"onBattery,omitzero"`
	Lines     []ReportLine          `json:"lines,omitempty"`
}

// ReportLine is one of a member's lines, to another or to netstack.HostID.
type ReportLine struct {
	To       netstack.PeerID             `json:"to"`
	Path     Reach                       `json:"path"`
	Protocol string                      `json:"protocol,omitempty"` // "udp", "tcp" or "tls"
	RTT      netstack.Opt[time.Duration] `json:"rtt,omitzero"`       // ns
	Sent     Flow                        `json:"sent,omitzero"`
	Received Flow                        `json:"received,omitzero"`
}

// Flow is what goes one way over a line.
type Flow struct {
	Bitrate netstack.Opt[int]     `json:"bitrate,omitzero"` // bit/s
	Loss    netstack.Opt[float64] `json:"loss,omitzero"`    // 0..1
}

// Reach is how a line gets to its other end.
type Reach string

// The ways. Trying is not known yet.
const (
	Trying  Reach = "trying"
	Direct  Reach = "direct"
	Relayed Reach = "relayed"
	Broken  Reach = "broken"
)

// Limits of reports.
const (
	maxReport = 32 << 10 // bytes
	maxLines  = 100
	maxRTT    = time.Minute
	maxRate   = 10_000_000_000

	maxID       = 32 // bytes
	maxProtocol = 8
)

// ReadReport reads a Report from a message's body. It is another program's
// word: what cannot be is an error.
func ReadReport(body []byte) (Report, error) {
	var r Report
	if len(body) > maxReport {
		return r, fmt.Errorf("report of %d bytes, %d are allowed", len(body), maxReport)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return Report{}, fmt.Errorf("report: %w", err)
	}
	if len(r.Lines) > maxLines {
		return Report{}, fmt.Errorf("report of %d lines, %d are allowed", len(r.Lines), maxLines)
	}
	sane := bitrate(r.Uplink) && bitrate(r.Downlink) && share(r.Load)
	for _, l := range r.Lines {
		sane = sane && canBe(l.To, l.Path, l.Protocol, l.RTT, l.Sent, l.Received)
	}
	if !sane {
		return Report{}, fmt.Errorf("report of what cannot be")
	}
	return r, nil
}

// canBe reports whether a line could have been measured so.
func canBe(to netstack.PeerID, path Reach, protocol string, rtt netstack.Opt[time.Duration], flows ...Flow) bool {
	for _, f := range flows {
		if !bitrate(f.Bitrate) || !share(f.Loss) {
			return false
		}
	}
	return known(path) && len(to) <= maxID && len(protocol) <= maxProtocol && rtt.Value >= 0 && rtt.Value <= maxRTT
}

func known(r Reach) bool { return r == Trying || r == Direct || r == Relayed || r == Broken }

func bitrate(o netstack.Opt[int]) bool   { return o.Value >= 0 && o.Value <= maxRate }
func share(o netstack.Opt[float64]) bool { return o.Value >= 0 && o.Value <= 1 }

// Graph is the room as its members measured it.
type Graph struct {
	Edges []Edge `json:"edges"`
}

// Edge is one line as its two ends measured it. To may be netstack.HostID.
type Edge struct {
	From     netstack.PeerID             `json:"from"`
	To       netstack.PeerID             `json:"to"`
	Path     Reach                       `json:"path"`
	Protocol string                      `json:"protocol,omitempty"`
	RTT      netstack.Opt[time.Duration] `json:"rtt,omitzero"`
	There    Flow                        `json:"there,omitzero"` // from From to To
	Back     Flow                        `json:"back,omitzero"`
	At       time.Time                   `json:"at"` // the host's clock
}

// maxGraph is what a client reads at most, in bytes.
const maxGraph = 256 << 10

// ReadGraph reads a Graph from a message's body, but for lines that cannot be.
func ReadGraph(body []byte) (Graph, error) {
	var g Graph
	if len(body) > maxGraph {
		return g, fmt.Errorf("graph of %d bytes, %d are allowed", len(body), maxGraph)
	}
	if err := json.Unmarshal(body, &g); err != nil {
		return Graph{}, fmt.Errorf("graph: %w", err)
	}
	g.Edges = slices.DeleteFunc(g.Edges[:min(len(g.Edges), maxEdges)], func(e Edge) bool {
		return len(e.From) > maxID || !canBe(e.To, e.Path, e.Protocol, e.RTT, e.There, e.Back)
	})
	return g, nil
}
