package ui

import (
	"encoding/json"
	"fmt"
	"time"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
)

// newChartHead names the graphs and chooses how far back they go.
func (p *panel) newChartHead() fyne.CanvasObject {
	var names []string
	for _, s := range chartSpans {
		names = append(names, s.Name)
	}
	span := newSegmented(names, p.span, func(i int) {
		p.span = i
		p.show()
	})
	span.spoken = "How far back the graphs go"
	return padded(newRow(10, newText("Over time", 14, bold, cText), newFiller(), span), 6, 0, 0, 0)
}

// newFoot is what can be done about the line.
func (p *panel) newFoot() fyne.CanvasObject {
	restart := newSmallButton(secondary, "refresh-cw", "Restart ICE", "", p.s.restart)
	copyIt := newSmallButton(secondary, "braces", "Copy as JSON", "", p.copyReport)
	help := newSmallButton(quiet, "circle-question-mark", "What is this?", "", p.s.w.showGlossary)
	return padded(newRow(8, restart, copyIt, newFiller(), help), 8, 0, 0, 0)
}

// set fills the lists; rows are reused.
func (r *panelRows) set(m *panelModel, p *panel) {
	l, ok := m.line()
	if !ok {
		return
	}
	pairs := pairViews(l.Link)
	r.pairs = grown(r.pairs, len(pairs), func() *pairRow {
		row := newPairRow()
		toggle := row.pressed
		row.pressed = func() { toggle(); p.show() }
		return row
	})
	for i, v := range pairs {
		r.pairs[i].set(v)
	}
	p.pairs.setNote(count(len(pairs), "pair", "pairs"))
	local, remote := candidateViews(l.Link.Local), candidateViews(l.Link.Remote)
	r.local, r.remote = grown(r.local, len(local), newCandidateRow), grown(r.remote, len(remote), newCandidateRow)
	for i, v := range local {
		r.local[i].set(v)
	}
	for i, v := range remote {
		r.remote[i].set(v)
	}
	p.cands.setNote(fmt.Sprintf("%d yours, %d theirs", len(local), len(remote)))
	facts := append(mediaFacts(l), lineFacts(l)...)
	r.facts = grown(r.facts, len(facts), newFactRow)
	for i, f := range facts {
		r.facts[i].set(f)
	}
	r.failures = grown(r.failures, len(l.Link.Failures), func() *para { return newPara("", 12.5, plain, cDim) })
	for i, f := range l.Link.Failures {
		r.failures[i].set(failureText(f))
	}
}

// grown returns rows with n elements.
func grown[T any](rows []T, n int, make func() T) []T {
	for len(rows) < n {
		rows = append(rows, make())
	}
	return rows[:n]
}

// candidates are the rows of both sides under their titles.
func (r *panelRows) candidates() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.localTitle}
	for _, c := range r.local {
		objs = append(objs, c)
	}
	objs = append(objs, r.remoteTitle)
	for _, c := range r.remote {
		objs = append(objs, c)
	}
	return objs
}

// report is what "Copy as JSON" copies: the lines, without the invite, which
// is a secret.
type report struct {
	At    time.Time    `json:"at"`
	State string       `json:"state"`
	Plan  call.Plan    `json:"plan"`
	Lines []lineReport `json:"lines"`
}

type lineReport struct {
	Name    string                     `json:"name"`
	Badge   string                     `json:"badge"`
	Why     string                     `json:"why"`
	Better  string                     `json:"better,omitempty"`
	Link    linkReport                 `json:"link"`
	Picture netstack.Opt[call.Picture] `json:"picture"`
	Sound   netstack.Opt[call.Sound]   `json:"sound"`
	History []call.Sample              `json:"history"`
}

// linkReport is a Link with its states as words.
type linkReport struct {
	netstack.Link
	State    string `json:"state"`
	ICEState string `json:"iceState"`
}

func reportOf(s call.Snapshot, lines []call.Line, now time.Time) ([]byte, error) {
	r := report{At: now, State: s.State.String(), Plan: s.Plan, Lines: []lineReport{}}
	for _, l := range lines {
		r.Lines = append(r.Lines, lineReport{
			Name: l.Member.Name, Badge: l.Verdict.Badge, Why: l.Verdict.Why, Better: l.Verdict.Better,
			Link:    linkReport{l.Link, l.Link.State.String(), l.Link.ICEState.String()},
			Picture: l.Picture, Sound: l.Sound, History: l.History,
		})
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return b, nil
}

func (p *panel) copyReport() {
	b, err := reportOf(p.s.model.snap, p.s.call.Lines(), p.s.w.now())
	if err != nil {
		what, next := p.s.w.engine.Explain(err)
		p.s.w.tell(notice{Icon: "triangle-alert", Text: sentences(what, next), Bad: true})
		return
	}
	p.s.w.app.Clipboard().SetContent(string(b))
	p.s.w.tell(notice{Icon: "check", Text: "Everything the panel knows is on the clipboard, as JSON. It holds addresses: mind whom you give it to."})
}
