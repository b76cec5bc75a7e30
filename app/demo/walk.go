package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"candid/app/call"
	"candid/netstack"
)

// MostPeople is how many may take part in a walk: a room that is to be direct
// throughout takes no more.
const MostPeople = 6

// people are the names of those who walk.
var people = []string{"Ada", "Noor", "Kim", "Lev", "Mia", "Omar"}

// PathChange is one change of one member's path, as the member measured it.
type PathChange struct {
	Member    string            `json:"member"`
	From      netstack.Topology `json:"from"`
	To        netstack.Topology `json:"to"`
	Why       string            `json:"why"`
	Failed    string            `json:"failed,omitempty"`
	Missing   int               `json:"video_frames_missing"`
	Repeated  int               `json:"video_frames_repeated"`
	Concealed float64           `json:"audio_concealed_ms"`
	ToFirst   float64           `json:"decision_to_first_ms"`
	ToDone    float64           `json:"decision_to_done_ms"`
	// Of as long a stretch without a change, right after.
	StillFor       float64 `json:"still_for_ms"` // 0: there was none
	StillMissing   int     `json:"still_frames_missing"`
	StillConcealed float64 `json:"still_concealed_ms"`
}

const (
	stay       = 3 * time.Second  // on each path
	stepLimit  = 60 * time.Second // for each step of the walk
	walkLimit  = 6 * time.Minute
	lookEvery  = 50 * time.Millisecond
	afterFirst = 5 * time.Second // the others come when the first two have settled
)

// errStep: something that was to happen did not.
var errStep = errors.New("waited in vain")

// Walk takes part, as the member'th of so many people, in a room that goes from
// direct paths to the host's SFU, its mix and back, by force of the first
// member, and shrinks to two again. It blocks until that is done, and returns
// the changes of this member's path.
func Walk(ctx context.Context, s *call.Session, member, people int) ([]PathChange, error) {
	w := walker{s: s, people: people}
	var err error
	switch {
	case member == 0:
		err = w.lead(ctx)
	case member == 1:
		err = w.follow(ctx)
	default:
		err = w.visit(ctx)
	}
	return w.changes(), err
}

type walker struct {
	s      *call.Session
	people int
}

// lead chooses the paths.
func (w walker) lead(ctx context.Context) error {
	if err := w.on(ctx, 2, netstack.P2P); err != nil {
		return err
	}
	// Where the room goes when the others come is its own choice: a computer
	// that is too busy for so many gets the mix.
	if err := w.on(ctx, w.people, netstack.Auto); err != nil {
		return err
	}
	for _, to := range []netstack.Topology{netstack.SFU, netstack.MCU, netstack.SFU, netstack.P2P} {
		w.s.ForceRoom(to)
		if err := w.on(ctx, w.people, to); err != nil {
			return err
		}
	}
	if err := w.on(ctx, 2, netstack.P2P); err != nil { // the visitors go by themselves
		return err
	}
	w.s.ForceRoom(netstack.Auto)
	return w.on(ctx, 2, netstack.P2P)
}

// follow goes along, and stays until the end.
func (w walker) follow(ctx context.Context) error {
	if err := w.await(ctx, "everybody", func(c call.Snapshot) bool { return len(c.Others) == w.people-1 }); err != nil {
		return err
	}
	if err := w.on(ctx, 2, netstack.P2P); err != nil {
		return err
	}
	return w.await(ctx, "the end", func(c call.Snapshot) bool { return c.RoomForced == netstack.Auto })
}

// visit goes along, and leaves when the room has been everywhere.
func (w walker) visit(ctx context.Context) error {
	if err := w.await(ctx, "direct paths", func(c call.Snapshot) bool { return c.RoomForced == netstack.P2P }); err != nil {
		return err
	}
	if err := w.on(ctx, 0, netstack.P2P); err != nil {
		return err
	}
	return sleep(ctx, 2*stay) // until the others have arrived there too
}

// on waits until so many people are there, this member is on a path and the
// newest change is measured, and stays a while. 0 and Auto are any.
func (w walker) on(ctx context.Context, people int, path netstack.Topology) error {
	what := fmt.Sprintf("%d people on %v", people, path)
	err := w.await(ctx, what, func(c call.Snapshot) bool {
		return (people == 0 || len(c.Others) == people-1) && (path == netstack.Auto || w.path() == path && c.Plan.Topology == path)
	})
	if err == nil {
		err = w.await(ctx, "the change's end", func(c call.Snapshot) bool { return !c.Change.OK || c.Change.Value.Done || c.Change.Value.Failed != "" })
	}
	if err == nil {
		err = sleep(ctx, stay)
	}
	return err
}

// path is the path this member is on.
func (w walker) path() netstack.Topology {
	lines := w.s.Lines()
	if len(lines) == 0 {
		return netstack.Auto
	}
	return lines[0].Link.Topology
}

func (w walker) await(ctx context.Context, what string, ok func(call.Snapshot) bool) error {
	for end := time.Now().Add(stepLimit); time.Now().Before(end); {
		if ok(w.s.Snapshot()) {
			return nil
		}
		if err := sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
	c := w.s.Snapshot()
	return fmt.Errorf("%w for %s: %d others, planned %v (%s), on %v, newest change %+v", errStep, what, len(c.Others), c.Plan.Topology, c.Plan.Why, w.path(), c.Change.Value)
}

func (w walker) changes() (out []PathChange) {
	for _, c := range w.s.PathChanges() {
		out = append(out, PathChange{
			Member: w.s.Snapshot().Self.Name, From: c.From, To: c.To, Why: c.Why, Failed: c.Failed,
			Missing: c.Missing, Repeated: c.Repeated, Concealed: ms(c.Concealed), ToFirst: ms(c.ToFirst), ToDone: ms(c.ToDone),
			StillFor: ms(c.StillFor), StillMissing: c.StillMissing, StillConcealed: ms(c.StillConcealed),
		})
	}
	return out
}

// walk runs a process for each of the people, without windows, and returns all
// their changes.
func walk(ctx context.Context, o Options) ([]PathChange, error) {
	ctx, cancel := context.WithTimeout(ctx, walkLimit)
	defer cancel()
	results, errs := make([]Result, o.People), make([]error, o.People)
	var wg sync.WaitGroup
	for i := range o.People {
		wg.Go(func() {
			if i > 1 {
				if errs[i] = sleep(ctx, afterFirst+time.Duration(i)*time.Second/2); errs[i] != nil {
					return
				}
			}
			if results[i], errs[i] = child(ctx, o, nil, i, false); errs[i] != nil {
				cancel() // nobody waits for one who is gone
			}
		})
	}
	wg.Wait()
	var all []PathChange
	for _, r := range results {
		all = append(all, r.PathChanges...)
	}
	return all, errors.Join(errs...)
}

// tellChanges prints the seams for a person.
func tellChanges(w io.Writer, changes []PathChange) {
	if len(changes) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%-8s %-12s %8s %9s %10s %8s  %s\n", "", "change", "missing", "repeated", "concealed", "done", "why")
	for _, c := range changes {
		why := c.Why
		if c.Failed != "" {
			why = "did not work: " + c.Failed
		}
		fmt.Fprintf(w, "%-8s %-12s %8d %9d %7.0f ms %5.0f ms  %s\n", c.Member, fmt.Sprintf("%v → %v", c.From, c.To), c.Missing, c.Repeated, c.Concealed, c.ToDone, why)
	}
}

// Seamless says which changes show, in words; empty: none does.
func (r Report) Seamless() string {
	bad := slices.DeleteFunc(slices.Clone(r.PathChanges), func(c PathChange) bool {
		return c.Failed == "" && c.Missing == 0 && c.Repeated == 0 && c.Concealed == 0
	})
	var said []string
	for _, c := range bad {
		said = append(said, fmt.Sprintf("%s's from %v to %v", c.Member, c.From, c.To))
	}
	return strings.Join(said, ", ")
}
