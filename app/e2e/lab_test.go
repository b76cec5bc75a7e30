//go:build lab && linux

// Package e2e tests the program from outside. With the build tag lab it runs
// real programs in networks made of namespaces.
package e2e

import (
	"testing"
	"time"

	"candid/netstack/netlab"
)

const (
	direct  = "host–host udp"
	overNet = "Direct over the internet"
	overLAN = "Direct, over your own network"
)

// TestCalls calls through all sorts of networks, and prints how it was.
func TestCalls(t *testing.T) {
	exe := build(t)
	rows := new([]row)
	for _, c := range []struct {
		name string
		play func(*stage)
	}{
		{"host in a third network", hostInThird},
		{"host at one of the two", hostAtOne},
		{"one network at home", atHome},
		{"UDP blocked for both", udpBlocked},
		{"UDP blocked for one", udpBlockedForOne},
		{"UDP blocked for one, host at other", udpBlockedHostAtOne},
		{"UDP blocked, TCP open", udpBlockedTCPOpen},
		{"5 % loss both ways", loss},
		{"address changes", addressChanges},
		{"another interface takes over", interfaceChanges},
		{"host killed and back", hostKilled},
		{"signaling cut for 60 s", signalingCut},
	} {
		t.Run(c.name, func(t *testing.T) { c.play(&stage{T: t, Lab: netlab.New(t), exe: exe, rows: rows}) })
	}
	t.Log(heads())
	for _, r := range *rows {
		t.Log(r)
	}
}

// apart makes two networks, joined by a third.
func (s *stage) apart() (inet *netlab.Switch, a, b person) {
	s.Helper()
	inet = s.Internet(netlab.Dual)
	ra := s.Router("home-a", netlab.NoNAT, inet, netlab.Inside(netlab.Dual))
	rb := s.Router("home-b", netlab.NoNAT, inet, netlab.Inside(netlab.Dual))
	return inet, s.person("ada", ra.LAN), s.person("noor", rb.LAN)
}

func hostInThird(s *stage) {
	inet, a, b := s.apart()
	h := s.host(inet.Host())
	ra, rb := s.results(s.pair(a, b, 10, h.link))
	for _, r := range []row{ra, rb} {
		s.says(r, direct, "P2P direct", overNet)
	}
	s.hold(good, ra, rb)
}

func hostAtOne(s *stage) {
	_, a, b := s.apart()
	h := s.host(a.NS)
	ra, rb := s.results(s.pair(a, b, 10, h.link))
	for _, r := range []row{ra, rb} {
		s.says(r, direct, "P2P direct", overNet)
	}
	s.hold(good, ra, rb)
}

func atHome(s *stage) {
	home := s.Router("home", netlab.PortRestricted, s.Internet(netlab.V4))
	a, b := s.person("ada", home.LAN), s.person("noor", home.LAN)
	h := s.host(a.NS)
	ra, rb := s.results(s.pair(a, b, 10, h.link))
	for _, r := range []row{ra, rb} {
		s.says(r, direct, "P2P direct", overLAN)
	}
	s.hold(good, ra, rb)
}

// Who cannot use UDP goes on with TCP or TLS.
const (
	blocked     = "your network blocks UDP, so the call goes over T"
	bothBlocked = "both networks block UDP, so the call goes over T"
)

// behind makes two people behind routers that translate.
func (s *stage) behind(inet *netlab.Switch, at, bt netlab.NAT, af, bf netlab.Filter) (ra *netlab.Router, a, b person) {
	s.Helper()
	ra = s.Router("home-a", at, inet, netlab.Allow(af))
	rb := s.Router("home-b", bt, inet, netlab.Allow(bf))
	return ra, s.person("ada", ra.LAN), s.person("noor", rb.LAN)
}

var noUDP = netlab.Filter{NoUDP: true}

func udpBlocked(s *stage) {
	inet := s.Internet(netlab.V4)
	_, a, b := s.behind(inet, netlab.PortRestricted, netlab.PortRestricted, noUDP, noUDP)
	h := s.host(inet.Host())
	ra, rb := s.results(s.pair(a, b, 10, h.link))
	for _, r := range []row{ra, rb} {
		s.says(r, "relay–", "P2P relayed", bothBlocked)
	}
	s.hold(good, ra, rb)
}

func udpBlockedForOne(s *stage) {
	inet := s.Internet(netlab.V4)
	_, a, b := s.behind(inet, netlab.PortRestricted, netlab.PortRestricted, netlab.Filter{}, noUDP)
	h := s.host(inet.Host())
	ra, rb := s.results(s.pair(a, b, 10, h.link))
	s.says(ra, "", "P2P relayed", "Relayed by the host")
	s.says(rb, "relay–", "P2P relayed", blocked)
	s.hold(good, ra, rb)
}

func udpBlockedHostAtOne(s *stage) {
	inet := s.Internet(netlab.V4)
	home, a, b := s.behind(inet, netlab.PortRestricted, netlab.PortRestricted, netlab.Filter{}, noUDP)
	home.Forward(7788, a.NS)
	h := s.host(a.NS, "--public", home.Addr4().String())
	ra, rb := s.results(s.pair(a, b, 10, h.link))
	s.says(ra, "", "P2P relayed", "Relayed by the host")
	s.says(rb, "relay–", "P2P relayed", blocked)
	s.hold(good, ra, rb)
}

func udpBlockedTCPOpen(s *stage) {
	inet, a, b := s.apart()
	a.eth.NoUDP(true)
	b.eth.NoUDP(true)
	h := s.host(inet.Host())
	ra, rb := s.results(s.pair(a, b, 10, h.link))
	for _, r := range []row{ra, rb} {
		s.says(r, "", "P2P direct", "Direct, but over TCP")
	}
	s.hold(good, ra, rb)
}

func loss(s *stage) {
	inet, a, b := s.apart()
	a.eth.Loss(0.05, 0.05)
	h := s.host(inet.Host())
	ra, rb := s.results(s.pair(a, b, 20, h.link))
	for _, r := range []row{ra, rb} {
		s.says(r, direct, "P2P direct", overNet)
	}
	s.hold(limits{decoded: 0.97, concealed: 0.01, freeze: 500 * time.Millisecond}, ra, rb)
}

// moved is a call that was interrupted by a move for half a second at most.
var moved = limits{decoded: 0.9, concealed: 0.1, freeze: 500 * time.Millisecond}

func addressChanges(s *stage) {
	inet, a, b := s.apart()
	h := s.host(inet.Host())
	ca, cb := s.pair(a, b, 20, h.link)
	s.measuring(ca, cb)
	a.eth.Renumber()
	ra, rb := s.results(ca, cb)
	for _, r := range []row{ra, rb} {
		s.says(r, "", "P2P direct", overNet)
	}
	s.hold(moved, ra, rb)
}

func interfaceChanges(s *stage) {
	inet, a, b := s.apart()
	h := s.host(inet.Host())
	ca, cb := s.pair(a, b, 20, h.link)
	s.measuring(ca, cb)
	a.Join(inet) // as when the cable is plugged in
	time.Sleep(2 * time.Second)
	a.eth.Down() // and the wireless network is left
	ra, rb := s.results(ca, cb)
	for _, r := range []row{ra, rb} {
		s.says(r, "", "P2P direct", overNet)
	}
	s.hold(moved, ra, rb)
}

func hostKilled(s *stage) {
	inet, a, b := s.apart()
	h := s.host(inet.Host())
	ca, cb := s.pair(a, b, 25, h.link)
	s.measuring(ca, cb)
	h.Kill()
	time.Sleep(3 * time.Second)
	h = h.start()
	// Who is called now finds both, if they are back in the room.
	time.Sleep(8 * time.Second)
	c := s.call(s.person("kim", inet), 2, 3, h.link)
	s.result(c)
	ra, rb := s.results(ca, cb)
	s.hold(good, ra, rb)
}

func signalingCut(s *stage) {
	inet, a, b := s.apart()
	server := s.person("server", inet)
	h := s.host(server.NS)
	ca, cb := s.pair(a, b, 70, h.link)
	s.measuring(ca, cb)
	server.eth.Loss(1, 1)
	time.Sleep(time.Minute)
	server.eth.Loss(0, 0)
	ra, rb := s.results(ca, cb)
	for _, r := range []row{ra, rb} {
		s.says(r, direct, "P2P direct", overNet)
	}
	s.hold(good, ra, rb)
}
