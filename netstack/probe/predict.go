package probe

import (
	"net/netip"
	"slices"

	"candid/netstack"
	"candid/netstack/verdict"
)

func some(v bool) netstack.Opt[bool] { return netstack.Some(v) }

// Prediction is the path a call will take between two machines.
type Prediction struct {
	Path   verdict.Path `json:"path"`
	Sure   bool         `json:"sure"` // what is unknown could not change it
	Why    string       `json:"why"`
	Better string       `json:"better,omitempty"`
}

// Predict says which path a call between two machines will take, by their
// reports: mine, and theirs. It is pure.
func Predict(a, b Report) Prediction {
	switch {
	case a.UDP == no || b.UDP == no:
		return withoutUDP(a, b)
	case sameNetwork(a, b):
		return Prediction{verdict.Direct, a.UDP.OK && b.UDP.OK, "Direct: both are on one network, or on networks that see each other.", ""}
	case a.IPv6.Or(false) && b.IPv6.Or(false) && a.public(netip.Addr.Is6) && b.public(netip.Addr.Is6):
		return Prediction{verdict.Direct, false, "Direct by IPv6: no router translates addresses in between, and both sides open their firewalls by calling.", ""}
	case a.IPv4 == no && b.IPv6 == no, a.IPv6 == no && b.IPv4 == no:
		return relayed(a, b, true, "One side has IPv6 only, the other IPv4 only; the host stands between.", "")
	case !a.UDP.OK || !b.UDP.OK:
		return Prediction{verdict.Unknown, false, "Whether UDP gets through is not known on " + whose(!a.UDP.OK, !b.UDP.OK) + ".", ""}
	}
	return byNAT(a, b)
}

// nat is a NAT's behaviour in full.
type nat struct{ mapping, filtering Behaviour }

// possible are the NATs that a report leaves open. No NAT is one that maps
// everything to itself; its firewall may filter still.
func (r Report) possible() (out []nat) {
	for _, m := range r.Mapping.could() {
		for _, f := range r.Filtering.could() {
			out = append(out, nat{m, f})
		}
	}
	return out
}

// punches reports whether ICE finds a direct pair between two NATs. Where both
// keep one port, each side's packets open its own filter to the other's
// known port. A NAT with a port for each destination sends from one that
// nobody knows: the other side must let it in unknown. And where both do so,
// the first must be let in wherever from, and the answer, from a new port too,
// by address at least.
func punches(a, b nat) bool {
	varies := func(n nat) bool { return n.mapping != EndpointIndependent }
	byAddress := func(n nat) bool { return n.filtering != AddressAndPortDependent }
	switch {
	case !varies(a) && !varies(b):
		return true
	case varies(a) && varies(b):
		return a.filtering == EndpointIndependent && byAddress(b) || b.filtering == EndpointIndependent && byAddress(a)
	case varies(a):
		return byAddress(b)
	}
	return byAddress(a)
}

// byNAT tries all NATs that the reports leave open.
func byNAT(a, b Report) Prediction {
	direct, tried := 0, 0
	for _, x := range a.possible() {
		for _, y := range b.possible() {
			tried++
			if punches(x, y) {
				direct++
			}
		}
	}
	varies := func(r Report) bool {
		return r.Mapping == Dependent || r.Mapping == AddressDependent || r.Mapping == AddressAndPortDependent
	}
	switch {
	case direct == tried:
		return Prediction{verdict.Direct, true, directWhy(a, b), ""}
	case direct == 0:
		why := "Both routers give a new port to every destination, so neither side can tell the other where to send."
		if !varies(a) || !varies(b) {
			why = "The router on " + whose(varies(a), varies(b)) + " gives a new port to every destination, and the other lets nobody in by an unknown one."
		}
		return relayed(a, b, true, why, openPort(a, b))
	case likelyOnePort(a) && likelyOnePort(b):
		return Prediction{verdict.Direct, false, "Direct, most likely: as far as could be seen, both routers keep one port for all.", ""}
	case varies(a) || varies(b):
		return relayed(a, b, false, "The router on "+whose(varies(a), varies(b))+" gives a new port to every destination; whether the other side lets it in is not known.", openPort(a, b))
	}
	return Prediction{verdict.Unknown, false, "Too little is known of the router on " + whose(a.Mapping == "", b.Mapping == "") + " to tell; if the direct way fails, the host relays.", ""}
}

func likelyOnePort(r Report) bool {
	return r.Mapping == EndpointIndependent || r.Mapping == PortIndependent
}

func directWhy(a, b Report) string {
	if a.NAT == no || b.NAT == no {
		return "Direct: on " + whose(a.NAT == no, b.NAT == no) + " nothing stands in the way but a firewall that calling opens."
	}
	return "Direct: the routers on both sides let the call through."
}

func openPort(a, b Report) string {
	if a.PortMapping.Any().Or(false) || b.PortMapping.Any().Or(false) {
		return "Turn off the strict (symmetric) NAT in the router's settings, or host the room on " + whose(a.PortMapping.Any().Or(false), b.PortMapping.Any().Or(false)) + ", whose router opens ports."
	}
	return "If one of you turns on UPnP at home, or switches the router from strict (symmetric) to open NAT, the call can go directly."
}

// withoutUDP: TCP, by the host's relay.
func withoutUDP(a, b Report) Prediction {
	who := whose(a.UDP == no, b.UDP == no)
	if (a.UDP == no && a.Relay("tcp", "tls") == no) || (b.UDP == no && b.Relay("tcp", "tls") == no) {
		return Prediction{verdict.Broken, true, "The network on " + who + " blocks UDP, and the relay is not reached by TCP either.",
			"Try another network, such as a phone's, or ask whoever runs this one to let TCP through to the host's port."}
	}
	sure := (a.UDP != no || a.Relay("tcp", "tls").OK) && (b.UDP != no || b.Relay("tcp", "tls").OK)
	return relayed(a, b, sure, "The network on "+who+" blocks UDP.", "If UDP were allowed there, sound and picture would hold better and could go directly.")
}

// relayed is the last way, if it is one.
func relayed(a, b Report, sure bool, why, better string) Prediction {
	all := []string{"udp", "tcp", "tls"}
	ra, rb := a.Relay(all...), b.Relay(all...)
	if ra == no && rb == no {
		return Prediction{verdict.Broken, sure, why + " And the host's relay is not reached from either side.", "The host's port must be open for both UDP and TCP."}
	}
	return Prediction{verdict.Relayed, sure && (ra.Or(false) || rb.Or(false)), why + " So the host relays.", better}
}

// whose says on which side something is.
func whose(mine, theirs bool) string {
	switch {
	case mine && theirs:
		return "both sides"
	case mine:
		return "your side"
	}
	return "the other side"
}

// public reports whether the machine has a public address of a family of its
// own.
func (r Report) public(is func(netip.Addr) bool) bool {
	for _, i := range r.Interfaces {
		if slices.ContainsFunc(i.Addresses, func(a netip.Addr) bool { return is(a) && a.IsGlobalUnicast() && !inside(a) }) {
			return true
		}
	}
	return false
}

// sameNetwork guesses by addresses: interfaces do not tell how large their
// networks are. Behind one public address, or none known, two of one /24 or
// /64 are most likely in one network.
func sameNetwork(a, b Report) bool {
	if x, y := a.publicIPv4(), b.publicIPv4(); x.IsValid() && y.IsValid() && !slices.Contains(b.Public, x) && !slices.Contains(a.Public, y) {
		return false
	}
	for _, i := range a.Interfaces {
		for _, j := range b.Interfaces {
			if i.Bridge || j.Bridge {
				continue
			}
			for _, x := range i.Addresses {
				if slices.ContainsFunc(j.Addresses, func(y netip.Addr) bool { return near(x, y) }) {
					return true
				}
			}
		}
	}
	return false
}

func (r Report) publicIPv4() netip.Addr {
	for _, p := range r.Public {
		if p.Is4() {
			return p
		}
	}
	return netip.Addr{}
}

func near(x, y netip.Addr) bool {
	if x.Is4() != y.Is4() || x.IsLoopback() || x.IsLinkLocalUnicast() {
		return false
	}
	bits := 24
	if x.Is6() {
		bits = 64
	}
	p, err := x.Prefix(bits)
	return err == nil && p.Contains(y)
}
