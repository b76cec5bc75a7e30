package call

import (
	"fmt"
	"slices"
	"time"

	"candid/netstack"
)

// change is one change of path, make before break.
type change struct {
	PathChange
	swapped time.Time // when the new path took over; zero: not yet
	quiet   bool      // the old path was let go
	came    map[*sound]uint64
	brought map[*feed]int // pictures on the new path, before
	seam    seam
}

const (
	// changeLimit is how long the new path may take.
	changeLimit = 8 * time.Second
	// tryAgain is how long after a failure.
	tryAgain = 10 * time.Second
	// overlap is how long the old path goes on after the new one took over: what
	// is on its way on it still comes.
	overlap = 250 * time.Millisecond
	// longOverlap is how long at most, while the new path falls behind the old:
	// its first losses are being mended.
	longOverlap = 2 * time.Second
	// watched is how long after the change its seam is measured.
	watched = time.Second
	// enoughSound is how many packets show that the sound comes: 0.2 s, in which
	// the jitter buffer learns how evenly.
	enoughSound = 10
	// enoughPictures is how many in a row show that a path can do alone.
	enoughPictures = 10
	// steadyLimit is how long that is waited for: a slow camera, or a line that
	// never will.
	steadyLimit = 3 * time.Second
	// enoughAnew is that for a jitter buffer that begins with it.
	enoughAnew = 30
	// freshPicture is how long after a picture another is still awaited.
	freshPicture = time.Second
	pastChanges  = 200 // kept
)

// begin begins a change to what the room wants.
func (p *paths) begin(now time.Time) {
	to := p.target()
	c := &change{
		PathChange: PathChange{At: now, From: p.current, To: to, Why: p.r.plan.Why, Revision: p.r.plan.Revision},
		came:       map[*sound]uint64{}, brought: map[*feed]int{}, seam: newSeam(),
	}
	p.change, p.still = c, nil
	for _, o := range p.played(to) {
		c.came[o.sound] = o.sound.packets[carrier(to)].Load()
		c.brought[o.camera] = o.camera.of(carrier(to)).total
	}
	c.seam.count(p.played(c.From))
	p.wish()
	p.r.tell(PathChanged{c.PathChange})
	p.step(now)
}

// played are those whose pictures and sound are played on a path.
func (p *paths) played(t netstack.Topology) []*other {
	if t == netstack.MCU {
		return []*other{p.mix}
	}
	return p.r.others
}

// mixes reports whether a change is to or from the mix, which is not the same
// pictures and sound.
func (c *change) mixes() bool { return c.From == netstack.MCU || c.To == netstack.MCU }

// step brings a change on its way.
func (p *paths) step(now time.Time) {
	c := p.change
	switch {
	case c.swapped.IsZero():
		why := p.awaited(now)
		if why == "" {
			p.swap(now)
		} else if now.Sub(c.At) > changeLimit {
			p.fail(why)
		}
	case !c.quiet && now.Sub(c.swapped) >= overlap && (now.Sub(c.swapped) >= longOverlap || p.abreast()):
		if c.mixes() {
			c.seam.counted(p.played(c.From))
		}
		c.quiet, c.ToDone = true, now.Sub(c.At)
		p.wish()
	case c.quiet && now.Sub(c.swapped) >= max(watched, c.ToDone-c.ToFirst+watched-overlap):
		p.finish()
	}
}

// awaited says what the new path has not brought yet that the old one brings;
// empty: it has brought all.
func (p *paths) awaited(now time.Time) string {
	c := p.change
	old, over, enough := carrier(c.From), carrier(c.To), uint64(enoughSound)
	if c.mixes() {
		enough = enoughAnew
	}
	for _, o := range p.r.others {
		source := o
		if c.To == netstack.MCU {
			source = p.mix
		}
		t, sized := p.tiles[o.member.ID]
		seen := !o.member.CameraOff && (!sized || t.height > 0)
		heard := !o.member.Muted
		if c.From != netstack.MCU {
			seen = seen && now.Sub(o.camera.of(old).at) < freshPicture
			heard = heard && o.sound.flows(old, now)
		}
		switch {
		case !o.connected:
		case seen && !source.camera.of(over).at.After(c.At):
			return fmt.Sprintf("no picture of %s came over %v", o.member.Name, c.To)
		case seen && !c.mixes() && now.Sub(c.At) < steadyLimit && !p.steady(o.camera):
			return fmt.Sprintf("the picture of %s did not come steadily over %v", o.member.Name, c.To)
		case heard && source.sound.packets[over].Load() < c.came[source.sound]+enough:
			return fmt.Sprintf("no sound of %s came over %v", o.member.Name, c.To)
		}
	}
	return ""
}

// steady reports whether the new path brings a picture as the old one does.
func (p *paths) steady(f *feed) bool {
	over := carrier(p.change.To)
	return f.of(over).total >= p.change.brought[f]+enoughPictures && f.abreast(over)
}

// abreast reports whether the new path does so for all pictures that come.
func (p *paths) abreast() bool {
	c := p.change
	for _, o := range p.r.others {
		came := time.Since(o.camera.of(carrier(c.From)).at) < freshPicture
		if !c.mixes() && came && !o.camera.abreast(carrier(c.To)) {
			return false
		}
	}
	return true
}

// swap lets the new path take over.
func (p *paths) swap(now time.Time) {
	c := p.change
	c.swapped, c.ToFirst = now, now.Sub(c.At)
	p.current = c.To
	if c.mixes() {
		c.seam.count(p.played(c.To))
	}
	p.wish()
	p.r.linksChanged()
	p.r.tell(PathChanged{c.PathChange})
}

// finish ends a change that worked.
func (p *paths) finish() {
	c := p.change
	if c.mixes() && !c.quiet {
		c.seam.counted(p.played(c.From))
	}
	c.seam.counted(p.played(c.To))
	if c.Done = true; c.ToDone == 0 {
		c.ToDone = time.Since(c.At)
	}
	c.Missing, c.Repeated, c.Concealed = c.seam.missing, c.seam.repeated, c.seam.concealed
	p.end()
	p.rest(time.Since(c.At))
}

// fail stays on the old path, and says why.
func (p *paths) fail(why string) {
	p.change.Failed = why
	p.again = time.Now().Add(tryAgain)
	p.r.s.log.Info("path not changed", "to", p.change.To, "why", why)
	p.end()
}

// drop ends a change that the room took back before anything came of it. It
// cost nothing, so it is not kept.
func (p *paths) drop() {
	c := p.change
	p.change = nil
	p.wish()
	c.Failed = "the room took it back"
	p.r.tell(PathChanged{c.PathChange})
}

func (p *paths) end() {
	c := p.change
	p.change = nil
	p.past = append(p.past, c.PathChange)
	p.past = p.past[max(0, len(p.past)-pastChanges):]
	p.keep()
	p.wish()
	p.r.tell(PathChanged{c.PathChange})
}

// keep lets others see the past changes.
func (p *paths) keep() {
	past := slices.Clone(p.past)
	p.r.s.changes.Store(&past)
}

// newest is the change under way, or the newest one.
func (p *paths) newest() netstack.Opt[PathChange] {
	switch n := len(p.past); {
	case p.change != nil:
		return netstack.Some(p.change.PathChange)
	case n > 0:
		return netstack.Some(p.past[n-1])
	}
	return netstack.Opt[PathChange]{}
}
