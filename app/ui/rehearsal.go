package ui

import (
	"context"

	"candid/app/call"

	"fyne.io/fyne/v2"
)

const (
	rehearsalWidth = 470
	rehearsalInner = rehearsalWidth - 48
	rehearsalPairs = 4 // of a line, best first; of one among many, that in use
)

const rehearsalTitle = "How would a call go?"

// rehearse tries the lines to those in a room before one joins it, and shows the
// way that each would take. Closing the sheet ends it.
func (w *Window) rehearse(link string) {
	ctx, cancel := context.WithCancel(w.ctx)
	w.openSheet(rehearsalTitle, rehearsalWidth, newColumn(12, rehearsalInner,
		newRow(10, newIconWidget("loader", cDim, 17), newPara("Trying the ways to everyone in the room…", 14.5, bold, cText)),
		newPara("As a call would, but without picture or sound. Nobody there is disturbed, and it takes a few seconds.", 13, plain, cDim),
	), cancel)
	w.work.Go(func() {
		found, err := w.engine.Rehearse(ctx, link)
		w.post(func() {
			if ctx.Err() == nil { // the sheet is still open
				w.openSheet(rehearsalTitle, rehearsalWidth, w.rehearsed(link, found, err), nil)
			}
		})
	})
}

// rehearsed shows what came of it.
func (w *Window) rehearsed(link string, r Rehearsal, err error) fyne.CanvasObject {
	body := newColumn(10, rehearsalInner)
	note := "Tried between this computer and theirs. They were not told."
	if err != nil {
		what, next := w.engine.Explain(err)
		r.Sentence, note = what, next
	}
	body.Add(newPara(r.Sentence, 15, bold, cText))
	if len(r.Lines) == 0 && err == nil {
		note = "Try again when somebody is there."
	}
	for _, l := range r.Lines {
		w.rehearsedLine(body, l, len(r.Lines) == 1)
	}
	again := newSmallButton(secondary, "refresh-cw", "Try again", "", func() { w.rehearse(link) })
	body.Add(padded(newRow(10, newPara(note, 12.5, plain, cDim), again), 6, 0, 0, 0))
	return body
}

// rehearsedLine adds what was found of one line.
func (w *Window) rehearsedLine(body *fyne.Container, l call.Line, drawn bool) {
	v := l.Verdict
	body.Add(padded(newRow(10, newText(l.Member.Name, 15, bold, cText).eliding(), newChip(pathIcon(v.Path), v.Badge, pathColour(v.Path), true)), 6, 0, 0, 0))
	if drawn {
		p := newPathPicture()
		p.set(pathOf(call.Member{Name: w.engine.Config().Name}, l))
		body.Add(p)
	}
	body.Add(newPara(v.Why, 13.5, plain, cText))
	if v.Better != "" {
		body.Add(newRow(10, newIconWidget("lightbulb", cWarn, 17), newPara(v.Better, 13.5, plain, cDim)))
	}
	for i, pair := range pairViews(l.Link) {
		if i == rehearsalPairs || !drawn && !pair.Selected {
			break
		}
		row := newPairRow()
		row.Disable() // nothing opens here
		row.set(pair)
		body.Add(row)
	}
}
