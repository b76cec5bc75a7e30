//go:build lab && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/netlab"
	"candid/netstack/probe"
)

// checkReport is what candid check --json prints.
type checkReport struct {
	Level    probe.Level
	Sentence string
	probe.Report
}

// buildServer builds the program as it is for a machine without a window.
func buildServer(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "candid-host")
	cmd := exec.Command("go", "build", "-tags", "headless", "-o", exe, "candid")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return exe
}

var inviteLink = regexp.MustCompile(`candid://\S+`)

// TestCheck lets candid check find out what each network is like.
func TestCheck(t *testing.T) {
	exe := buildServer(t)
	yes, no := netstack.Some(true), netstack.Some(false)
	const ei, ad, apd, pi = probe.EndpointIndependent, probe.AddressDependent, probe.AddressAndPortDependent, probe.PortIndependent
	var table []string
	for _, x := range []struct {
		name     string
		nat      netlab.NAT
		filter   netlab.Filter
		family   netlab.Family
		two      bool // the host has two addresses
		dead     bool // and is gone
		udp, tr  netstack.Opt[bool]
		m, f     probe.Behaviour
		level    probe.Level
		sentence string
	}{
		{name: "no NAT", nat: netlab.NoNAT, udp: yes, tr: no, m: ei, f: pi, level: probe.Good, sentence: "no router translates"},
		{name: "full cone", nat: netlab.FullCone, udp: yes, tr: yes, m: pi, f: pi, level: probe.Good, sentence: "one port for all"},
		{name: "port-restricted", nat: netlab.PortRestricted, udp: yes, tr: yes, m: pi, f: apd, level: probe.Good, sentence: "one port for all"},
		{name: "symmetric", nat: netlab.Symmetric, udp: yes, tr: yes, m: apd, f: apd, level: probe.Limited, sentence: "new port to every"},
		{name: "full cone, two addresses", nat: netlab.FullCone, two: true, udp: yes, tr: yes, m: ei, f: ei, level: probe.Good},
		{name: "address-restricted, two addresses", nat: netlab.AddressRestricted, two: true, udp: yes, tr: yes, m: ei, f: ad, level: probe.Good},
		{name: "port-restricted, two addresses", nat: netlab.PortRestricted, two: true, udp: yes, tr: yes, m: ei, f: apd, level: probe.Good},
		{name: "symmetric, two addresses", nat: netlab.Symmetric, two: true, udp: yes, tr: yes, m: apd, f: apd, level: probe.Limited},
		{name: "UDP blocked", nat: netlab.PortRestricted, filter: netlab.Filter{NoUDP: true}, udp: no, level: probe.Limited, sentence: "blocks UDP"},
		{name: "only TCP 7788", nat: netlab.PortRestricted, filter: netlab.Filter{OnlyTCP: []uint16{7788}}, udp: no, level: probe.Limited, sentence: "blocks UDP"},
		{name: "only TCP 80", nat: netlab.PortRestricted, filter: netlab.Filter{OnlyTCP: []uint16{80}}, level: probe.Bad, sentence: "None of the servers"},
		{name: "IPv6 only", nat: netlab.PortRestricted, family: netlab.V6, udp: yes, level: probe.Good, sentence: "UDP gets through"},
		{name: "host gone", nat: netlab.FullCone, dead: true, level: probe.Bad, sentence: "None of the servers"},
	} {
		t.Run(x.name, func(t *testing.T) {
			lab := netlab.New(t)
			inet := lab.Internet(x.family)
			home := lab.Router("home", x.nat, inet, netlab.Inside(x.family), netlab.Allow(x.filter))
			me, host := lab.Host("me"), lab.Host("host")
			me.Join(home.LAN)
			eth := host.Join(inet)
			if x.two {
				p := eth.Addrs()[0]
				eth.AddAddr(netip.PrefixFrom(p.Addr().Next().Next().Next(), p.Bits()))
			}
			h := host.Start(exe, "host", "--port", "7788", "--dir", t.TempDir())
			link := inviteLink.FindString(h.Expect("Ctrl+C", 10*time.Second))
			if link == "" {
				link = inviteLink.FindString(h.Output())
			}
			if x.dead {
				h.Stop()
				eth.Down()
			}
			c := me.Start(exe, "check", "--json", link)
			err := c.Wait()
			if (err != nil) != (x.level == probe.Bad) {
				t.Errorf("exit: %v", err)
			}
			out := c.Output()
			var r checkReport
			if err := json.NewDecoder(strings.NewReader(out[max(0, strings.Index(out, "{")):])).Decode(&r); err != nil {
				t.Fatalf("%v in\n%s", err, out)
			}
			table = append(table, fmt.Sprintf("%-34s %-8s %s", x.name, r.Level, r.Report))
			if r.UDP != x.udp || r.NAT != x.tr || r.Mapping != x.m || r.Filtering != x.f || r.Level != x.level || !strings.Contains(r.Sentence, x.sentence) {
				t.Errorf("%s: %s\n%s", r.Level, r.Sentence, r.Report)
			}
		})
	}
	for _, row := range table {
		t.Log(row)
	}
}
