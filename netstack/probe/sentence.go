package probe

import (
	"fmt"
	"time"
)

// Level is the colour of the home screen's light.
type Level string

// The levels.
const (
	Unknown Level = "unknown"
	Good    Level = "good"
	Limited Level = "limited"
	Bad     Level = "bad"
)

// Sentence says in one sentence what calls from here will be like.
func (r Report) Sentence() (Level, string) {
	reached, asked := false, len(r.Signaling) > 0
	for _, s := range r.Servers {
		reached = reached || s.answered()
		asked = asked || s.Outcome != NotTried
	}
	for _, s := range r.Signaling {
		reached = reached || s.Outcome == OK
	}
	switch {
	case r.IPv4 == no && r.IPv6 == no && !reached && !r.connected():
		return Bad, "This computer is not connected to any network."
	case r.CaptivePortal.Or(false):
		return Bad, "This network seems to want a login first: open a web page, log in, and try again."
	case !asked:
		return Unknown, "Nothing was asked yet: there is no server to ask before you have an invite."
	case !reached:
		return Bad, "None of the servers answered: the host may be off, or this network lets nothing through to it."
	case !r.UDP.OK:
		return Unknown, "The host answers; whether UDP gets through is not known."
	case !r.UDP.Value && r.Relay("tcp", "tls").Or(true):
		return Limited, "This network blocks UDP: calls go through the host's relay, like a web page, and are less smooth."
	case !r.UDP.Value:
		return Bad, "This network blocks UDP, and the relay is not reached by TCP either: calls will not work here."
	}
	return r.udpSentence()
}

var no = some(false)

func (r Report) udpSentence() (Level, string) {
	ms := ""
	if rtt := r.RTT(); rtt.OK && rtt.Value >= time.Millisecond {
		ms = fmt.Sprintf(" (%d ms to the host)", rtt.Value.Round(time.Millisecond).Milliseconds())
	}
	switch {
	case r.VPN.Or(false):
		return Limited, "Calls work" + ms + ", but through your VPN: without it the way may be shorter."
	case r.NAT == no:
		return Good, "Calls can go directly" + ms + ": no router translates addresses in between."
	case !r.NAT.OK:
		return Good, "UDP gets through" + ms + ", so calls can work well."
	}
	switch r.Mapping {
	case EndpointIndependent, PortIndependent:
		return Good, "Calls can go directly" + ms + ": your router keeps one port for all."
	case "":
		return Good, "UDP gets through" + ms + "; whether calls go directly depends on your router, of which too little is known."
	}
	if r.IPv6.Or(false) {
		return Good, "Calls can go directly by IPv6" + ms + "; by IPv4 your router gives a new port to every destination."
	}
	return Limited, "Your router gives a new port to every destination" + ms + ": calls go directly only to people with an open router, else through the host's relay."
}

// connected reports whether the machine has an address of use.
func (r Report) connected() bool {
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			if !i.Bridge && !a.IsLinkLocalUnicast() {
				return true
			}
		}
	}
	return false
}
