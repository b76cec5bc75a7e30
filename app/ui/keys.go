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
	{"Ctrl+I", "Show how you are connected", fyne.KeyI, ctrl, (*callScreen).togglePanel},
	{"Ctrl+Shift+C", "Copy the invite", fyne.KeyC, ctrl | fyne.KeyModifierShift, (*callScreen).copyInvite},
	{"Ctrl+Shift+Q", "Show the invite as a code to scan", fyne.KeyQ, ctrl | fyne.KeyModifierShift, (*callScreen).showInvite},
	{"Ctrl+Shift+D", "Choose camera, microphone and speaker", fyne.KeyD, ctrl | fyne.KeyModifierShift, (*callScreen).showDevices},
	{"Ctrl+R", "Look for a better way (restart ICE)", fyne.KeyR, ctrl, func(s *callScreen) { s.panel.restart() }},
	{"Ctrl+W", "Leave the call", fyne.KeyW, ctrl, (*callScreen).leave},
}

// otherKeys are told in the help, and served elsewhere.
var otherKeys = []shortcut{
	{Keys: "Space", Text: "While muted: talk as long as it is held"},
	{Keys: "Tab", Text: "Go to the next button"},
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

// showShortcuts tells all keys.
func (w *Window) showShortcuts() {
	list := newColumn(10, shortcutsWidth-48)
	for _, s := range append(shortcuts[:len(shortcuts):len(shortcuts)], otherKeys...) {
		key := layered(newPlate(cCard, cLine, 7), padded(newText(s.Keys, 12.5, bold, cText), 5, 10, 5, 10))
		list.Add(newRow(16, sizedTo(newRow(0, key), 130, 0), newText(s.Text, 14, plain, cDim).eliding()))
	}
	w.openSheet("Keys", shortcutsWidth, list, nil)
}

const shortcutsWidth = 500
