package replay

import (
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/trace"
	"candid/netstack/verdict"
)

// scan takes the records of a trace in order and fills a Recording.
type scan struct {
	r     *Recording
	here  map[netstack.PeerID]int // index in People
	names map[netstack.PeerID]string
	paths map[netstack.PeerID]Path
	body  snapshotBody
}

// take takes one record. One that cannot be decoded is as one that is not
// known: it is skipped.
func (s *scan) take(rec trace.Record) {
	if rec.At.After(s.r.End) {
		s.r.End = rec.At
	}
	switch rec.Kind {
	case kindLine, kindLines, kindRoom, kindChanges:
	case kindHistory:
		s.history(rec)
	case kindSnapshot:
		s.snapshot(rec)
	case kindPath:
		var p Path
		if rec.Decode(&p) == nil {
			p.At = rec.At
			s.path(p)
		}
	case trace.KindLost:
		var l trace.Lost
		if rec.Decode(&l) == nil {
			s.r.Lost += l.Records
		}
	case trace.KindThinned:
		var t trace.Thinned
		if rec.Decode(&t) == nil && t.Before.After(s.r.Thinned) {
			s.r.Thinned = t.Before
		}
	default:
		s.event(rec)
	}
}

func (s *scan) history(rec trace.Record) {
	var b historyBody
	id := netstack.PeerID(rec.Key)
	if rec.Ended || s.r.samples >= maxSamples || rec.Decode(&b) != nil {
		return
	}
	if old := s.r.history[id]; len(old) > 0 { // a repeated value adds nothing
		last := old[len(old)-1]
		if n := len(last.add); n > 0 && len(b.Add) > 0 && !b.Add[len(b.Add)-1].At.After(last.add[n-1].At) {
			return
		}
	}
	s.r.samples += len(b.Add)
	s.r.history[id] = append(s.r.history[id], point{rec.At, b.From, b.Add})
}

// snapshot finds who is here: also those whose coming was not recorded.
func (s *scan) snapshot(rec trace.Record) {
	s.body = snapshotBody{}
	if rec.Decode(&s.body) != nil {
		return
	}
	s.r.Self, s.r.Room = s.body.Self, s.body.Room
	now := make(map[netstack.PeerID]bool)
	for _, m := range s.body.Others {
		now[m.ID] = true
		s.names[m.ID] = m.Name
		if _, ok := s.here[m.ID]; ok || len(s.r.People) >= maxPeople {
			continue
		}
		s.here[m.ID] = len(s.r.People)
		s.r.People = append(s.r.People, Person{ID: m.ID, Name: m.Name, Joined: rec.At})
	}
	for id, i := range s.here {
		if !now[id] {
			s.r.People[i].Left = rec.At
			delete(s.here, id)
		}
	}
}

func (s *scan) path(p Path) {
	before, had := s.paths[p.Peer]
	if len(s.r.Paths) >= maxEvents {
		return
	}
	s.paths[p.Peer] = p
	s.r.Paths = append(s.r.Paths, p)
	switch {
	case p.Path == verdict.Broken:
		s.mark(p.At, MarkTrouble, p.Peer, s.name(p.Peer)+": "+p.Badge)
	case p.Path == verdict.Connecting:
	case !had || before.Path != p.Path || before.Local.ID != p.Local.ID || before.Remote.ID != p.Remote.ID:
		s.mark(p.At, MarkPath, p.Peer, s.name(p.Peer)+": "+p.Badge)
	}
}

func (s *scan) name(id netstack.PeerID) string {
	if n := s.names[id]; n != "" {
		return n
	}
	return string(id)
}

func (s *scan) mark(at time.Time, k MarkKind, peer netstack.PeerID, text string) {
	if len(s.r.Marks) < maxEvents {
		s.r.Marks = append(s.r.Marks, Mark{at, k, text, peer})
	}
}

func (s *scan) event(rec trace.Record) {
	e := eventOf(rec)
	if e == nil || len(s.r.Events) >= maxEvents {
		return
	}
	s.r.Events = append(s.r.Events, Event{rec.At, e})
	switch e := e.(type) {
	case call.MemberJoined:
		s.names[e.Member.ID] = e.Member.Name
		s.mark(rec.At, MarkJoined, e.Member.ID, e.Member.Name+" joined")
	case call.MemberLeft:
		s.mark(rec.At, MarkLeft, e.Member.ID, e.Member.Name+" "+e.Why)
		for i := len(s.r.People) - 1; i >= 0; i-- {
			if s.r.People[i].ID == e.Member.ID {
				s.r.People[i].Why = e.Why
				break
			}
		}
	case call.PlanChanged:
		s.mark(rec.At, MarkPlan, "", e.Plan.Topology.String()+": "+e.Plan.Why)
	case call.PathChanged:
		switch c := e.Change; {
		case c.Failed != "":
			s.mark(rec.At, MarkTrouble, "", "stayed on "+c.From.String()+": "+c.Failed)
		case c.Done:
			s.mark(rec.At, MarkPath, "", c.From.String()+" → "+c.To.String()+": "+c.Why)
		}
	case call.StateChanged:
		if e.State == call.Reconnecting || e.State == call.Ended {
			s.mark(rec.At, MarkState, "", "the call is "+e.State.String())
		}
	case call.Net:
		if restarted, ok := e.Event.(netstack.Restarted); ok {
			s.mark(rec.At, MarkRestart, restarted.Peer, s.name(restarted.Peer)+": looked for a way again: "+restarted.Why)
		}
	}
}

// eventOf returns the event that a record holds; nil if it holds none.
func eventOf(rec trace.Record) call.Event {
	switch rec.Kind {
	case kindState:
		var b stateBody
		if rec.Decode(&b) != nil {
			return nil
		}
		return call.StateChanged{State: stateCalled(b.State), Problem: b.Problem, Err: errorOf(b.Err)}
	case kindJoined:
		return decoded[call.MemberJoined](rec)
	case kindChanged:
		return decoded[call.MemberChanged](rec)
	case kindMoved:
		return decoded[call.PathChanged](rec)
	case kindLeft:
		return decoded[call.MemberLeft](rec)
	case kindPlan:
		return decoded[call.PlanChanged](rec)
	case kindNoticed:
		return decoded[call.Noticed](rec)
	}
	if e, err := rec.Event(); err == nil && e != nil {
		return call.Net{Event: e}
	}
	return nil
}

func decoded[E call.Event](rec trace.Record) call.Event {
	var e E
	if rec.Decode(&e) != nil {
		return nil
	}
	return e
}
