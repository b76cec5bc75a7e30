package probe

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"candid/netstack"
	"candid/netstack/portmap"
	"candid/netstack/verdict"
)

// The other side learns what the network is like, and no address.
func TestEvidence(t *testing.T) {
	r := Report{
		UDP: some(true), NAT: some(true), Mapping: Dependent, Filtering: AddressDependent, VPN: some(false),
		Public: []netip.Addr{netip.MustParseAddr("203.0.113.9")}, PortMapping: portmap.Available{UPnP: some(true)},
		Interfaces: []Interface{{Name: "wlan0", Addresses: []netip.Addr{netip.MustParseAddr("192.168.1.5")}}},
	}
	r.Servers = append(r.Servers, []Server{
		{URL: "stun:stun.example.org:3478", Protocol: "udp", Outcome: OK, Mapped: ap("203.0.113.9:5000")},
		{URL: "turn:203.0.113.5:7788?transport=udp", Protocol: "udp", Outcome: Refused, Code: 486, Text: "quota of 203.0.113.5"},
		{URL: "turns:203.0.113.5:7788?transport=tcp", Protocol: "tls", Outcome: TimedOut, Code: 701},
		{URL: "turn:x", Outcome: NotTried},
	}...)
	b, err := json.Marshal(r.Evidence())
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); strings.Contains(s, "203.0") || strings.Contains(s, "192.168") || strings.Contains(s, "example") || strings.Contains(s, "wlan") {
		t.Errorf("it tells %s", s)
	}
	e, err := verdict.ReadEvidence(b)
	if err != nil {
		t.Fatal(err)
	}
	want := []verdict.Answer{{Kind: "stun", Protocol: "udp"}, {Kind: "turn", Protocol: "udp", Code: 486}, {Kind: "turn", Protocol: "tls", Code: 701}}
	if len(e.Servers) != 3 || e.Servers[0] != want[0] || e.Servers[1] != want[1] || e.Servers[2] != want[2] || e.Mapping != string(Dependent) || !e.PortMapping.Value {
		t.Errorf("%+v", e)
	}
}

// Every behaviour a probe finds may be told.
func TestEveryBehaviourIsTaken(t *testing.T) {
	for _, m := range []Behaviour{"", EndpointIndependent, AddressDependent, AddressAndPortDependent, PortIndependent, Dependent} {
		b, err := json.Marshal(Report{Mapping: m, Filtering: m}.Evidence())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verdict.ReadEvidence(b); err != nil {
			t.Errorf("%q: %v", m, err)
		}
	}
}

func TestExplain(t *testing.T) {
	r := Report{Servers: []Server{
		{URL: "turn:a", Outcome: Unauthorized, Code: 401, Text: "Unauthorized"}, {URL: "turn:b", Outcome: OK}, {URL: "turn:c", Outcome: Refused, Code: 486, Text: "Quota"},
	}}
	before := []netstack.CandidateFailed{{URL: "turn:a", ErrorCode: 701}, {URL: "turn:b", ErrorCode: 701}, {URL: "turn:c", ErrorCode: 701}, {URL: "turn:d", ErrorCode: 701}}
	for i, want := range []int{401, 701, 486, 701} {
		if got := r.Explain(before)[i]; got.ErrorCode != want || got.URL != before[i].URL {
			t.Errorf("%+v, want %d", got, want)
		}
	}
	if before[0].ErrorCode != 701 {
		t.Error("what was given has changed")
	}
}
