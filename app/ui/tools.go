package ui

import (
	"candid/app/call"

	"fyne.io/fyne/v2"
)

// toolsSheet lets a moderator open the room to other programs, and shows what
// they need to come in.
type toolsSheet struct {
	s     *callScreen
	shown call.Tools
}

const toolsWidth = 520

// showTools opens it, and asks the host what holds.
func (s *callScreen) showTools() {
	if !s.model.snap.Self.Moderator {
		return
	}
	if !s.model.snap.Encrypted {
		s.order(call.Order{Do: call.LookTools})
	}
	s.openTools()
}

func (s *callScreen) openTools() {
	snap := s.model.snap
	sh := &toolsSheet{s, snap.Tools}
	body := newColumn(12, toolsWidth-48,
		newPara("OBS can bring a picture into this room, and players can watch it, with an address and a token that you give away.", 14, plain, cText))
	if snap.Encrypted {
		body.Add(newPara("Not in this room: its members encrypt for each other, from end to end, and other programs cannot. It takes a room that candid host opens with --clear or --open-room.", 14, plain, cDim))
	} else {
		body.Add(newToggle("Let OBS and others into this room", snap.Tools.Open, sh.turn))
	}
	if snap.Tools.Problem != "" {
		body.Add(newPara(snap.Tools.Problem, 13, plain, cBad))
	}
	if t := snap.Tools; t.Open && t.Token != "" {
		body.Add(sh.copied("To bring a picture in (WHIP)", t.Publish))
		body.Add(sh.copied("To watch (WHEP)", t.Watch))
		body.Add(sh.copied("Token", t.Token))
		body.Add(newPara("In OBS: Settings, Stream, service WHIP; the address is the server. Who brings a picture is in the list of people; who only watches is in none. "+
			"Switched off, all of them go, and this token never works again.", 12.5, plain, cDim))
	}
	s.w.openSheet("Other programs", toolsWidth, body, func() { s.tools = nil })
	s.tools = sh
}

// show draws what holds now, if it is something else.
func (sh *toolsSheet) show() {
	if sh.s.model.snap.Tools != sh.shown {
		sh.s.openTools()
	}
}

func (sh *toolsSheet) turn(on bool) {
	do := call.ShutTools
	if on {
		do = call.OpenTools
	}
	sh.s.order(call.Order{Do: do})
}

// copied is a text under its name, to be copied.
func (sh *toolsSheet) copied(name, text string) fyne.CanvasObject {
	b := newSmallButton(secondary, "copy", "Copy", "", nil)
	b.spoken = "Copy: " + name
	b.pressed = func() {
		sh.s.w.app.Clipboard().SetContent(text)
		b.set("check", "Copied")
	}
	const button = 86
	return newColumn(4, toolsWidth-48, newText(name, 12.5, bold, cDim),
		newRow(8, sizedTo(newLinkBox(text), toolsWidth-48-8-button, 0), newFiller(), b))
}
