package netlab

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// end is one end of a line.
type end struct {
	ns  *NS
	dev string
}

// Iface is a network interface of a host, with the line it is on.
type Iface struct {
	end
	peer   end // where the line arrives
	sw     *Switch
	wire   *Wire
	addrs  []netip.Prefix
	via    []netip.Addr // gateways of the default routes
	metric int
	out    refusal
	in     refusal
}

// refusal is what does not arrive at an end of a line.
type refusal struct {
	loss  float64
	noUDP bool
}

// Name is the interface's name on the host.
func (i *Iface) Name() string { return i.dev }

// Addrs are the interface's addresses, without link-local ones.
func (i *Iface) Addrs() []netip.Prefix { return i.addrs }

// Wire is the line of an interface joined with Over, else nil.
func (i *Iface) Wire() *Wire { return i.wire }

// Received counts the bytes that have arrived on the interface.
func (i *Iface) Received() (bytes uint64) {
	i.ns.lab.t.Helper()
	err := i.ns.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 1 && f[0] == i.dev+":" {
				bytes, err = strconv.ParseUint(f[1], 10, 64)
				return err
			}
		}
		return fmt.Errorf("no interface %s", i.dev)
	})
	if err != nil {
		i.ns.lab.t.Fatalf("%s: read counters: %v", i.ns.name, err)
	}
	return bytes
}

// settle gives the interface all addresses and routes it should have.
func (i *Iface) settle() {
	i.ns.lab.t.Helper()
	for _, a := range i.addrs {
		i.ns.address(i.dev, a)
	}
	for _, gw := range i.via {
		for _, a := range i.addrs {
			if a.Masked().Contains(gw) {
				i.ns.ip("route", "replace", "default", "via", gw.String(), "dev", i.dev, "metric", strconv.Itoa(100+i.metric))
				break
			}
		}
	}
}

// address gives an interface of the host an address.
func (n *NS) address(dev string, a netip.Prefix) {
	n.lab.t.Helper()
	args := []string{"addr", "replace", a.String(), "dev", dev}
	if a.Addr().Is6() {
		args = append(args, "nodad")
	}
	n.ip(args...)
}

// AddAddr gives the interface one more address.
func (i *Iface) AddAddr(a netip.Prefix) {
	i.ns.lab.t.Helper()
	i.addrs = append(i.addrs, a)
	i.settle()
}

// DelAddr takes an address away.
func (i *Iface) DelAddr(a netip.Prefix) {
	i.ns.lab.t.Helper()
	left := i.addrs[:0:0]
	for _, have := range i.addrs {
		if have != a {
			left = append(left, have)
		}
	}
	i.addrs = left
	i.ns.ip("addr", "del", a.String(), "dev", i.dev)
}

// Renumber replaces the interface's addresses by the next ones of its switch,
// as a network does that a laptop has moved to.
func (i *Iface) Renumber() {
	i.ns.lab.t.Helper()
	for _, a := range i.addrs {
		i.DelAddr(a)
	}
	i.addrs = i.sw.take()
	i.settle()
}

// Down takes the link down, which the host notices.
func (i *Iface) Down() {
	i.ns.lab.t.Helper()
	i.ns.ip("link", "set", "dev", i.dev, "down")
}

// Up takes the link up again, with its addresses and routes.
func (i *Iface) Up() {
	i.ns.lab.t.Helper()
	i.ns.ip("link", "set", "dev", i.dev, "up")
	i.settle()
}

// SetMTU sets the largest packet the host sends here.
func (i *Iface) SetMTU(bytes int) {
	i.ns.lab.t.Helper()
	i.ns.ip("link", "set", "dev", i.dev, "mtu", strconv.Itoa(bytes))
}

// Loss loses a share (0 to 1) of the packets from the host, and of those to
// it, each by itself. The host is not told. What addresses are found with
// (ARP, neighbour discovery) is spared.
func (i *Iface) Loss(out, in float64) {
	i.ns.lab.t.Helper()
	i.out.loss, i.in.loss = out, in
	i.refuse()
}

// NoUDP loses all UDP from and to the host, or no longer. The host is not
// told.
func (i *Iface) NoUDP(on bool) {
	i.ns.lab.t.Helper()
	i.out.noUDP, i.in.noUDP = on, on
	i.refuse()
}

// refuse gives both ends their rules. Packets are refused where they arrive:
// a sender would be told.
func (i *Iface) refuse() {
	i.ns.lab.t.Helper()
	i.ns.nft(i.in.rules(i.dev))
	i.peer.ns.nft(i.out.rules(i.peer.dev))
}

func (r refusal) rules(dev string) string {
	var b strings.Builder
	// Adding it first makes deleting possible; all of it happens at once.
	fmt.Fprintf(&b, "add table netdev refuse_%[1]s\ndelete table netdev refuse_%[1]s\n", dev)
	fmt.Fprintf(&b, "table netdev refuse_%[1]s {\nchain in {\ntype filter hook ingress device \"%[1]s\" priority 0; policy accept;\n", dev)
	b.WriteString("icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept\n")
	if r.noUDP {
		b.WriteString("meta l4proto udp drop\n")
	}
	switch part := int(r.loss*10000 + 0.5); {
	case part >= 10000:
		b.WriteString("meta protocol { ip, ip6 } drop\n")
	case part > 0:
		fmt.Fprintf(&b, "meta protocol { ip, ip6 } numgen random mod 10000 < %d drop\n", part)
	}
	b.WriteString("}\n}\n")
	return b.String()
}
