package replay

import (
	"reflect"
	"slices"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/trace"
	"candid/netstack/verdict"
)

// Kinds of the records of a call.
const (
	kindSnapshot = "snapshot" // state: snapshotBody
	kindLines    = "lines"    // state: the members in the order of Lines
	kindLine     = "line"     // sample per member: call.Line without its History
	kindHistory  = "history"  // sample per member: historyBody
	kindRoom     = "room"     // sample: roomBody
	kindChanges  = "changes"  // state: changesBody
	kindPath     = "path-changed"
	kindMoved    = "path-moved" // call.PathChanged
	kindState    = "state-changed"
	kindJoined   = "member-joined"
	kindChanged  = "member-changed"
	kindLeft     = "member-left"
	kindPlan     = "plan-changed"
	kindNoticed  = "noticed"
)

// Sink is where a Recorder writes: *trace.Writer while a call goes on,
// *trace.Encoder when there is no hurry.
type Sink interface {
	Record(kind string, at time.Time, body any)
	State(kind, key string, at time.Time, body any)
	Sample(kind, key string, at time.Time, body any)
	End(kind, key string, at time.Time)
}

// Path is the way the media of one line took from a moment on.
type Path struct {
	At       time.Time          `json:"at"`
	Peer     netstack.PeerID    `json:"peer"`
	Path     verdict.Path       `json:"path"`
	Badge    string             `json:"badge"`
	Why      string             `json:"why"`
	Better   string             `json:"better,omitempty"`
	Topology netstack.Topology  `json:"topology"`
	Local    netstack.Candidate `json:"local,omitzero"` // zero while no pair is selected
	Remote   netstack.Candidate `json:"remote,omitzero"`
}

// same reports whether p is the same way as o; badges change with every round
// trip.
func (p Path) same(o Path) bool {
	return p.Path == o.Path && p.Why == o.Why && p.Topology == o.Topology &&
		p.Local.ID == o.Local.ID && p.Remote.ID == o.Remote.ID
}

type historyBody struct {
	From time.Time     `json:"from"` // the oldest sample of the history
	Add  []call.Sample `json:"add"`  // the newest, which are new
}

type roomBody struct {
	Graph    []call.Edge     `json:"graph"`
	Outgoing []call.Outgoing `json:"outgoing"`
}

type changesBody struct {
	Changes []call.PathChange `json:"changes"`
}

// Recorder writes what a call tells. It does not block if its Sink does not,
// and belongs to one goroutine: that of the call.
type Recorder struct {
	sink  Sink
	clock func() time.Time
	start time.Time
	lines map[netstack.PeerID]*recordedLine
}

type recordedLine struct {
	newest time.Time // sample
	path   Path
}

// NewRecorder returns a Recorder; clock is nil for time.Now.
func NewRecorder(sink Sink, clock func() time.Time) *Recorder {
	if clock == nil {
		clock = time.Now
	}
	return &Recorder{sink: sink, clock: clock, start: clock(), lines: make(map[netstack.PeerID]*recordedLine)}
}

// now does not jump when the clock of the computer is set.
func (r *Recorder) now() time.Time { return r.start.Add(r.clock().Sub(r.start)) }

// Event records that e happened and left the call as s says.
func (r *Recorder) Event(e call.Event, s call.Snapshot) {
	at := r.now()
	r.snapshot(at, s)
	switch e := e.(type) {
	case call.StateChanged:
		r.sink.Record(kindState, at, stateBody{e.State.String(), e.Problem, errorText(e.Err)})
	case call.MemberJoined:
		r.sink.Record(kindJoined, at, e)
	case call.MemberChanged:
		r.sink.Record(kindChanged, at, e)
	case call.MemberLeft:
		r.sink.Record(kindLeft, at, e)
	case call.PlanChanged:
		r.sink.Record(kindPlan, at, e)
	case call.PathChanged:
		r.sink.Record(kindMoved, at, e)
	case call.Noticed:
		r.sink.Record(kindNoticed, at, e)
	case call.Net:
		kind, body := trace.OfEvent(e.Event)
		r.sink.Record(kind, at, body)
	}
}

// Lines records what Snapshot and Lines give now. It is for once a second, and
// whenever lines come or go.
func (r *Recorder) Lines(s call.Snapshot, lines []call.Line) {
	at := r.now()
	r.snapshot(at, s)
	order := make([]netstack.PeerID, len(lines))
	for i, l := range lines {
		order[i] = l.Member.ID
		r.line(at, l)
	}
	r.sink.State(kindLines, "", at, order)
	for id := range r.lines {
		if !slices.Contains(order, id) {
			delete(r.lines, id)
			r.sink.End(kindLine, string(id), at)
			r.sink.End(kindHistory, string(id), at)
		}
	}
}

// Room records what Graph, Outgoing and PathChanges give now. It is for once a
// second.
func (r *Recorder) Room(graph []call.Edge, outgoing []call.Outgoing, changes []call.PathChange) {
	at := r.now()
	r.sink.Sample(kindRoom, "", at, roomBody{graph, outgoing})
	r.sink.State(kindChanges, "", at, changesBody{changes})
}

func (r *Recorder) line(at time.Time, l call.Line) {
	id := l.Member.ID
	known := r.lines[id]
	if known == nil {
		known = &recordedLine{}
		r.lines[id] = known
	}
	if p := pathOf(at, l); !p.same(known.path) {
		known.path = p
		r.sink.Record(kindPath, at, p)
	}
	if n := len(l.History); n > 0 {
		from := n
		for from > 0 && l.History[from-1].At.After(known.newest) {
			from--
		}
		if from < n {
			known.newest = l.History[n-1].At
			r.sink.Sample(kindHistory, string(id), at, historyBody{l.History[0].At, l.History[from:]})
		}
	}
	l.History = nil
	r.sink.Sample(kindLine, string(id), at, l)
}

func pathOf(at time.Time, l call.Line) Path {
	_, local, remote, _ := l.Link.SelectedPair()
	return Path{
		At: at, Peer: l.Member.ID, Path: l.Verdict.Path, Badge: l.Verdict.Badge, Why: l.Verdict.Why, Better: l.Verdict.Better,
		Topology: l.Link.Topology, Local: local, Remote: remote,
	}
}

// snapshotBody is a Snapshot as it can be JSON, without the secret in it.
type snapshotBody struct {
	call.Snapshot
	Invite string `json:"-"`
	State  string // by name: numbers may change from one version to the next
	Err    string
}

type stateBody struct{ State, Problem, Err string }

func (r *Recorder) snapshot(at time.Time, s call.Snapshot) {
	s.Chat = nil // what people write to each other is theirs
	r.sink.State(kindSnapshot, "", at, snapshotBody{Snapshot: s, State: s.State.String(), Err: errorText(s.Err)})
}

// restore makes a Snapshot of what was recorded.
func (b snapshotBody) restore() call.Snapshot {
	s := b.Snapshot
	s.Invite, s.State, s.Err = "", stateCalled(b.State), errorOf(b.Err)
	s.Chat = nil
	return s
}

func stateCalled(name string) call.State {
	for s := call.Idle; s <= call.Ended; s++ {
		if s.String() == name {
			return s
		}
	}
	return call.Idle
}

func errorText(err error) string {
	if err == nil || reflect.ValueOf(err).Kind() == reflect.Pointer && reflect.ValueOf(err).IsNil() {
		return ""
	}
	return err.Error()
}

// recordedError is an error of which only the words are known.
type recordedError string

func (e recordedError) Error() string { return string(e) }

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return recordedError(text)
}
