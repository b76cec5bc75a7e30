package verdict

import (
	"fmt"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

const (
	loginThere = "There, a web page has to be opened to log in."
	login      = "Open a web page, log in to this network, and try again."
	relayPort  = "The host's relay could not be reached either: its port must be open for both UDP and TCP."
	better     = "Let Candid look for a better way."
	allowUDP   = "If UDP were allowed there, sound and picture would hold better and could go directly."
	openRouter = "Open UDP 7788 at home and host the room there, turn on UPnP, or set one of the routers from strict (symmetric) to open."
)

// whose names the side something is on.
func whose(mine, theirs bool, one, both string) string {
	switch {
	case mine && theirs:
		return "both " + both
	case mine:
		return "your " + one
	}
	return "the other side's " + one
}

// verb agrees with whose.
func verb(mine, theirs bool, one, both string) string {
	if mine && theirs {
		return both
	}
	return one
}

// relay says why a call is relayed.
func relay(l netstack.Link, local netstack.Candidate, mine, theirs Evidence) Verdict {
	v := Verdict{Path: Relayed}
	over := map[string]string{"tcp": "TCP", "tls": "TLS, like a web page"}[local.RelayProtocol]
	if local.Type != webrtc.ICECandidateTypeRelay {
		over = ""
	}
	blockedHere, blockedThere := no(mine.UDP) || over != "" && !yes(mine.UDP), no(theirs.UDP)
	switch {
	case apart(mine, theirs) && !blockedHere && !blockedThere:
		v.Why = "Not direct: one side has IPv6 only, the other IPv4 only; the host stands between."
		v.Better = "With both kinds of addresses on either side the call could go directly."
	case over != "" && yes(mine.UDP) && !blockedThere:
		v.Why = "Relayed by the host over " + over + ", though UDP gets through: it answered first."
		v.Better = better
	case blockedHere && blockedThere:
		v.Why = "Relayed by the host: both networks block UDP, so the call goes over " + orTCP(over) + "."
		v.Better = "If UDP were allowed on either side, sound and picture would hold better."
	case blockedHere:
		v.Why = "Relayed by the host: your network blocks UDP, so the call goes over " + orTCP(over) + "."
		v.Better = "If UDP were allowed on your network, sound and picture would hold better and could go directly."
	case blockedThere:
		v.Why = "Relayed by the host: the other side's network blocks UDP."
		v.Better = allowUDP
	case only(l.Local, webrtc.ICECandidateTypeRelay) && yes(mine.UDP):
		v.Why = "Relayed by the host, because you hide this computer's addresses."
		v.Better = "Without hiding them the call could go directly."
	case only(l.Remote, webrtc.ICECandidateTypeRelay) && yes(theirs.UDP):
		v.Why = "Relayed by the host, because the other side hides its addresses."
	default:
		v.Why, v.Better = byRouters(local, mine, theirs)
	}
	return v
}

func orTCP(over string) string {
	if over == "" {
		return "TCP"
	}
	return over
}

// byRouters says why two networks that let UDP through do not let this call.
func byRouters(local netstack.Candidate, mine, theirs Evidence) (why, hint string) {
	hint = openRouter
	switch {
	case mine.strict() && theirs.strict():
		why = "Not direct: both routers give a new port to every destination."
	case mine.strict() && theirs.picky():
		why = "Not direct: your router gives a new port to every destination, and the other side's lets in only ports it sent to."
	case theirs.strict() && mine.picky():
		why = "Not direct: the other side's router gives a new port to every destination, and yours lets in only ports it sent to."
	case mine.strict() || theirs.strict():
		why = "Not direct: " + whose(mine.strict(), false, "router", "") + " gives a new port to every destination, and the other one does not let it in."
	case MayBeDirect(mine, theirs):
		return "Relayed by the host, though the routers would let the call through directly: a firewall is in the way, or the relay was faster.", better
	case local.Type != webrtc.ICECandidateTypeRelay:
		return "Relayed by the host: the other side can only be reached through it.",
			"If the other side's network let UDP through, or its router opened a port, the call could go directly."
	default:
		return "Relayed by the host: the two networks let nothing through directly.",
			"If one of you can open a UDP port at the router, the call can go directly."
	}
	switch here, there := yes(mine.PortMapping), yes(theirs.PortMapping); {
	case here && there:
		hint = "Host the room on one of your computers: both routers open ports by themselves."
	case here:
		hint = "Host the room on your computer: your router opens ports by itself."
	case there:
		hint = "Let the other side host the room: its router opens ports by itself."
	}
	return why, hint
}

// MayBeDirect reports whether UDP gets through on both sides and the routers are
// known to let a direct call through: a call that is relayed all the same was
// unlucky, and may try again.
func MayBeDirect(mine, theirs Evidence) bool {
	return !no(mine.UDP) && !no(theirs.UDP) && mine.easy() && theirs.easy()
}

// apart reports whether the two have no family of addresses in common.
func apart(a, b Evidence) bool {
	return no(a.IPv4) && yes(a.IPv6) && no(b.IPv6) && yes(b.IPv4) || no(b.IPv4) && yes(b.IPv6) && no(a.IPv6) && yes(a.IPv4)
}

// only reports whether all of at least one candidates are of a type.
func only(cs []netstack.Candidate, t webrtc.ICECandidateType) bool {
	for _, c := range cs {
		if c.Type != t {
			return false
		}
	}
	return len(cs) > 0
}

func directTCP(l netstack.Link, mine, theirs Evidence) Verdict {
	here, there := no(mine.UDP), no(theirs.UDP)
	switch {
	case udpWorks(l):
		return Verdict{Path: Direct, Why: "Direct, over TCP: it answered before UDP did.", Better: "UDP works too and holds up better: let Candid look for a better way."}
	case here || there:
		return Verdict{Path: Direct, Why: "Direct, but over TCP: " + whose(here, there, "network", "networks") + verb(here, there, " blocks UDP.", " block UDP."), Better: "Let UDP through there: a lost packet then no longer holds up those behind it."}
	}
	return Verdict{Path: Direct, Why: "Direct, but over TCP: UDP did not get through.", Better: "Let UDP through the firewall: a lost packet then no longer holds up those behind it."}
}

// overTCP adds that the way to the host is not the usual one.
func overTCP(v Verdict, local netstack.Candidate, mine Evidence) Verdict {
	if local.Protocol == "tcp" || local.RelayProtocol == "tcp" || local.RelayProtocol == "tls" {
		v.Better = "The way to the host is TCP: if UDP were allowed on your network, sound and picture would hold better."
	} else if yes(mine.VPN) {
		v.Better = "Without your VPN the way to the host may be shorter."
	}
	return v
}

// failed says what most likely kept the two apart.
func failed(l netstack.Link, mine, theirs Evidence) Verdict {
	v := Verdict{Path: Broken, Badge: "No connection",
		Why:    fmt.Sprintf("Tried %s between the two machines; nothing came through.", plural(len(l.Pairs), "way", "ways")),
		Better: "Ask whoever runs the network whether it blocks calls, or try another network, such as a phone's.",
	}
	if len(l.Pairs) == 0 {
		v.Why = "The two machines found no way to try: no address of one can be reached from the other."
	}
	code := mine.relayCode()
	switch here, there := no(mine.UDP), no(theirs.UDP); {
	case yes(mine.CaptivePortal):
		v.Why, v.Better = "This network seems to want a login first.", login
	case yes(theirs.CaptivePortal):
		v.Why, v.Better = "The other side's network seems to want a login first.", loginThere
	case code == 401 || code == 403:
		v.Why = fmt.Sprintf("Nothing came through directly, and the host's relay refuses our credentials (%d).", code)
		v.Better = "Leave and join again: that brings new ones."
	case code == 486:
		v.Why, v.Better = "Nothing came through directly, and the host's relay is full (486).", "Try again when others have left, or let the host allow more."
	case here || there:
		v.Why = "No connection: " + whose(here, there, "network", "networks") + verb(here, there, " blocks", " block") + " UDP, and the host's relay could not be reached over TCP."
		v.Better = relayPort
	case !has(l.Local, webrtc.ICECandidateTypeRelay):
		v.Better = relayPort
	}
	return v
}
