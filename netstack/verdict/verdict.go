// Package verdict says in words what a connection is, why it is so, and what
// would make it better. It is pure: the same evidence gives the same sentence.
package verdict

import (
	"fmt"
	"net/netip"
	"time"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// Path is the kind of way media takes.
type Path string

// The paths, as a person knows them.
const (
	Unknown    Path = "unknown"
	Connecting Path = "connecting"
	Direct     Path = "direct"
	Relayed    Path = "relayed"
	ViaSFU     Path = "sfu"
	ViaMCU     Path = "mcu"
	Broken     Path = "broken"
)

// Verdict is what the window says of a connection.
type Verdict struct {
	Path   Path   `json:"path"`
	Badge  string `json:"badge"`            // "Direct · 24 ms"
	Why    string `json:"why"`              // one sentence
	Better string `json:"better,omitempty"` // what would make it better; may be empty
}

// Of judges a link by what was measured on it.
func Of(l netstack.Link) Verdict {
	pair, local, remote, ok := l.SelectedPair()
	switch {
	case l.State == webrtc.PeerConnectionStateFailed:
		return failed(l)
	case l.State == webrtc.PeerConnectionStateDisconnected:
		return Verdict{Path: Broken, Badge: "Reconnecting", Why: "Nothing has arrived on this line for a few seconds; Candid is trying again.", Better: "Check the network on both sides; the call goes on by itself when it is back."}
	case !ok || l.State != webrtc.PeerConnectionStateConnected:
		return connecting(l)
	}
	rtt := pair.RTT
	if l.RTT.OK {
		rtt = l.RTT
	}
	v := path(l, local, remote)
	v.Badge = badge(v.Path, rtt)
	return v
}

func connecting(l netstack.Link) Verdict {
	v := Verdict{Path: Connecting, Badge: "Connecting", Why: "Both sides are telling each other their addresses."}
	tried, failed := 0, 0
	for _, p := range l.Pairs {
		tried++
		if p.State == netstack.PairFailed {
			failed++
		}
	}
	switch {
	case len(l.Remote) == 0:
		v.Why = "Waiting for the other side to answer."
	case tried > 0:
		v.Why = fmt.Sprintf("Trying %s between the two machines; %d did not work so far.", plural(tried, "way", "ways"), failed)
	}
	return v
}

func failed(l netstack.Link) Verdict {
	v := Verdict{Path: Broken, Badge: "No connection",
		Why:    fmt.Sprintf("Tried %s between the two machines; nothing came through.", plural(len(l.Pairs), "way", "ways")),
		Better: "Ask whoever runs the network whether it blocks calls, or try another network, such as a phone's.",
	}
	if len(l.Pairs) == 0 {
		v.Why = "The two machines found no way to try: no address of one can be reached from the other."
	}
	if !has(l.Local, webrtc.ICECandidateTypeRelay) {
		v.Better = "The host's relay could not be reached either: its port must be open for both UDP and TCP."
	}
	return v
}

func path(l netstack.Link, local, remote netstack.Candidate) Verdict {
	t := l.Topology
	switch {
	case t == netstack.SFU:
		return Verdict{Path: ViaSFU, Why: "The host passes everyone's picture and sound on, unchanged."}
	case t == netstack.MCU:
		return Verdict{Path: ViaMCU, Why: "The host mixes everyone into one picture, so it can see and hear the call."}
	case relayed(local, remote):
		return relay(local, remote)
	case local.Protocol == "tcp" && udpWorks(l):
		return Verdict{Path: Direct, Why: "Direct, over TCP: it answered before UDP did.", Better: "UDP works too and holds up better: let Candid look for a better way."}
	case local.Protocol == "tcp":
		return Verdict{Path: Direct, Why: "Direct, but over TCP: UDP did not get through.", Better: "Let UDP through the firewall: a lost packet then no longer holds up those behind it."}
	}
	return direct(local, remote)
}

// udpWorks reports whether a packet went there and back over UDP, directly.
func udpWorks(l netstack.Link) bool {
	for _, p := range l.Pairs {
		local, remote := l.Candidates(p)
		if p.State == netstack.PairSucceeded && local.Protocol == "udp" && !relayed(local, remote) {
			return true
		}
	}
	return false
}

// relayed reports whether a pair goes through a relay.
func relayed(local, remote netstack.Candidate) bool {
	return local.Type == webrtc.ICECandidateTypeRelay || remote.Type == webrtc.ICECandidateTypeRelay
}

func relay(local, remote netstack.Candidate) Verdict {
	v := Verdict{Path: Relayed, Why: "Relayed by the host: the two networks let nothing through directly.",
		Better: "If one of you can open a UDP port at the router, the call can go directly."}
	switch {
	case local.Type != webrtc.ICECandidateTypeRelay:
		v.Why = "Relayed by the host: the other side can only be reached through it."
		v.Better = "If the other side's network let UDP through, or its router opened a port, the call could go directly."
	case local.RelayProtocol == "tcp" || local.RelayProtocol == "tls":
		over := map[string]string{"tcp": "TCP", "tls": "TLS, like a web page"}[local.RelayProtocol]
		v.Why = "Relayed by the host: your network blocks UDP, so the call goes over " + over + "."
		v.Better = "If UDP were allowed on your network, sound and picture would hold better and could go directly."
	}
	return v
}

func direct(local, remote netstack.Candidate) Verdict {
	a, aerr := netip.ParseAddr(local.Address)
	b, berr := netip.ParseAddr(remote.Address)
	known := aerr == nil && berr == nil
	switch {
	case known && (a.IsLoopback() || b.IsLoopback() || a == b):
		return Verdict{Path: Direct, Why: "Direct: both are on this very computer."}
	case local.Network == netstack.VPN:
		return Verdict{Path: Direct, Why: "Direct, through your VPN.", Better: "Without the VPN the way may be shorter."}
	case known && private(a) && private(b):
		return Verdict{Path: Direct, Why: "Direct, over your own network: nothing leaves the house."}
	case known && a.Is6() && b.Is6():
		return Verdict{Path: Direct, Why: "Direct over the internet, by IPv6: no router translates addresses in between."}
	}
	return Verdict{Path: Direct, Why: "Direct over the internet: the routers on both sides let the call through."}
}

// private reports whether a is an address of a local network: RFC 1918, a
// unique local IPv6 address (RFC 4193) or link local.
func private(a netip.Addr) bool { return a.IsPrivate() || a.IsLinkLocalUnicast() }

func badge(p Path, rtt netstack.Opt[time.Duration]) string {
	name := map[Path]string{Direct: "Direct", Relayed: "Relayed by the host", ViaSFU: "Through the host (SFU)", ViaMCU: "Mixed by the host (MCU)"}[p]
	switch {
	case !rtt.OK:
		return name
	case rtt.Value < time.Millisecond:
		return name + " · under 1 ms"
	}
	return fmt.Sprintf("%s · %d ms", name, rtt.Value.Round(time.Millisecond).Milliseconds())
}

func has(cs []netstack.Candidate, t webrtc.ICECandidateType) bool {
	for _, c := range cs {
		if c.Type == t {
			return true
		}
	}
	return false
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
