package ui

import (
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// tileLook is all a tile shows but its picture.
type tileLook struct {
	Kind      tileKind
	Name      string
	Badge     string // how the line to this person runs; shown under the pointer
	Problem   string
	Muted     bool
	CameraOff bool
	Speaking  bool
	Self      bool
	Pinned    bool
	Sharing   bool
	Hand      int // place in the row of raised hands, 0 is down
	Bars      int // how good the line is, 1 to 4; 0 is not known
}

// tile is one person, one screen or the mix: picture or avatar, name and signs.
// Tiles are reused from one person to the next, because Fyne keeps textures of
// dropped ones for a minute.
type tile struct {
	control
	screen   *Surface
	look     tileLook
	floating bool // small, over another tile
	menu     func() *fyne.Menu
}

var _ fyne.SecondaryTappable = (*tile)(nil)

func newTile(pump *Pump, self bool) *tile {
	t := &tile{screen: newSurface(pump, !self)}
	t.screen.first = t.Refresh
	t.screen.shaped = func() {
		if t.look.Kind != personKind {
			t.Refresh()
		}
	}
	t.extend(t)
	return t
}

// retire makes the tile nobody's.
func (t *tile) retire() {
	t.pressed, t.menu, t.floating, t.look = nil, nil, false, tileLook{}
	t.hovered = false
	t.Enable()
	t.screen.clear()
}

// set redraws what differs: a refresh is not for every frame.
func (t *tile) set(l tileLook) {
	if t.look == l {
		return
	}
	if t.look.CameraOff != l.CameraOff {
		t.screen.clear() // no old picture when the camera is on again
	}
	t.look = l
	t.spoken = l.spokenAs()
	t.screen.setOff(l.CameraOff)
	t.Refresh()
}

// Tapped pins the tile; its corner opens the menu.
func (t *tile) Tapped(e *fyne.PointEvent) {
	if e != nil && t.hovered && t.menu != nil && e.Position.X > t.Size().Width-cornerSize && e.Position.Y < cornerSize && !t.floating {
		t.openMenu()
		return
	}
	t.control.Tapped(e)
}

// TappedSecondary opens the menu.
func (t *tile) TappedSecondary(*fyne.PointEvent) { t.openMenu() }

// TypedKey opens the menu by its key.
func (t *tile) TypedKey(e *fyne.KeyEvent) {
	if e.Name == desktop.KeyMenu {
		t.openMenu()
		return
	}
	t.control.TypedKey(e)
}

// TypedRune opens the menu by the letter M: not every keyboard has that key.
func (t *tile) TypedRune(r rune) {
	if r == 'm' || r == 'M' {
		t.openMenu()
	}
}

func (t *tile) openMenu() {
	if t.menu != nil {
		showMenu(t.menu(), t)
	}
}

func (l tileLook) spokenAs() string {
	s := l.label()
	if l.Muted {
		s += ", " + wordMuted
	}
	if l.Speaking {
		s += ", " + wordSpeaking
	}
	if l.Hand > 0 {
		s += ", hand " + strconv.Itoa(l.Hand)
	}
	if l.Problem != "" {
		s += ", " + l.Problem
	}
	return s
}

// label is the name on the tile.
func (l tileLook) label() string {
	switch {
	case l.Kind == shareKind:
		return l.Name + " shares a screen"
	case l.Kind == mixKind:
		return "Everyone, mixed by the host"
	case l.Self:
		return l.Name + " " + wordYou
	}
	return l.Name
}

// label is the name on the tile; a small one has less room.
func (t *tile) label() string {
	if t.look.Self && t.Size().Width < 240 {
		return wordYouAlone
	}
	return t.look.label()
}

// waiting is what a tile says until there is a picture that must come.
func (t *tile) waiting() string {
	switch {
	case t.screen.visible():
		return t.look.Problem
	case t.look.Kind == shareKind:
		return "The screen is on its way…"
	case t.look.Kind == mixKind:
		return "The mix is on its way…"
	}
	return t.look.Problem
}
