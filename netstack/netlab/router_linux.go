package netlab

import (
	"fmt"
	"net/netip"
	"strings"
)

// Router is a host that forwards between its LAN and the network it is on, as
// the box at home does.
type Router struct {
	*NS
	WAN *Iface
	LAN *Switch

	nat    NAT
	filter Filter
}

// RouterOption changes a router from what is common.
type RouterOption func(*routing)

type routing struct {
	inside Family
	lan    []netip.Prefix
	filter Filter
	wan    []JoinOption
}

// Inside says what addresses the LAN has; V4 by default.
func Inside(f Family) RouterOption { return func(r *routing) { r.inside = f } }

// LAN gives the LAN these networks instead of 192.168.1.0/24 and a public
// IPv6 one.
func LAN(ps ...netip.Prefix) RouterOption { return func(r *routing) { r.lan = ps } }

// Allow makes the router refuse what f says; see Router.SetFilter.
func Allow(f Filter) RouterOption { return func(r *routing) { r.filter = f } }

// Uplink says how the router joins the network it is on.
func Uplink(opts ...JoinOption) RouterOption { return func(r *routing) { r.wan = opts } }

// Router makes a router on wan. All that are made without LAN have the same
// private addresses inside, as they have at people's homes.
func (l *Lab) Router(name string, nat NAT, wan *Switch, opts ...RouterOption) *Router {
	l.t.Helper()
	var o routing
	for _, opt := range opts {
		opt(&o)
	}
	r := &Router{NS: l.Host(name), nat: nat, filter: o.filter}
	r.forward()
	r.WAN = r.Join(wan, append(o.wan, Device("wan"))...)
	if o.lan == nil {
		o.lan = l.inside(nat, o.inside)
	}
	r.LAN = r.newSwitch("lan", true, o.lan)
	for _, p := range o.lan {
		if p.Addr().Is6() || nat == NoNAT {
			r.announce(wan, p)
		}
	}
	r.nft(r.rules())
	return r
}

// inside returns the usual networks of a LAN.
func (l *Lab) inside(nat NAT, f Family) (ps []netip.Prefix) {
	if nat == NoNAT {
		return l.public(f)
	}
	if f.has4() {
		ps = append(ps, netip.MustParsePrefix("192.168.1.0/24"))
	}
	if f.has6() {
		ps = append(ps, l.public(V6)...)
	}
	return ps
}

// announce tells the network outside the way to one inside.
func (r *Router) announce(wan *Switch, p netip.Prefix) {
	r.lab.t.Helper()
	via := r.Addr4()
	if p.Addr().Is6() {
		via = r.Addr6()
	}
	if !via.IsValid() {
		r.lab.t.Fatalf("%s: the network outside has no addresses like %v", r.name, p)
	}
	wan.ns.Route(p.String(), "via", via.String(), "dev", wan.bridge)
}

// SetFilter changes what the router refuses to forward, from now on and also
// of what flows already.
func (r *Router) SetFilter(f Filter) {
	r.lab.t.Helper()
	r.filter = f
	r.nft(r.filterRules())
}

// Forward lets a port of the router, TCP and UDP, lead to a host on the LAN, as
// people set it for a server at home.
func (r *Router) Forward(port uint16, to *NS) {
	r.lab.t.Helper()
	r.nft(fmt.Sprintf("table ip forward_%[1]d {\nchain pre {\ntype nat hook prerouting priority dstnat - 1;\n"+
		"iifname \"wan\" meta l4proto { tcp, udp } th dport %[1]d dnat to %[2]v\n}\n}\n", port, to.Addr4()))
}

// Forget makes the router forget all it translates, as one does that was
// restarted: nothing comes in any more until something went out, and a
// symmetric NAT takes new ports.
func (r *Router) Forget() {
	r.lab.t.Helper()
	if r.nat != NoNAT {
		r.nft(r.natRules())
	}
	if _, err := run("", "ip", "netns", "exec", r.full, "conntrack", "-F"); err != nil {
		r.lab.t.Fatalf("%s: %v", r.name, err)
	}
}

func (r *Router) rules() string {
	if r.nat == NoNAT {
		return r.filterRules()
	}
	return r.filterRules() + r.natRules()
}

// fresh begins a table that replaces the one before.
func fresh(family, name string) string {
	return fmt.Sprintf("add table %[1]s %[2]s\ndelete table %[1]s %[2]s\ntable %[1]s %[2]s {\n", family, name)
}

// filterRules is what is forwarded, and what may reach the router itself.
func (r *Router) filterRules() string {
	var b strings.Builder
	b.WriteString(fresh("inet", "router"))
	b.WriteString("chain forward {\ntype filter hook forward priority filter; policy drop;\n")
	if r.filter.NoUDP || r.filter.OnlyTCP != nil {
		b.WriteString("meta l4proto udp drop\n")
	}
	if r.filter.OnlyTCP != nil {
		var ports []string
		for _, p := range r.filter.OnlyTCP {
			ports = append(ports, fmt.Sprint(p))
		}
		fmt.Fprintf(&b, "iifname \"lan\" meta l4proto != tcp drop\niifname \"lan\" tcp dport != { %s } drop\n", strings.Join(ports, ", "))
	}
	if r.nat == NoNAT {
		b.WriteString("accept\n")
	}
	b.WriteString("iifname \"lan\" accept\nct state established,related accept\nct status dnat accept\n}\n")
	// Packets that nobody asked for are dropped, as routers at home do.
	b.WriteString("chain input {\ntype filter hook input priority filter; policy drop;\n" +
		"iifname { \"lo\", \"lan\" } accept\nct state established,related accept\nmeta l4proto { icmp, ipv6-icmp } accept\n}\n}\n")
	return b.String()
}

// natRules translate. Linux keeps a port if it can, so its own translation is
// port-restricted. The cones remember, for each port outside, who has it
// inside, and whom he sent to.
func (r *Router) natRules() string {
	var b strings.Builder
	b.WriteString(fresh("ip", "translate"))
	masquerade := "masquerade"
	if r.nat == Symmetric {
		masquerade = "masquerade fully-random"
	}
	fmt.Fprintf(&b, "chain post {\ntype nat hook postrouting priority srcnat;\noifname \"wan\" %s\n}\n", masquerade)
	if r.nat == FullCone || r.nat == AddressRestricted {
		b.WriteString(coneRules(r.nat))
	}
	b.WriteString("}\n")
	return b.String()
}

func coneRules(nat NAT) string {
	from := "udp dport @cone"
	if nat == AddressRestricted {
		from = "udp dport . ip saddr @asked"
	}
	return fmt.Sprintf(`map cone {
type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s;
}
set asked {
type inet_service . ipv4_addr; flags dynamic,timeout; timeout 120s;
}
chain pre {
type nat hook prerouting priority dstnat;
iifname "wan" %s dnat to udp dport map @cone
}
chain learn {
type filter hook postrouting priority srcnat + 10;
oifname "wan" meta l4proto udp ct direction original update @cone { ct reply proto-dst : ct original ip saddr . ct original proto-src }
oifname "wan" meta l4proto udp ct direction original update @asked { ct reply proto-dst . ip daddr }
}
`, from)
}
