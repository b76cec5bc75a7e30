package host

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/signal"
	"candid/netstack/topology"
)

// reported is an envelope with a member's report.
func reported(t *testing.T, from netstack.PeerID, r topology.Report) netstack.Envelope {
	t.Helper()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return netstack.Envelope{Type: topology.TypeReport, From: from, Body: body}
}

// A member whose line takes too little gets the mix, alone, after the hold, and
// keeps it though its line wavers.
func TestPlannerFollowsReports(t *testing.T) {
	p := &planner{mixes: true}
	all := []netstack.Topology{netstack.P2P, netstack.SFU, netstack.MCU}
	in := signal.PlanInput{Now: time.Now()}
	for _, id := range []netstack.PeerID{"anna", "ben", "carla"} {
		in.Members = append(in.Members, signal.Member{ID: id, Capabilities: signal.Capabilities{Paths: all}})
	}
	if got := p.plan(in).For("ben"); got != netstack.SFU {
		t.Fatalf("three people: %v", got)
	}
	p.take(reported(t, "ben", topology.Report{Downlink: netstack.Some(150_000)}))
	if got := p.plan(in).For("ben"); got != netstack.SFU {
		t.Errorf("within the hold: %v", got)
	}
	if again, _ := p.look(in.Now); !again {
		t.Error("a report is nothing to think about")
	}
	if again, _ := p.look(in.Now.Add(topology.Hold - time.Millisecond)); again {
		t.Error("asks again although nothing happened")
	}
	if again, _ := p.look(in.Now.Add(topology.Hold)); !again {
		t.Error("forgot to ask again")
	}
	changes, last := 0, netstack.SFU
	for s := range 60 {
		in.Now = in.Now.Add(time.Second)
		p.mu.Lock()
		p.reports.Take("ben", topology.Report{Downlink: netstack.Some(350_000 + 100_000*(s%2))}, in.Now)
		if s == 10 {
			p.reports.Take("ben", topology.Report{Downlink: netstack.Some(150_000)}, in.Now)
		}
		p.mu.Unlock()
		plan := p.plan(in)
		if got := plan.For("ben"); got != last {
			changes, last = changes+1, got
		}
		if plan.For("anna") != netstack.SFU {
			t.Fatalf("for anna: %v", plan.For("anna"))
		}
	}
	if changes != 1 || last != netstack.MCU || !strings.Contains(p.previous.Paths["ben"].Why, "mixes") {
		t.Errorf("%d changes, then %v, because %q", changes, last, p.previous.Paths["ben"].Why)
	}
	in.EndToEnd, in.Forced = true, netstack.MCU
	if plan := p.plan(in); plan.For("ben") != netstack.SFU || !strings.Contains(plan.Paths["ben"].Why, "encrypted") {
		t.Errorf("a mix in an encrypted room: %+v", plan)
	}
}

// What is seen of the host's own machine counts, where it is known.
func TestPlannerSeesTheHost(t *testing.T) {
	all := []netstack.Topology{netstack.P2P, netstack.SFU, netstack.MCU}
	thin := netstack.Some(150_000)
	for _, c := range []struct {
		name   string
		load   []float64
		uplink netstack.Opt[int]
		down   netstack.Opt[int] // of ben
		anna   netstack.Topology
		ben    netstack.Topology
		why    string // for ben
	}{
		{"nothing known", nil, netstack.Opt[int]{}, netstack.Opt[int]{}, netstack.SFU, netstack.SFU, "Three people"},
		{"a thin line", []float64{0.3}, netstack.Opt[int]{}, thin, netstack.SFU, netstack.MCU, "mixes"},
		{"a busy host does not begin to mix", []float64{1, 1, 1}, netstack.Opt[int]{}, thin, netstack.SFU, netstack.SFU, "cannot mix"},
		{"busy for a moment only", []float64{0.3, 1}, netstack.Opt[int]{}, thin, netstack.SFU, netstack.MCU, "mixes"},
		{"the host's own line is thin", []float64{0.3}, netstack.Some(900_000), netstack.Opt[int]{}, netstack.MCU, netstack.MCU, "host's line"},
		{"the host's own line suffices", []float64{0.3}, netstack.Some(5_000_000), netstack.Opt[int]{}, netstack.SFU, netstack.SFU, "Three people"},
	} {
		p := &planner{mixes: true}
		in := signal.PlanInput{Now: time.Now()}
		for _, id := range []netstack.PeerID{"anna", "ben", "carla"} {
			in.Members = append(in.Members, signal.Member{ID: id, Capabilities: signal.Capabilities{Paths: all}})
		}
		for _, l := range c.load {
			p.see(netstack.Some(l), c.uplink)
		}
		if c.down.OK {
			p.take(reported(t, "ben", topology.Report{Downlink: c.down}))
		}
		plan := p.plan(in)
		if plan.For("anna") != c.anna || plan.For("ben") != c.ben || !strings.Contains(plan.Why+plan.Paths["ben"].Why, c.why) {
			t.Errorf("%s: %v for anna, %v for ben, because %q %q", c.name, plan.For("anna"), plan.For("ben"), plan.Why, plan.Paths["ben"].Why)
		}
	}
}

func TestPlannerDropsNonsense(t *testing.T) {
	p := &planner{}
	p.take(netstack.Envelope{From: "anna", Body: json.RawMessage(`{"load":9}`)})
	if again, graph := p.look(time.Now()); again || graph != nil {
		t.Error("thought about nonsense")
	}
}
