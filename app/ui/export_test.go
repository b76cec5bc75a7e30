package ui

import (
	"net/url"
	"time"

	"candid/netstack"

	"fyne.io/fyne/v2"
)

// What tests from outside may see.

// FyneWindow is the toolkit's window.
func (w *Window) FyneWindow() fyne.Window { return w.win }

// Beat does what a tenth of a second does.
func (w *Window) Beat() { w.beat() }

// ScreenName says which screen is shown.
func (w *Window) ScreenName() string {
	switch s := w.screen.(type) {
	case *homeScreen:
		if s.link == nil {
			return "welcome"
		}
		return "home"
	case *checkScreen:
		return "check"
	case *callScreen:
		return "call"
	case *messageScreen:
		return "message"
	case *replayScreen:
		return "replay"
	}
	return ""
}

// PanelOpen reports whether the panel is open.
func (w *Window) PanelOpen() bool {
	c, ok := w.screen.(*callScreen)
	return ok && c.open
}

// SheetOpen reports whether a sheet is open.
func (w *Window) SheetOpen() bool { return w.sheet != nil }

// Badges are what the top bar and the panel say of the line.
func (w *Window) Badges() (top, panel string) {
	c := w.screen.(*callScreen)
	return c.top.badge.chip.s, c.panel.badge.s
}

// TileBoxes are where the tiles are.
func (w *Window) TileBoxes() (boxes []fyne.CanvasObject) {
	return w.screen.(*callScreen).board.box.Objects
}

// Texts are all lines of text that are drawn now.
func Texts(objs []fyne.CanvasObject) []string {
	var out []string
	for _, o := range objs {
		switch o := o.(type) {
		case *text:
			out = append(out, o.s)
		case *para:
			out = append(out, o.s)
		case *button:
			out = append(out, o.text)
		case *roundButton:
			out = append(out, o.word)
		case *chip:
			out = append(out, o.s)
		case *chipButton:
			out = append(out, o.chip.s)
		}
	}
	return out
}

// LinkField and NameField are the text fields of Home.
func (w *Window) LinkField() *entry { return w.screen.(*homeScreen).link }

// NameField is the field of one's name.
func (w *Window) NameField() *entry { return w.screen.(*homeScreen).name }

// Toasts are the notices on show.
func (w *Window) Toasts() int { return len(w.toasts.until) }

// SpeakHold is how long the ring stays after the last word.
const SpeakHold = speakHold + 100*time.Millisecond

// Shortcut does what keys do: the test canvas has no shortcuts.
func (w *Window) Shortcut(key fyne.KeyName, mod fyne.KeyModifier) {
	for _, s := range shortcuts {
		if s.key == key && s.mod == mod {
			w.serve(s)
		}
	}
}

// Held does what a key does that is pressed or released: the test canvas does
// not tell.
func (w *Window) Held(key fyne.KeyName, down bool) { w.held(&fyne.KeyEvent{Name: key}, down) }

// Shows reports whether a member's picture is seen.
func (w *Window) Shows(id netstack.PeerID) bool {
	t := w.screen.(*callScreen).board.tiles[id]
	return t != nil && t.screen.visible()
}

// CameraOff reports whether a tile shows that its camera is off.
func (w *Window) CameraOff(id netstack.PeerID) bool {
	return w.screen.(*callScreen).board.tiles[id].look.CameraOff
}

// PictureSize is how large a member's picture is drawn.
func (w *Window) PictureSize(id netstack.PeerID) fyne.Size {
	return w.screen.(*callScreen).board.tiles[id].screen.image.Size()
}

// PathMenu is the menu that chooses the path.
func (w *Window) PathMenu() *fyne.Menu { return w.screen.(*callScreen).pathMenu() }

// OpenPerson opens the list of people on one.
func (w *Window) OpenPerson(id netstack.PeerID) { w.screen.(*callScreen).showPerson(id) }

// Unread is how many lines of chat nobody has seen.
func (w *Window) Unread() int { return w.screen.(*callScreen).unread }

// ChatField is where one writes.
func (w *Window) ChatField() *entry { return w.screen.(*callScreen).chat.entry }

// OnOpenURL gets the links that would open in the browser.
func (w *Window) OnOpenURL(f func(string)) {
	w.openURL = func(u *url.URL) error { f(u.String()); return nil }
}

// Seek goes to a moment of a past call.
func (w *Window) Seek(t time.Time) { w.screen.(*replayScreen).seek(t) }

// panelShown is the panel of a call, or of a past one.
func (w *Window) panelShown() *panel {
	if s, ok := w.screen.(*replayScreen); ok {
		return s.panel
	}
	return w.screen.(*callScreen).panel
}

// PanelSays is where the panel is, and how tall what it says.
func (w *Window) PanelSays() (left, height float32) {
	p := w.panelShown()
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(p.box)
	return at.X, p.roll.Position().Y + p.body.Position().Y + p.body.MinSize().Height
}

// OpenPanel opens all that the panel can open.
func (w *Window) OpenPanel() {
	p := w.panelShown()
	for _, s := range []*section{p.graphs, p.setup, p.pairs, p.cands, p.media, p.sent, p.failed} {
		s.open = true
		s.Refresh()
	}
	p.show()
}
