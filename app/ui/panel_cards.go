package ui

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
)

// edgeCard tells of a line between two others.
type edgeCard struct {
	p     *panel
	box   *fyne.Container
	title *text
	badge *chip
	rows  []*factRow
}

func newEdgeCard(p *panel) *edgeCard {
	c := &edgeCard{p: p, title: newText("", 15, bold, cText).eliding(), badge: newChip("zap", "", cDim, true)}
	body := newColumn(6, p.width-28, newRow(10, c.title, c.badge))
	for range 5 {
		r := newFactRow()
		c.rows = append(c.rows, r)
		body.Add(r)
	}
	c.box = card(cInset, "", 12, padded(body, 12, 14, 10, 14))
	return c
}

// show reports whether there is such a line to show.
func (c *edgeCard) show(m *panelModel, now time.Time) bool {
	v, ok := m.chosenEdge(now)
	if !ok || !m.many() {
		return false
	}
	c.title.set(v.Title)
	c.badge.set(v.Icon, v.Badge, v.Col)
	for i, r := range c.rows {
		r.set(v.Facts[i])
	}
	return true
}

// pathCard chooses how media goes through the room, says why it goes as it
// does, and what its changes cost.
type pathCard struct {
	p       *panel
	box     *fyne.Container
	body    *fyne.Container
	mode    *segmented
	scope   *segmented
	scopeOf *fyne.Container
	why     *para
	changes []*para
	shown   []fyne.CanvasObject
}

// pathChoices are what can be chosen, in the order of netstack.Topology.
var pathChoices = []string{"Auto", "P2P", "SFU", "MCU"}

func newPathCard(p *panel) *pathCard {
	c := &pathCard{p: p, why: newPara("", 12.5, plain, cDim)}
	var choose func(int)
	if !p.src.past {
		choose = c.choose
	}
	c.mode = newSegmented(pathChoices, -1, choose)
	c.mode.spoken = "Path: the room chooses, P2P, SFU or MCU"
	c.scope = newSegmented([]string{"For me", "For everyone"}, 0, func(int) { p.show() })
	c.scope.spoken = "Whose path is chosen"
	c.scopeOf = newRow(10, newFiller(), c.scope)
	c.body = newColumn(9, p.width-28)
	c.box = card(cInset, "", 12, padded(c.body, 12, 14, 12, 14))
	c.shown = []fyne.CanvasObject{newRow(10, newText("Path", 13, bold, cText), newFiller(), c.mode)}
	return c
}

func (c *pathCard) choose(i int) {
	t := netstack.Topology(i)
	if c.scope.chosen == 1 && c.p.model.self.Moderator {
		c.p.src.call().ForceRoom(t)
		return
	}
	c.p.src.call().Force(t)
}

func (c *pathCard) show(m *panelModel) {
	all := c.scope.chosen == 1 && m.self.Moderator
	forced := m.forced
	if all {
		forced = m.roomForced
	}
	c.mode.set(int(forced))
	c.why.set(pathReason(m))
	objs := slices.Clone(c.shown)
	if m.self.Moderator && m.many() {
		objs = append(objs, c.scopeOf)
	}
	objs = append(objs, c.why)
	texts := changeTexts(m.changes, c.p.src.now())
	c.changes = grown(c.changes, len(texts), func() *para { return newPara("", 12, plain, cFaint) })
	for i, t := range texts {
		c.changes[i].set(t)
		objs = append(objs, c.changes[i])
	}
	c.body.Objects = objs
}

// pathReason says which path media takes and why.
func pathReason(m *panelModel) string {
	now := m.mode()
	if now < 0 {
		return "The room has not chosen yet."
	}
	why := orElse(m.plan.Why, "The room has not said why.")
	return pathChoices[now+1] + " now. " + why
}

// shownChanges is how many changes of path are listed.
const shownChanges = 3

// changeTexts tell the newest changes of path and what they cost, newest first.
func changeTexts(all []call.PathChange, now time.Time) []string {
	var out []string
	for _, c := range slices.Backward(all) {
		if len(out) == shownChanges {
			break
		}
		out = append(out, changeText(c, now))
	}
	return out
}

func changeText(c call.PathChange, now time.Time) string {
	s := pathChoices[min(int(c.From), 3)] + " → " + pathChoices[min(int(c.To), 3)]
	switch {
	case c.Failed != "":
		return s + " did not work, so nothing was changed: " + c.Failed
	case !c.Done:
		return s + ": under way. The old path carries the call until the new one does."
	}
	seam := "no picture lost"
	if c.Missing > 0 {
		seam = count(c.Missing, "picture", "pictures") + " lost"
	}
	if c.Repeated > 0 {
		seam += fmt.Sprintf(", %d shown twice", c.Repeated)
	}
	if c.Concealed > 0 {
		seam += ", " + millis(c.Concealed) + " of sound made up"
	} else {
		seam += ", no sound made up"
	}
	return fmt.Sprintf("%s %s: %s, done in %s.", s, backThen(c.At, now), seam, millis(c.ToDone))
}

// backThen says how long ago something in this call was.
func backThen(at, now time.Time) string {
	d := now.Sub(at).Round(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%.0f s ago", max(0, d.Seconds()))
	}
	return fmt.Sprintf("%.0f min ago", d.Minutes())
}

// privacyCard chooses which of this computer's addresses may be used, and says
// who sees which.
type privacyCard struct {
	p    *panel
	box  *fyne.Container
	body *fyne.Container
	mode *segmented
	head fyne.CanvasObject
	what *para
	seen []*para
}

func newPrivacyCard(p *panel) *privacyCard {
	c := &privacyCard{p: p, what: newPara("", 12.5, plain, cDim)}
	var choose func(int)
	if !p.src.past {
		choose = func(i int) { p.src.call().SetPrivacy(call.Privacy(i)) }
	}
	c.mode = newSegmented([]string{"Any way", "Hide me", "Direct only"}, 0, choose)
	c.mode.spoken = "Any way, hide my address, or direct only"
	c.head = newRow(8, newText("Privacy", 13, bold, cText), newFiller(), c.mode)
	c.body = newColumn(8, p.width-28)
	c.box = card(cInset, "", 12, padded(c.body, 12, 14, 12, 14))
	return c
}

func (c *privacyCard) show(m *panelModel) {
	c.mode.set(int(m.privacy))
	c.what.set([]string{
		"Whichever way works best is used.",
		"Your addresses are hidden from everyone but the host: the call goes through its relay.",
		"The call rather fails than go through a relay.",
	}[min(int(m.privacy), 2)])
	seen := m.seenBy()
	c.seen = grown(c.seen, len(seen), func() *para { return newPara("", 12.5, plain, cText) })
	objs := []fyne.CanvasObject{c.head, c.what}
	for i, s := range seen {
		c.seen[i].set(s)
		objs = append(objs, c.seen[i])
	}
	c.body.Objects = objs
}

// mostSeen is how many people are listed by name.
const mostSeen = 8

// seenBy says what each of the others can see of this computer's addresses.
func (m *panelModel) seenBy() []string {
	if len(m.lines) == 0 {
		return nil
	}
	var out []string
	same := true
	for _, l := range m.lines {
		out = append(out, seenOf(l, m.privacy))
		same = same && out[0] == out[len(out)-1]
	}
	switch {
	case same && len(out) > 1:
		out = []string{"Everyone " + out[0]}
	default:
		for i := range out {
			out[i] = m.lines[i].Member.Name + " " + out[i]
		}
	}
	if n := len(out); n > mostSeen {
		out = append(out[:mostSeen], fmt.Sprintf("… and %d more.", n-mostSeen))
	}
	return append(out, "The host sees the address you come from, as every server does.")
}

// seenOf is what one other can see of ours. An address they were told stays
// known to them, whatever is chosen later.
func seenOf(l call.Line, p call.Privacy) string {
	if t := l.Link.Topology; t == netstack.SFU || t == netstack.MCU {
		return "sees none of your addresses: all goes through the host."
	}
	var own, public []string
	add := func(to *[]string, a string) {
		if a != "" && !slices.Contains(*to, a) {
			*to = append(*to, a)
		}
	}
	for _, c := range l.Link.Local {
		switch {
		case c.TCPType == "active" || p == call.RelayOnly:
		case c.Type.String() == "host" && !publicIP(c.Address):
			add(&own, c.Address)
		case c.Type.String() == "host", c.Type.String() == "srflx", c.Type.String() == "prflx":
			add(&public, c.Address)
		}
	}
	if len(own)+len(public) == 0 {
		return either(l.Verdict.Path == verdict.Connecting, "sees nothing yet.", "sees only the host's relay.")
	}
	var parts []string
	if len(public) > 0 {
		parts = append(parts, "your public address "+strings.Join(public, ", "))
	}
	if len(own) > 0 {
		parts = append(parts, "at home "+strings.Join(own, ", "))
	}
	return "sees " + strings.Join(parts, "; ") + "."
}

func publicIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast()
}
