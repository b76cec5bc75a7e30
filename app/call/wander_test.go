package call_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"candid/netstack"
	"candid/netstack/topology"
)

// walkers is a room of people who come, go, vanish and are forced onto paths.
// What each is to be on is what topology.Decide says; each has a tone and
// numbered pictures of its own.
type walkers struct {
	t      *testing.T
	hall   *hall
	rnd    *rand.Rand
	people []*person // by member number; nil: not here
	forced netstack.Topology
}

const mostWalkers = 4

// decide is what Decide says to everyone.
func (w *walkers) decide(id netstack.PeerID, ids []netstack.PeerID) netstack.Topology {
	all := []netstack.Topology{netstack.P2P, netstack.SFU, netstack.MCU}
	in := topology.Inputs{Host: topology.Host{SFU: true, MCU: true}, Forced: w.forced}
	for _, id := range ids {
		in.Members = append(in.Members, topology.Member{ID: id, Paths: all})
	}
	return topology.Decide(in).Paths[id].Topology
}

// step does one thing at random, and returns what it was.
func (w *walkers) step(n int) string {
	here := w.here()
	i := w.rnd.IntN(mostWalkers)
	switch what := w.rnd.IntN(4); {
	case len(here) < 2 || what == 0 && w.people[i] == nil:
		for w.people[i] != nil {
			i = (i + 1) % mostWalkers
		}
		// It listens for whoever comes next to it, if they are here.
		w.people[i] = joinAs(w.t, w.hall.invite, fmt.Sprintf("P%d-%d", i, n), i, (i+1)%mostWalkers)
		return fmt.Sprintf("%d joins", i)
	case len(here) > 2 && what == 1 && w.people[i] != nil:
		w.people[i].leave()
		w.people[i] = nil
		return fmt.Sprintf("%d leaves", i)
	}
	w.forced = []netstack.Topology{netstack.Auto, netstack.P2P, netstack.SFU, netstack.MCU}[w.rnd.IntN(4)]
	w.hall.planEach(w.decide)
	return fmt.Sprintf("all are forced to %v", w.forced)
}

func (w *walkers) here() (out []*person) {
	for _, p := range w.people {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// check waits until everyone has the same room, is on the path that Decide says
// and hears the one it listens for, and nobody hears one who is gone.
func (w *walkers) check(what string) {
	w.t.Helper()
	here := w.here()
	if len(here) < 2 {
		return
	}
	defer explain(w.t, here)
	var ids []netstack.PeerID
	for _, p := range here {
		ids = append(ids, p.Snapshot().Self.ID)
	}
	for i, p := range w.people {
		if p == nil {
			continue
		}
		p.studio.listener.Reset()
		want := w.decide(p.Snapshot().Self.ID, ids)
		until(w.t, fmt.Sprintf("after %q: %d knows the others, on %v", what, i, want), func() bool {
			s := p.Snapshot()
			if len(s.Others) != len(here)-1 || s.Mixed != (want == netstack.MCU) || s.Change.OK && s.Change.Value.Failed == "" && !s.Change.Value.Done {
				return false
			}
			for _, l := range p.Lines() {
				if l.Link.Topology != want {
					return false
				}
			}
			return len(p.Lines()) == len(s.Others)
		})
		next := w.people[(i+1)%mostWalkers] != nil
		p.studio.listener.Reset()
		until(w.t, fmt.Sprintf("after %q: %d hears %d: %v", what, i, (i+1)%mostWalkers, next), func() bool {
			h := p.studio.listener.Heard()[0]
			return h.Present == next && h.Windows+h.Silent > 2
		})
		before := p.meter.seen.Seen().Frames
		if want != netstack.MCU { // the mix has their numbers too small to read
			until(w.t, fmt.Sprintf("after %q: %d sees", what, i), func() bool { return p.meter.seen.Seen().Frames > before+5 })
		}
	}
}

// wander takes so many steps.
func wander(t *testing.T, steps int, seed uint64) {
	w := &walkers{t: t, hall: newHall(t), rnd: rand.New(rand.NewPCG(seed, 1)), people: make([]*person, mostWalkers)}
	w.hall.planEach(w.decide)
	for n := range steps {
		what := w.step(n)
		t.Logf("step %d: %s", n, what)
		w.check(what)
	}
	missing, changes, failed := 0, 0, 0
	for _, p := range w.here() {
		for _, c := range p.PathChanges() {
			changes++
			missing += c.Missing
			if c.Failed != "" {
				failed++
			}
		}
	}
	t.Logf("of those still here: %d changes, %d did not work, %d pictures missing", changes, failed, missing)
}

// TestWander is the short one; the long one has the build tag soak.
func TestWander(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a while")
	}
	wander(t, 6, 7)
}
