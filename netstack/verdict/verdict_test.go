package verdict_test

import (
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

func link(local, remote netstack.Candidate, rtt netstack.Opt[time.Duration]) netstack.Link {
	local.ID, remote.ID = "l", "r"
	if local.Protocol == "" {
		local.Protocol = "udp"
	}
	return netstack.Link{
		Topology: netstack.P2P, State: webrtc.PeerConnectionStateConnected,
		Local: []netstack.Candidate{local}, Remote: []netstack.Candidate{remote},
		Pairs: []netstack.Pair{{ID: "p", Local: "l", Remote: "r", State: netstack.PairSucceeded, Nominated: true, Selected: true, RTT: rtt}},
	}
}

func host(addr string) netstack.Candidate {
	return netstack.Candidate{Type: webrtc.ICECandidateTypeHost, Address: addr}
}

func srflx(addr string) netstack.Candidate {
	return netstack.Candidate{Type: webrtc.ICECandidateTypeSrflx, Address: addr}
}

func relay(over string) netstack.Candidate {
	return netstack.Candidate{Type: webrtc.ICECandidateTypeRelay, Address: "203.0.113.5", RelayProtocol: over}
}

// both adds a pair over UDP that works too.
func both(l netstack.Link) netstack.Link {
	l.Local = append(l.Local, netstack.Candidate{ID: "u", Protocol: "udp"})
	l.Pairs = append(l.Pairs, netstack.Pair{ID: "p2", Local: "u", Remote: "r", State: netstack.PairSucceeded})
	return l
}

// tlsToo adds a pair through a relay that works too.
func tlsToo(l netstack.Link) netstack.Link {
	c := relay("tls")
	c.ID, c.Protocol = "t", "udp"
	l.Local = append(l.Local, c)
	l.Pairs = append(l.Pairs, netstack.Pair{ID: "p2", Local: "t", Remote: "r", State: netstack.PairSucceeded})
	return l
}

// judgedAlone is a link and what is said of it when nothing is known of the
// networks.
type judgedAlone struct {
	name   string
	link   netstack.Link
	path   verdict.Path
	badge  string
	why    string // a part of the sentence
	better string // likewise; "-" for none
}

func links() []judgedAlone {
	ms := netstack.Some(24 * time.Millisecond)
	unknown := netstack.Opt[time.Duration]{}
	vpn := host("10.8.0.2")
	vpn.Network = netstack.VPN
	tcp := host("192.168.1.2")
	tcp.Protocol = "tcp"
	via := func(topology netstack.Topology) netstack.Link {
		l := link(host("192.168.1.2"), host("192.168.1.3"), ms)
		l.Topology = topology
		return l
	}
	state := func(s webrtc.PeerConnectionState, pairs ...netstack.PairState) netstack.Link {
		l := netstack.Link{State: s, Remote: []netstack.Candidate{host("192.168.1.3")}}
		for _, p := range pairs {
			l.Pairs = append(l.Pairs, netstack.Pair{State: p})
		}
		return l
	}

	return []judgedAlone{
		{"one computer", link(host("127.0.0.1"), host("127.0.0.1"), netstack.Some(200*time.Microsecond)), verdict.Direct, "Direct · under 1 ms", "this very computer", "-"},
		{"one computer, by its own address", link(host("192.168.1.2"), host("192.168.1.2"), ms), verdict.Direct, "Direct · 24 ms", "this very computer", "-"},
		{"home", link(host("192.168.1.2"), host("192.168.1.3"), ms), verdict.Direct, "Direct · 24 ms", "your own network", "-"},
		{"home, IPv6", link(host("fd00::2"), host("fd00::3"), ms), verdict.Direct, "Direct · 24 ms", "your own network", "-"},
		{"not measured yet", link(host("192.168.1.2"), host("192.168.1.3"), unknown), verdict.Direct, "Direct", "your own network", "-"},
		{"two routers", link(host("192.168.1.2"), srflx("198.51.100.7"), ms), verdict.Direct, "Direct · 24 ms", "routers on both sides", "-"},
		{"IPv6", link(host("2001:db8::2"), host("2001:db8:1::3"), ms), verdict.Direct, "Direct · 24 ms", "IPv6", "-"},
		{"VPN", link(vpn, host("10.8.0.3"), ms), verdict.Direct, "Direct · 24 ms", "your VPN", "Without the VPN"},
		{"direct over TCP", link(tcp, host("192.168.1.3"), ms), verdict.Direct, "Direct · 24 ms", "over TCP", "Let UDP through"},
		{"direct over TCP though UDP works", both(link(tcp, host("192.168.1.3"), ms)), verdict.Direct, "Direct · 24 ms", "before UDP did", "look for a better way"},
		{"direct over TCP, a relay over TLS works too", tlsToo(link(tcp, host("192.168.1.3"), ms)), verdict.Direct, "Direct · 24 ms", "UDP did not get through", "Let UDP through"},
		{"relay over UDP", link(relay("udp"), srflx("198.51.100.7"), ms), verdict.Relayed, "Relayed by the host · 24 ms", "nothing through directly", "open a UDP port"},
		{"relay over TCP", link(relay("tcp"), relay("udp"), ms), verdict.Relayed, "Relayed by the host · 24 ms", "blocks UDP, so the call goes over TCP", "If UDP were allowed"},
		{"relay over TLS", link(relay("tls"), host("192.168.1.3"), ms), verdict.Relayed, "Relayed by the host · 24 ms", "like a web page", "If UDP were allowed"},
		{"the other side's relay", link(host("192.168.1.2"), relay(""), ms), verdict.Relayed, "Relayed by the host · 24 ms", "other side can only", "opened a port"},
		{"SFU", via(netstack.SFU), verdict.ViaSFU, "Through the host (SFU) · 24 ms", "passes everyone's", "-"},
		{"MCU", via(netstack.MCU), verdict.ViaMCU, "Mixed by the host (MCU) · 24 ms", "can see and hear", "-"},
		{"no answer yet", netstack.Link{State: webrtc.PeerConnectionStateNew}, verdict.Connecting, "Connecting", "Waiting for the other side", "-"},
		{"checking", state(webrtc.PeerConnectionStateConnecting, netstack.PairFailed, netstack.PairInProgress), verdict.Connecting, "Connecting", "Trying 2 ways between the two machines; 1 did not", "-"},
		{"interrupted", state(webrtc.PeerConnectionStateDisconnected), verdict.Broken, "Reconnecting", "Nothing has arrived", "Check the network"},
		{"failed", state(webrtc.PeerConnectionStateFailed, netstack.PairFailed), verdict.Broken, "No connection", "Tried 1 way", "relay could not be reached"},
		{"failed without a pair", state(webrtc.PeerConnectionStateFailed), verdict.Broken, "No connection", "found no way to try", "relay could not be reached"},
	}
}

func TestOf(t *testing.T) {
	for _, c := range links() {
		t.Run(c.name, func(t *testing.T) {
			v := verdict.Of(c.link, verdict.Evidence{}, verdict.Evidence{})
			if v.Path != c.path || v.Badge != c.badge || !strings.Contains(v.Why, c.why) {
				t.Errorf("got %+v\nwant %s, badge %q, why with %q", v, c.path, c.badge, c.why)
			}
			if c.better == "-" && v.Better != "" || c.better != "-" && !strings.Contains(v.Better, c.better) {
				t.Errorf("better is %q, want %q", v.Better, c.better)
			}
		})
	}
}
