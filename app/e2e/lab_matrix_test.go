//go:build lab && linux

package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/netstack/netlab"
	"candid/netstack/probe"
)

// home is a kind of network somebody calls from, and what there is to find out
// about it.
type home struct {
	name      string
	nat       netlab.NAT
	filter    netlab.Filter
	inside    netlab.Family
	mapping   probe.Behaviour
	filtering probe.Behaviour
}

func (h home) noUDP() bool  { return h.filter.NoUDP || h.filter.OnlyTCP != nil }
func (h home) v6() bool     { return h.inside == netlab.V6 }
func (h home) strict() bool { return h.nat == netlab.Symmetric }
func (h home) picky() bool  { return h.filtering == probe.AddressAndPortDependent }

// homes are the seven kinds.
var homes = []home{
	{name: "full cone", nat: netlab.FullCone, mapping: probe.EndpointIndependent, filtering: probe.EndpointIndependent},
	{name: "address-restricted", nat: netlab.AddressRestricted, mapping: probe.EndpointIndependent, filtering: probe.AddressDependent},
	{name: "port-restricted", nat: netlab.PortRestricted, mapping: probe.EndpointIndependent, filtering: probe.AddressAndPortDependent},
	{name: "symmetric", nat: netlab.Symmetric, mapping: probe.AddressAndPortDependent, filtering: probe.AddressAndPortDependent},
	{name: "UDP blocked", nat: netlab.PortRestricted, filter: noUDP},
	{name: "only TCP 443", nat: netlab.PortRestricted, filter: netlab.Filter{OnlyTCP: []uint16{443}}},
	{name: "IPv6 only", nat: netlab.PortRestricted, inside: netlab.V6},
}

// expected is the path between two homes, and what the first is told of it.
func expected(a, b home) (path, why string) {
	const direct, relayed = "P2P direct", "P2P relayed"
	switch {
	case a.noUDP() && b.noUDP():
		return relayed, "both networks block UDP"
	case a.noUDP():
		return relayed, "your network blocks UDP"
	case b.noUDP():
		return relayed, "the other side's network blocks UDP"
	case a.v6() && b.v6():
		return direct, "by IPv6"
	case a.v6() != b.v6():
		return relayed, "one side has IPv6 only, the other IPv4 only"
	case a.strict() && b.strict():
		return relayed, "both routers give a new port"
	case a.strict() && b.picky():
		return relayed, "your router gives a new port to every destination, and the other side's lets in only"
	case b.strict() && a.picky():
		return relayed, "the other side's router gives a new port to every destination, and yours lets in only"
	case a.strict():
		return direct, "your router gives a new port to every destination, but the other side lets it in"
	case b.strict():
		return direct, "the other side's router gives a new port to every destination, but your side"
	}
	return direct, "the routers on both sides let the call through"
}

// checked is what candid check finds out on a computer.
func (s *stage) checked(p person, link string) *netlab.Process {
	s.Helper()
	return p.Start(s.exe, "check", "--json", link)
}

func (s *stage) report(p *netlab.Process) (r checkReport) {
	s.Helper()
	if err := p.Wait(); err != nil {
		s.Fatalf("check: %v", err)
	}
	out := p.Output()
	if err := json.NewDecoder(strings.NewReader(out[max(0, strings.Index(out, "{")):])).Decode(&r); err != nil {
		s.Fatalf("check: %v in\n%s", err, out)
	}
	return r
}

// server is the room's host on the internet, at two addresses, so that all of
// a NAT's behaviour is found out.
func (s *stage) server(inet *netlab.Switch) *host {
	s.Helper()
	n := s.Lab.Host("server")
	eth := n.Join(inet)
	for _, p := range eth.Addrs() {
		if p.Addr().Is4() {
			eth.AddAddr(netip.PrefixFrom(p.Addr().Next().Next().Next(), p.Bits()))
		}
	}
	return s.host(n, "--port", "443")
}

var (
	matrixRuns   = flag.Int("matrix-runs", 1, "how many times TestRow38Matrix calls in each pairing")
	matrixAtOnce = flag.Int("matrix-at-once", 1, "how many of its calls there are at a time")
)

// pairing is two homes, and how calls between them went.
type pairing struct {
	a, b   home
	right  int       // runs in which all was as expected
	firsts []float64 // ms, both sides'
	ends   [2]row    // newest
}

// call calls once, and holds the NAT's kind as found, the path the call takes,
// and what both sides are told about it.
func (p *pairing) call(s *stage) (row, row) {
	inet := s.Internet(netlab.Dual)
	a := s.person("ada", s.Router("home-a", p.a.nat, inet, netlab.Inside(p.a.inside), netlab.Allow(p.a.filter)).LAN)
	b := s.person("noor", s.Router("home-b", p.b.nat, inet, netlab.Inside(p.b.inside), netlab.Allow(p.b.filter)).LAN)
	link := s.server(inet).link
	ca, cb := s.checked(a, link), s.checked(b, link)
	s.found(p.a, s.report(ca))
	s.found(p.b, s.report(cb))
	ra, rb := s.results(s.pair(a, b, 3, link))
	for _, x := range []struct {
		r           row
		mine, other home
	}{{ra, p.a, p.b}, {rb, p.b, p.a}} {
		path, why := expected(x.mine, x.other)
		s.says(x.r, "", path, why)
	}
	short := good
	short.concealed = 0.03 // of three seconds: one packet in a hundred says nothing
	s.hold(short, ra, rb)
	return ra, rb
}

func (p *pairing) String() string {
	slices.Sort(p.firsts)
	p50, worst := math.NaN(), math.NaN()
	if n := len(p.firsts); n > 0 {
		p50, worst = p.firsts[(n-1)/2], p.firsts[n-1]
	}
	var lines [2]string
	for i, mine := range []home{p.a, p.b} {
		other, r := []home{p.b, p.a}[i], p.ends[i]
		lines[i] = fmt.Sprintf("%-18s to %-18s right %d of %d  first p50 %4.0f, worst %4.0f ms  %-12s %-32s %s",
			mine.name, other.name, p.right, *matrixRuns, p50, worst, r.path, r.pair, r.why)
	}
	return strings.Join(lines[:], "\n")
}

// TestRow38Matrix calls between all pairings of seven kinds of networks, as
// often as -matrix-runs says.
func TestRow38Matrix(t *testing.T) {
	exe := build(t)
	var all []*pairing
	for i, ha := range homes {
		for _, hb := range homes[i:] {
			all = append(all, &pairing{a: ha, b: hb})
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	places := make(chan struct{}, max(1, *matrixAtOnce))
	for run := range *matrixRuns {
		for _, p := range all {
			places <- struct{}{}
			wg.Go(func() {
				defer func() { <-places }()
				var ra, rb row
				ok := t.Run(fmt.Sprintf("%s and %s, %d", p.a.name, p.b.name, run+1), func(t *testing.T) {
					ra, rb = p.call(&stage{T: t, Lab: netlab.New(t), exe: exe, rows: new([]row)})
				})
				mu.Lock()
				defer mu.Unlock()
				p.ends = [2]row{ra, rb}
				if ra.path == "" {
					return // no call, or no lab
				}
				p.firsts = append(p.firsts, ra.first, rb.first)
				if ok {
					p.right++
				}
			})
		}
	}
	wg.Wait()
	var table strings.Builder
	right := 0
	for _, p := range all {
		right += p.right
		fmt.Fprintf(&table, "\n%s", p)
	}
	t.Logf("%d of %d calls right%s", right, len(all)**matrixRuns, &table)
}

// found checks what candid check says of a home.
func (s *stage) found(h home, r checkReport) {
	s.Helper()
	if udp := r.UDP; !udp.OK || udp.Value == h.noUDP() {
		s.Errorf("%s: UDP is said to be %+v", h.name, udp)
	}
	if h.noUDP() || h.v6() {
		return // no NAT to look at
	}
	if r.Mapping != h.mapping || r.Filtering != h.filtering {
		s.Errorf("%s: found mapping %s and filtering %s, want %s and %s", h.name, r.Mapping, r.Filtering, h.mapping, h.filtering)
	}
}

// TestRow38Special: two behind one router; one with a VPN.
func TestRow38Special(t *testing.T) {
	exe := build(t)
	rows := new([]row)
	t.Run("two behind one NAT", func(t *testing.T) {
		s := &stage{T: t, Lab: netlab.New(t), exe: exe, rows: rows}
		inet := s.Internet(netlab.V4)
		lan := s.Router("home", netlab.Symmetric, inet).LAN
		a, b := s.person("ada", lan), s.person("noor", lan)
		ra, rb := s.results(s.pair(a, b, 4, s.server(inet).link))
		for _, r := range []row{ra, rb} {
			s.says(r, direct, "P2P direct", overLAN)
		}
		s.hold(good, ra, rb)
	})
	t.Run("VPN", func(t *testing.T) {
		s := &stage{T: t, Lab: netlab.New(t), exe: exe, rows: rows}
		inet := s.Internet(netlab.V4)
		a := s.person("ada", s.Router("home-a", netlab.Symmetric, inet).LAN)
		b := s.person("noor", s.Router("home-b", netlab.FullCone, inet).LAN)
		s.vpn(a, inet)
		link := s.server(inet).link
		if r := s.report(s.checked(a, link)); !r.VPN.Or(false) {
			t.Errorf("the VPN is not seen: %s", r.Report)
		}
		ra, rb := s.results(s.pair(a, b, 4, link))
		s.says(ra, "", "P2P direct", "through your VPN")
		s.says(rb, "", "P2P direct", "through the other side's VPN")
		s.hold(good, ra, rb)
	})
	t.Log("\n" + heads())
	for _, r := range *rows {
		t.Log(r)
	}
}

// vpn sends all of a computer's traffic through a tunnel, to a gateway on the
// internet that translates addresses.
func (s *stage) vpn(p person, inet *netlab.Switch) {
	s.Helper()
	gate := s.Lab.Host("vpn")
	gate.Join(inet)
	s.Tunnel(p.NS, gate, "tun0", netlab.Params{Delay: 5 * time.Millisecond}, netip.MustParsePrefix("10.9.0.0/24"))
	p.Run("ip", "route", "replace", "default", "via", "10.9.0.2", "dev", "tun0", "metric", "50")
	gate.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	gate.Run("nft", "add table ip out; add chain ip out post { type nat hook postrouting priority 100 ; }; add rule ip out post oifname eth0 masquerade")
}
