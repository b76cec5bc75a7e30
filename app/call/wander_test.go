package call_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
)

// walkerSlots is how many people can be there at once.
const walkerSlots = 4

var wanderSeed = flag.Uint64("wander", 0, "what TestWander and TestWanderFar begin with; 0: chosen")

// walkers is a room on a real host, of people who come, go, crash, are muted and
// are forced onto paths. Each is a process with a tone and numbered pictures of
// its own, and so is the host, which crashes too.
type walkers struct {
	t      *testing.T
	rnd    *rand.Rand
	host   *process
	at     hosts // as it was when it started
	dir    string
	people [walkerSlots]*walker     // nil: not here
	ghosts map[netstack.PeerID]bool // who crashed, and whom the room may expect back
	forced netstack.Topology
	tally  tally
}

// walker is one of them, as it should be.
type walker struct {
	*process
	slot              int
	name              string
	muted, dark, hand bool
	forced            netstack.Topology
	told              told // by itself, last
}

// backAfter is how long after a crash of the host changes of path are no measure
// of the seam.
const backAfter = 10 * time.Second

// tally is what a run comes to.
type tally struct {
	joins, leaves, crashes, hostCrashes, forced, signs int
	changes, whole, failed, missing, repeated          int // the last two: most of one change
	away                                               int // while the host was away or just back: nothing came
	crashedAt                                          []time.Time
	worst                                              call.PathChange
	concealed, agreed                                  time.Duration
	why                                                map[string]int // of those that failed
}

func newWalkers(t *testing.T, seed uint64) *walkers {
	w := &walkers{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), ghosts: map[netstack.PeerID]bool{}}
	w.tally.why = map[string]int{}
	w.host = begin(t, role{Dir: w.dir, Port: -1})
	w.at = ask[hosts](w.host, order{Do: "tell"})
	return w
}

func (w *walkers) here() (out []*walker) {
	for _, p := range w.people {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// step does one thing at random, or what is given, and returns what it was.
func (w *walkers) step(n int, what string) string {
	here, free := w.here(), -1
	for _, i := range w.rnd.Perm(walkerSlots) {
		if w.people[i] == nil {
			free = i
		}
	}
	if what == "" {
		what = []string{"join", "join", "join", "leave", "leave", "crash", "room", "room", "force", "signs"}[w.rnd.IntN(10)]
	}
	if len(here) < 2 || what == "join" && free >= 0 {
		return w.join(n, free)
	}
	p := here[w.rnd.IntN(len(here))]
	to := []netstack.Topology{netstack.Auto, netstack.P2P, netstack.SFU, netstack.MCU}[w.rnd.IntN(4)]
	switch {
	case what == "host":
		w.tally.crashedAt = append(w.tally.crashedAt, time.Now())
		w.host.kill()
		w.host = begin(w.t, role{Dir: w.dir, Port: w.at.Port})
		ask[hosts](w.host, order{Do: "tell"})
		w.tally.hostCrashes++
		return "the host crashes and is started again"
	case what == "leave" && len(here) > 2:
		w.gone(p)
		p.end()
		w.tally.leaves++
		return p.name + " leaves"
	case what == "crash" && len(here) > 2:
		w.gone(p)
		p.kill()
		w.ghosts[p.told.Self.ID] = true
		w.tally.crashes++
		return p.name + " crashes"
	case what == "force":
		p.forced = to
		w.tally.forced++
		ask[told](p.process, order{Do: "force", Path: to})
		return fmt.Sprintf("%s is forced to %v", p.name, to)
	case what == "signs":
		w.sign(p)
		return fmt.Sprintf("%s: muted %v, camera off %v, hand up %v", p.name, p.muted, p.dark, p.hand)
	case w.people[0] == nil: // the moderator
		return w.join(n, 0)
	}
	w.forced = to
	w.tally.forced++
	ask[told](w.people[0].process, order{Do: "room", Path: to})
	return fmt.Sprintf("all are forced to %v", to)
}

// join has the one of a slot join; that of the first moderates.
func (w *walkers) join(n, slot int) string {
	p := &walker{slot: slot, name: fmt.Sprintf("P%d-%d", slot, n)}
	link := w.at.Guests
	if slot == 0 {
		link = w.at.Moderator
	}
	p.process = begin(w.t, role{Invite: link, Name: p.name, Slot: slot})
	p.told = ask[told](p.process, order{Do: "tell"})
	w.people[slot] = p
	w.tally.joins++
	return p.name + " joins"
}

// sign turns one of the signs that the others see.
func (w *walkers) sign(p *walker) {
	w.tally.signs++
	switch w.rnd.IntN(3) {
	case 0:
		p.muted = !p.muted
		ask[told](p.process, order{Do: "mute", On: p.muted})
	case 1:
		p.dark = !p.dark
		ask[told](p.process, order{Do: "camera", On: !p.dark})
	case 2:
		p.hand = !p.hand
		ask[told](p.process, order{Do: "hand", On: p.hand})
	}
}

// gone takes one out of the room as it should be, and counts what it has seen.
func (w *walkers) gone(p *walker) {
	w.people[p.slot] = nil
	w.tally.add(ask[told](p.process, order{Do: "tell"}).Changes)
}

func (t *tally) add(changes []call.PathChange) {
	for _, c := range changes {
		t.changes++
		if c.Failed != "" {
			t.failed++
			t.why[c.Failed]++
			continue
		}
		if slices.ContainsFunc(t.crashedAt, func(at time.Time) bool { return c.At.After(at) && c.At.Before(at.Add(backAfter)) }) {
			t.away++
			continue
		}
		t.repeated, t.concealed = max(t.repeated, c.Repeated), max(t.concealed, c.Concealed)
		if c.Missing > t.missing {
			t.missing, t.worst = c.Missing, c
		}
		if c.Missing == 0 && c.Repeated == 0 {
			t.whole++
		}
	}
}

// end has everyone leave, and looks at what is left.
func (w *walkers) end(seed uint64, steps int) {
	w.t.Helper()
	for _, p := range w.here() {
		w.gone(p)
		p.end()
	}
	if steps > 50 {
		w.hostIsLean()
	}
	w.host.end()
	y := w.tally
	w.t.Logf("seed %d: %d steps, %d joins, %d leaves, %d crashes, %d of the host, %d forced, %d signs; %d changes of path, %d without a picture missing or repeated, %d failed, %d because the host crashed; of the others at worst %d pictures missing, %d repeated, %v concealed in one, and %v until all agreed",
		seed, steps, y.joins, y.leaves, y.crashes, y.hostCrashes, y.forced, y.signs, y.changes, y.whole, y.failed, y.away, y.missing, y.repeated, y.concealed.Round(time.Millisecond), y.agreed.Round(time.Millisecond))
	if y.missing > 0 {
		w.t.Logf("most pictures were missing here: %+v", y.worst)
	}
	for why, n := range y.why {
		w.t.Logf("%d times: %s", n, why)
	}
}

// hostIsLean waits until the host holds no more than when nobody had come yet.
func (w *walkers) hostIsLean() {
	w.t.Helper()
	now, most := w.at, w.at.Goroutines+3 // what a room makes when it first needs it
	for end := time.Now().Add(patient); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if now = ask[hosts](w.host, order{Do: "tell"}); now.Goroutines <= most && now.Files <= w.at.Files {
			break
		}
	}
	if now.Goroutines > most || now.Files > w.at.Files {
		w.t.Errorf("the host has %d goroutines and %d files at last, had %d and %d\n%s", now.Goroutines, now.Files, w.at.Goroutines, w.at.Files, ask[hosts](w.host, order{Do: "stacks"}).Stacks)
	}
}

// wander takes so many steps; some may be given. Every few of them, and at the
// end, who is seen and heard is proven.
func wander(t *testing.T, steps int, seed uint64, every int, given map[int]string) {
	if *wanderSeed != 0 {
		seed = *wanderSeed
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	w := newWalkers(t, seed)
	for n := range steps {
		what := w.step(n, given[n])
		took := w.agree(what)
		t.Logf("step %d, seed %d: %s; %d here, agreed after %v", n, seed, what, len(w.here()), took.Round(time.Millisecond))
		if n%every == every-1 || n == steps-1 {
			w.prove(what)
		}
	}
	if steps > 50 {
		until(t, "who crashed is forgotten", func() bool { return w.disagreement() == "" && len(w.ghosts) == 0 })
		w.prove("all are forgotten who crashed")
	}
	w.end(seed, steps)
	if steps > 50 { // nothing else runs beside
		until(t, "as many goroutines and descriptors as at first", func() bool {
			return runtime.NumGoroutine() <= goroutines && openFiles(t) <= files
		})
	}
}

// TestWander is the short one; the long one has the build tag soak.
func TestWander(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a while")
	}
	wander(t, 7, 7, 7, map[int]string{2: "join", 3: "room", 4: "crash", 5: "host"})
}
