package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// shortcut is a key that works everywhere it makes sense.
type shortcut struct {
	Keys string // as shown
	Text string
	key  fyne.KeyName
	mod  fyne.KeyModifier
	do   func(*callScreen) // in a call
}

const ctrl = fyne.KeyModifierShortcutDefault

// shortcuts are the keys of a call, in the order of the help.
var shortcuts = []shortcut{
	{"Ctrl+D", "Mute or unmute", fyne.KeyD, ctrl, (*callScreen).toggleMute},
	{"Ctrl+E", "Camera on or off", fyne.KeyE, ctrl, (*callScreen).toggleCamera},
	{"Ctrl+S", "Share a screen, or stop", fyne.KeyS, ctrl, (*callScreen).toggleShare},
	{"Ctrl+H", "Raise or lower your hand", fyne.KeyH, ctrl, (*callScreen).toggleHand},
	{"Ctrl+T", "Chat", fyne.KeyT, ctrl, (*callScreen).toggleChat},
	{"Ctrl+P", "Who is here", fyne.KeyP, ctrl, (*callScreen).togglePeople},
	{"Ctrl+I", "How you are connected", fyne.KeyI, ctrl, (*callScreen).togglePanel},
	{"Ctrl+L", "Layout: grid or speaker", fyne.KeyL, ctrl, (*callScreen).toggleLayout},
	{"Ctrl+K", "Who could hear this call", fyne.KeyK, ctrl, (*callScreen).showSafety},
	{"Ctrl+Shift+P", "Choose the path", fyne.KeyP, ctrl | fyne.KeyModifierShift, (*callScreen).showPaths},
	{"Ctrl+R", "Look for a better way", fyne.KeyR, ctrl, func(s *callScreen) { s.panel.restart() }},
	{"Ctrl+Shift+D", "Camera, microphone, speaker", fyne.KeyD, ctrl | fyne.KeyModifierShift, (*callScreen).showDevices},
	{"Ctrl+Shift+C", "Copy the invite", fyne.KeyC, ctrl | fyne.KeyModifierShift, (*callScreen).copyInvite},
	{"Ctrl+Shift+Q", "The invite as a code to scan", fyne.KeyQ, ctrl | fyne.KeyModifierShift, (*callScreen).showInvite},
	{"Ctrl+Shift+A", "Let in who waits", fyne.KeyA, ctrl | fyne.KeyModifierShift, (*callScreen).admitFirst},
	{"Ctrl+Shift+M", "Mute everyone else", fyne.KeyM, ctrl | fyne.KeyModifierShift, (*callScreen).muteAll},
	{"Ctrl+Shift+L", "Lock or open the room", fyne.KeyL, ctrl | fyne.KeyModifierShift, (*callScreen).toggleLock},
	{"Ctrl+W", "Leave the call", fyne.KeyW, ctrl, (*callScreen).leave},
}

// otherKeys are told in the help, and served elsewhere.
var otherKeys = []shortcut{
	{Keys: "Space", Text: "While muted: talk while held"},
	{Keys: "Tab", Text: "The next button or tile"},
	{Keys: "Enter", Text: "On a tile: pin it"},
	{Keys: "M", Text: "On a tile: its menu"},
	{Keys: "Esc", Text: "Close what is open on top"},
	{Keys: "F1", Text: "Show these keys"},
}

// bindKeys binds the window's keys. Focused widgets pass on what they do not
// need: see passKey.
func (w *Window) bindKeys() {
	c := w.win.Canvas()
	for _, s := range shortcuts {
		c.AddShortcut(&desktop.CustomShortcut{KeyName: s.key, Modifier: s.mod}, func(fyne.Shortcut) { w.serve(s) })
	}
	c.SetOnTypedKey(w.typed)
	if d, ok := c.(desktop.Canvas); ok {
		d.SetOnKeyDown(func(e *fyne.KeyEvent) { w.held(e, true) })
		d.SetOnKeyUp(func(e *fyne.KeyEvent) { w.held(e, false) })
	}
}

// serve does what a shortcut says, in a call.
func (w *Window) serve(s shortcut) {
	if call, ok := w.screen.(*callScreen); ok {
		s.do(call)
	}
}

func (w *Window) typed(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyEscape:
		if w.sheet != nil {
			w.closeSheet()
		} else {
			w.screen.escape()
		}
	case fyne.KeyF1:
		w.showShortcuts()
	}
}

// held is for push-to-talk.
func (w *Window) held(e *fyne.KeyEvent, down bool) {
	if c, ok := w.screen.(*callScreen); ok && e.Name == fyne.KeySpace {
		c.pushToTalk(down)
	}
}

// showShortcuts tells all keys, in two columns.
func (w *Window) showShortcuts() {
	all := append(shortcuts[:len(shortcuts):len(shortcuts)], otherKeys...)
	half := (len(all) + 1) / 2
	columns := newRow(28)
	for _, part := range [][]shortcut{all[:half], all[half:]} {
		list := newStretch(8)
		for _, s := range part {
			key := layered(newPlate(cCard, cLine, 7), padded(newText(s.Keys, 12.5, bold, cText), 5, 10, 5, 10))
			list.Add(newRow(12, sizedTo(newRow(0, key), 118, 0), newText(s.Text, 13.5, plain, cDim).eliding()))
		}
		columns.Add(list)
	}
	w.openSheet("Keys", shortcutsWidth, columns, nil)
}

const shortcutsWidth = 760
