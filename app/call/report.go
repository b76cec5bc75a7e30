package call

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"candid/netstack"
	"candid/netstack/machine"
	"candid/netstack/topology"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

// reporter tells the host what this member measured: every two seconds, and
// within one if a line was found or lost. Its fields belong to one goroutine.
type reporter struct {
	s       *Session
	machine machine.Machine
	last    time.Time
	told    map[netstack.PeerID]topology.Reach
}

// run reports until ctx ends.
func (p *reporter) run(ctx context.Context) {
	t := time.NewTicker(topology.ReportEvery / 2)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			links := p.s.links()
			reach := make(map[netstack.PeerID]topology.Reach, len(links))
			for _, l := range links {
				reach[l.Peer] = reachOf(l)
			}
			if now.Sub(p.last) < topology.ReportEvery-topology.ReportEvery/8 && reflect.DeepEqual(reach, p.told) {
				continue
			}
			p.last, p.told = now, reach
			p.send(ctx, measured(links, p.machine.Look()))
		}
	}
}

func (p *reporter) send(ctx context.Context, r topology.Report) {
	body, err := json.Marshal(r)
	if err == nil {
		err = p.s.client.Send(ctx, netstack.Envelope{Type: topology.TypeReport, To: netstack.HostID, Body: body})
	}
	if err != nil {
		p.s.log.Debug("report not sent", "err", err)
	}
}

// links are the newest statistics of all connections.
func (s *Session) links() []netstack.Link { return append(s.mesh.Links(), s.host.Links()...) }

// measured makes a report of what was measured.
func measured(links []netstack.Link, m machine.State) topology.Report {
	r := topology.Report{Load: m.Load, OnBattery: m.OnBattery}
	for _, l := range links {
		line := topology.ReportLine{To: l.Peer, Path: reachOf(l), RTT: l.RTT}
		if _, local, _, ok := l.SelectedPair(); ok {
			line.Protocol = local.Protocol
			if local.RelayProtocol != "" {
				line.Protocol = local.RelayProtocol
			}
			if local.Network == netstack.Cellular {
				r.Metered = netstack.Some(true)
			}
		}
		line.Sent, line.Received = flow(l.Out), flow(l.In)
		if l.SendBudget.OK && (!r.Uplink.OK || l.SendBudget.Value > r.Uplink.Value) {
			r.Uplink = netstack.Some(min(max(l.SendBudget.Value, 0), maxUplink))
		}
		r.Lines = append(r.Lines, line)
	}
	return r
}

// maxUplink keeps an estimate that went wild within what the host takes.
const maxUplink = 10_000_000_000

// reachOf says how a link gets to its other end.
func reachOf(l netstack.Link) topology.Reach {
	_, local, remote, ok := l.SelectedPair()
	switch {
	case l.State == webrtc.PeerConnectionStateFailed:
		return topology.Broken
	case l.State != webrtc.PeerConnectionStateConnected || !ok:
		return topology.Trying
	case netstack.Relayed(local, remote):
		return topology.Relayed
	}
	return topology.Direct
}

// flow adds streams up. The loss is that of the stream with most of it.
func flow(streams []netstack.Stream) (f topology.Flow) {
	for _, s := range streams {
		if s.Bitrate.OK {
			f.Bitrate = netstack.Some(f.Bitrate.Value + max(s.Bitrate.Value, 0))
		}
		if s.FractionLost.OK {
			f.Loss = netstack.Some(max(f.Loss.Value, min(s.FractionLost.Value, 1)))
		}
	}
	return f
}

// onGraph takes the room as its members measured it.
func (r *room) onGraph(e netstack.Envelope) {
	g, err := topology.ReadGraph(e.Body)
	if err != nil {
		r.s.log.Debug("graph not taken", "err", err)
		return
	}
	now := time.Now()
	edges := make([]Edge, len(g.Edges))
	for i, e := range g.Edges {
		edges[i] = Edge{
			From: e.From, To: e.To, Path: pathOf[e.Path], Protocol: e.Protocol, RTT: e.RTT,
			There: Flow(e.There), Back: Flow(e.Back), At: e.At,
		}
	}
	r.s.graph.Store(&graph{edges, now})
}

// graph is what the host told last, and when.
type graph struct {
	edges []Edge
	at    time.Time
}

var pathOf = map[topology.Reach]verdict.Path{
	topology.Trying: verdict.Connecting, topology.Direct: verdict.Direct, topology.Relayed: verdict.Relayed, topology.Broken: verdict.Broken,
}

// Graph is the room as its members measured it; empty while the host does not
// say.
func (s *Session) Graph() []Edge {
	g := s.graph.Load()
	if g == nil || time.Since(g.at) > graphAge {
		return nil
	}
	return g.edges
}
