package probe

import (
	"net/netip"
	"slices"

	"candid/netstack"
	"candid/netstack/ifwatch"
)

func isLocal(list []ifwatch.Address, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(l ifwatch.Address) bool { return l.IP == a })
}

// conclude makes a report of evidence. It is pure.
func conclude(e evidence) Report {
	r := Report{Hairpin: e.hairpin, PortMapping: e.router, Servers: e.servers, Signaling: e.signaling, Interfaces: interfaces(e.addresses)}
	r.UDP = udpWorks(e)
	r.IPv4, r.IPv6 = family(e, netip.Addr.Is4), family(e, netip.Addr.Is6)
	outside := e.outside()
	r.NAT, r.Mapping = mapping(e, outside)
	r.Filtering = filtering(e.filters)
	for _, s := range outside {
		if a := s.mapped.Addr(); !slices.Contains(r.Public, a) && !inside(a) {
			r.Public = append(r.Public, a)
		}
	}
	for _, s := range e.seen { // a public address of this machine's own
		if a := s.mapped.Addr(); !slices.Contains(r.Public, a) && isLocal(e.addresses, a) && !inside(a) {
			r.Public = append(r.Public, a)
		}
	}
	slices.SortFunc(r.Public, netip.Addr.Compare)
	r.CaptivePortal = captive(e, r.UDP)
	r.VPN, r.Metered = way(e)
	return r
}

// inside reports whether an address means something within one network only.
func inside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}

// outside is how servers beyond a NAT saw us, by IPv4.
func (e evidence) outside() (out []seen) {
	for _, s := range e.seen {
		if s.mapped.Addr().Is4() && !isLocal(e.addresses, s.mapped.Addr()) {
			out = append(out, s)
		}
	}
	return out
}

// answers counts what was tried and what was answered. A server that says no
// has answered.
type answers struct{ tried, came int }

func (a *answers) add(came bool) {
	a.tried++
	if came {
		a.came++
	}
}

func (s Server) answered() bool {
	return s.Outcome == OK || s.Outcome == Unauthorized || s.Outcome == Refused
}

// udpWorks: that UDP does not work is known only where TCP does.
func udpWorks(e evidence) netstack.Opt[bool] {
	var udp, tcp answers
	for _, s := range e.servers {
		switch {
		case s.Outcome == NotTried || s.Outcome == NoName || s.Code == notReached && s.Text == errNoFamily.Error():
		case s.Protocol == "udp":
			udp.add(s.answered())
		default:
			tcp.add(s.answered())
		}
	}
	for _, s := range e.signaling {
		tcp.add(s.Outcome == OK)
	}
	switch {
	case udp.came > 0:
		return netstack.Some(true)
	case udp.tried > 0 && tcp.came > 0:
		return netstack.Some(false)
	}
	return netstack.Opt[bool]{}
}

// family reports whether IPv4 or IPv6 is of use. That it is not is known where
// the machine has no such address, or where only the other one was answered.
func family(e evidence, is func(netip.Addr) bool) netstack.Opt[bool] {
	var mine, other answers
	add := func(at netip.Addr, came bool) {
		if is(at) {
			mine.add(came)
		} else if at.IsValid() {
			other.add(came)
		}
	}
	for _, s := range e.servers {
		if s.Outcome != NotTried {
			add(s.Address.Addr(), s.answered())
		}
	}
	for _, s := range e.signaling {
		if at, err := netip.ParseAddrPort(s.Address); err == nil {
			add(at.Addr().Unmap(), s.TCP.Or(false))
		}
	}
	has := slices.ContainsFunc(e.addresses, func(a ifwatch.Address) bool {
		return is(a.IP) && !a.Bridge && !a.IP.IsLoopback() && !a.IP.IsLinkLocalUnicast()
	})
	switch {
	case mine.came > 0:
		return netstack.Some(true)
	case !has, mine.tried > 0 && other.came > 0:
		return netstack.Some(false)
	}
	return netstack.Opt[bool]{}
}

// mapping compares how servers saw one and the same socket (RFC 5780 section
// 4.3).
func mapping(e evidence, outside []seen) (nat netstack.Opt[bool], b Behaviour) {
	if len(outside) == 0 {
		if slices.ContainsFunc(e.seen, func(s seen) bool { return s.mapped.Addr().Is4() }) {
			return netstack.Some(false), EndpointIndependent
		}
		return nat, ""
	}
	// Whether one is seen as another, by ports of one address and by addresses.
	var ports, addrs struct{ same, other bool }
	for i, a := range outside {
		for _, b := range outside[:i] {
			if a.by == b.by {
				continue
			}
			x := &addrs
			if a.by.Addr() == b.by.Addr() {
				x = &ports
			}
			if a.mapped == b.mapped {
				x.same = true
			} else {
				x.other = true
			}
		}
	}
	nat = netstack.Some(true)
	switch {
	case ports.other:
		return nat, AddressAndPortDependent
	case addrs.other && ports.same:
		return nat, AddressDependent
	case addrs.other:
		return nat, Dependent
	case addrs.same:
		return nat, EndpointIndependent
	case ports.same:
		return nat, PortIndependent
	}
	return nat, ""
}

// filtering reads the tests of RFC 5780 section 4.4. What came proves itself;
// what did not come proves something only if it would have come had we asked
// for it.
func filtering(all []filters) Behaviour {
	best := Behaviour("")
	for _, f := range all {
		switch {
		case f.otherIP:
			return EndpointIndependent
		case !f.asked:
		case f.otherPort && f.ipProof:
			return AddressDependent
		case f.otherPort:
			best = PortIndependent
		case f.portProof:
			return AddressAndPortDependent
		case f.ipProof && best == "":
			best = Dependent
		}
	}
	return best
}

// captive: a network's login page answers in everyone's place, and lets no UDP
// through.
func captive(e evidence, udp netstack.Opt[bool]) netstack.Opt[bool] {
	wrong := false
	for _, s := range e.signaling {
		if s.TLS.Or(false) {
			return netstack.Some(false)
		}
		wrong = wrong || s.Outcome == WrongCert || s.Outcome == NotTLS
	}
	switch {
	case udp.Or(false):
		return netstack.Some(false)
	case wrong:
		return netstack.Some(true)
	}
	return netstack.Opt[bool]{}
}

// way tells of the interface that leads to the servers.
func way(e evidence) (vpn, metered netstack.Opt[bool]) {
	for _, a := range e.addresses {
		if a.IP != e.source || a.Kind == "" {
			continue
		}
		vpn = netstack.Some(a.Kind == netstack.VPN)
		if a.Kind == netstack.Cellular {
			metered = netstack.Some(true)
		}
	}
	return vpn, metered
}

func interfaces(list []ifwatch.Address) (out []Interface) {
	for _, a := range list {
		if a.IP.IsLoopback() {
			continue
		}
		i := slices.IndexFunc(out, func(o Interface) bool { return o.Name == a.Interface })
		if i < 0 {
			i = len(out)
			out = append(out, Interface{Name: a.Interface, Kind: a.Kind, Bridge: a.Bridge})
		}
		out[i].Addresses = append(out[i].Addresses, a.IP)
	}
	return out
}
