package ui

import (
	"encoding/json"
	"fmt"
	"time"

	"candid/app/call"
	"candid/app/replay"
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
	return padded(newRow(10, newText("Quality", 14, bold, cText), newFiller(), span), 6, 0, 0, 0)
}

// newLegend names the kinds of address.
func newLegend() fyne.CanvasObject {
	row := newRow(6)
	for _, t := range []string{"host", "srflx", "prflx", "relay"} {
		row.Add(newChip("", t, typeColour(t), true))
	}
	return row
}

// trendOf are the curves of the graph on top: round trip, loss and receive.
func trendOf(views []chartView) []chartView {
	loss, receive := views[1], views[3]
	loss.Floor = 0.05
	receive.Title, receive.Series = "Receive", views[3].Series[:1]
	receive.Series = []series{{"", cTeal, receive.Series[0].Values}}
	return []chartView{views[0], loss, receive}
}

func replaySetup(l call.Line) []replay.Step { return replay.Setup(l.Link) }

// restart looks for a way anew.
func (p *panel) restart() {
	p.src.call().Restart()
	p.src.w.tell(notice{Icon: "refresh-cw", Text: "Looking for a better way. The call goes on meanwhile."})
}

// pairMove is a move of the call to another pair that was asked for.
type pairMove struct {
	peer netstack.PeerID
	id   string
	at   time.Time
}

// moveLimit is how long a move is waited for: as long as the wish for it holds.
const moveLimit = 12 * time.Second

// moveTo asks for the call to go by another pair.
func (p *panel) moveTo(id string) {
	l, ok := p.model.line()
	if !ok {
		return
	}
	p.move = pairMove{l.Member.ID, id, p.src.now()}
	p.src.call().SelectPair(l.Member.ID, id)
	p.show()
}

// moved tells what came of a move.
func (p *panel) moved(l call.Line) {
	m := p.move
	if m.id == "" || m.peer != l.Member.ID {
		return
	}
	for _, pair := range l.Link.Pairs {
		if pair.ID == m.id && pair.Selected {
			p.move = pairMove{}
			p.src.w.tell(notice{Icon: "check", Text: "The call goes by the way you chose."})
			return
		}
	}
	if p.src.now().Sub(m.at) > moveLimit {
		p.move = pairMove{}
		p.src.w.tell(notice{Icon: "triangle-alert", Text: "The call stayed where it was: the other side did not take the way you chose.", Bad: true})
	}
}

// newFoot is what can be done about the line.
func (p *panel) newFoot() fyne.CanvasObject {
	restart := newSmallButton(secondary, "refresh-cw", "Restart ICE", "", p.restart)
	copyIt := newSmallButton(secondary, "braces", "Copy as JSON", "", p.copyReport)
	help := newSmallButton(quiet, "circle-question-mark", "What is this?", "", p.src.w.showGlossary)
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
	p.moved(l)
	for len(r.moves) < len(pairs) {
		i := len(r.moves)
		r.moves = append(r.moves, newSmallButton(secondary, "arrow-left-right", "Move the call here", "", func() { p.moveTo(r.pairs[i].v.ID) }))
	}
	for i, v := range pairs {
		r.pairs[i].set(v)
		r.moves[i].Hidden = p.src.past || !v.Live || v.Selected || l.Link.Topology != netstack.P2P
		r.moves[i].setEnabled(p.move.id == "")
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
	sent := outgoingFacts(m.outgoing)
	r.sent = grown(r.sent, len(sent), newFactRow)
	for i, f := range sent {
		r.sent[i].set(f)
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
	b, err := reportOf(p.src.snap(), p.src.call().Lines(), p.src.now())
	if err != nil {
		what, next := p.src.w.engine.Explain(err)
		p.src.w.tell(notice{Icon: "triangle-alert", Text: sentences(what, next), Bad: true})
		return
	}
	p.src.w.app.Clipboard().SetContent(string(b))
	p.src.w.tell(notice{Icon: "check", Text: "Everything the panel knows is on the clipboard, as JSON. It holds addresses: mind whom you give it to."})
}
