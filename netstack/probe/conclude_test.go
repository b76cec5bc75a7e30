package probe

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/portmap"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func home() []ifwatch.Address {
	return []ifwatch.Address{{IP: netip.MustParseAddr("192.168.1.5"), Interface: "wlan0", Kind: netstack.WiFi}}
}

func TestMapping(t *testing.T) {
	const a1, a2, b1 = "198.51.100.10:3478", "198.51.100.10:4000", "198.51.100.11:3478"
	for _, tc := range []struct {
		name string
		seen []seen
		nat  netstack.Opt[bool]
		want Behaviour
	}{
		{"nothing", nil, netstack.Opt[bool]{}, ""},
		{"no NAT", []seen{{ap(a1), ap("192.168.1.5:5000")}}, some(false), EndpointIndependent},
		{"one server", []seen{{ap(a1), ap("203.0.113.1:5000")}}, some(true), ""},
		{"the same server twice", []seen{{ap(a1), ap("203.0.113.1:5000")}, {ap(a1), ap("203.0.113.1:5000")}}, some(true), ""},
		{"two servers, one port", []seen{{ap(a1), ap("203.0.113.1:5000")}, {ap(b1), ap("203.0.113.1:5000")}}, some(true), EndpointIndependent},
		{"two servers, two ports", []seen{{ap(a1), ap("203.0.113.1:5000")}, {ap(b1), ap("203.0.113.1:5001")}}, some(true), Dependent},
		{"two servers, two addresses", []seen{{ap(a1), ap("203.0.113.1:5000")}, {ap(b1), ap("203.0.113.2:5000")}}, some(true), Dependent},
		{"two ports of one server, one port", []seen{{ap(a1), ap("203.0.113.1:5000")}, {ap(a2), ap("203.0.113.1:5000")}}, some(true), PortIndependent},
		{"two ports of one server, two ports", []seen{{ap(a1), ap("203.0.113.1:5000")}, {ap(a2), ap("203.0.113.1:5001")}}, some(true), AddressAndPortDependent},
		{"by address alone", []seen{{ap(a1), ap("203.0.113.1:5000")}, {ap(a2), ap("203.0.113.1:5000")}, {ap(b1), ap("203.0.113.1:5001")}}, some(true), AddressDependent},
		{"a server at home tells nothing of the NAT", []seen{{ap("192.168.1.9:7788"), ap("192.168.1.5:5000")}, {ap(a1), ap("203.0.113.1:6000")}}, some(true), ""},
		{"IPv6 only", []seen{{ap("[2001:db8::1]:3478"), ap("[2001:db8::9]:5000")}}, netstack.Opt[bool]{}, ""},
	} {
		r := conclude(evidence{addresses: home(), seen: tc.seen})
		if r.NAT != tc.nat || r.Mapping != tc.want {
			t.Errorf("%s: nat %v, %q, want %v, %q", tc.name, r.NAT, r.Mapping, tc.nat, tc.want)
		}
	}
}

func TestFiltering(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    []filters
		want Behaviour
	}{
		{"nothing", nil, ""},
		{"not asked", []filters{{portProof: true}}, ""},
		{"from another address", []filters{{asked: true, otherIP: true, ipProof: true, otherPort: true, portProof: true}}, EndpointIndependent},
		{"from another port, not another address", []filters{{asked: true, otherPort: true, portProof: true, ipProof: true}}, AddressDependent},
		{"from another port, there is no other address", []filters{{asked: true, otherPort: true, portProof: true}}, PortIndependent},
		{"not from another port", []filters{{asked: true, portProof: true}}, AddressAndPortDependent},
		{"the other port cannot be reached at all", []filters{{asked: true}}, ""},
		{"not from another address, the other port unknown", []filters{{asked: true, ipProof: true}}, Dependent},
		{"two servers, one knows more", []filters{{asked: true, otherPort: true}, {asked: true, otherPort: true, otherIP: true}}, EndpointIndependent},
	} {
		if got := filtering(tc.f); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestUDPAndFamilies(t *testing.T) {
	unknown := netstack.Opt[bool]{}
	at4, at6 := ap("198.51.100.1:7788"), ap("[2001:db8::1]:7788")
	server := func(protocol string, at netip.AddrPort, o Outcome) Server {
		s := Server{URL: "turn:x", Protocol: protocol, Address: at, Outcome: o}
		if o == TimedOut || o == NoName {
			s.Code = notReached
		}
		return s
	}
	both := append(home(), ifwatch.Address{IP: netip.MustParseAddr("2001:db8:1::5"), Interface: "wlan0"})
	for _, tc := range []struct {
		name        string
		e           evidence
		udp, v4, v6 netstack.Opt[bool]
	}{
		{"nothing, IPv4 at home", evidence{addresses: home()}, unknown, unknown, some(false)},
		{"STUN answers", evidence{addresses: home(), servers: []Server{server("udp", at4, OK)}}, some(true), some(true), some(false)},
		{"a no is an answer", evidence{addresses: home(), servers: []Server{server("udp", at4, Unauthorized)}}, some(true), some(true), some(false)},
		{"all dead", evidence{addresses: both, servers: []Server{server("udp", at4, TimedOut), server("tcp", at4, TimedOut)}}, unknown, unknown, unknown},
		{"UDP blocked", evidence{addresses: home(), servers: []Server{server("udp", at4, TimedOut), server("tls", at4, OK)}}, some(false), some(true), some(false)},
		{"UDP blocked, by signaling", evidence{addresses: home(), servers: []Server{server("udp", at4, TimedOut)}, signaling: []Endpoint{{Address: at4.String(), TCP: some(true), Outcome: OK}}}, some(false), some(true), some(false)},
		{"no name was found", evidence{addresses: home(), servers: []Server{server("udp", netip.AddrPort{}, NoName), server("tls", at4, OK)}}, unknown, some(true), some(false)},
		{"IPv6 is broken", evidence{addresses: both, servers: []Server{server("udp", at4, OK), server("udp", at6, TimedOut)}}, some(true), some(true), some(false)},
		{"IPv6 alone works", evidence{addresses: both, servers: []Server{server("udp", at6, OK), server("udp", at4, TimedOut)}}, some(true), some(false), some(true)},
		{"IPv6 was not tried", evidence{addresses: both, servers: []Server{server("udp", at4, OK)}}, some(true), some(true), unknown},
	} {
		r := conclude(tc.e)
		if r.UDP != tc.udp || r.IPv4 != tc.v4 || r.IPv6 != tc.v6 {
			t.Errorf("%s: udp %v, IPv4 %v, IPv6 %v", tc.name, r.UDP, r.IPv4, r.IPv6)
		}
	}
}

func TestCaptivePortal(t *testing.T) {
	ok := Endpoint{TCP: some(true), TLS: some(true), Outcome: OK}
	other := Endpoint{TCP: some(true), TLS: some(false), Outcome: WrongCert}
	for _, tc := range []struct {
		name      string
		signaling []Endpoint
		servers   []Server
		want      netstack.Opt[bool]
	}{
		{"nothing", nil, nil, netstack.Opt[bool]{}},
		{"the host itself", []Endpoint{ok}, nil, some(false)},
		{"someone else", []Endpoint{other}, nil, some(true)},
		{"someone else has that address, the host another", []Endpoint{other, ok}, nil, some(false)},
		{"someone else, but UDP works", []Endpoint{other}, []Server{{Protocol: "udp", Outcome: OK}}, some(false)},
		{"nobody", []Endpoint{{TCP: some(false), Outcome: TimedOut}}, nil, netstack.Opt[bool]{}},
	} {
		if got := conclude(evidence{signaling: tc.signaling, servers: tc.servers}).CaptivePortal; got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// A report goes through JSON whole, and what is unknown is null, not false.
func TestReportJSON(t *testing.T) {
	r := conclude(evidence{addresses: home(), seen: []seen{{ap("198.51.100.1:1"), ap("203.0.113.1:2")}},
		servers: []Server{{URL: "stun:x", Outcome: OK, RTT: netstack.Some(time.Millisecond), Mapped: ap("203.0.113.1:2")}, {URL: "turn:x", Outcome: Unauthorized, Code: 401}},
		router:  portmap.Available{UPnP: some(true)}, source: netip.MustParseAddr("192.168.1.5")})
	r.At, r.Duration = time.Now(), time.Second
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !back.Equal(r) || back.Equal(Report{}) {
		t.Errorf("came back as\n%+v\nwas\n%+v", back, r)
	}
	for _, want := range []string{`"hairpin":null`, `"nat":true`, `"errorCode":401`, `"vpn":false`, `"metered":null`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	const line = "udp=? v4=? v6=false nat=true map=? filter=? hairpin=? portmap=U captive=? vpn=false servers=1/2 rtt=1ms in 1s"
	if got := r.String(); got != line {
		t.Errorf("%s\nwant\n%s", got, line)
	}
}

func TestSentence(t *testing.T) {
	udp := []Server{{URL: "stun:x", Protocol: "udp", Outcome: OK, RTT: netstack.Some(24 * time.Millisecond)}}
	dead := []Server{{URL: "stun:x", Protocol: "udp", Outcome: TimedOut}}
	net := interfaces(home())
	for _, tc := range []struct {
		r     Report
		level Level
		says  string
	}{
		{Report{}, Unknown, "Nothing was asked"},
		{Report{IPv4: no, IPv6: no}, Bad, "not connected"},
		{Report{Interfaces: net, Servers: dead}, Bad, "None of the servers answered"},
		{Report{Interfaces: net, Servers: dead, CaptivePortal: some(true)}, Bad, "log in"},
		{Report{Servers: dead, Signaling: []Endpoint{{Outcome: OK}}}, Unknown, "not known"},
		{Report{Servers: dead, Signaling: []Endpoint{{Outcome: OK}}, UDP: no}, Limited, "blocks UDP"},
		{Report{Servers: []Server{{URL: "turn:x", Protocol: "tls", Outcome: TimedOut}}, Signaling: []Endpoint{{Outcome: OK}}, UDP: no}, Bad, "not reached by TCP"},
		{Report{Servers: udp, UDP: some(true)}, Good, "UDP gets through (24 ms"},
		{Report{Servers: udp, UDP: some(true), NAT: no, Mapping: EndpointIndependent}, Good, "no router translates"},
		{Report{Servers: udp, UDP: some(true), NAT: some(true), Mapping: EndpointIndependent}, Good, "one port for all"},
		{Report{Servers: udp, UDP: some(true), NAT: some(true)}, Good, "too little is known"},
		{Report{Servers: udp, UDP: some(true), NAT: some(true), Mapping: Dependent}, Limited, "new port to every destination"},
		{Report{Servers: udp, UDP: some(true), NAT: some(true), Mapping: Dependent, IPv6: some(true)}, Good, "by IPv6"},
		{Report{Servers: udp, UDP: some(true), NAT: some(true), Mapping: EndpointIndependent, VPN: some(true)}, Limited, "VPN"},
	} {
		if level, s := tc.r.Sentence(); level != tc.level || !strings.Contains(s, tc.says) {
			t.Errorf("%s: %s\nwant %s: …%s…", level, s, tc.level, tc.says)
		}
	}
}
