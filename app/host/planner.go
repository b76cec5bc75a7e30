package host

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"candid/netstack"
	"candid/netstack/machine"
	"candid/netstack/signal"
	"candid/netstack/topology"
)

// planner decides the paths of one room from what its members report.
type planner struct {
	mixes bool // the host can mix

	mu       sync.Mutex
	reports  topology.Reports
	lines    map[netstack.PeerID]int // what the media server may send to each, bit/s
	host     topology.Host           // what is known of this machine
	previous topology.Decision
	dirty    bool // reports came since the last look
}

// see takes over what was seen of this machine. Its load is smoothed over some
// seconds: a change of path takes as long to pay off.
func (p *planner) see(load netstack.Opt[float64], uplink netstack.Opt[int]) {
	const newest = 0.2
	p.mu.Lock()
	defer p.mu.Unlock()
	if load.OK && p.host.Load.OK {
		load.Value = newest*load.Value + (1-newest)*p.host.Load.Value
	}
	p.host.Load, p.host.Uplink = load, uplink
}

// planEvery is how often reports are looked at: they come every two seconds
// from each, and a decision needs no hurry but for joining, leaving and force,
// which do not wait for this.
const planEvery = time.Second

// plan is signal's hook.
func (p *planner) plan(in signal.PlanInput) signal.Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := topology.Inputs{
		Now: in.Now, Host: topology.Host{SFU: true, MCU: p.mixes, Uplink: p.host.Uplink, Load: p.host.Load}, Lines: p.reports.Known(in.Now),
		EndToEnd: in.EndToEnd, Forced: in.Forced, Previous: p.previous,
	}
	for _, m := range in.Members {
		tm := topology.Member{ID: m.ID, Paths: m.Capabilities.Paths, Forced: m.Forced}
		p.reports.Fill(&tm, in.Now)
		if bits, ok := p.lines[m.ID]; ok {
			tm.Downlink = netstack.Some(bits)
		}
		t.Members = append(t.Members, tm)
	}
	d := topology.Decide(t)
	p.previous = d
	out := signal.Plan{Why: d.Why, Paths: make(map[netstack.PeerID]signal.Hop, len(d.Paths))}
	for id, path := range d.Paths {
		hop := signal.Hop{Topology: path.Topology, Why: path.Why}
		if hop.Why == d.Why {
			hop.Why = ""
		}
		out.Paths[id] = hop
	}
	return out
}

// take notes a report. A bad one is dropped: nothing depends on it.
func (p *planner) take(e netstack.Envelope) {
	rep, err := topology.ReadReport(e.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports.Take(e.From, rep, time.Now())
	p.dirty = true
}

func (p *planner) forget(id netstack.PeerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports.Forget(id)
}

// look returns what there is to do: whether to decide again, and the graph to
// tell, if there is a new one.
func (p *planner) look(now time.Time) (again bool, graph *topology.Graph) {
	p.mu.Lock()
	defer p.mu.Unlock()
	again = p.dirty || !p.previous.Again.IsZero() && !now.Before(p.previous.Again)
	if p.dirty {
		g := p.reports.Graph(now)
		graph = &g
	}
	p.dirty = false
	return again, graph
}

// meter is what all rooms know of this machine: it is looked at for all of them.
type meter struct {
	mu      sync.Mutex
	machine machine.Machine
	at      time.Time // when it was looked at
	load    netstack.Opt[float64]
}

// look returns how busy the machine was of late, as of planEvery ago at most.
func (m *meter) look(now time.Time) netstack.Opt[float64] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.at) > planEvery/2 {
		m.at, m.load = now, m.machine.Look().Load
	}
	return m.load
}

// watch looks at the reports until the room ends.
func (r *room) watch(ctx context.Context) {
	t := time.NewTicker(planEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			r.estimate()
			r.planner.see(r.host.meter.look(now), r.sfu.Uplink())
			again, graph := r.planner.look(now)
			if again {
				_ = r.host.signal.Replan(r.name) // the room may just have ended
			}
			if graph != nil {
				r.tellGraph(*graph)
			}
		}
	}
}

// estimate asks the media server what its lines to the members take: nobody
// knows better.
func (r *room) estimate() {
	lines := make(map[netstack.PeerID]int)
	for _, m := range r.host.signal.Members(r.name) {
		if bits := r.sfu.Estimate(m.ID); bits.OK {
			lines[m.ID] = bits.Value
		}
	}
	r.planner.mu.Lock()
	defer r.planner.mu.Unlock()
	r.planner.lines = lines
}

// tellGraph sends everyone the room as its members measured it.
func (r *room) tellGraph(g topology.Graph) {
	body, err := json.Marshal(g)
	if err != nil {
		r.host.log.Error("graph not written", "err", err)
		return
	}
	for _, m := range r.host.signal.Members(r.name) {
		e := netstack.Envelope{Type: topology.TypeGraph, To: m.ID, Body: body}
		if err := r.host.signal.SendNewest(r.name, e); err != nil {
			r.host.log.Debug("graph not sent", "err", err)
			return
		}
	}
}
