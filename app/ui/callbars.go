package ui

import (
	"strconv"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// topBar says where one is, how long, how safe and how connected.
type topBar struct {
	box    *fyne.Container
	title  *text
	time   *chip
	lock   *chip
	badge  *chipButton
	people *chip
	invite *button
	code   *button
}

func newTopBar(s *callScreen) *topBar {
	t := &topBar{
		title:  newText("", 17, display, cText).eliding(),
		time:   newChip("", "", cDim, false),
		lock:   newChip("lock", "", cDim, false),
		badge:  newChipButton("zap", "", cGood, true, s.togglePanel),
		people: newChip("users", "", cDim, false),
		invite: newSmallButton(secondary, "link", "Copy invite", "", s.copyInvite),
		code:   newSmallButton(quiet, "qr-code", "", "Show the invite as a code", s.showInvite),
	}
	t.box = container.New(topLayout{t}, t.title, t.time, t.lock, t.badge, t.people, t.invite, t.code)
	return t
}

func (t *topBar) show(m *callModel, now time.Time) {
	t.title.set(roomTitle(m.snap.Room))
	if m.snap.Since.IsZero() {
		t.time.set("", "–", cDim)
	} else {
		t.time.set("", clock(now.Sub(m.snap.Since)), cDim)
	}
	icon, lock := m.lock()
	t.lock.set(icon, lock, cDim)
	badge, path := m.badge()
	t.badge.set(pathIcon(path), badge, pathColour(path))
	t.badge.Hidden = badge == ""
	t.people.set("users", strconv.Itoa(len(m.snap.Others)+1), cDim)
	t.invite.Hidden = m.snap.Invite == ""
	t.code.Hidden = t.invite.Hidden
	t.box.Refresh()
}

func roomTitle(s string) string { return orElse(s, "Room") }

// topLayout drops what matters least when the window is narrow: the lock, then
// the number of people, then the word of the invite button.
type topLayout struct{ t *topBar }

func (topLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, 56) }

func (l topLayout) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	t := l.t
	left := []fyne.CanvasObject{t.time, t.lock, t.badge}
	right := []fyne.CanvasObject{t.people, t.invite, t.code}
	const margin, gap, wanted = 18, 8, 120
	t.lock.Hidden, t.people.Hidden = t.lock.s == "", false
	need := func() float32 {
		w := float32(2 * margin)
		for _, o := range append(left[:len(left):len(left)], right...) {
			if o.Visible() {
				w += o.MinSize().Width + gap
			}
		}
		return w
	}
	title := min(t.title.fullWidth(), max(wanted, s.Width*0.3))
	if need()+title+gap > s.Width {
		t.lock.Hidden = true
	}
	if need()+title+gap > s.Width {
		t.people.Hidden = true
	}
	title = min(title, max(40, s.Width-need()-gap))
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

// controlBar are the controls of the call.
type controlBar struct {
	box     *fyne.Container
	mic     *roundButton
	cam     *roundButton
	devices *roundButton
	line    *roundButton
	leave   *roundButton
	form    *deviceForm // while the devices are open
}

func newControlBar(s *callScreen) *controlBar {
	b := &controlBar{
		mic:     newRoundButton("mic", "Mute", s.toggleMute),
		cam:     newRoundButton("video", "Stop video", s.toggleCamera),
		devices: newRoundButton("sliders-horizontal", "Devices", s.showDevices),
		line:    newRoundButton("activity", "Connection", s.togglePanel),
		leave:   newRoundButton("hang-up", "Leave", s.leave),
	}
	b.leave.wide, b.leave.look = true, leave
	b.mic.hint, b.cam.hint, b.devices.hint, b.line.hint, b.leave.hint = "Ctrl+D", "Ctrl+E", "", "Ctrl+I", "Ctrl+W"
	bar := newRow(6, b.mic, b.cam, b.devices, b.line, b.leave)
	b.box = container.NewCenter(card(cPanel, cLine, 26, padded(bar, 8, 16, 8, 16)))
	return b
}

func (b *controlBar) show(m *callModel, open, talking bool) {
	self := m.snap.Self
	switch {
	case talking:
		b.mic.set("mic", "Talking", active)
	case self.Muted:
		b.mic.set("mic-off", "Unmute", off)
	default:
		b.mic.set("mic", "Mute", idle)
	}
	if self.CameraOff {
		b.cam.set("video-off", "Start video", off)
	} else {
		b.cam.set("video", "Stop video", idle)
	}
	look := idle
	if open {
		look = active
	}
	b.line.set("activity", "Connection", look)
}

// stripe is a line over the tiles while the call is not well.
type stripe struct {
	box   *fyne.Container
	icon  *icon
	title *text
	text  *text
}

func newStripe() *stripe {
	p := &stripe{icon: newIconWidget("loader", cWarn, 16), title: newText("", 13.5, bold, cText), text: newText("", 13.5, plain, cDim)}
	p.box = container.NewCenter(layered(newPlate(cPanel, cLine, 12), padded(newRow(10, p.icon, p.title, p.text), 9, 16, 9, 14)))
	p.box.Hide()
	return p
}

func (p *stripe) set(c curtain) {
	p.box.Hidden = c.Kind != strip
	p.title.set(c.Title)
	p.text.set(c.Text)
	p.text.Hidden = c.Text == ""
}

// wide is the window width from which the panel stands beside the call.
const wide = 1100

// panelWidth is how wide the panel is.
const panelWidth = 404

// callLayout lays out the parts of the call.
type callLayout struct{ s *callScreen }

func (callLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, 0) }

func (l callLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	s := l.s
	const topH, barH, margin = 56, 104, 16
	beside := s.open && size.Width >= wide
	w := size.Width
	if beside {
		w -= panelWidth
	}
	put(s.top.box, 0, 0, w, topH)
	put(s.grid, margin, topH, w-2*margin, size.Height-topH-barH)
	put(s.invite, margin, topH, w-2*margin, size.Height-topH-barH)
	put(s.strip.box, margin, topH+12, w-2*margin, 38)
	put(s.bar.box, 0, size.Height-barH+2, w, barH-4)
	s.scrim.Hidden = !s.open || beside
	s.panel.box.Hidden = !s.open
	s.panel.plate.Hidden = beside
	put(s.scrim, 0, 0, size.Width, size.Height)
	put(s.panel.box, size.Width-panelWidth, 0, panelWidth, size.Height)
}

// tilesLayout is a grid, or one tile with the self view floating over it.
type tilesLayout struct{ s *callScreen }

// MinSize is small, so that the window may be small.
func (tilesLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 120) }

func (l tilesLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	if !l.s.model.floats() || len(objs) != 2 {
		grid{}.Layout(objs, s)
		return
	}
	put(objs[0], 0, 0, s.Width, s.Height)
	b := floatingBox(s)
	put(objs[1], b.x, b.y, b.w, b.h)
}
