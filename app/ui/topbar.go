package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// topBar says where one is, how long, how safe and how connected.
type topBar struct {
	s      *callScreen
	box    *fyne.Container
	title  *text
	time   *chip
	lock   *chipButton
	badge  *chipButton
	path   *button // chooses the path
	layout *button
	people *chipButton
	invite *button
	code   *button
}

func newTopBar(s *callScreen) *topBar {
	t := &topBar{
		s:      s,
		title:  newText("", 17, display, cText).eliding(),
		time:   newChip("", "", cDim, false),
		lock:   newChipButton("lock", "", cDim, false, s.showSafety),
		badge:  newChipButton("zap", "", cGood, true, s.togglePanel),
		path:   newSmallButton(quiet, "route", "", "Choose the path", s.showPaths),
		layout: newSmallButton(quiet, "layout-grid", "", "Choose the layout", nil),
		people: newChipButton("users", "", cDim, false, s.togglePeople),
		invite: newSmallButton(secondary, "link", "Copy invite", "", s.copyInvite),
		code:   newSmallButton(quiet, "qr-code", "", "Show the invite as a code", s.showInvite),
	}
	t.layout.pressed = func() { showMenu(s.layoutMenu(), t.layout) }
	t.people.named = "People"
	t.box = container.New(topLayout{t}, t.title, t.time, t.lock, t.badge, t.path, t.layout, t.people, t.invite, t.code)
	return t
}

func (t *topBar) show(m *callModel, now time.Time) {
	t.title.set(roomTitle(m.snap.Room))
	if m.snap.Since.IsZero() {
		t.time.set("", "–", cDim)
	} else {
		t.time.set("", clock(now.Sub(m.snap.Since)), cDim)
	}
	l := m.lock()
	t.lock.chip.tinted = l.Col != cDim
	t.lock.set(l.Icon, l.Text, l.Col)
	badge, path := m.badge()
	t.badge.set(pathIcon(path), badge, pathColour(path))
	words, col := m.crowd()
	t.people.chip.tinted = col != cDim
	t.people.set("users", words, col)
	icon := "layout-grid"
	if m.board.layout == speakerLayout {
		icon = "gallery-horizontal-end"
	}
	t.layout.set(icon, "")
	t.box.Refresh()
}

func roomTitle(s string) string { return orElse(s, "Room") }

// topLayout makes smaller what matters least when the window is narrow: the
// word of the invite button, that of the lock, then the clock.
type topLayout struct{ t *topBar }

func (topLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, 56) }

func (l topLayout) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	t := l.t
	const margin, gap, wanted = 18, 8, 120
	left := []fyne.CanvasObject{t.time, t.lock, t.badge, t.path}
	right := []fyne.CanvasObject{t.layout, t.people, t.invite, t.code}
	t.lock.Hidden, t.badge.Hidden = t.lock.chip.s == "", t.badge.chip.s == ""
	t.invite.Hidden = t.s.model.snap.Invite == ""
	t.code.Hidden = t.invite.Hidden
	t.layout.Hidden = len(t.s.model.snap.Others) == 0
	t.path.Hidden = t.layout.Hidden
	title := min(t.title.fullWidth(), max(wanted, s.Width*0.3))
	need := func() float32 {
		w := title + gap + 2*margin + 4
		for _, o := range append(left[:len(left):len(left)], right...) {
			if o.Visible() {
				w += o.MinSize().Width + gap
			}
		}
		return w
	}
	t.fold(func() bool { return need() > s.Width }, func() { title = min(title, wanted) })
	title = max(40, title-max(0, need()-s.Width))
	x := float32(margin)
	put(t.title, x, 0, title, s.Height)
	x += title + gap + 4
	for _, o := range left {
		if o.Visible() {
			m := o.MinSize()
			put(o, x, (s.Height-m.Height)/2, m.Width, m.Height)
			x += m.Width + gap
		}
	}
	x = s.Width - margin
	for i := len(right) - 1; i >= 0; i-- {
		if o := right[i]; o.Visible() {
			m := o.MinSize()
			x -= m.Width
			put(o, x, (s.Height-m.Height)/2, m.Width, m.Height)
			x -= gap
		}
	}
}

// fold makes one thing after the other smaller while it is too narrow.
func (t *topBar) fold(narrow func() bool, shorten func()) {
	invite, lock := t.invite.short, t.lock.chip.short
	t.invite.short, t.lock.chip.short, t.time.Hidden = false, false, false
	if narrow() {
		t.invite.short = true
	}
	if narrow() {
		shorten()
	}
	if narrow() {
		t.lock.chip.short = true
	}
	if narrow() {
		t.time.Hidden = true
	}
	if t.invite.short != invite {
		t.invite.Refresh()
	}
	if t.lock.chip.short != lock {
		t.lock.Refresh()
	}
}
