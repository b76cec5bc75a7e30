package probe

import (
	"net/netip"
	"strings"
	"testing"

	"candid/netstack"
	"candid/netstack/verdict"
)

// behind is a machine with UDP and the host's relay, behind a NAT.
func behind(m, f Behaviour) Report {
	return Report{UDP: some(true), IPv4: some(true), IPv6: some(false), NAT: some(true), Mapping: m, Filtering: f,
		Servers: []Server{{URL: "turn:x", Protocol: "udp", Outcome: OK}, {URL: "turns:x", Protocol: "tls", Outcome: OK}}}
}

var (
	fullCone    = behind(EndpointIndependent, EndpointIndependent)
	addressCone = behind(EndpointIndependent, AddressDependent)
	portCone    = behind(EndpointIndependent, AddressAndPortDependent)
	symmetric   = behind(AddressAndPortDependent, AddressAndPortDependent)
)

func with(r Report, f func(*Report)) Report { f(&r); return r }

func TestPredict(t *testing.T) {
	unknown := netstack.Opt[bool]{}
	noUDP := with(fullCone, func(r *Report) { r.UDP = no })
	noTCP := with(noUDP, func(r *Report) { r.Servers = []Server{{URL: "turns:x", Protocol: "tls", Outcome: TimedOut}} })
	noRelay := with(symmetric, func(r *Report) { r.Servers = []Server{{URL: "turn:x", Protocol: "udp", Outcome: TimedOut}} })
	open := with(fullCone, func(r *Report) { r.NAT = no; r.Filtering = "" })
	at := func(r Report, public, local string) Report {
		r.Public = []netip.Addr{netip.MustParseAddr(public)}
		r.Interfaces = []Interface{{Name: "eth0", Addresses: []netip.Addr{netip.MustParseAddr(local)}}}
		return r
	}
	six := at(with(symmetric, func(r *Report) { r.IPv6 = some(true) }), "2001:db8:1::1", "2001:db8:1::1")
	for _, tc := range []struct {
		name string
		a, b Report
		path verdict.Path
		sure bool
		says string
	}{
		{"full cones", fullCone, fullCone, verdict.Direct, true, "both sides let"},
		{"port-restricted both", portCone, portCone, verdict.Direct, true, "both sides let"},
		{"full cone, symmetric", fullCone, symmetric, verdict.Direct, true, ""},
		{"address-restricted, symmetric", addressCone, symmetric, verdict.Direct, true, ""},
		{"port-restricted, symmetric", portCone, symmetric, verdict.Relayed, true, "on the other side gives a new port"},
		{"symmetric, port-restricted", symmetric, portCone, verdict.Relayed, true, "on your side gives a new port"},
		{"symmetric both", symmetric, symmetric, verdict.Relayed, true, "Both routers give a new port"},
		{"symmetric both, one lets all in", symmetric, behind(AddressDependent, EndpointIndependent), verdict.Relayed, true, ""},
		{"symmetric both, they let all in", behind(AddressDependent, EndpointIndependent), behind(Dependent, EndpointIndependent), verdict.Direct, true, ""},
		{"no NAT, symmetric, firewall unknown", open, symmetric, verdict.Relayed, false, "not known"},
		{"no NAT, port-restricted", open, portCone, verdict.Direct, true, "on your side nothing stands in the way"},
		{"one port, the rest unknown", behind(EndpointIndependent, ""), behind(PortIndependent, ""), verdict.Direct, false, "most likely"},
		{"one port each, that is enough", behind(EndpointIndependent, ""), portCone, verdict.Direct, true, ""},
		{"nothing known of one", behind("", ""), portCone, verdict.Unknown, false, "router on your side"},
		{"UDP blocked here", noUDP, fullCone, verdict.Relayed, true, "on your side blocks UDP"},
		{"UDP blocked there, relay not tried", fullCone, with(noUDP, func(r *Report) { r.Servers = nil }), verdict.Relayed, false, "on the other side blocks UDP"},
		{"UDP blocked, relay by UDP only", noTCP, fullCone, verdict.Broken, true, "not reached by TCP"},
		{"no relay", noRelay, noRelay, verdict.Broken, true, "relay is not reached"},
		{"UDP not known", with(fullCone, func(r *Report) { r.UDP = unknown }), fullCone, verdict.Unknown, false, "your side"},
		{"one network", at(symmetric, "203.0.113.1", "192.168.1.5"), at(symmetric, "203.0.113.1", "192.168.1.9"), verdict.Direct, true, "one network"},
		{"networks of one number", at(symmetric, "203.0.113.1", "192.168.1.5"), at(symmetric, "203.0.113.2", "192.168.1.9"), verdict.Relayed, true, ""},
		{"IPv6", six, at(six, "2001:db8:2::1", "2001:db8:2::1"), verdict.Direct, false, "by IPv6"},
		{"no common family", with(fullCone, func(r *Report) { r.IPv4, r.IPv6 = no, some(true) }), fullCone, verdict.Relayed, true, "IPv6 only"},
		{"nothing at all", Report{}, Report{}, verdict.Unknown, false, "both sides"},
	} {
		p := Predict(tc.a, tc.b)
		if p.Path != tc.path || p.Sure != tc.sure || !strings.Contains(p.Why, tc.says) {
			t.Errorf("%s: %+v", tc.name, p)
		}
	}
}

// The path is the same from both ends.
func TestPredictIsSymmetric(t *testing.T) {
	all := []Behaviour{"", EndpointIndependent, AddressDependent, AddressAndPortDependent, PortIndependent, Dependent}
	var rs []Report
	for _, m := range all {
		for _, f := range all {
			rs = append(rs, behind(m, f))
		}
	}
	for _, a := range rs {
		for _, b := range rs {
			if p, q := Predict(a, b), Predict(b, a); p.Path != q.Path || p.Sure != q.Sure {
				t.Errorf("%s/%s and %s/%s: %v, other way round %v", a.Mapping, a.Filtering, b.Mapping, b.Filtering, p, q)
			}
		}
	}
}
