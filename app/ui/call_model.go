package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"
)

// callModel is what the call screen shows, as plain data: from a Snapshot, the
// lines and the levels. It knows nothing of drawing.
type callModel struct {
	snap     call.Snapshot
	lines    []call.Line
	speakers map[netstack.PeerID]*speaker
	board    boardModel
	seam     seam
}

// personTile is a tile and whose it is.
type personTile struct {
	ID   netstack.PeerID
	Look tileLook
}

func newCallModel() *callModel {
	return &callModel{speakers: make(map[netstack.PeerID]*speaker)}
}

// from takes a new Snapshot.
func (m *callModel) from(s call.Snapshot) {
	m.snap = s
	here := map[netstack.PeerID]bool{s.Self.ID: true}
	for _, o := range s.Others {
		here[o.ID] = true
	}
	for id := range m.speakers {
		if !here[id] {
			delete(m.speakers, id)
		}
	}
	m.board.follow(s)
}

// heard takes the levels of now and reports whether anybody began or stopped
// speaking.
func (m *callModel) heard(levels map[netstack.PeerID]float64, now time.Time) bool {
	changed := false
	for id, level := range levels {
		s := m.speakers[id]
		if s == nil {
			s = &speaker{}
			m.speakers[id] = s
		}
		changed = s.heard(level, now) || changed
		if s.on && m.snap.Speaker == "" && id != m.snap.Self.ID && !m.speaking(m.board.talks) {
			m.board.spoke(id) // nobody else tells who speaks
		}
	}
	return changed
}

// tiles are the others in order of joining, and Self last.
func (m *callModel) tiles() []personTile {
	lines := make(map[netstack.PeerID]call.Line, len(m.lines))
	for _, l := range m.lines {
		lines[l.Member.ID] = l
	}
	out := make([]personTile, 0, len(m.snap.Others)+1)
	for _, o := range m.snap.Others {
		t := m.tile(o, false)
		if l, ok := lines[o.ID]; ok {
			t.Look.Badge = l.Verdict.Badge
			if o.Problem == "" {
				t.Look.Bars = bars(l)
			}
		}
		out = append(out, t)
	}
	return append(out, m.tile(m.snap.Self, true))
}

func (m *callModel) tile(p call.Member, self bool) personTile {
	return personTile{ID: p.ID, Look: tileLook{
		Name: p.Name, Problem: p.Problem, Muted: p.Muted, CameraOff: p.CameraOff, Self: self,
		Speaking: m.speaking(p.ID) && !p.Muted, Hand: p.Hand, Pinned: p.ID == m.board.pinned, Sharing: p.Sharing,
	}}
}

func (m *callModel) speaking(id netstack.PeerID) bool {
	s := m.speakers[id]
	return s != nil && s.on
}

// looks are those of all tiles there could be, screens and the mix included.
func (m *callModel) looks() map[netstack.PeerID]tileLook {
	out := make(map[netstack.PeerID]tileLook)
	for _, t := range m.tiles() {
		out[t.ID] = t.Look
	}
	for _, who := range m.board.shares {
		id := call.ShareOf(who)
		out[id] = tileLook{Kind: shareKind, Name: out[who].Name, Pinned: id == m.board.pinned}
	}
	out[call.MixID] = tileLook{Kind: mixKind, Pinned: m.board.pinned == call.MixID}
	return out
}

// bars is how good a line is, from 1 to 4; 0 is not known.
func bars(l call.Line) int {
	if !l.Link.RTT.OK {
		return 0
	}
	n := 4
	for _, limit := range []time.Duration{90 * time.Millisecond, 180 * time.Millisecond, 350 * time.Millisecond} {
		if l.Link.RTT.Value > limit {
			n--
		}
	}
	if len(l.History) > 0 {
		for _, limit := range []float64{0.01, 0.03, 0.08} {
			if loss := l.History[len(l.History)-1].Loss; loss.OK && loss.Value > limit {
				n--
			}
		}
	}
	return max(1, n)
}

// badge is what the top bar and the panel say of the way media takes.
func (m *callModel) badge() (text string, p verdict.Path) { return summary(m.lines) }

// title is what the title bar and the task bar show: what there is to know of
// the call while another window is on top.
func (m *callModel) title() string {
	parts := []string{roomName(m.snap.Room), appName}
	if badge, _ := m.badge(); badge != "" {
		parts = slices.Insert(parts, 0, badge)
	}
	return strings.Join(parts, " – ")
}

// summary puts the verdicts of all lines into one badge.
func summary(lines []call.Line) (text string, p verdict.Path) {
	if len(lines) == 0 {
		return "", verdict.Unknown
	}
	if len(lines) == 1 {
		return lines[0].Verdict.Badge, lines[0].Verdict.Path
	}
	n := paths(lines)
	var lo, hi time.Duration
	for _, l := range lines {
		if r := l.Link.RTT; r.OK {
			if lo == 0 || r.Value < lo {
				lo = r.Value
			}
			hi = max(hi, r.Value)
		}
	}
	all := len(lines)
	switch {
	case n[verdict.Broken] > 0:
		return fmt.Sprintf("%d of %d not connected", n[verdict.Broken], all), verdict.Broken
	case n[verdict.Connecting] > 0:
		return fmt.Sprintf("Connecting to %d of %d", n[verdict.Connecting], all), verdict.Connecting
	case n[verdict.ViaMCU] > 0:
		return "Mixed by the host (MCU)" + span(lo, hi), verdict.ViaMCU
	case n[verdict.ViaSFU] > 0:
		return "Through the host (SFU)" + span(lo, hi), verdict.ViaSFU
	case n[verdict.Relayed] > 0 && n[verdict.Direct] > 0:
		return fmt.Sprintf("%d direct, %d relayed", n[verdict.Direct], n[verdict.Relayed]) + span(lo, hi), verdict.Relayed
	case n[verdict.Relayed] > 0:
		return "Relayed by the host" + span(lo, hi), verdict.Relayed
	}
	return "Direct" + span(lo, hi), verdict.Direct
}

// paths counts the lines by the way they take.
func paths(lines []call.Line) map[verdict.Path]int {
	n := make(map[verdict.Path]int)
	for _, l := range lines {
		n[l.Verdict.Path]++
	}
	return n
}

// span is the part of a badge that tells the round trips, if any is known.
func span(lo, hi time.Duration) string {
	a, b := lo.Round(time.Millisecond).Milliseconds(), hi.Round(time.Millisecond).Milliseconds()
	switch {
	case hi == 0:
		return ""
	case b < 1:
		return " · under 1 ms"
	case a == b:
		return fmt.Sprintf(" · %d ms", a)
	}
	return fmt.Sprintf(" · %d–%d ms", a, b)
}

// curtain is what covers the tiles while there is no call to see.
type curtain struct {
	Kind  curtainKind
	Title string
	Text  string
}

type curtainKind uint8

const (
	noCurtain curtainKind = iota
	joiningCurtain
	aloneCurtain
	strip // a line over the tiles, which stay
	endedCurtain
)

// curtain tells what covers the tiles. explain turns an error into a sentence
// and a next step.
func (m *callModel) curtain(explain func(error) (string, string)) curtain {
	s := m.snap
	switch s.State {
	case call.Idle, call.Joining:
		return curtain{joiningCurtain, "Joining " + roomName(s.Room), orElse(s.Problem, "Reaching the host of the room.")}
	case call.Alone:
		return curtain{aloneCurtain, "You are the only one here", "Send this invite to the person you want to talk to. Whoever has it can come in."}
	case call.Connecting:
		return curtain{strip, "Connecting…", s.Problem}
	case call.Reconnecting:
		return curtain{strip, "Reconnecting…", s.Problem}
	case call.Ended:
		if s.Err == nil {
			return curtain{endedCurtain, "You left the call", orElse(s.Problem, "See you next time.")}
		}
		what, next := explain(s.Err)
		return curtain{endedCurtain, what, next}
	}
	if s.Problem != "" {
		return curtain{strip, s.Problem, ""}
	}
	return curtain{}
}

func roomName(s string) string { return orElse(s, "the room") }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// speaker tells speech from noise with hysteresis, so that the ring does not
// flicker between words.
type speaker struct {
	on   bool
	last time.Time // when it was last loud enough
}

const (
	speakOn   = 0.42 // begins to speak: 35 dB below full scale
	speakOff  = 0.30 // still speaks: 42 dB below
	speakHold = 600 * time.Millisecond
)

// heard takes one level and reports whether speaking began or stopped.
func (s *speaker) heard(level float64, now time.Time) bool {
	was := s.on
	switch {
	case level >= speakOn, s.on && level >= speakOff:
		s.on, s.last = true, now
	case s.on && now.Sub(s.last) > speakHold:
		s.on = false
	}
	return s.on != was
}
