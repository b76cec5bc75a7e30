package call

import (
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/probe"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

// A line that is relayed by bad luck is looked at again: once, by one side, and
// only if both networks would let it go directly and nobody hides.
func TestUnlucky(t *testing.T) {
	now := time.Unix(1000, 0)
	easy := probe.Report{UDP: netstack.Some(true), NAT: netstack.Some(true), Mapping: probe.EndpointIndependent}
	strict := easy
	strict.Mapping = probe.AddressAndPortDependent
	relayed := netstack.Link{
		Peer: "b", Topology: netstack.P2P, Milestones: map[netstack.Milestone]time.Time{netstack.DTLSConnected: now.Add(-time.Minute)},
		Local:  []netstack.Candidate{{ID: "h", Type: webrtc.ICECandidateTypeHost}, {ID: "r", Type: webrtc.ICECandidateTypeRelay}},
		Remote: []netstack.Candidate{{ID: "s", Type: webrtc.ICECandidateTypeSrflx}},
		Pairs:  []netstack.Pair{{Local: "r", Remote: "s", Selected: true}},
	}
	direct, young, hidden, sfu := relayed, relayed, relayed, relayed
	direct.Pairs = []netstack.Pair{{Local: "h", Remote: "s", Selected: true}}
	young.Milestones = map[netstack.Milestone]time.Time{netstack.DTLSConnected: now.Add(-time.Second)}
	hidden.Local = relayed.Local[1:]
	sfu.Topology = netstack.SFU
	for _, c := range []struct {
		name   string
		self   netstack.PeerID
		link   netstack.Link
		mine   probe.Report
		theirs verdict.Evidence
		want   bool
	}{
		{"unlucky", "a", relayed, easy, easy.Evidence(), true},
		{"the other side sees to it", "c", relayed, easy, easy.Evidence(), false},
		{"direct", "a", direct, easy, easy.Evidence(), false},
		{"too early", "a", young, easy, easy.Evidence(), false},
		{"hidden", "a", hidden, easy, easy.Evidence(), false},
		{"on the host", "a", sfu, easy, easy.Evidence(), false},
		{"mine is strict", "a", relayed, strict, easy.Evidence(), false},
		{"theirs is strict", "a", relayed, easy, strict.Evidence(), false},
		{"theirs is unknown", "a", relayed, easy, verdict.Evidence{}, false},
	} {
		n := networks{mine: c.mine, theirs: map[netstack.PeerID]verdict.Evidence{"b": c.theirs}}
		if got := n.unlucky(c.self, c.link, now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if n.unlucky(c.self, c.link, now) {
			t.Errorf("%s: twice", c.name)
		}
		if n.forget("b"); c.want && !func() bool { n.theirs["b"] = c.theirs; return n.unlucky(c.self, c.link, now) }() {
			t.Errorf("%s: not for who comes again", c.name)
		}
	}
}
