package topology_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/topology"
)

const (
	p2p, sfu, mcu = netstack.P2P, netstack.SFU, netstack.MCU
	ms            = time.Millisecond
)

var (
	start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	all   = []netstack.Topology{p2p, sfu, mcu}
	full  = topology.Host{SFU: true, MCU: true}
)

// people makes members who can do everything; each gets the changes.
func people(n int, change ...func(*topology.Member)) []topology.Member {
	out := make([]topology.Member, n)
	for i := range out {
		out[i] = topology.Member{ID: netstack.PeerID(string(rune('a' + i))), Paths: all}
		for _, c := range change {
			c(&out[i])
		}
	}
	return out
}

func one(list []topology.Member, i int, change func(*topology.Member)) []topology.Member {
	change(&list[i])
	return list
}

func able(m *topology.Member) {
	m.Uplink, m.Load, m.ToHost = netstack.Some(8_000_000), netstack.Some(0.2), netstack.Some(40*ms)
}

func lines(n int, l topology.Line) map[topology.Pair]topology.Line {
	out := map[topology.Pair]topology.Line{}
	for i := range n {
		for j := range i {
			out[topology.Of(netstack.PeerID(string(rune('a'+i))), netstack.PeerID(string(rune('a'+j))))] = l
		}
	}
	return out
}

func direct(rtt time.Duration) topology.Line {
	return topology.Line{Direct: netstack.Some(true), RTT: netstack.Some(rtt)}
}

func relayed(rtt time.Duration) topology.Line {
	return topology.Line{Direct: netstack.Some(false), Relayed: netstack.Some(true), RTT: netstack.Some(rtt)}
}

var cut = topology.Line{Direct: netstack.Some(false), Relayed: netstack.Some(false)}

func TestDecide(t *testing.T) {
	force := func(to netstack.Topology) func(*topology.Member) {
		return func(m *topology.Member) { m.Forced = to }
	}
	only := func(paths ...netstack.Topology) func(*topology.Member) {
		return func(m *topology.Member) { m.Paths = paths }
	}
	for _, tc := range []struct {
		name string
		in   topology.Inputs
		want string // paths in order of joining
		why  string // part of the reason of the first member
	}{
		{"nobody", topology.Inputs{Host: full}, "", ""},
		{"alone", topology.Inputs{Host: full, Members: people(1)}, "P2P", "Nobody else"},
		{"two", topology.Inputs{Host: full, Members: people(2)}, "P2P P2P", "connected directly"},
		{"two behind a relay as good as the host", topology.Inputs{Host: full, Members: people(2, able), Lines: lines(2, relayed(85*ms))}, "P2P P2P", "relay does as well"},
		{"two behind a worse relay", topology.Inputs{Host: full, Members: people(2, able), Lines: lines(2, relayed(120*ms))}, "SFU SFU", "120 ms instead of 80 ms"},
		{"two cut off", topology.Inputs{Host: full, Members: people(2), Lines: lines(2, cut)}, "SFU SFU", "cannot reach each other"},
		{"two cut off without a server", topology.Inputs{Members: people(2), Lines: lines(2, cut)}, "P2P P2P", "directly"},
		{"three", topology.Inputs{Host: full, Members: people(3)}, "SFU SFU SFU", "Three people"},
		{"three, mesh measured better", topology.Inputs{Host: full, Members: people(3, able), Lines: lines(3, direct(20*ms))}, "P2P P2P P2P", "measurably shorter"},
		{"three, mesh hardly shorter", topology.Inputs{Host: full, Members: people(3, able), Lines: lines(3, direct(70*ms))}, "SFU SFU SFU", "Three"},
		{"three, one uplink thin", topology.Inputs{Host: full, Lines: lines(3, direct(20*ms)),
			Members: one(people(3, able), 1, func(m *topology.Member) { m.Uplink = netstack.Some(3_000_000) })}, "SFU SFU SFU", "Three"},
		{"three, one on battery", topology.Inputs{Host: full, Lines: lines(3, direct(20*ms)),
			Members: one(people(3, able), 1, func(m *topology.Member) { m.OnBattery = netstack.Some(true) })}, "SFU SFU SFU", "Three"},
		{"three, one metered", topology.Inputs{Host: full, Lines: lines(3, direct(20*ms)),
			Members: one(people(3, able), 1, func(m *topology.Member) { m.Metered = netstack.Some(true) })}, "SFU SFU SFU", "Three"},
		{"three, one old client", topology.Inputs{Host: full, Members: one(people(3), 2, only())}, "P2P P2P P2P", "not everyone can use"},
		{"three, host without a server", topology.Inputs{Members: people(3)}, "P2P P2P P2P", "not everyone can use"},
		{"four", topology.Inputs{Host: full, Members: people(4, able), Lines: lines(4, direct(5*ms))}, "SFU SFU SFU SFU", "4 people"},
		{"two, one without P2P", topology.Inputs{Host: full, Members: one(people(2), 1, only(sfu))}, "SFU SFU", "not everyone can connect"},
		{"four, one thin line", topology.Inputs{Host: full,
			Members: one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(400_000) })}, "MCU SFU SFU SFU", "400 kbit/s"},
		{"four, one busy", topology.Inputs{Host: full,
			Members: one(people(4), 0, func(m *topology.Member) { m.Load = netstack.Some(0.97) })}, "MCU SFU SFU SFU", "97 % busy"},
		{"a thin line, end to end", topology.Inputs{Host: full, EndToEnd: true,
			Members: one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(400_000) })}, "SFU SFU SFU SFU", "4 people"},
		{"a thin line, no mixer", topology.Inputs{Host: topology.Host{SFU: true},
			Members: one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(400_000) })}, "SFU SFU SFU SFU", "4 people"},
		{"host with a thin line", topology.Inputs{Host: topology.Host{SFU: true, MCU: true, Uplink: netstack.Some(2_000_000)}, Members: people(4)},
			"MCU MCU MCU MCU", "host's line"},
		{"a thin line, the host busy", topology.Inputs{Host: topology.Host{SFU: true, MCU: true, Load: netstack.Some(0.97)},
			Members: one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(400_000) })}, "SFU SFU SFU SFU", "cannot mix"},
		{"a thin line, the host calm", topology.Inputs{Host: topology.Host{SFU: true, MCU: true, Load: netstack.Some(0.5)},
			Members: one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(400_000) })}, "MCU SFU SFU SFU", "400 kbit/s"},
		{"mixed already, the host busy", topology.Inputs{Host: topology.Host{SFU: true, MCU: true, Load: netstack.Some(0.97)},
			Members:  one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(400_000) }),
			Previous: topology.Decision{Room: sfu, Paths: map[netstack.PeerID]topology.Path{"a": {Topology: mcu}}}}, "MCU SFU SFU SFU", "400 kbit/s"},
		{"the host busy, mix forced", topology.Inputs{Host: topology.Host{SFU: true, MCU: true, Load: netstack.Some(0.97)}, Forced: mcu, Members: people(3)},
			"MCU MCU MCU", "moderator"},
		{"moderator: P2P of four", topology.Inputs{Host: full, Forced: p2p, Members: people(4)}, "P2P P2P P2P P2P", "moderator"},
		{"moderator: P2P of seven", topology.Inputs{Host: full, Forced: p2p, Members: people(7)}, "SFU SFU SFU SFU SFU SFU SFU", "direct"},
		{"moderator: P2P, two cut off", topology.Inputs{Host: full, Forced: p2p, Members: people(3), Lines: lines(3, cut)}, "SFU SFU SFU", "direct path was asked"},
		{"moderator: SFU for two", topology.Inputs{Host: full, Forced: sfu, Members: people(2)}, "SFU SFU", "moderator"},
		{"moderator: MCU", topology.Inputs{Host: full, Forced: mcu, Members: people(3)}, "MCU MCU MCU", "moderator"},
		{"moderator: MCU, end to end", topology.Inputs{Host: full, Forced: mcu, EndToEnd: true, Members: people(3)}, "SFU SFU SFU", "end to end"},
		{"moderator outranks a member", topology.Inputs{Host: full, Forced: sfu, Members: people(2, force(p2p))}, "SFU SFU", "moderator"},
		{"one chooses SFU", topology.Inputs{Host: full, Members: one(people(2), 0, force(sfu))}, "SFU SFU", "One of the members"},
		{"one chooses MCU", topology.Inputs{Host: full, Members: one(people(2), 0, force(mcu))}, "MCU SFU", "You chose"},
		{"one chooses P2P", topology.Inputs{Host: full, Members: one(people(3), 0, force(p2p))}, "P2P P2P P2P", "everyone can have"},
		{"one chooses P2P, another SFU", topology.Inputs{Host: full, Members: one(one(people(3), 0, force(p2p)), 1, force(sfu))}, "SFU SFU SFU", "asked for"},
		{"one chooses what there is not", topology.Inputs{Members: one(people(2), 0, force(sfu))}, "P2P P2P", "cannot do it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.Now = start
			d := topology.Decide(tc.in)
			if got := paths(tc.in, d); got != tc.want {
				t.Errorf("paths %q, want %q", got, tc.want)
			}
			if len(tc.in.Members) > 0 {
				if why := d.Paths[tc.in.Members[0].ID].Why; !strings.Contains(why, tc.why) {
					t.Errorf("why %q, want something with %q", why, tc.why)
				}
			}
			if d.Revision != 1 || !d.Since.Equal(start) {
				t.Errorf("revision %d since %v", d.Revision, d.Since)
			}
		})
	}
}

func paths(in topology.Inputs, d topology.Decision) string {
	var out []string
	for _, m := range in.Members {
		out = append(out, d.Paths[m.ID].Topology.String())
	}
	return strings.Join(out, " ")
}

// What is measured changes nothing before the hold has passed; people and
// force do at once.
func TestHold(t *testing.T) {
	thin := func() []topology.Member {
		return one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(300_000) })
	}
	now := start
	step := func(prev topology.Decision, in topology.Inputs) topology.Decision {
		in.Host, in.Now, in.Previous = full, now, prev
		return topology.Decide(in)
	}
	d := step(topology.Decision{}, topology.Inputs{Members: people(4)})
	now = start.Add(topology.Hold / 2)
	held := step(d, topology.Inputs{Members: thin()})
	if held.Revision != d.Revision || !held.Again.Equal(start.Add(topology.Hold)) || held.Paths["a"].Topology != sfu {
		t.Errorf("not held: %+v", held)
	}
	if f := step(d, topology.Inputs{Members: thin(), Forced: mcu}); f.Paths["b"].Topology != mcu {
		t.Errorf("force waited: %+v", f)
	}
	if j := step(d, topology.Inputs{Members: one(people(5), 0, func(m *topology.Member) { m.Downlink = netstack.Some(300_000) })}); j.Paths["a"].Topology != mcu {
		t.Errorf("someone joining did not end the hold: %+v", j)
	}
	if c := step(d, topology.Inputs{Members: thin(), EndToEnd: true}); c.Paths["a"].Topology != sfu {
		t.Errorf("%+v", c)
	}
	now = start.Add(topology.Hold)
	moved := step(held, topology.Inputs{Members: thin()})
	if moved.Paths["a"].Topology != mcu || moved.Revision != d.Revision+1 || !moved.Since.Equal(now) {
		t.Errorf("after the hold: %+v", moved)
	}
	// Back only with something to spare: three streams want 600 kbit/s.
	now = now.Add(2 * topology.Hold)
	hardly := one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(650_000) })
	if s := step(moved, topology.Inputs{Members: hardly}); s.Paths["a"].Topology != mcu {
		t.Errorf("went back for a little: %+v", s)
	}
	plenty := one(people(4), 0, func(m *topology.Member) { m.Downlink = netstack.Some(900_000) })
	if s := step(moved, topology.Inputs{Members: plenty}); s.Paths["a"].Topology != sfu {
		t.Errorf("did not go back: %+v", s)
	}
}

// A new sentence for the same paths is a new revision, and no new start.
func TestReasonChanges(t *testing.T) {
	in := topology.Inputs{Host: full, Now: start, Members: people(4)}
	d := topology.Decide(in)
	in.Previous, in.Now, in.Forced = d, start.Add(time.Second), sfu
	e := topology.Decide(in)
	if e.Revision != d.Revision+1 || !e.Since.Equal(d.Since) || e.Why == d.Why {
		t.Errorf("%+v after %+v", e, d)
	}
	in.Previous = e
	if f := topology.Decide(in); f.Revision != e.Revision {
		t.Errorf("the same again has revision %d after %d", f.Revision, e.Revision)
	}
}

// Whatever comes in: everyone has a path it can have, a reason, no P2P beside
// anything else, and with measurements that jump about it changes no more often
// than the hold allows.
func TestNeverFlaps(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for run := range 200 {
		n := 2 + rnd.IntN(6)
		in := topology.Inputs{Host: full, Now: start, EndToEnd: rnd.IntN(4) == 0, Members: people(n)}
		changes := 0
		for range 60 {
			in.Now = in.Now.Add(time.Second)
			for i := range in.Members {
				m := &in.Members[i]
				m.Downlink, m.Uplink = netstack.Some(rnd.IntN(2_000_000)), netstack.Some(rnd.IntN(9_000_000))
				m.Load, m.ToHost = netstack.Some(rnd.Float64()), netstack.Some(time.Duration(rnd.IntN(90))*ms)
			}
			in.Lines = lines(n, direct(time.Duration(rnd.IntN(60))*ms))
			d := topology.Decide(in)
			check(t, in, d)
			if len(in.Previous.Paths) > 0 && paths(in, d) != paths(in, in.Previous) {
				changes++
			}
			in.Previous = d
		}
		if most := 60 / int(topology.Hold/time.Second); changes > most {
			t.Fatalf("run %d: %d changes in a minute", run, changes)
		}
	}
}

func check(t *testing.T, in topology.Inputs, d topology.Decision) {
	t.Helper()
	direct := 0
	for id, p := range d.Paths {
		if p.Why == "" || p.Topology == netstack.Auto || p.Topology == mcu && in.EndToEnd {
			t.Fatalf("%s: %+v", id, p)
		}
		if p.Topology == p2p {
			direct++
		}
	}
	if len(d.Paths) != len(in.Members) || direct != 0 && direct != len(d.Paths) {
		t.Fatalf("mixed: %v", slices.Collect(maps.Values(d.Paths)))
	}
}
