package topology

import (
	"fmt"
	"time"

	"candid/netstack"
)

// room chooses between P2P and SFU for everybody.
func (in Inputs) room() (netstack.Topology, string) {
	n := len(in.Members)
	if n < 2 {
		return netstack.P2P, "Nobody else is here yet."
	}
	for _, m := range in.Members {
		if !in.can(m, netstack.SFU) {
			return netstack.P2P, "Everyone is connected directly, because not everyone can use the host's server."
		}
	}
	if t, why := in.forcedRoom(); t != netstack.Auto {
		return t, why
	}
	switch n {
	case 2:
		return in.pair()
	case meshMost:
		if in.meshBetter() {
			return netstack.P2P, "Three people, and the direct paths are measurably shorter for all of them."
		}
		return netstack.SFU, "Three people: the host forwards, so that each sends only once."
	}
	return netstack.SFU, fmt.Sprintf("%d people: the host forwards, so that each sends only once.", n)
}

// forcedRoom looks for a force that decides for everybody; Auto: there is none.
func (in Inputs) forcedRoom() (netstack.Topology, string) {
	if in.Forced == netstack.P2P {
		if why := in.noMesh(); why != "" {
			return netstack.SFU, why
		}
		return netstack.P2P, "The moderator chose direct paths."
	}
	if in.Forced != netstack.Auto {
		return netstack.SFU, fmt.Sprintf("The moderator chose %s.", in.Forced)
	}
	direct := false
	for _, m := range in.Members {
		switch m.Forced {
		case netstack.SFU, netstack.MCU: // the others must send to the host for it
			if in.can(m, m.Forced) {
				return netstack.SFU, fmt.Sprintf("One of the members chose %s, which takes everyone's media to the host.", m.Forced)
			}
		case netstack.P2P:
			direct = true
		}
	}
	if direct && in.noMesh() == "" {
		return netstack.P2P, "One of the members chose direct paths, and everyone can have them."
	}
	return netstack.Auto, ""
}

// noMesh says why the room cannot be direct throughout; empty: it can.
func (in Inputs) noMesh() string {
	if len(in.Members) > forceMost {
		return fmt.Sprintf("The host forwards: direct paths are for %d people at most.", forceMost)
	}
	for _, m := range in.Members {
		if !in.can(m, netstack.P2P) {
			return "The host forwards, because not everyone can connect directly."
		}
		if in.cutOff(m) {
			return "The host forwards, because two of the members cannot reach each other."
		}
	}
	return ""
}

// pair chooses for two.
func (in Inputs) pair() (netstack.Topology, string) {
	a, b := in.Members[0], in.Members[1]
	l := in.Lines[Of(a.ID, b.ID)]
	switch {
	case !in.can(a, netstack.P2P) || !in.can(b, netstack.P2P):
		return netstack.SFU, "The host forwards, because not everyone can connect directly."
	case !l.Direct.OK || l.Direct.Value:
		return netstack.P2P, "Two people are connected directly."
	case l.Relayed.OK && !l.Relayed.Value:
		return netstack.SFU, "The two cannot reach each other, so the host forwards."
	}
	if via, ok := in.viaHost(a, b); ok && l.RTT.OK {
		least := relayLoss
		if in.Previous.Room == netstack.SFU {
			least = 0 // once there, back only when the relay is no worse
		}
		if l.RTT.Value > via+least {
			return netstack.SFU, fmt.Sprintf("There is no direct path, and the relayed one takes %d ms instead of %d ms through the host.",
				l.RTT.Value.Milliseconds(), via.Milliseconds())
		}
	}
	return netstack.P2P, "Two people: there is no direct path, but a relay does as well as the host would."
}

func (in Inputs) viaHost(a, b Member) (time.Duration, bool) {
	return a.ToHost.Value + b.ToHost.Value, a.ToHost.OK && b.ToHost.OK
}

// meshBetter reports whether it is measured that direct paths are better for
// everyone: each pair direct and shorter, each member with the line, the
// processor and the power to send twice.
func (in Inputs) meshBetter() bool {
	margin, load, gain := spare, calm, meshGain
	if in.Previous.Room == netstack.P2P && len(in.Previous.Paths) == len(in.Members) {
		margin, load, gain = enough, busy, meshGain/2
	}
	others := len(in.Members) - 1
	for i, a := range in.Members {
		switch {
		case !in.can(a, netstack.P2P):
			return false
		case !a.Uplink.OK || float64(a.Uplink.Value) < margin*float64(others*fullStream):
			return false
		case !a.Load.OK || a.Load.Value > load:
			return false
		case a.Metered.Value || a.OnBattery.Value:
			return false
		}
		for _, b := range in.Members[i+1:] {
			l := in.Lines[Of(a.ID, b.ID)]
			via, known := in.viaHost(a, b)
			if !l.Direct.Value || !l.RTT.OK || !known || l.RTT.Value+gain > via {
				return false
			}
		}
	}
	return true
}

// member chooses between SFU and MCU for one member of a room that is not
// direct.
func (in Inputs) member(m Member, room string) (netstack.Topology, string) {
	want := in.wish(m)
	mixed := in.can(m, netstack.MCU)
	switch {
	case want == netstack.MCU && mixed:
		if in.Forced == netstack.MCU {
			return netstack.MCU, "The moderator chose the host's mix for everyone."
		}
		return netstack.MCU, "You chose the host's mix."
	case want == netstack.SFU || !mixed:
		return netstack.SFU, room
	}
	least, load := enough, busy
	if in.Previous.Paths[m.ID].Topology == netstack.MCU {
		least, load = spare, calm // back only with something to spare
	}
	others, why := len(in.Members)-1, ""
	switch {
	case m.Downlink.OK && float64(m.Downlink.Value) < least*float64(others*leastStream):
		why = fmt.Sprintf("The line takes %s, too little for %d pictures", rate(m.Downlink.Value), others)
	case m.Load.OK && m.Load.Value > load && others > 1:
		why = fmt.Sprintf("The computer is %d %% busy, too much for %d pictures", int(m.Load.Value*100), others)
	case in.tooMuchForHost():
		why = "The host's line is too slow to forward everyone to everyone"
	default:
		return netstack.SFU, room
	}
	if host := in.Host.Load; host.OK && host.Value > exhausted && in.Previous.Paths[m.ID].Topology != netstack.MCU {
		return netstack.SFU, fmt.Sprintf("%s, but the host is %d %% busy and cannot mix.", why, int(host.Value*100))
	}
	return netstack.MCU, why + ": the host mixes them into one."
}

// tooMuchForHost reports whether even the smallest layers of everyone, to
// everyone, exceed the host's uplink.
func (in Inputs) tooMuchForHost() bool {
	n := len(in.Members)
	return in.Host.Uplink.OK && in.Host.Uplink.Value < n*(n-1)*leastStream
}

func rate(bps int) string {
	if bps >= 1_000_000 {
		return fmt.Sprintf("%.1f Mbit/s", float64(bps)/1e6)
	}
	return fmt.Sprintf("%d kbit/s", bps/1000)
}
