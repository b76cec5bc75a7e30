package ui

import (
	"slices"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
)

// safetySheet says who could hear the call, and offers words to compare.
type safetySheet struct {
	s    *callScreen
	lock lockView
	who  *para
	ids  []netstack.PeerID
	rows []*safetyRow
}

// safetyRow is one member with the words to compare.
type safetyRow struct {
	box   *fyne.Container
	icon  *icon
	state *para
	words *para
	ask   *fyne.Container
}

const safetyWidth = 540

// showSafety opens who could hear the call.
func (s *callScreen) showSafety() {
	sh := &safetySheet{s: s, who: newPara("", 14, plain, cText)}
	sh.lock = s.model.lock()
	body := newColumn(10, safetyWidth-48, newRow(12, newIconWidget(orElse(sh.lock.Icon, "lock"), sh.lock.Col, 20), sh.who))
	others := s.model.snap.Others
	if len(others) > 0 {
		body.Add(padded(newText("Is it really them?", 14, bold, cText), 12, 0, 0, 0))
		body.Add(newPara("Read these words to each other. If both of you see the same, nobody is between you. Once is enough: Candid remembers it.", 13, plain, cDim))
	}
	for _, o := range others {
		r := sh.newRow(o)
		sh.ids, sh.rows = append(sh.ids, o.ID), append(sh.rows, r)
		body.Add(r.box)
	}
	sh.fill()
	s.w.openSheet("Who could hear this call", safetyWidth, body, func() { s.safety = nil })
	s.safety = sh
}

func (sh *safetySheet) newRow(o call.Member) *safetyRow {
	r := &safetyRow{icon: newIconWidget("shield-check", cDim, 17), state: newPara("", 12.5, plain, cDim), words: newPara("", 14, bold, cText)}
	same := newSmallButton(secondary, "check", "They match", "", func() { sh.compared(o, true) })
	differ := newSmallButton(quiet, "", "They differ", "", func() { sh.compared(o, false) })
	same.spoken, differ.spoken = "The words of "+o.Name+" match", "The words of "+o.Name+" differ"
	r.ask = newRow(4, same, differ, newFiller())
	head := newRow(10, r.icon, newText(o.Name, 14, bold, cText).eliding())
	r.box = card(cCard, "", 12, padded(newColumn(6, safetyWidth-48-28, head, r.state, r.words, r.ask), 11, 14, 11, 14))
	return r
}

// show draws what is known now; other people make it another sheet.
func (sh *safetySheet) show() {
	ids := make([]netstack.PeerID, 0, len(sh.ids))
	for _, o := range sh.s.model.snap.Others {
		ids = append(ids, o.ID)
	}
	if !slices.Equal(ids, sh.ids) || sh.s.model.lock() != sh.lock {
		sh.s.showSafety()
		return
	}
	sh.fill()
}

func (sh *safetySheet) fill() {
	sh.who.set(orElse(sh.lock.Who, "Nothing is said yet: nobody else is here."))
	for i, o := range sh.s.model.snap.Others {
		v, r := safetyOf(o, sh.s.call.SafetyWords(o.ID)), sh.rows[i]
		r.icon.set(v.Icon, v.Col)
		col := v.Col
		r.state.setCol(v.State, col)
		r.words.set(v.Words)
		r.words.Hidden, r.ask.Hidden = v.Words == "", v.Words == ""
	}
}

// compared remembers what came of comparing.
func (sh *safetySheet) compared(o call.Member, same bool) {
	sh.s.call.SetVerified(o.ID, same)
	if !same {
		sh.s.w.tell(notice{Icon: "shield-alert", Bad: true,
			Text: "Then somebody may be between you and " + o.Name + ". Say nothing that others must not hear, and meet them another way."})
	}
	sh.s.refresh()
}
