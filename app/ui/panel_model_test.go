package ui

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

func cand(id string, kind webrtc.ICECandidateType, addr string) netstack.Candidate {
	return netstack.Candidate{ID: id, Type: kind, Protocol: "udp", Address: addr, Port: 5000}
}

func linkOf(t netstack.Topology, local, remote netstack.Candidate) call.Line {
	local.ID, remote.ID = "l", "r"
	link := netstack.Link{Topology: t, State: webrtc.PeerConnectionStateConnected, RTT: netstack.Some(24 * time.Millisecond),
		Local: []netstack.Candidate{local}, Remote: []netstack.Candidate{remote},
		Pairs: []netstack.Pair{{ID: "p", Local: "l", Remote: "r", State: netstack.PairSucceeded, Selected: true}}}
	return call.Line{Member: call.Member{ID: "b", Name: "Mina"}, Link: link, Verdict: verdict.Of(link, verdict.Evidence{}, verdict.Evidence{})}
}

func titles(v pathView) string {
	var s []string
	for _, st := range v.Stations {
		s = append(s, st.Title)
	}
	return strings.Join(s, " – ")
}

// TestPathOf: the picture shows the stations that the media really passes.
func TestPathOf(t *testing.T) {
	host, srflx, relay := webrtc.ICECandidateTypeHost, webrtc.ICECandidateTypeSrflx, webrtc.ICECandidateTypeRelay
	tcp := cand("", relay, "203.0.113.5")
	tcp.RelayProtocol = "tcp"
	for _, c := range []struct {
		name  string
		line  call.Line
		want  string
		label string
		proto string
	}{
		{"one network", linkOf(netstack.P2P, cand("", host, "192.168.1.2"), cand("", host, "192.168.1.3")), "You – Mina", "24 ms", "UDP"},
		{"two routers", linkOf(netstack.P2P, cand("", host, "192.168.1.2"), cand("", srflx, "198.51.100.7")), "You – Your router – Their router – Mina", "24 ms", "UDP"},
		{"seen by a server", linkOf(netstack.P2P, cand("", srflx, "198.51.100.6"), cand("", host, "198.51.100.7")), "You – Your router – Mina", "24 ms", "UDP"},
		{"both public", linkOf(netstack.P2P, cand("", host, "2001:db8::1"), cand("", host, "2001:db8::2")), "You – Mina", "24 ms", "UDP"},
		{"my relay", linkOf(netstack.P2P, tcp, cand("", host, "192.168.1.3")), "You – Host's relay – Mina", "24 ms", "TCP"},
		{"their relay", linkOf(netstack.P2P, cand("", host, "192.168.1.2"), cand("", relay, "203.0.113.5")), "You – Host's relay – Mina", "24 ms", "UDP"},
		{"both relays are one", linkOf(netstack.P2P, tcp, cand("", relay, "203.0.113.5")), "You – Host's relay – Mina", "24 ms", "TCP"},
		{"SFU", linkOf(netstack.SFU, cand("", host, "192.168.1.2"), cand("", host, "203.0.113.5")), "You – Host – Mina", "24 ms", "UDP"},
		{"MCU", linkOf(netstack.MCU, cand("", host, "192.168.1.2"), cand("", host, "203.0.113.5")), "You – Host – Mina", "24 ms", "UDP"},
		{"nothing yet", call.Line{Member: call.Member{Name: "Mina"}, Verdict: verdict.Verdict{Path: verdict.Connecting}}, "You – Mina", "looking for a way", ""},
		{"broken", call.Line{Member: call.Member{Name: "Mina"}, Verdict: verdict.Verdict{Path: verdict.Broken}}, "You – Mina", "no connection", ""},
	} {
		got := pathOf(call.Member{Name: "Ann"}, c.line)
		if titles(got) != c.want || got.Label != c.label || got.Protocol != c.proto {
			t.Errorf("%s: got %q, %q, %q; want %q, %q, %q", c.name, titles(got), got.Label, got.Protocol, c.want, c.label, c.proto)
		}
	}
}

func TestUnknownRoundTripIsNotZero(t *testing.T) {
	l := linkOf(netstack.P2P, cand("", webrtc.ICECandidateTypeHost, "192.168.1.2"), cand("", webrtc.ICECandidateTypeHost, "192.168.1.3"))
	l.Link.RTT = netstack.Opt[time.Duration]{}
	if got := pathOf(call.Member{}, l).Label; got != wordUnproven {
		t.Errorf("path says %q", got)
	}
	if got := pairViews(l.Link)[0].RTT; got != wordUnproven {
		t.Errorf("pair says %q", got)
	}
	m := panelModel{lines: []call.Line{l, l}}
	if v := m.room(); v.Nodes[1].Label != wordUnproven || v.Edges[0].Quality != unknownQuality {
		t.Errorf("the room says %+v", v)
	}
	for _, f := range mediaFacts(l) {
		if f.Value != wordUnproven {
			t.Errorf("%s says %q", f.Name, f.Value)
		}
	}
}

func TestPairsAreOrdered(t *testing.T) {
	l := netstack.Link{
		Local: []netstack.Candidate{cand("l", webrtc.ICECandidateTypeHost, "fd00::2")},
		Pairs: []netstack.Pair{
			{ID: "failed", Local: "l", State: netstack.PairFailed, Priority: 9},
			{ID: "waiting", State: netstack.PairWaiting, Priority: 1},
			{ID: "low", State: netstack.PairSucceeded, Priority: 1},
			{ID: "high", State: netstack.PairSucceeded, Priority: 1 << 63, Nominated: true},
			{ID: "used", State: netstack.PairSucceeded, Priority: 0, Selected: true, Nominated: true, RequestsSent: 5, ResponsesReceived: 4, BytesSent: 1500},
			{ID: "trying", State: netstack.PairInProgress},
		},
	}
	var ids, states []string
	for _, v := range pairViews(l) {
		ids, states = append(ids, v.ID), append(states, v.State)
	}
	if got, want := strings.Join(ids, " "), "used high low trying waiting failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := strings.Join(states, ", "), "in use, nominated, succeeded, in-progress, waiting, failed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	detail := strings.Join(pairViews(l)[0].Detail, "\n")
	for _, want := range []string{"nominated", "Checks sent 5, answered 4", "Sent 1.5 kB", "From unknown"} {
		if !strings.Contains(detail, want) {
			t.Errorf("%q is not in\n%s", want, detail)
		}
	}
	if at := pairViews(l)[5].LocalAt; at != "udp [fd00::2]:5000" {
		t.Errorf("got %q", at)
	}
}

func TestCandidateDetail(t *testing.T) {
	c := cand("x", webrtc.ICECandidateTypeRelay, "203.0.113.5")
	c.Priority, c.RelatedAddress, c.RelatedPort, c.URL, c.RelayProtocol, c.Network = 42, "198.51.100.7", 9, "turn:h:7788", "tcp", netstack.VPN
	got := candidateViews([]netstack.Candidate{c})[0]
	want := candidateView{"relay", "udp 203.0.113.5:5000", "priority 42 · VPN · from 198.51.100.7:9 · to the relay over TCP · given by turn:h:7788"}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	best := candidateViews([]netstack.Candidate{{Priority: 1, Address: "low"}, {Priority: 4_000_000_000, Address: "high"}})
	if !strings.Contains(best[0].Address, "high") {
		t.Error("the best is not first")
	}
}

func TestFailureText(t *testing.T) {
	for _, c := range []struct {
		f    netstack.CandidateFailed
		want string
	}{
		{netstack.CandidateFailed{URL: "turn:a:1", ErrorCode: 401, ErrorText: "Unauthorized"}, "turn:a:1: Unauthorized (401)"},
		{netstack.CandidateFailed{URL: "stun:a:1"}, "stun:a:1: no answer"},
	} {
		if got := failureText(c.f); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSelectionFollowsMembers(t *testing.T) {
	m := &panelModel{}
	m.from(call.Snapshot{}, nil)
	if w := m.words(); w.Badge == "" || w.Why == "" {
		t.Errorf("nothing is said of nobody: %+v", w)
	}
	a, b := lineOf("a", verdict.Direct, "A", 0), lineOf("b", verdict.Relayed, "B", 0)
	m.from(call.Snapshot{}, []call.Line{a, b})
	m.selected = "b"
	m.from(call.Snapshot{}, []call.Line{a, b})
	if m.words().Badge != "B" {
		t.Error("the selection was lost")
	}
	m.from(call.Snapshot{}, []call.Line{a})
	if m.words().Badge != "A" {
		t.Error("the selection stays on somebody who left")
	}
	if m.mode() != -1 {
		t.Errorf("mode %d of a line without topology", m.mode())
	}
	m.plan.Topology = netstack.SFU
	m.lines[0].Link.Topology = netstack.SFU
	if v := m.room(); m.mode() != 1 || v.Middle.Title != "Host" || !v.Nodes[0].Self || len(v.Edges) != 2 {
		t.Errorf("mode %d, %+v", m.mode(), v)
	}
}

// TestReport: what is copied is JSON, unknown is null, states are words, and
// the invite is not in it.
func TestReport(t *testing.T) {
	l := linkOf(netstack.P2P, cand("", webrtc.ICECandidateTypeHost, "192.168.1.2"), cand("", webrtc.ICECandidateTypeHost, "192.168.1.3"))
	l.Link.SendBudget = netstack.Opt[int]{}
	b, err := reportOf(call.Snapshot{State: call.Connected, Invite: "candid://secret"}, []call.Line{l}, noon)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		State string
		Lines []struct {
			Badge string
			Link  struct {
				State                    string
				AvailableOutgoingBitrate *int
				LocalCandidates          []struct{ CandidateType string }
			}
		}
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.State != "connected" || got.Lines[0].Link.State != "connected" || got.Lines[0].Link.AvailableOutgoingBitrate != nil ||
		got.Lines[0].Link.LocalCandidates[0].CandidateType != "host" || got.Lines[0].Badge != l.Verdict.Badge {
		t.Errorf("got %+v", got)
	}
	if strings.Contains(string(b), "secret") {
		t.Error("the invite is in the report")
	}
}
