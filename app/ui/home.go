package ui

import (
	"strings"
	"time"

	"candid/app/config"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// homeScreen is where one hosts or joins a room.
type homeScreen struct {
	w       *Window
	name    *entry
	link    *entry
	status  *para
	statusI *icon
	host    *button
	join    *button
	recent  *fyne.Container
	shelf   *segmented // which list is shown: rooms, or past calls
	past    []pastCall
	around  []Nearby // on the local network
	away    func()   // ends the look for them; nil: nobody looks
	open    *button  // a file of a call
	clear   *button
	glances []*glanceRow
	light   *netLight
	content *fyne.Container
	state   linkState
}

const (
	homeLeft  = 420
	homeRight = 360
)

func newHomeScreen(w *Window) *homeScreen {
	s := &homeScreen{w: w, content: container.New(stack{})}
	if w.engine.Config().Name == "" {
		s.content.Add(s.welcome())
	} else {
		s.content.Add(s.build())
	}
	return s
}

// welcome asks for a name, once.
func (s *homeScreen) welcome() fyne.CanvasObject {
	name := newEntry("Your name")
	next := newButton(primary, "arrow-right", "Continue", nil)
	next.pressed = func() {
		if n := strings.TrimSpace(name.Text); n != "" {
			s.w.save(func(c *config.Config) { c.Name = n })
			s.w.showHome()
		}
	}
	next.Disable()
	name.OnChanged = func(t string) { next.setEnabled(strings.TrimSpace(t) != "") }
	name.OnSubmitted = func(string) { next.Tapped(nil) }
	s.name = name
	body := newColumn(16, homeLeft-88,
		container.New(middle{}, sizedTo(newLogo(), 72, 72)),
		newText("Welcome to Candid", 26, display, cText).centred(),
		newPara("Video calls that go straight from you to the other person, and always show you how: which way, how good, and why.", 14.5, plain, cDim).centre(),
		padded(newText("What should others call you?", 13, bold, cText), 14, 0, 0, 0),
		name, next)
	body.Objects[0] = sizedTo(body.Objects[0], 0, 76)
	return container.New(middle{}, card(cPanel, cLine, 24, padded(body, 40, 44, 44, 44)))
}

func (s *homeScreen) build() fyne.CanvasObject {
	left := newColumn(20, homeLeft, s.hero(), s.actions())
	recent, devices := s.recentCard(), s.deviceBar()
	s.check("")
	s.devicesChanged()
	return container.New(homeLayout{}, left, recent, devices, s.footer())
}

func (s *homeScreen) hero() fyne.CanvasObject {
	return newRow(16, sizedTo(newLogo(), 58, 58), newStretch(2,
		newText("Candid", 30, display, cText),
		newText("Video calls that show you their line.", 14.5, plain, cDim).eliding()))
}

// actions are the name, hosting and joining.
func (s *homeScreen) actions() fyne.CanvasObject {
	w := s.w
	s.name = newEntry("Your name")
	s.name.SetText(w.engine.Config().Name)
	s.name.OnChanged = func(t string) {
		if t = strings.TrimSpace(t); t != "" {
			w.save(func(c *config.Config) { c.Name = t })
		}
	}
	s.host = newButton(primary, "plus", "Host a room", w.host)
	s.link = newEntry("Paste an invite: candid://…")
	s.link.OnChanged = s.check
	s.link.OnSubmitted = func(string) { s.enter() }
	paste := newSmallButton(quiet, "clipboard", "", "Paste the invite", s.paste)
	s.join = newButton(secondary, "log-in", "Join", s.enter)
	s.statusI, s.status = newIconWidget("info", cDim, 15), newPara("", 13, plain, cDim)
	body := newColumn(12, homeLeft-56,
		newText("Your name", 12.5, bold, cDim), s.name,
		padded(s.host, 8, 0, 0, 0),
		padded(newRule("or join a room"), 6, 0, 6, 0),
		newRow(8, s.link, paste, s.join),
		newRow(8, s.statusI, s.status))
	return card(cPanel, cLine, 20, padded(body, 26, 28, 24, 28))
}

// check judges the invite as it is typed.
func (s *homeScreen) check(typed string) {
	s.state = checkLink(typed, s.w.engine.CheckLink, s.w.engine.Explain)
	icon, col := "info", cDim
	switch {
	case s.state.Good:
		icon, col = "circle-check", cGood
	case s.state.Bad:
		icon, col = "circle-alert", cBad
	}
	s.statusI.set(icon, col)
	s.status.setCol(s.state.Text, col)
	s.join.kind, s.host.kind = secondary, primary
	if s.state.Good { // one button at a time is the one that matters
		s.join.kind, s.host.kind = primary, secondary
	}
	s.host.Refresh()
	s.join.setEnabled(s.state.Good)
	s.join.Refresh()
	s.relayout()
}

// offer puts an invite into the field, as if it had been typed.
func (s *homeScreen) offer(link string) {
	if s.link != nil {
		s.link.SetText(link)
	}
}

func (s *homeScreen) paste() { s.link.SetText(strings.TrimSpace(s.w.app.Clipboard().Content())) }

func (s *homeScreen) enter() {
	if s.state.Good {
		s.w.Open(strings.TrimSpace(s.link.Text))
	}
}

// deviceBar shows the devices at a glance.
func (s *homeScreen) deviceBar() fyne.CanvasObject {
	bar := newRow(24)
	for range 3 {
		g := newGlanceRow()
		s.glances = append(s.glances, g)
		bar.Add(g.row)
	}
	bar.Add(newSmallButton(secondary, "sliders-horizontal", "Check", "", func() { s.w.showCheck("", "") }))
	return card(cPanel, cLine, 20, padded(bar, 14, 16, 14, 28))
}

// footer has the version, the keys and the look.
func (s *homeScreen) footer() fyne.CanvasObject {
	w := s.w
	mode := 0
	for i, m := range config.Themes {
		if m == w.engine.Config().Theme {
			mode = i
		}
	}
	look := newSegmented([]string{"Auto", "Light", "Dark"}, mode, func(i int) { w.setTheme(config.Themes[i]) })
	look.spoken = "Look: auto, light or dark"
	s.light = newLight(w, "")
	settings := newSmallButton(quiet, "sliders-horizontal", "Settings", "", w.showSettings)
	keys := newSmallButton(quiet, "keyboard", "Keys", "", w.showShortcuts)
	keys.hint = "F1"
	return container.New(lightFirst{s.light}, s.light.chip, newRow(6, newText(w.engine.Version(), 12, plain, cFaint), settings, keys, look))
}

func (s *homeScreen) relayout() {
	if len(s.content.Objects) > 0 {
		s.content.Objects[0].Refresh()
	}
}

func (s *homeScreen) root() fyne.CanvasObject { return s.content }

// entered puts the cursor where one begins.
func (s *homeScreen) entered() {
	if s.link == nil {
		s.w.win.Canvas().Focus(s.name)
		return
	}
	s.loadPast()
	s.lookAround()
	s.light.check()
}

func (s *homeScreen) left() {
	if s.away != nil {
		s.away()
	}
}

func (s *homeScreen) wantsBeat() bool      { return false }
func (s *homeScreen) beat(time.Time, bool) {}
func (s *homeScreen) escape() bool         { return false }

func (s *homeScreen) devicesChanged() {
	if len(s.glances) == 0 {
		return
	}
	for i, g := range glances(s.w.engine.Studio().Devices()) {
		s.glances[i].set(g)
	}
}

// homeLayout centres what one does, the recent rooms beside it and the devices
// below, and keeps the footer at the bottom.
type homeLayout struct{}

func (homeLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, 0) }

func (homeLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	const foot, margin, between = 52, 16, 16
	gap := min(max((s.Width-homeLeft-homeRight)*0.1, 20), 32)
	width := homeLeft + gap + homeRight
	x := (s.Width - width) / 2
	bar := objs[2].MinSize().Height
	h := min(heightFor(objs[0], homeLeft), s.Height-foot-2*margin-bar-between)
	y := margin + (s.Height-foot-2*margin-h-bar-between)*0.42
	put(objs[0], x, y, homeLeft, h)
	put(objs[1], x+homeLeft+gap, y, homeRight, h)
	put(objs[2], x, y+h+between, width, bar)
	put(objs[3], 24, s.Height-foot, s.Width-48, foot-12)
}

// recentLayout is a head over a list that scrolls.
type recentLayout struct{}

func (recentLayout) MinSize(objs []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(0, objs[0].MinSize().Height+120)
}

func (recentLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	h := max(objs[0].MinSize().Height, 32)
	put(objs[0], 0, 0, s.Width, h)
	put(objs[1], 0, h+4, s.Width, s.Height-h-4)
}
