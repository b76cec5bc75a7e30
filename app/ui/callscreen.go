package ui

import (
	"time"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// callScreen is a call: tiles, bars, and what can be open at the side.
type callScreen struct {
	w     *Window
	call  Call
	model *callModel
	over  bool // the call has ended
	gone  bool // the screen was left

	board   *board
	top     *topBar
	bar     *controlBar
	side    sideKind // what is open at the side
	open    bool     // the panel is
	panel   *panel
	chat    *chatDrawer
	people  *peopleDrawer
	scrim   *scrim
	invite  *fyne.Container // holds the card while alone
	invited string          // the invite on it
	copyBig *button
	content *fyne.Container

	banners                *fyne.Container
	strip, lobby, sharing  *banner
	admit, deny, lobbyMore *button

	safety  *safetySheet    // while it is open
	tools   *toolsSheet     // the same
	unread  int             // lines of chat that nobody has seen
	heard   int             // lines of chat since the last beat
	late    call.Event      // the newest of them that is not shown yet; nil: all are
	talking bool            // Space is held while muted
	frames  *fyne.Animation // ticks before every paint
}

func newCallScreen(w *Window, c Call) *callScreen {
	s := &callScreen{w: w, call: c, model: newCallModel()}
	s.board = newBoard(s)
	s.top, s.bar, s.panel = newTopBar(s), newControlBar(s), newPanel(s)
	s.chat, s.people = newChatDrawer(s), newPeopleDrawer(s)
	s.scrim = newScrim(func() { s.showSide(noSide) })
	s.invite = container.New(bottom{})
	s.newBanners()
	s.content = container.New(callLayout{s}, s.board.box, s.invite, s.banners, s.top.box, s.bar.box,
		s.scrim, s.panel.box, s.chat.drawer.box, s.people.drawer.box)
	s.refresh()
	return s
}

func (s *callScreen) root() fyne.CanvasObject { return s.content }

func (s *callScreen) entered() {
	s.frames = &fyne.Animation{Duration: time.Hour, RepeatCount: fyne.AnimationRepeatForever, Tick: s.w.pump.beforePaint}
	s.frames.Start()
	s.w.pump.setSurfaces(s.board.surfaces())
	s.w.pump.each = s.panel.tick
	s.w.pump.setRunning(true)
	s.second(s.w.now())
}

// left leaves the call, and gives back the screens.
func (s *callScreen) left() {
	if s.frames != nil {
		s.frames.Stop()
	}
	s.w.pump.setSurfaces(nil)
	s.gone = true
	s.board.left()
	s.w.pump.each = nil
	if !s.over {
		s.over = true
		s.call.Leave()
	}
	s.call = call.Past{} // Fyne keeps what it drew for a minute, and all that hangs on it
}

// apply takes one event: it is told, and the snapshot has the rest.
func (s *callScreen) apply(e call.Event) {
	if s.over {
		return
	}
	switch e := e.(type) {
	case call.ChatReceived:
		if !e.Line.Mine && s.side != chatSide {
			s.unread++
		}
		if s.heard++; s.heard > chatAtOnce {
			s.late = e
			return
		}
	}
	s.show(e)
}

// chatAtOnce is how many lines of chat are shown as they come between two beats;
// those after them wait for the next. Showing one costs up to two milliseconds,
// and a room can send thousands.
const chatAtOnce = 4

// show shows what an event changed.
func (s *callScreen) show(e call.Event) {
	for _, n := range s.model.notices(e, s.side == chatSide) {
		s.w.tell(n)
	}
	switch e := e.(type) {
	case call.Net:
		return // the lines of the next second show it
	case call.PathChanged:
		s.model.seam.changed(e.Change, s.w.now())
	}
	s.refresh()
}

// refresh shows the call as it is now.
func (s *callScreen) refresh() {
	snap := s.call.Snapshot()
	for _, n := range s.model.news(snap) {
		s.w.tell(n)
	}
	s.model.from(snap)
	if s.model.snap.State == call.Ended {
		s.over = true
	}
	s.board.show()
	s.showCurtain()
	s.w.setTitle(s.model.title())
	s.top.show(s.model, s.w.now())
	s.bar.show(s)
	s.refreshSide()
	if s.safety != nil {
		s.safety.show()
	}
	if s.tools != nil {
		s.tools.show()
	}
}

// refreshSide draws what is open at the side.
func (s *callScreen) refreshSide() {
	switch s.side {
	case panelSide:
		s.panel.show()
	case chatSide:
		s.chat.show()
	case peopleSide:
		s.people.show()
	}
}

// showCurtain shows what the state of the call puts over the tiles.
func (s *callScreen) showCurtain() {
	c := s.model.curtain(s.w.engine.Explain)
	s.showBanners(c)
	link := s.model.snap.Invite
	alone := c.Kind == aloneCurtain && link != ""
	switch {
	case alone && (len(s.invite.Objects) == 0 || s.invited != link):
		s.invited = link
		s.invite.Objects = []fyne.CanvasObject{newInviteCard(s, c)}
		s.invite.Refresh()
	case !alone && len(s.invite.Objects) > 0:
		s.invite.Objects, s.copyBig = nil, nil
		s.invite.Refresh()
	}
	s.content.Refresh()
}

func (s *callScreen) wantsBeat() bool { return !s.over }

// beat looks who speaks, and once a second at the lines.
func (s *callScreen) beat(now time.Time, second bool) {
	s.heard = 0
	if late := s.late; late != nil && !s.over {
		s.late = nil
		s.show(late)
	}
	if s.model.heard(s.call.Levels(), now) {
		s.board.show()
	}
	if s.bar.form != nil {
		s.bar.form.listen()
	}
	s.chat.rest(now)
	if n, ok := s.model.seam.due(s.model.snap, now); ok {
		s.w.tell(n)
	}
	if second {
		s.second(now)
	}
}

// second shows what changes every second.
func (s *callScreen) second(now time.Time) {
	if m := s.w.opts.Minimised; m != nil {
		s.board.setUnseen(m())
	}
	s.model.lines = s.call.Lines()
	s.board.show()
	s.w.setTitle(s.model.title())
	s.top.show(s.model, now)
	if s.side != chatSide {
		s.refreshSide()
	}
}

func (s *callScreen) devicesChanged() {
	if s.bar.form != nil {
		s.bar.form.refresh()
	}
}

func (s *callScreen) escape() bool {
	if s.side == noSide {
		return false
	}
	s.showSide(noSide)
	return true
}

// showSide opens one sheet at the side, and closes what was there.
func (s *callScreen) showSide(k sideKind) {
	if s.side == chatSide || k == noSide {
		s.w.win.Canvas().Unfocus() // a blinking cursor repaints for ever
	}
	s.side, s.open = k, k == panelSide
	s.refreshSide()
	if k == chatSide {
		s.unread = 0
	}
	s.bar.show(s)
	s.showBanners(s.model.curtain(s.w.engine.Explain))
	s.content.Refresh()
	if k == chatSide {
		s.chat.opened()
	}
}

// toggleSide opens a sheet, or closes it when it is open.
func (s *callScreen) toggleSide(k sideKind) {
	if s.side == k {
		k = noSide
	}
	s.showSide(k)
}

func (s *callScreen) togglePanel()  { s.toggleSide(panelSide) }
func (s *callScreen) toggleChat()   { s.toggleSide(chatSide) }
func (s *callScreen) togglePeople() { s.toggleSide(peopleSide) }

// showLine opens the panel on one member's line.
func (s *callScreen) showLine(id netstack.PeerID) {
	s.panel.model.selected = id
	s.showSide(panelSide)
}
