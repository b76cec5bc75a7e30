package replay

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/trace"
)

// Limits of what is kept in memory of one recording, against hostile files.
const (
	maxEvents  = 200_000
	maxSamples = 1_000_000
	maxPeople  = 1000
)

// Person is somebody who was in the call, as this side saw them.
type Person struct {
	ID     netstack.PeerID
	Name   string
	Joined time.Time
	Left   time.Time // zero: was there at the end
	Why    string    // they left
}

// Event is something that happened, and when.
type Event struct {
	At    time.Time
	Event call.Event
}

// Mark is what the time slider marks.
type Mark struct {
	At   time.Time
	Kind MarkKind
	Text string // a short sentence
	Peer netstack.PeerID
}

// MarkKind is the kind of a mark.
type MarkKind string

// The kinds of marks.
const (
	MarkJoined  MarkKind = "joined"
	MarkLeft    MarkKind = "left"
	MarkRestart MarkKind = "restart"
	MarkPath    MarkKind = "path"
	MarkPlan    MarkKind = "plan"
	MarkState   MarkKind = "state"
	MarkTrouble MarkKind = "trouble"
)

// Recording is a call of the past. Its methods may be called from any
// goroutine. At and Lines read the file, which takes some milliseconds.
type Recording struct {
	Header trace.Header
	Start  time.Time
	End    time.Time
	Self   call.Member
	Room   string
	People []Person // others, in order of joining
	Events []Event
	Paths  []Path
	Marks  []Mark
	// Damages says which parts of the file could not be read.
	Damages []trace.Damage
	// Lost counts the records that the recorder could not keep; Thinned is up
	// to when it made room by leaving samples out.
	Lost    uint64
	Thinned time.Time

	history map[netstack.PeerID][]point
	samples int
	file    io.Closer

	mu     sync.Mutex
	reader *trace.Reader
}

// point is what one record added to the history of a line.
type point struct {
	at, from time.Time
	add      []call.Sample
}

// Load opens a trace file. Close must be called.
func Load(path string) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		var r *Recording
		if r, err = Read(f, info.Size()); err == nil {
			r.file = f
			return r, nil
		}
	}
	f.Close() // only read
	return nil, fmt.Errorf("open recording: %w", err)
}

// Read reads a trace of size bytes. It keeps src for At.
func Read(src io.ReaderAt, size int64) (*Recording, error) {
	t, err := trace.Open(src, size)
	if err != nil {
		return nil, err
	}
	r := &Recording{Header: t.Header(), Start: t.Header().Start, reader: t, history: make(map[netstack.PeerID][]point)}
	s := scan{r: r, here: make(map[netstack.PeerID]int), names: make(map[netstack.PeerID]string), paths: make(map[netstack.PeerID]Path)}
	for rec := range t.All() {
		s.take(rec)
	}
	if r.End.Before(r.Start) {
		r.End = r.Start
	}
	r.Damages = slices.Clone(t.Damages())
	return r, nil
}

// Close closes the file, if Load opened one.
func (r *Recording) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Duration is how long the recording is.
func (r *Recording) Duration() time.Duration { return r.End.Sub(r.Start) }

// Moment is what a call gave at one time.
type Moment struct {
	Snapshot call.Snapshot
	Lines    []call.Line
	Graph    []call.Edge
	Outgoing []call.Outgoing
	Changes  []call.PathChange
}

// At gives what the call gave at t.
func (r *Recording) At(t time.Time) Moment {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reader.ReadTo(t)
	var body snapshotBody
	if rec, ok := r.reader.Value(kindSnapshot, ""); ok {
		if err := rec.Decode(&body); err != nil {
			body = snapshotBody{} // a damaged snapshot is an empty one
		}
	}
	var order []netstack.PeerID
	if rec, ok := r.reader.Value(kindLines, ""); ok {
		if err := rec.Decode(&order); err != nil {
			order = nil
		}
	}
	lines := make([]call.Line, 0, min(len(order), maxPeople))
	for _, id := range order[:min(len(order), maxPeople)] {
		rec, ok := r.reader.Value(kindLine, string(id))
		var l call.Line
		if !ok || rec.Decode(&l) != nil {
			continue
		}
		l.History = r.historyAt(id, t)
		lines = append(lines, l)
	}
	room, changes := valueLocked[roomBody](r, kindRoom), valueLocked[changesBody](r, kindChanges)
	return Moment{Snapshot: body.restore(), Lines: lines, Graph: room.Graph, Outgoing: room.Outgoing, Changes: changes.Changes}
}

// valueLocked is the value of a stream at the moment; one that is not there, or
// damaged, is the zero one.
func valueLocked[T any](r *Recording, kind string) (v T) {
	if rec, ok := r.reader.Value(kind, ""); ok && rec.Decode(&v) != nil {
		var none T
		return none
	}
	return v
}

// historyAt is the History of a line as it was at t.
func (r *Recording) historyAt(id netstack.PeerID, t time.Time) []call.Sample {
	points := r.history[id]
	n, _ := slices.BinarySearchFunc(points, t, func(p point, t time.Time) int {
		if p.at.After(t) {
			return 1
		}
		return -1
	})
	if n == 0 {
		return nil
	}
	from := points[n-1].from
	var out []call.Sample
	first := max(0, n-call.HistoryLength)
	for _, p := range points[first:n] {
		for _, s := range p.add {
			if !s.At.Before(from) {
				out = append(out, s)
			}
		}
	}
	return out
}

// Samples are all that was measured on the line to a member, oldest first.
func (r *Recording) Samples(id netstack.PeerID) []call.Sample {
	var out []call.Sample
	for _, p := range r.history[id] {
		out = append(out, p.add...)
	}
	return out
}

// Between yields the events after from and up to to.
func (r *Recording) Between(from, to time.Time) []Event {
	after := func(t time.Time) int {
		n, _ := slices.BinarySearchFunc(r.Events, t, func(e Event, t time.Time) int {
			if e.At.After(t) {
				return 1
			}
			return -1
		})
		return n
	}
	a, b := after(from), after(to)
	if b <= a {
		return nil
	}
	return r.Events[a:b]
}
