// Package netlab makes networks for tests out of network namespaces: hosts,
// switches, an internet, routers with every kind of NAT, and lines that delay,
// lose, reorder, duplicate and queue what passes.
//
//	lab := netlab.New(t)
//	inet := lab.Internet(netlab.Dual)
//	home := lab.Router("home", netlab.Symmetric, inet, netlab.Allow(netlab.Filter{NoUDP: true}))
//	alice := lab.Host("alice")
//	eth := alice.Join(home.LAN, netlab.Over(netlab.Params{Delay: 50 * time.Millisecond}))
//	bob := lab.Host("bob")
//	bob.Join(inet).Loss(0.05, 0.05)
//	alice.Start("ping", bob.Addr4().String())
//
// It needs Linux, the rights of root, and the programs ip, nft and conntrack;
// where they are missing New skips the test and says why. It changes nothing in
// the namespace the test runs in. Everything belongs to the Lab, which ends and
// removes it when the test ends; what a killed test left behind is removed by
// the next New. Methods that fail end the test, so they are called from the
// goroutine of the test.
//
// The addresses of the internet look like ordinary public ones, because
// programs under test treat those kept for documentation as private.
package netlab

import "time"

// Family says which versions of IP a network has.
type Family int

// The families.
const (
	V4 Family = iota
	V6
	Dual // both
)

func (f Family) has4() bool { return f != V6 }
func (f Family) has6() bool { return f != V4 }

// NAT is how a router translates IPv4 addresses and what it lets in, in the
// terms of RFC 3489 section 5. IPv6 is never translated: behind a router with
// NAT it is let in only as answer to what went out.
type NAT int

// The kinds of NAT.
const (
	NoNAT             NAT = iota // addresses of the LAN are public, everything passes
	FullCone                     // one port for all destinations; anyone may send to it
	AddressRestricted            // the same; only addresses sent to may answer
	PortRestricted               // the same; only addresses and ports sent to may answer
	Symmetric                    // a new port for each destination, which alone may answer
)

func (n NAT) String() string {
	return [...]string{"no NAT", "full cone", "address-restricted", "port-restricted", "symmetric"}[n]
}

// Filter is what a router refuses to forward, silently. The zero Filter
// refuses nothing.
type Filter struct {
	NoUDP   bool
	OnlyTCP []uint16 // from the LAN only TCP to these ports passes
}

// Params say what a line does to what passes it in one direction. The zero
// Params do nothing.
type Params struct {
	Delay     time.Duration // of each packet
	Jitter    time.Duration // added to Delay, evenly from −Jitter to +Jitter; keeps the order
	Loss      float64       // share lost, 0 to 1
	Burst     float64       // mean length of a run of losses in packets; up to 1: each by itself
	Reorder   float64       // share that takes a quarter of the delay, and so overtakes
	Duplicate float64       // share that arrives twice
	Rate      int           // bit/s; 0: no limit
	Queue     time.Duration // longest wait in front of Rate, beyond which packets are dropped; 0: 100 ms
	Cut       bool          // the cable is pulled; nobody is told
}
