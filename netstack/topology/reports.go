package topology

import (
	"cmp"
	"slices"
	"time"

	"candid/netstack"
)

// Reports is what is known of a room from the reports of its members: the
// newest of each. The zero value knows nothing. It needs a lock around it if
// several goroutines use it.
type Reports struct {
	newest map[netstack.PeerID]received
	lines  map[Pair]past
}

type received struct {
	Report
	at time.Time
}

// past is how a line was when it was last tried: it goes away when nobody needs
// it, and what is known of it does not.
type past struct {
	Line
	broken int       // how often in a row
	until  time.Time // when a broken one is worth another try
}

const (
	// reportAge is how long a report counts: three may be lost.
	reportAge = 4 * ReportEvery
	// brokenFor is how long a line that broke is not tried again; each time in
	// a row it is twice as long, up to brokenMost.
	brokenFor  = time.Minute
	brokenMost = 16 * time.Minute
	// maxEdges bounds a graph; the lines to the host go first.
	maxEdges = 300
)

// Take notes a member's report.
func (r *Reports) Take(id netstack.PeerID, rep Report, now time.Time) {
	if r.newest == nil {
		r.newest, r.lines = make(map[netstack.PeerID]received), make(map[Pair]past)
	}
	r.newest[id] = received{rep, now}
	for _, l := range rep.Lines {
		if l.To != netstack.HostID && l.To != id && l.Path != Trying {
			r.note(Of(id, l.To), l, now)
		}
	}
}

// note takes one end's word on a line between members. That it works is believed
// either of them; it is broken when neither says better.
func (r *Reports) note(p Pair, l ReportLine, now time.Time) {
	old, known := r.lines[p]
	next := past{Line: Line{Direct: netstack.Some(l.Path == Direct), RTT: l.RTT}}
	switch l.Path {
	case Relayed:
		next.Relayed = netstack.Some(true)
	case Broken:
		if other, ok := r.lineOf(p, now); ok && other != Broken {
			return
		}
		if known && old.broken > 0 && now.Before(old.until) {
			return // still the same breach
		}
		next.Relayed, next.broken = netstack.Some(false), old.broken+1
		next.until = now.Add(min(brokenFor<<min(next.broken-1, 10), brokenMost))
	}
	r.lines[p] = next
}

// lineOf returns what the two ends say now, the better of it.
func (r *Reports) lineOf(p Pair, now time.Time) (best Reach, ok bool) {
	worth := []Reach{Broken, Trying, Relayed, Direct}
	for i, id := range p {
		rep, here := r.newest[id]
		if !here || now.Sub(rep.at) > reportAge {
			continue
		}
		for _, l := range rep.Lines {
			if l.To == p[1-i] && (!ok || slices.Index(worth, l.Path) > slices.Index(worth, best)) {
				best, ok = l.Path, true
			}
		}
	}
	return best, ok
}

// Forget drops all that is known of a member.
func (r *Reports) Forget(id netstack.PeerID) {
	delete(r.newest, id)
	for p := range r.lines {
		if p[0] == id || p[1] == id {
			delete(r.lines, p)
		}
	}
}

// Fill adds what is known to a member's part of Inputs.
func (r *Reports) Fill(m *Member, now time.Time) {
	rep, ok := r.newest[m.ID]
	if !ok || now.Sub(rep.at) > reportAge {
		return
	}
	m.Uplink, m.Downlink, m.Load, m.Metered, m.OnBattery = rep.Uplink, rep.Downlink, rep.Load, rep.Metered, rep.OnBattery
	for _, l := range rep.Lines {
		if l.To == netstack.HostID {
			m.ToHost = l.RTT
		}
	}
}

// Known returns how pairs of members reach each other, for Inputs.
func (r *Reports) Known(now time.Time) map[Pair]Line {
	out := make(map[Pair]Line, len(r.lines))
	for p, l := range r.lines {
		if l.broken > 0 && !now.Before(l.until) {
			continue // worth another try
		}
		out[p] = l.Line
	}
	return out
}

// Graph puts the newest reports together.
func (r *Reports) Graph(now time.Time) Graph {
	edges := make(map[Pair]*Edge)
	for id, rep := range r.newest {
		if now.Sub(rep.at) > reportAge {
			continue
		}
		for _, l := range rep.Lines {
			if l.To == id {
				continue
			}
			_, member := r.newest[l.To]
			if l.To != netstack.HostID && !member {
				continue
			}
			from, to := ends(id, l.To)
			e := edges[Pair{from, to}]
			if e == nil {
				e = &Edge{From: from, To: to, Path: Trying}
				edges[Pair{from, to}] = e
			}
			e.merge(l, id == from, rep.at)
		}
	}
	g := Graph{Edges: make([]Edge, 0, len(edges))}
	for _, e := range edges {
		g.Edges = append(g.Edges, *e)
	}
	slices.SortFunc(g.Edges, func(a, b Edge) int {
		if x, y := a.To == netstack.HostID, b.To == netstack.HostID; x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	g.Edges = g.Edges[:min(len(g.Edges), maxEdges)]
	return g
}

// ends orders the ends of an edge: the host last.
func ends(a, b netstack.PeerID) (from, to netstack.PeerID) {
	if b == netstack.HostID {
		return a, b
	}
	p := Of(a, b)
	return p[0], p[1]
}

// merge adds what one end measured. The rate is best known where it is sent,
// the loss where it arrives.
func (e *Edge) merge(l ReportLine, atFrom bool, at time.Time) {
	newer := at.After(e.At)
	if l.Path != Trying && (newer || e.Path == Trying) {
		e.Path = l.Path
	}
	if l.Protocol != "" && (newer || e.Protocol == "") {
		e.Protocol = l.Protocol
	}
	if l.RTT.OK && (newer || !e.RTT.OK) {
		e.RTT = l.RTT
	}
	if newer {
		e.At = at
	}
	out, in := &e.There, &e.Back
	if !atFrom {
		out, in = in, out
	}
	if l.Sent.Bitrate.OK {
		out.Bitrate = l.Sent.Bitrate
	}
	if !out.Loss.OK {
		out.Loss = l.Sent.Loss
	}
	if l.Received.Loss.OK {
		in.Loss = l.Received.Loss
	}
	if !in.Bitrate.OK {
		in.Bitrate = l.Received.Bitrate
	}
}
