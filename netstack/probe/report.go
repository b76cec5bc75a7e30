// Package probe finds out what this machine can reach, and how: UDP, IPv4 and
// IPv6, each STUN and TURN server with its error, the NAT's behaviour in the
// terms of RFC 4787 and by the tests of RFC 5780, and whether the router opens
// ports. It asks the room's host and the servers it is given, and the router;
// never anybody else. What it could not find out stays unknown.
package probe

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"candid/netstack"
	"candid/netstack/portmap"
)

// Report is what a probe found. It is a value: JSON writes and reads it whole.
// The zero Report knows nothing.
type Report struct {
	At       time.Time     `json:"at"`
	Duration time.Duration `json:"duration"`

	UDP  netstack.Opt[bool] `json:"udp"` // to the internet, or whatever was asked
	IPv4 netstack.Opt[bool] `json:"ipv4"`
	IPv6 netstack.Opt[bool] `json:"ipv6"`

	// NAT reports whether other addresses are seen outside than this machine
	// has, by IPv4. Mapping and Filtering are its behaviour, or that of the
	// firewall where there is no NAT.
	NAT       netstack.Opt[bool] `json:"nat"`
	Mapping   Behaviour          `json:"natMapping,omitempty"`
	Filtering Behaviour          `json:"natFiltering,omitempty"`
	// Hairpin reports whether two programs behind the NAT reach each other by
	// its outside.
	Hairpin netstack.Opt[bool] `json:"hairpin"`

	Public      []netip.Addr      `json:"publicAddresses"` // as seen outside, sorted
	PortMapping portmap.Available `json:"portMapping"`

	// CaptivePortal is suspected where someone else answers in the host's
	// place.
	CaptivePortal netstack.Opt[bool] `json:"captivePortal"`
	VPN           netstack.Opt[bool] `json:"vpn"` // on the way to the servers
	Metered       netstack.Opt[bool] `json:"metered"`

	Servers    []Server    `json:"servers"`   // in the order asked, each once for each family
	Signaling  []Endpoint  `json:"signaling"` // the host's addresses, in the order of the invite
	Interfaces []Interface `json:"interfaces"`
}

// Behaviour is how a NAT maps or filters (RFC 4787 sections 4.1 and 5). Empty
// is unknown.
type Behaviour string

// The behaviours, and what is known when not all could be asked.
const (
	EndpointIndependent     Behaviour = "endpoint-independent"
	AddressDependent        Behaviour = "address-dependent"
	AddressAndPortDependent Behaviour = "address-and-port-dependent"
	// PortIndependent is one of the first two: no second address answered.
	PortIndependent Behaviour = "port-independent"
	// Dependent is one of the last two: no second port answered.
	Dependent Behaviour = "destination-dependent"
)

// could lists what a behaviour may be in truth.
func (b Behaviour) could() []Behaviour {
	switch b {
	case EndpointIndependent, AddressDependent, AddressAndPortDependent:
		return []Behaviour{b}
	case PortIndependent:
		return []Behaviour{EndpointIndependent, AddressDependent}
	case Dependent:
		return []Behaviour{AddressDependent, AddressAndPortDependent}
	}
	return []Behaviour{EndpointIndependent, AddressDependent, AddressAndPortDependent}
}

// Outcome is what came of asking a server.
type Outcome string

// The outcomes.
const (
	OK           Outcome = "ok"
	Unauthorized Outcome = "unauthorized" // it is there, but wants other credentials
	Refused      Outcome = "refused"      // it answered with another error
	TimedOut     Outcome = "timeout"
	NoName       Outcome = "dns"
	Unreachable  Outcome = "unreachable"       // no connection: refused, or no route
	WrongCert    Outcome = "wrong-certificate" // someone else answers
	NotTLS       Outcome = "not-tls"           // someone else answers
	NotTried     Outcome = "not-tried"
)

// Server is one STUN or TURN server, tried over one family.
type Server struct {
	URL      string         `json:"url"`
	Protocol string         `json:"protocol"`            // udp, tcp or tls
	Address  netip.AddrPort `json:"address,omitzero"`    // where the name led
	Outcome  Outcome        `json:"outcome"`             //
	Code     int            `json:"errorCode,omitempty"` // as W3C's icecandidateerror: STUN's, or 701: not reached
	Text     string         `json:"errorText,omitempty"`

	Mapped  netip.AddrPort              `json:"mappedAddress,omitzero"` // ours, as it sees us
	Relayed netip.AddrPort              `json:"relayedAddress,omitzero"`
	RTT     netstack.Opt[time.Duration] `json:"roundTripTime"`
}

// Endpoint is one address of the room's host, tried by TCP and TLS.
type Endpoint struct {
	Address string                      `json:"address"`
	TCP     netstack.Opt[bool]          `json:"tcp"`
	TLS     netstack.Opt[bool]          `json:"tls"` // with the right certificate
	Outcome Outcome                     `json:"outcome"`
	Text    string                      `json:"errorText,omitempty"`
	RTT     netstack.Opt[time.Duration] `json:"roundTripTime"` // of TCP's handshake
}

// Interface is a network interface that is up.
type Interface struct {
	Name      string               `json:"name"`
	Kind      netstack.NetworkKind `json:"kind,omitempty"`
	Bridge    bool                 `json:"bridge,omitempty"` // leads to this machine's own containers only
	Addresses []netip.Addr         `json:"addresses"`
}

// Equal reports whether two reports say the same.
func (r Report) Equal(o Report) bool {
	if !r.At.Equal(o.At) {
		return false
	}
	r.At, o.At = time.Time{}, time.Time{}
	return reflect.DeepEqual(r, o)
}

// word is an optional truth in a line of many.
func word(o netstack.Opt[bool]) string {
	if !o.OK {
		return "?"
	}
	return fmt.Sprint(o.Value)
}

func (b Behaviour) String() string {
	if b == "" {
		return "?"
	}
	return string(b)
}

// String is the report in one line, for logs. It names no addresses.
func (r Report) String() string {
	reached := 0
	for _, s := range r.Servers {
		if s.Outcome == OK {
			reached++
		}
	}
	ports := ""
	for _, p := range []struct {
		is   netstack.Opt[bool]
		name string
	}{{r.PortMapping.UPnP, "U"}, {r.PortMapping.NATPMP, "M"}, {r.PortMapping.PCP, "C"}} {
		if p.is.Or(false) {
			ports += p.name
		}
	}
	if ports == "" {
		ports = word(r.PortMapping.Any())
	}
	rtt := "?"
	if best := r.RTT(); best.OK {
		rtt = best.Value.Round(100 * time.Microsecond).String()
	}
	return fmt.Sprintf("udp=%s v4=%s v6=%s nat=%s map=%s filter=%s hairpin=%s portmap=%s captive=%s vpn=%s servers=%d/%d rtt=%s in %s",
		word(r.UDP), word(r.IPv4), word(r.IPv6), word(r.NAT), r.Mapping, r.Filtering, word(r.Hairpin), ports,
		word(r.CaptivePortal), word(r.VPN), reached, len(r.Servers), rtt, r.Duration.Round(time.Millisecond))
}

// RTT is that of the nearest server that answered.
func (r Report) RTT() netstack.Opt[time.Duration] {
	var best netstack.Opt[time.Duration]
	for _, s := range r.Servers {
		if s.RTT.OK && (!best.OK || s.RTT.Value < best.Value) {
			best = s.RTT
		}
	}
	return best
}

// Relay reports whether a TURN server gave an address over one of these
// protocols; unknown if none was tried with credentials.
func (r Report) Relay(protocols ...string) netstack.Opt[bool] {
	var out netstack.Opt[bool]
	for _, s := range r.Servers {
		if !strings.HasPrefix(s.URL, "turn") || !slices.Contains(protocols, s.Protocol) || s.Outcome == NotTried {
			continue
		}
		if s.Outcome == OK {
			return netstack.Some(true)
		}
		out = netstack.Some(false)
	}
	return out
}

// NATKind names the NAT in plain words, with the old names of RFC 3489 that
// routers' manuals use.
func (r Report) NATKind() string {
	switch {
	case !r.NAT.OK:
		return "not known"
	case !r.NAT.Value:
		return "none: this computer has a public address, or is in one network with the servers"
	}
	switch r.Mapping {
	case AddressAndPortDependent, AddressDependent, Dependent:
		return "strict (symmetric): it gives a new port for every destination"
	case "":
		return "not known: no second address answered to compare with"
	}
	switch r.Filtering {
	case EndpointIndependent:
		return "open (full cone): anyone may send to a port once it is used"
	case AddressDependent:
		return "moderate (address-restricted): only whom we sent to may answer, from any port"
	case AddressAndPortDependent:
		return "moderate (port-restricted): only whom we sent to may answer, from that port"
	case PortIndependent:
		return "open or moderate (full cone or address-restricted): one port for every destination"
	}
	return "open or moderate: one port for every destination"
}
