package ui

import (
	"strings"
	"time"

	"candid/app/replay"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
)

// lanesView is a past call at a glance: for each person when they were there
// and which way their line took, and above it what happened.
type lanesView struct {
	Lanes []lane
	Marks []laneMark
}

type lane struct {
	Name  string
	Spans []laneSpan
	More  int // people who have no lane of their own; only on the last
}

// laneSpan is a stretch of time, as shares of the whole.
type laneSpan struct {
	From, To float64
	Col      fyne.ThemeColorName
	Thin     bool // no line: looking for a way, or broken
}

// laneMark is something that happened.
type laneMark struct {
	At   float64 // share of the whole
	Col  fyne.ThemeColorName
	Icon string
	Text string
	Time time.Time
}

// mostLanes is how many people have one.
const mostLanes = 8

func lanesOf(r *replay.Recording) lanesView {
	share := func(t time.Time) float64 {
		return min(1, max(0, float64(t.Sub(r.Start))/float64(max(1, r.Duration()))))
	}
	var v lanesView
	for i, p := range r.People {
		if i == mostLanes {
			v.Lanes[i-1].More = len(r.People) - i
			break
		}
		l := lane{Name: p.Name}
		for _, w := range r.Ways(p) {
			path := w.Path.Path
			l.Spans = append(l.Spans, laneSpan{share(w.From), share(w.To), pathColour(path),
				path == verdict.Broken || path == verdict.Connecting || path == verdict.Unknown})
		}
		v.Lanes = append(v.Lanes, l)
	}
	for _, m := range r.Marks {
		icon, col := markLook(m.Kind)
		v.Marks = append(v.Marks, laneMark{share(m.At), col, icon, sentenceCase(m.Text), m.At})
	}
	return v
}

func markLook(k replay.MarkKind) (icon string, col fyne.ThemeColorName) {
	switch k {
	case replay.MarkJoined:
		return "log-in", cGood
	case replay.MarkLeft:
		return "hang-up", cDim
	case replay.MarkRestart:
		return "refresh-cw", cViolet
	case replay.MarkPath, replay.MarkPlan:
		return "shuffle", cAccent
	case replay.MarkTrouble:
		return "triangle-alert", cBad
	}
	return "info", cWarn
}

func sentenceCase(s string) string {
	if s == "" {
		return s
	}
	r := []rune(s)
	return strings.ToUpper(string(r[0])) + string(r[1:])
}

// shownMarks is how many things that happened are listed.
const shownMarks = 200

// pastCall is one line of the past calls on Home.
type pastCall struct {
	Name, Title, Detail, Icon string
}

// pastCalls lists recordings as Home shows them.
func pastCalls(list []replay.Entry, now time.Time) []pastCall {
	var out []pastCall
	for _, e := range list {
		who := strings.Join(e.People, ", ")
		out = append(out, pastCall{
			Name: e.Name, Icon: "history", Title: orElse(who, orElse(e.Room, "A call")),
			Detail: joinDots(ago(e.Start, now), clock(e.Took), strings.TrimSuffix(e.Summary, ".")),
		})
	}
	return out
}
