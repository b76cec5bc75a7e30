// Package topology decides which path each member of a room takes: P2P, SFU or
// MCU, and says why in one sentence. It is pure: the same inputs give the same
// decision, the clock is one of them, and it starts nothing.
//
// Two people are connected directly. Three and more go through the host's SFU,
// or directly where that is measured to be better for all. Who cannot take that
// many streams gets the host's mix, and is the only one who does. P2P is a
// matter of everyone (each sends to each); SFU and MCU can be had by one member
// alone, because both are fed by what the others send to the host.
package topology

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"candid/netstack"
)

// Inputs are all a decision is made from. What is not known is unknown, and
// counts neither for nor against.
type Inputs struct {
	Now     time.Time
	Members []Member // in order of joining
	Host    Host
	// Lines says how pairs of members reach each other; the key is made by Of.
	Lines map[Pair]Line
	// EndToEnd says that media is encrypted from member to member: nothing
	// can be mixed then.
	EndToEnd bool
	// Forced is what the moderator wants for all; Auto: nothing.
	Forced netstack.Topology
	// Previous is what runs now; its zero value is nothing.
	Previous Decision
}

// Member is one participant as far as it matters for the choice.
type Member struct {
	ID     netstack.PeerID
	Paths  []netstack.Topology // what its client can do; none: P2P only
	Forced netstack.Topology   // what it wants for itself; Auto: nothing

	Uplink, Downlink   netstack.Opt[int]           // bit/s, measured
	Load               netstack.Opt[float64]       // share of its processor in use, 0..1
	Metered, OnBattery netstack.Opt[bool]          // its network, its power
	ToHost             netstack.Opt[time.Duration] // round trip
}

// Host is the machine that forwards and mixes.
type Host struct {
	SFU, MCU bool              // what it offers
	Uplink   netstack.Opt[int] // bit/s
	Load     netstack.Opt[float64]
}

// Pair is two members, the lesser first. Make it with Of.
type Pair [2]netstack.PeerID

// Of makes a Pair of two members in any order.
func Of(a, b netstack.PeerID) Pair {
	if b < a {
		a, b = b, a
	}
	return Pair{a, b}
}

// Line is how two members reach each other without the SFU.
type Line struct {
	Direct  netstack.Opt[bool]          // without a relay
	Relayed netstack.Opt[bool]          // by a relay; matters only if not Direct
	RTT     netstack.Opt[time.Duration] // of the better of the two
}

// Decision is the path of every member.
type Decision struct {
	Revision uint64
	Room     netstack.Topology // P2P, or SFU: what those not named otherwise have
	Why      string            // of the room, one sentence
	Paths    map[netstack.PeerID]Path
	Since    time.Time // when the paths became what they are
	// Again is when to ask again although nothing happened, because a hold
	// ends then; zero: no need.
	Again time.Time
}

// Path is one member's part of a Decision.
type Path struct {
	Topology netstack.Topology
	Why      string // one sentence
}

// The thresholds.
const (
	// Hold is how long a choice of our own stands before another of our own
	// replaces it: a change costs a key frame and a new connection, and
	// estimates need some seconds to settle. Joining, leaving and force do
	// not wait.
	Hold = 10 * time.Second

	// meshMost is the largest room that may be direct throughout: with four
	// everybody encodes for, and sends to, three others.
	meshMost = 3
	// forceMost is the largest room that may be forced to be direct.
	forceMost = 6

	// fullStream is one good picture with sound (media: 720p takes 1.5 Mbit/s),
	// leastStream the smallest layer with sound.
	fullStream  = 1_600_000
	leastStream = 200_000

	// spare is what an estimate must exceed a need by, and enough of a path
	// in use: estimates move by a fifth within seconds.
	spare  = 1.25
	enough = 1.0

	// meshGain is by how much the direct way must be shorter: less than a
	// frame is not seen.
	meshGain = 30 * time.Millisecond
	// relayLoss is by how much a relayed way may be longer than the SFU's
	// before the SFU is better for two: it forwards at the same place, but
	// answers lost packets from half the way.
	relayLoss = 20 * time.Millisecond

	// busy is the load above which a member takes no further streams, and
	// calm the one below which it has room again.
	busy = 0.9
	calm = 0.7
	// exhausted is the host's load above which it begins no mix on its own: the
	// sound of everyone would suffer.
	exhausted = 0.95
)

// Decide chooses. Previous should be what Decide returned before.
func Decide(in Inputs) Decision {
	d := in.choose()
	prev := in.Previous
	if len(prev.Paths) == 0 {
		d.Revision, d.Since = prev.Revision+1, in.Now
		return d
	}
	if samePaths(d.Paths, prev.Paths) {
		// The old sentence stays true only if nothing else is said now.
		d.Revision, d.Since = prev.Revision, prev.Since
		if d.Why != prev.Why || !maps.Equal(d.Paths, prev.Paths) {
			d.Revision++
		}
		return d
	}
	if until := prev.Since.Add(Hold); in.Now.Before(until) && in.mayHold(d) {
		held := prev
		held.Again = until
		return held
	}
	d.Revision, d.Since = prev.Revision+1, in.Now
	return d
}

// mayHold reports whether the previous decision may stand a little longer: the
// same people, what they can and want unchanged, and nothing in it impossible.
func (in Inputs) mayHold(next Decision) bool {
	prev := in.Previous
	if len(prev.Paths) != len(in.Members) || prev.Room != next.Room && in.Forced != netstack.Auto {
		return false
	}
	for _, m := range in.Members {
		p, here := prev.Paths[m.ID]
		if !here || !in.can(m, p.Topology) {
			return false
		}
		if want := in.wish(m); want != netstack.Auto && next.Paths[m.ID].Topology != p.Topology {
			return false
		}
		if p.Topology == netstack.P2P && in.cutOff(m) {
			return false
		}
	}
	return true
}

func samePaths(a, b map[netstack.PeerID]Path) bool {
	return maps.EqualFunc(a, b, func(x, y Path) bool { return x.Topology == y.Topology })
}

// wish is what is forced upon a member, by the moderator or else by itself.
func (in Inputs) wish(m Member) netstack.Topology {
	if in.Forced != netstack.Auto {
		return in.Forced
	}
	return m.Forced
}

// can reports whether a member can have a path at all.
func (in Inputs) can(m Member, t netstack.Topology) bool {
	has := slices.Contains(m.Paths, t) || t == netstack.P2P && len(m.Paths) == 0
	switch t {
	case netstack.SFU:
		return has && in.Host.SFU
	case netstack.MCU: // it is fed by what the SFU takes in
		return has && in.Host.MCU && in.Host.SFU && !in.EndToEnd
	}
	return has
}

// cutOff reports whether a member is known to reach somebody neither directly
// nor by the relay.
func (in Inputs) cutOff(m Member) bool {
	for _, o := range in.Members {
		l := in.Lines[Of(m.ID, o.ID)]
		if o.ID != m.ID && l.Direct.OK && !l.Direct.Value && l.Relayed.OK && !l.Relayed.Value {
			return true
		}
	}
	return false
}

func (in Inputs) choose() Decision {
	room, why := in.room()
	d := Decision{Room: room, Why: why, Paths: make(map[netstack.PeerID]Path, len(in.Members))}
	for _, m := range in.Members {
		if room == netstack.P2P {
			d.Paths[m.ID] = Path{netstack.P2P, in.refused(m, netstack.P2P, why)}
			continue
		}
		t, reason := in.member(m, why)
		d.Paths[m.ID] = Path{t, in.refused(m, t, reason)}
	}
	return d
}

// refused adds to a reason that a wish could not be granted.
func (in Inputs) refused(m Member, got netstack.Topology, why string) string {
	want := in.wish(m)
	if want == netstack.Auto || want == got {
		return why
	}
	switch {
	case want == netstack.MCU && in.EndToEnd:
		return "A mix is not possible in a room encrypted from end to end."
	case !in.can(m, want):
		return fmt.Sprintf("%s was asked for, but this client or the host cannot do it.", want)
	case want == netstack.P2P:
		return "A direct path was asked for, but not everybody here can have one."
	}
	return why
}
