package call_test

import (
	"testing"
	"time"

	"candid/app/call"
	"candid/media"
	"candid/netstack"
	"candid/netstack/machine"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

// gap is what a person missed while a line was moved.
type gap struct {
	missing, repeated int // pictures that the other sent and that were not shown, or twice
	concealed         time.Duration
	freeze            time.Duration // the longest time between two pictures, of the whole call
	busy              bool          // the machine had no time to spare, and is to blame for some
}

// pause is how long is watched on after a move: the seam is over by then.
const pause = time.Second

// missed counts what a person missed so far of what another sent. A picture or
// two are on their way.
func (p *person) missed(other *person) gap {
	s := p.meter.seen.Seen()
	g := gap{missing: int(other.meter.sent.Load()) - s.Frames, repeated: s.Repeated + s.Late, freeze: s.Freeze}
	if l := p.Lines(); len(l) == 1 && l[0].Sound.OK {
		g.concealed = time.Duration(l[0].Sound.Value.Total.Concealed) * time.Second / media.SampleRate
	}
	return g
}

func (g gap) since(before gap) gap {
	return gap{max(0, g.missing-before.missing), g.repeated - before.repeated, g.concealed - before.concealed, g.freeze, false}
}

// felt reports whether more is missing than a move may cost. A machine that has
// no time to spare loses more without one.
func (g gap) felt(pictures int, sound time.Duration) bool {
	return !g.busy && (g.missing > pictures || g.repeated > 0 || g.concealed > sound)
}

// seam runs a move and returns what each of two missed by it.
func seam(t *testing.T, what string, a, b *person, move func()) [2]gap {
	t.Helper()
	time.Sleep(pause + 200*time.Millisecond) // the numbers of the lines are a second old at most
	var m machine.Machine
	m.Look()
	before := [2]gap{a.missed(b), b.missed(a)}
	move()
	time.Sleep(pause + 200*time.Millisecond)
	out := [2]gap{a.missed(b).since(before[0]), b.missed(a).since(before[1])}
	load := m.Look().Load
	out[0].busy, out[1].busy = load.Value > noTime, load.Value > noTime
	t.Logf("%-28s Ada: %d pictures missing, %d twice, %v of sound made up · Noor: %d, %d, %v · machine %.0f %% busy",
		what, out[0].missing, out[0].repeated, out[0].concealed, out[1].missing, out[1].repeated, out[1].concealed, 100*load.Value)
	return out
}

// couple are two in a room of a true host, with its relay, who see and hear each
// other.
func couple(t *testing.T) (ada, noor *person) {
	t.Helper()
	owner, guests := realHost(t)
	ada, noor = joinAs(t, owner, "Ada", 0, 1), joinAs(t, guests, "Noor", 1, 0)
	on(t, netstack.P2P, ada, noor)
	seesAndHears(t, ada, noor)
	return ada, noor
}

// noTime is the load of a machine that has no time to spare.
const noTime = 0.85

// goes waits until a person's one line takes a kind of way.
func goes(t *testing.T, p *person, want verdict.Path) {
	t.Helper()
	until(t, "it goes "+string(want), func() bool {
		l := p.Lines()
		return len(l) == 1 && l[0].Verdict.Path == want
	})
}

// moves is how often the call is moved to another pair.
const moves = 2

// TestGapOfAPair moves the call from pair to pair, by either side, and counts
// what is missed by it.
func TestGapOfAPair(t *testing.T) {
	ada, noor := couple(t)
	worst := gap{}
	for n := range moves {
		who := []*person{ada, noor}[n%2]
		var what string
		for _, g := range seam(t, "to another pair", ada, noor, func() { what = moveAway(t, who, n%2 == 0) }) {
			worst = gap{max(worst.missing, g.missing), max(worst.repeated, g.repeated), max(worst.concealed, g.concealed), max(worst.freeze, g.freeze), worst.busy || g.busy}
		}
		t.Log("that was to " + what)
	}
	t.Logf("the worst of %d moves: %d pictures missing, %d twice, %v of sound made up; longest time between two pictures %v", moves, worst.missing, worst.repeated, worst.concealed, worst.freeze)
	// With nothing else to do all are 0: see TestMoveToAnotherPair of package mesh.
	if worst.felt(5, 500*time.Millisecond) {
		t.Errorf("the move is felt: %+v", worst)
	}
}

// moveAway moves a person's line to another pair, a relayed or a direct one if
// there is a choice, and says to which. A pair that its other end has given up
// meanwhile is not taken: then it is another's turn.
func moveAway(t *testing.T, who *person, relayed bool) (what string) {
	t.Helper()
	var to netstack.Pair
	var asked time.Time
	moved := func() bool {
		l := who.Lines()[0]
		if pair, _, _, ok := l.Link.SelectedPair(); ok && pair.ID == to.ID {
			return true
		}
		if time.Since(asked) < 13*time.Second { // as long as the wish holds
			return false
		}
		before := to.ID
		to = netstack.Pair{}
		for _, p := range l.Link.Pairs {
			local, remote := l.Link.Candidates(p)
			byRelay := local.Type == webrtc.ICECandidateTypeRelay || remote.Type == webrtc.ICECandidateTypeRelay
			if p.State == netstack.PairSucceeded && !p.Selected && p.ID != before && (to.ID == "" || byRelay == relayed) {
				to, what = p, local.Type.String()+" "+local.Protocol+" → "+remote.Type.String()
			}
		}
		if to.ID != "" {
			who.SelectPair(l.Member.ID, to.ID)
			asked = time.Now()
		}
		return false
	}
	for late := time.Now().Add(45 * time.Second); !moved(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("not moved to %s", what)
		}
	}
	return what
}

// TestGapOfPrivacy hides, and shows again, in the middle of a call.
func TestGapOfPrivacy(t *testing.T) {
	ada, noor := couple(t)
	for _, step := range []struct {
		to   call.Privacy
		goes verdict.Path
		what string
	}{{call.RelayOnly, verdict.Relayed, "hide: relay only"}, {call.AnyPath, verdict.Direct, "any way again"}} {
		for i, g := range seam(t, step.what, ada, noor, func() {
			noor.SetPrivacy(step.to)
			goes(t, noor, step.goes)
			goes(t, ada, step.goes)
		}) {
			// With nothing else to do all are 0; made anew without the old beside it,
			// the line loses 17 pictures and half a second of sound.
			if g.felt(8, 300*time.Millisecond) {
				t.Errorf("%s: %s missed %+v", step.what, []string{"Ada", "Noor"}[i], g)
			}
		}
		seesAndHears(t, ada, noor)
	}
}
