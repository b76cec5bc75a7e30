package ui

import (
	"strings"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
)

// lockView says who could hear the call.
type lockView struct {
	Icon string
	Text string // empty while nothing flows
	Col  fyne.ThemeColorName
	Who  string // the same in full
}

// way is the most open of the paths that media takes, ours or anybody's: a host
// that mixes for one member hears all.
func (m *callModel) way() netstack.Topology {
	n := paths(m.lines)
	on := func(t netstack.Topology) bool {
		if m.snap.Self.Path == t {
			return true
		}
		for _, o := range m.snap.Others {
			if o.Path == t {
				return true
			}
		}
		return false
	}
	switch {
	case m.snap.Mixed || n[verdict.ViaMCU] > 0 || on(netstack.MCU):
		return netstack.MCU
	case n[verdict.ViaSFU] > 0 || on(netstack.SFU):
		return netstack.SFU
	case n[verdict.Direct]+n[verdict.Relayed] > 0 || on(netstack.P2P):
		return netstack.P2P
	}
	return netstack.Auto
}

// host is the name of who hosts; self reports whether that is this member.
func (m *callModel) host() (name string, self bool) {
	if m.snap.Self.Host {
		return m.snap.Self.Name, true
	}
	for _, o := range m.snap.Others {
		if o.Host {
			return o.Name, false
		}
	}
	return "", false
}

// lock says who could hear the call on the ways it takes.
func (m *callModel) lock() lockView {
	way := m.way()
	if len(m.snap.Others) == 0 && len(m.lines) == 0 || way == netstack.Auto {
		return lockView{Col: cDim}
	}
	name, self := m.host()
	owner, owners := "The host", "the host's"
	switch {
	case self:
		owner, owners = "You", "your"
	case name != "":
		owner, owners = name, name+"'s"
	}
	if names := m.changedKeys(); len(names) > 0 {
		return lockView{"shield-alert", "Another key than before", cBad,
			"Not known: the key of " + joined(names) + " is another than last time. Perhaps it is a new computer; perhaps somebody is between you. Compare the words."}
	}
	switch {
	case way == netstack.MCU:
		return lockView{"ear", upperFirst(owners) + " computer mixes, and can hear", cWarn,
			"Besides those in the room, " + owners + " computer: it decodes what everyone sends and mixes it. Choose another path if that should not be."}
	case m.snap.Encrypted:
		return lockView{"shield-check", "End-to-end encrypted", cGood,
			"Nobody but those in the room. Each picture and sound is encrypted from member to member; the host passes on what it cannot read."}
	case way == netstack.SFU && self:
		return lockView{"lock", "Only your computer could listen in", cDim,
			"Besides those in the room, only the computer that hosts it, which is yours: all that is said passes through it, encrypted on each line but not to it."}
	case way == netstack.SFU:
		return lockView{"lock-open", "The host could hear this call", cWarn,
			"Besides those in the room, " + owners + " computer: all that is said passes through it, encrypted on each line but not to it. " + owner + " would have to change the program to listen, but could."}
	}
	return lockView{"shield-check", "End-to-end encrypted", cGood,
		"Nobody but those in the room. Pictures and sound go straight from one computer to the other, encrypted; a relay, where there is one, passes on what it cannot read."}
}

// changedKeys are the names of those whose key is another than it was.
func (m *callModel) changedKeys() []string {
	var names []string
	for _, o := range m.snap.Others {
		if o.Safety == call.SafetyChanged {
			names = append(names, o.Name)
		}
	}
	return names
}

// safetyView is what is known of who a member is.
type safetyView struct {
	ID    netstack.PeerID
	Name  string
	State string
	Icon  string
	Col   fyne.ThemeColorName
	Words string // to be compared; empty: none yet
}

// safetyOf puts into words what is known of a member.
func safetyOf(p call.Member, words []string) safetyView {
	v := safetyView{ID: p.ID, Name: p.Name, State: "Not compared yet", Icon: "shield-check", Col: cDim, Words: strings.Join(words, "  ·  ")}
	switch p.Safety {
	case call.SafetyVerified:
		v.State, v.Col = "Compared: it is really them", cGood
	case call.SafetyChanged:
		v.State, v.Icon, v.Col = "Another key than last time. Compare again before you trust it", "shield-alert", cBad
	case call.SafetyUnknown:
		if len(words) == 0 {
			v.State = "No words yet"
		}
	}
	return v
}
