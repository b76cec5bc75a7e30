package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
)

// personView is a member as the list of people shows them.
type personView struct {
	ID      netstack.PeerID
	Name    string
	Detail  string // what they are, how they receive, what is wrong
	Bad     bool   // something is wrong
	Self    bool
	Hand    int
	Muted   bool
	Camera  bool // is off
	Sharing bool
	Safety  call.Safety
	Offers  []offer // what can be done
}

// offer is something to do with a member.
type offer struct {
	Words string
	Icon  string
	Do    call.Action // empty: one of the below
	Local localOffer
	Sure  string // what to ask before it is done; empty: it is done at once
}

// localOffer is something that only this window does.
type localOffer uint8

const (
	noOffer localOffer = iota
	pinOffer
	lineOffer
	wordsOffer
)

// peopleViews are all in the room: raised hands first, in their order, then
// oneself, then the others as they came.
func (m *callModel) peopleViews() []personView {
	out := []personView{m.personView(m.snap.Self, true)}
	for _, o := range m.snap.Others {
		out = append(out, m.personView(o, false))
	}
	slices.SortStableFunc(out, func(x, y personView) int {
		rank := func(v personView) int {
			if v.Hand > 0 {
				return v.Hand
			}
			return len(out) + 1
		}
		return cmp.Compare(rank(x), rank(y))
	})
	return out
}

func (m *callModel) personView(p call.Member, self bool) personView {
	v := personView{ID: p.ID, Name: p.Name, Self: self, Hand: p.Hand, Muted: p.Muted, Camera: p.CameraOff, Sharing: p.Sharing, Safety: p.Safety}
	var parts []string
	add := func(on bool, words string) {
		if on {
			parts = append(parts, words)
		}
	}
	add(self, wordYouAlone)
	add(p.Host, "hosts the room")
	add(p.Moderator && !p.Host, "moderator")
	add(p.Path != netstack.Auto, pathOfMember(p.Path))
	if p.Problem != "" {
		parts, v.Bad = []string{p.Problem}, true
	}
	v.Detail = upperFirst(strings.Join(parts, " · "))
	if !self {
		v.Offers = m.offers(p)
	}
	return v
}

// pathOfMember is how a member receives.
func pathOfMember(t netstack.Topology) string {
	switch t {
	case netstack.P2P:
		return "receives directly"
	case netstack.SFU:
		return "through the host"
	case netstack.MCU:
		return "mixed by the host"
	}
	return ""
}

// offers is what can be done with another member: by anyone, then by
// moderators.
func (m *callModel) offers(p call.Member) []offer {
	var out []offer
	if m.board.exists(m.snap, p.ID) {
		words := "Pin"
		if m.board.pinned == p.ID {
			words = "Unpin"
		}
		out = append(out, offer{Words: words, Icon: "pin", Local: pinOffer})
	}
	out = append(out, offer{Words: "Connection", Icon: "activity", Local: lineOffer})
	if p.Safety != call.SafetyUnknown {
		out = append(out, offer{Words: "Compare words", Icon: "shield-check", Local: wordsOffer})
	}
	if !m.snap.Self.Moderator {
		return out
	}
	if !p.Muted {
		out = append(out, offer{Words: "Mute", Icon: "mic-off", Do: call.Mute})
	}
	if p.Hand > 0 || p.HandRaised {
		out = append(out, offer{Words: "Lower hand", Icon: "hand", Do: call.LowerHand})
	}
	if !p.Moderator {
		out = append(out, offer{Words: "Make moderator", Icon: "crown", Do: call.MakeModerator,
			Sure: p.Name + " will be able to lock the room, let people in, mute and remove them. This cannot be taken back."})
	}
	if p.Host {
		return out
	}
	if m.snap.Self.Host {
		out = append(out, offer{Words: "Hand the room over", Icon: "house", Do: call.HandOver,
			Sure: "The computer of " + p.Name + " will host the room from now on. You can leave then, and the call goes on."})
	}
	return append(out, offer{Words: "Remove", Icon: "user-x", Do: call.Remove,
		Sure: p.Name + " will be out of the call at once and cannot come back into this room."})
}

// crowd is what the top bar says of the people here.
func (m *callModel) crowd() (words string, col fyne.ThemeColorName) {
	n := len(m.snap.Others) + 1
	words = fmt.Sprint(n)
	hands := 0
	for _, v := range m.peopleViews() {
		if v.Hand > 0 {
			hands++
		}
	}
	switch {
	case m.snap.Self.Moderator && len(m.snap.Waiting) > 0:
		return fmt.Sprintf("%d · %d waiting", n, len(m.snap.Waiting)), cAccent
	case hands > 0:
		return words + " · " + count(hands, "hand", "hands"), cWarn
	}
	return words, cDim
}

// lobby is what moderators are told of who waits; one reports whether it is one
// person.
func (m *callModel) lobby() (title string, one bool) {
	w := m.snap.Waiting
	switch {
	case !m.snap.Self.Moderator || len(w) == 0:
		return "", false
	case len(w) == 1:
		return elide(cleanChat(w[0].Name), 13.5, bold, 220) + " is waiting to come in", true
	}
	return fmt.Sprintf("%d people are waiting to come in", len(w)), false
}

// waitingFor is how long somebody has waited.
func waitingFor(since, now time.Time) string {
	d := now.Sub(since)
	switch {
	case since.IsZero() || d < time.Minute:
		return "just now"
	case d < time.Hour:
		return "for " + count(int(d.Minutes()), "minute", "minutes")
	}
	return "for more than an hour"
}

func upperFirst(s string) string {
	if s == "" {
		return ""
	}
	r := []rune(s)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}
