//go:build lab && linux

package e2e

import (
	"testing"
	"time"

	"candid/netstack/netlab"
)

// TestNATs calls between people behind all sorts of routers: directly wherever
// that can be, by the host's relay else.
func TestNATs(t *testing.T) {
	exe := build(t)
	rows := new([]row)
	for _, x := range []struct {
		a, b netlab.NAT
		path string
	}{
		{netlab.FullCone, netlab.FullCone, "P2P direct"},
		{netlab.AddressRestricted, netlab.PortRestricted, "P2P direct"},
		{netlab.PortRestricted, netlab.PortRestricted, "P2P direct"},
		{netlab.FullCone, netlab.Symmetric, "P2P direct"},
		{netlab.AddressRestricted, netlab.Symmetric, "P2P direct"},
		{netlab.PortRestricted, netlab.Symmetric, "P2P relayed"},
		{netlab.Symmetric, netlab.Symmetric, "P2P relayed"},
	} {
		t.Run(x.a.String()+" to "+x.b.String(), func(t *testing.T) {
			s := &stage{T: t, Lab: netlab.New(t), exe: exe, rows: rows}
			inet := s.Internet(netlab.V4)
			_, a, b := s.behind(inet, x.a, x.b, netlab.Filter{}, netlab.Filter{})
			ra, rb := s.results(s.pair(a, b, 3, s.host(inet.Host()).link))
			s.says(ra, "", x.path, "")
			s.says(rb, "", x.path, "")
			s.hold(good, ra, rb)
		})
	}
	t.Run("IPv6 only", func(t *testing.T) {
		s := &stage{T: t, Lab: netlab.New(t), exe: exe, rows: rows}
		inet := s.Internet(netlab.V6)
		a := s.person("ada", s.Router("home-a", netlab.PortRestricted, inet, netlab.Inside(netlab.V6)).LAN)
		b := s.person("noor", s.Router("home-b", netlab.PortRestricted, inet, netlab.Inside(netlab.V6)).LAN)
		ra, rb := s.results(s.pair(a, b, 3, s.host(inet.Host()).link))
		for _, r := range []row{ra, rb} {
			s.says(r, "", "P2P direct", "by IPv6")
		}
		s.hold(good, ra, rb)
	})
	for _, nat := range []netlab.NAT{netlab.PortRestricted, netlab.Symmetric} {
		t.Run("router restarted: "+nat.String(), func(t *testing.T) {
			s := &stage{T: t, Lab: netlab.New(t), exe: exe, rows: rows}
			inet := s.Internet(netlab.V4)
			router, a, b := s.behind(inet, nat, netlab.FullCone, netlab.Filter{}, netlab.Filter{})
			ca, cb := s.pair(a, b, 20, s.host(inet.Host()).link)
			s.measuring(ca, cb)
			router.Forget()
			ra, rb := s.results(ca, cb)
			s.hold(limits{decoded: 0.7, concealed: 0.3, freeze: 4 * time.Second}, ra, rb)
		})
	}
	t.Log(heads())
	for _, r := range *rows {
		t.Log(r)
	}
}
