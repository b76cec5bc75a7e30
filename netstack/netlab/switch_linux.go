package netlab

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Switch is an Ethernet segment: a bridge in some namespace.
type Switch struct {
	ns       *NS
	bridge   string
	prefixes []netip.Prefix // at most one a family
	gateway  bool           // the namespace has the first address of each, and forwards
	next     int            // number of the next address
}

// firstHost is the number of the first host of a network.
const firstHost = 10

// Switch makes a segment by itself. Hosts get addresses from prefixes, of which
// there is at most one a family.
func (l *Lab) Switch(name string, prefixes ...netip.Prefix) *Switch {
	l.t.Helper()
	return l.Host(name).newSwitch("br0", false, prefixes)
}

// Internet makes a public network, which also knows the way to the public
// addresses behind routers on it.
func (l *Lab) Internet(f Family) *Switch {
	l.t.Helper()
	n := l.Host(fmt.Sprintf("inet%d", l.nets))
	n.forward()
	return n.newSwitch("br0", true, l.public(f))
}

// public returns the next public prefixes.
func (l *Lab) public(f Family) (ps []netip.Prefix) {
	if f.has4() {
		ps = append(ps, netip.MustParsePrefix(fmt.Sprintf("20.0.%d.0/24", l.nets)))
	}
	if f.has6() {
		ps = append(ps, netip.MustParsePrefix(fmt.Sprintf("2a00:5eed:%x::/64", l.nets)))
	}
	l.nets++
	return ps
}

// forward makes the host a router.
func (n *NS) forward() {
	n.lab.t.Helper()
	n.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
		"net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0")
}

// newSwitch makes a bridge on the host.
func (n *NS) newSwitch(bridge string, gateway bool, prefixes []netip.Prefix) *Switch {
	n.lab.t.Helper()
	// Without an address of its own a bridge has that of some port, and another
	// when a port is added: for who knows the one before, it is gone for seconds.
	n.lab.bridges++
	mac := fmt.Sprintf("02:00:00:00:%02x:%02x", n.lab.bridges>>8, n.lab.bridges&0xFF)
	n.ip("link", "add", "name", bridge, "address", mac, "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
	// What passes a bridge is not the packet filter's.
	n.sysctl("net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")
	n.ip("link", "set", "dev", bridge, "up")
	s := &Switch{ns: n, bridge: bridge, prefixes: prefixes, gateway: gateway, next: firstHost}
	if gateway {
		i := &Iface{end: end{n, bridge}, metric: len(n.ifs)}
		for _, p := range prefixes {
			i.addrs = append(i.addrs, number(p, 1))
		}
		i.settle()
		n.ifs = append(n.ifs, i)
	}
	return s
}

// Host is where the switch is. An internet is a host too: programs may run on
// it, at the first address of its networks.
func (s *Switch) Host() *NS { return s.ns }

// Prefixes are the networks of the segment.
func (s *Switch) Prefixes() []netip.Prefix { return s.prefixes }

// take gives out the next address of each family.
func (s *Switch) take() (as []netip.Prefix) {
	for _, p := range s.prefixes {
		as = append(as, number(p, s.next))
	}
	s.next++
	return as
}

// routes are what a host on the segment needs besides its address.
func (s *Switch) routes() (vias []netip.Addr) {
	if s.gateway {
		for _, p := range s.prefixes {
			vias = append(vias, number(p, 1).Addr())
		}
	}
	return vias
}

// JoinOption says how a host joins a switch.
type JoinOption func(*joining)

type joining struct {
	dev    string
	mtu    int
	line   *Params
	alone  bool // no default route
	static []netip.Prefix
}

// Over makes the line one that does as p says; see Iface.Wire.
func Over(p Params) JoinOption { return func(j *joining) { j.line = &p } }

// MTU sets the largest packet of the line.
func MTU(bytes int) JoinOption { return func(j *joining) { j.mtu = bytes } }

// Device names the interface on the host, eth0 and so on by default.
func Device(name string) JoinOption { return func(j *joining) { j.dev = name } }

// Address gives the interface these addresses instead of the switch's next.
func Address(as ...netip.Prefix) JoinOption { return func(j *joining) { j.static = as } }

// NoGateway leaves out the default route.
func NoGateway() JoinOption { return func(j *joining) { j.alone = true } }

// Join connects the host to a switch. The first interface joined has the
// preferred default route.
func (n *NS) Join(s *Switch, opts ...JoinOption) *Iface {
	n.lab.t.Helper()
	j := joining{dev: fmt.Sprintf("eth%d", len(n.ifs))}
	for _, o := range opts {
		o(&j)
	}
	s.ns.ports++
	port := "p" + strconv.Itoa(s.ns.ports)
	i, far := n.lab.cable(end{n, j.dev}, end{s.ns, port}, j)
	i.sw = s
	far.ns.ip("link", "set", "dev", far.dev, "master", s.bridge)
	if i.addrs = j.static; len(i.addrs) == 0 {
		i.addrs = s.take()
	}
	if !j.alone {
		i.via = s.routes()
	}
	i.settle()
	return i
}

// Connect lays a cable between two hosts. Each pair of addresses is for a and
// b; there are no routes but the direct ones.
func (l *Lab) Connect(a, b *NS, prefixes []netip.Prefix, opts ...JoinOption) (*Iface, *Iface) {
	l.t.Helper()
	j := joining{dev: fmt.Sprintf("eth%d", len(a.ifs))}
	for _, o := range opts {
		o(&j)
	}
	i, far := l.cable(end{a, j.dev}, end{b, fmt.Sprintf("eth%d", len(b.ifs))}, j)
	k := &Iface{end: far, peer: i.end, wire: i.wire, metric: len(b.ifs)}
	if j.line != nil {
		k.peer = i.wire.b
	}
	b.ifs = append(b.ifs, k)
	for _, p := range prefixes {
		i.addrs = append(i.addrs, number(p, 1))
		k.addrs = append(k.addrs, number(p, 2))
	}
	i.settle()
	k.settle()
	return i, k
}

// cable makes both ends of a line, which are up, and the interface of the
// first.
func (l *Lab) cable(a, b end, j joining) (*Iface, end) {
	l.t.Helper()
	i := &Iface{end: a, peer: b, metric: len(a.ns.ifs)}
	if j.line == nil {
		l.veth(a, b, j.mtu)
	} else {
		i.wire = l.wire(a, b, j)
		i.peer = i.wire.a
	}
	a.ns.ifs = append(a.ns.ifs, i)
	return i, b
}

// veth makes a pair of interfaces. Neither hands over packets larger than the
// line carries.
func (l *Lab) veth(a, b end, mtu int) {
	l.t.Helper()
	a.ns.ip("link", "add", "name", a.dev, "type", "veth", "peer", "name", b.dev, "netns", b.ns.full)
	for _, e := range []end{a, b} {
		set := []string{"link", "set", "dev", e.dev, "gso_max_segs", "1"}
		if mtu > 0 {
			set = append(set, "mtu", strconv.Itoa(mtu))
		}
		e.ns.ip(append(set, "up")...)
	}
}

// number returns the n-th address of a network.
func number(p netip.Prefix, n int) netip.Prefix {
	b := p.Masked().Addr().AsSlice()
	for i := len(b) - 1; n > 0; i-- {
		n += int(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, p.Bits())
}
