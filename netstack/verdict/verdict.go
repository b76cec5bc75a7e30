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

// Of judges a link by what was measured on it, and by what both sides know of
// their networks. Without evidence it says less, and nothing wrong.
func Of(l netstack.Link, mine, theirs Evidence) Verdict {
	pair, local, remote, ok := l.SelectedPair()
	switch {
	case l.State == webrtc.PeerConnectionStateFailed:
		return failed(l, mine, theirs)
	case l.State == webrtc.PeerConnectionStateDisconnected:
		return Verdict{Path: Broken, Badge: "Reconnecting", Why: "Nothing has arrived on this line for a few seconds; Candid is trying again.", Better: "Check the network on both sides; the call goes on by itself when it is back."}
	case !ok || l.State != webrtc.PeerConnectionStateConnected:
		return connecting(l, mine, theirs)
	}
	rtt := pair.RTT
	if l.RTT.OK {
		rtt = l.RTT
	}
	v := path(l, local, remote, mine, theirs)
	v.Badge = badge(v.Path, rtt)
	if v.Better == "" && yes(mine.Metered) {
		v.Better = "You are on a mobile connection: with the camera off the call takes a tenth of the data."
	}
	return v
}

func connecting(l netstack.Link, mine, theirs Evidence) Verdict {
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
	switch {
	case yes(mine.CaptivePortal):
		v.Better = login
	case yes(theirs.CaptivePortal):
		v.Better = loginThere
	}
	return v
}

func path(l netstack.Link, local, remote netstack.Candidate, mine, theirs Evidence) Verdict {
	t := l.Topology
	switch {
	case t == netstack.SFU:
		return overTCP(Verdict{Path: ViaSFU, Why: "The host passes everyone's picture and sound on, unchanged."}, local, mine)
	case t == netstack.MCU:
		return overTCP(Verdict{Path: ViaMCU, Why: "The host mixes everyone into one picture, so it can see and hear the call."}, local, mine)
	case netstack.Relayed(local, remote):
		return relay(l, local, mine, theirs)
	case local.Protocol == "tcp":
		return directTCP(l, mine, theirs)
	}
	return direct(local, remote, mine, theirs)
}

// udpWorks reports whether a packet went there and back over UDP, directly.
func udpWorks(l netstack.Link) bool {
	for _, p := range l.Pairs {
		local, remote := l.Candidates(p)
		if p.State == netstack.PairSucceeded && local.Protocol == "udp" && !netstack.Relayed(local, remote) {
			return true
		}
	}
	return false
}

func direct(local, remote netstack.Candidate, mine, theirs Evidence) Verdict {
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
	case yes(mine.VPN):
		return Verdict{Path: Direct, Why: "Direct, through your VPN.", Better: "Without the VPN the way may be shorter."}
	case yes(theirs.VPN):
		return Verdict{Path: Direct, Why: "Direct, through the other side's VPN.", Better: "Without the VPN there the way may be shorter."}
	case known && a.Is6() && b.Is6():
		return Verdict{Path: Direct, Why: "Direct over the internet, by IPv6: no router translates addresses in between."}
	case no(mine.NAT) && no(theirs.NAT):
		return Verdict{Path: Direct, Why: "Direct over the internet: no router translates addresses on either side."}
	case mine.strict() && !theirs.strict():
		return Verdict{Path: Direct, Why: "Direct over the internet: your router gives a new port to every destination, but the other side lets it in."}
	case theirs.strict() && !mine.strict():
		return Verdict{Path: Direct, Why: "Direct over the internet: the other side's router gives a new port to every destination, but your side lets it in."}
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
