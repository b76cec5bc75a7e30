package ui

import (
	"time"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// callScreen is a call: tiles, bars, and the connection panel.
type callScreen struct {
	w     *Window
	call  Call
	model *callModel
	over  bool // the call has ended

	tiles    map[netstack.PeerID]*tile
	surfaces []*Surface // of tiles, in their order
	grid     *fyne.Container

	top     *topBar
	bar     *controlBar
	panel   *panel
	open    bool // the panel is
	scrim   *scrim
	strip   *stripe
	invite  *fyne.Container // holds the card while alone
	copyBig *button
	content *fyne.Container

	talking bool            // Space is held while muted
	frames  *fyne.Animation // ticks before every paint
}

func newCallScreen(w *Window, c Call) *callScreen {
	s := &callScreen{w: w, call: c, model: newCallModel(), tiles: map[netstack.PeerID]*tile{}}
	s.grid = container.New(tilesLayout{s})
	s.top, s.bar, s.panel = newTopBar(s), newControlBar(s), newPanel(s)
	s.scrim = newScrim(s.togglePanel)
	s.strip = newStripe()
	s.invite = container.New(bottom{})
	s.content = container.New(callLayout{s}, s.grid, s.invite, s.strip.box, s.top.box, s.bar.box, s.scrim, s.panel.box)
	s.refresh()
	return s
}

func (s *callScreen) root() fyne.CanvasObject { return s.content }

func (s *callScreen) entered() {
	s.frames = &fyne.Animation{Duration: time.Hour, RepeatCount: fyne.AnimationRepeatForever, Tick: s.w.pump.beforePaint}
	s.frames.Start()
	s.w.pump.setSurfaces(s.surfaces)
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
	s.w.pump.each = nil
	for id, t := range s.tiles {
		s.call.Watch(id, nil)
		s.w.putTile(t)
	}
	clear(s.tiles)
	s.surfaces = nil
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
	for _, n := range notices(e) {
		s.w.tell(n)
	}
	if _, net := e.(call.Net); net {
		return // the lines of the next second show it
	}
	s.refresh()
}

// refresh shows the call as it is now.
func (s *callScreen) refresh() {
	s.model.from(s.call.Snapshot())
	if s.model.snap.State == call.Ended {
		s.over = true
	}
	s.showTiles()
	s.showCurtain()
	s.w.setTitle(s.model.title())
	s.top.show(s.model, s.w.now())
	s.bar.show(s.model, s.open, s.talking)
	if s.open {
		s.panel.show()
	}
}

// showTiles gives every member a tile and takes away those of who left.
func (s *callScreen) showTiles() {
	people := s.model.tiles()
	here := make(map[netstack.PeerID]bool, len(people))
	for _, p := range people {
		here[p.ID] = true
	}
	changed := false
	for id, t := range s.tiles {
		if !here[id] {
			s.call.Watch(id, nil)
			delete(s.tiles, id)
			s.w.putTile(t)
			changed = true
		}
	}
	objs := make([]fyne.CanvasObject, 0, len(people))
	surfaces := make([]*Surface, 0, len(people))
	for _, p := range people {
		t := s.tiles[p.ID]
		if t == nil {
			t = s.newTile(p.ID, p.Look.Self)
			changed = true
		}
		t.floating = p.Look.Self && s.model.floats()
		t.set(p.Look)
		objs = append(objs, t)
		surfaces = append(surfaces, t.screen)
	}
	if changed || len(objs) != len(s.grid.Objects) {
		s.grid.Objects = objs
		s.surfaces = surfaces
		s.w.pump.setSurfaces(surfaces)
		s.grid.Refresh()
	}
}

func (s *callScreen) newTile(id netstack.PeerID, self bool) *tile {
	t := s.w.takeTile(self)
	t.pressed = func() { s.showLine(id) }
	if self {
		t.pressed = s.showDevices
	}
	s.tiles[id] = t
	s.call.Watch(id, t.screen)
	return t
}

// showCurtain shows what the state of the call puts over the tiles.
func (s *callScreen) showCurtain() {
	c := s.model.curtain(s.w.engine.Explain)
	s.strip.set(c)
	alone := c.Kind == aloneCurtain && s.model.snap.Invite != ""
	switch {
	case alone && len(s.invite.Objects) == 0:
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
	if s.model.heard(s.call.Levels(), now) {
		for _, p := range s.model.tiles() {
			if t := s.tiles[p.ID]; t != nil {
				t.set(p.Look)
			}
		}
	}
	if s.bar.form != nil {
		s.bar.form.listen()
	}
	if second {
		s.second(now)
	}
}

// second shows what changes every second.
func (s *callScreen) second(now time.Time) {
	if m := s.w.opts.Minimised; m != nil {
		s.w.pump.setRunning(!m())
	}
	s.model.lines = s.call.Lines()
	s.showTiles()
	s.w.setTitle(s.model.title())
	s.top.show(s.model, now)
	if s.open {
		s.panel.show()
	}
}

func (s *callScreen) devicesChanged() {
	if s.bar.form != nil {
		s.bar.form.refresh()
	}
}

func (s *callScreen) escape() bool {
	if s.open {
		s.togglePanel()
		return true
	}
	return false
}

func (s *callScreen) toggleMute() { s.setMuted(!s.model.snap.Self.Muted) }

func (s *callScreen) setMuted(on bool) {
	s.call.SetMuted(on)
	s.refresh()
}

func (s *callScreen) toggleCamera() {
	s.call.SetCameraOff(!s.model.snap.Self.CameraOff)
	s.refresh()
}

// pushToTalk unmutes while Space is held.
func (s *callScreen) pushToTalk(down bool) {
	switch {
	case down && s.model.snap.Self.Muted && !s.talking:
		s.talking = true
		s.setMuted(false)
	case !down && s.talking:
		s.talking = false
		s.setMuted(true)
	}
}

// leave ends the call at the person's wish.
func (s *callScreen) leave() {
	s.call.Leave()
	s.w.closeSheet()
}

func (s *callScreen) togglePanel() {
	s.open = !s.open
	if s.open {
		s.panel.show()
	} else {
		s.w.win.Canvas().Unfocus()
	}
	s.bar.show(s.model, s.open, s.talking)
	s.content.Refresh()
}

// showLine opens the panel on one member's line.
func (s *callScreen) showLine(id netstack.PeerID) {
	s.panel.model.selected = id
	s.open = true
	s.panel.show()
	s.bar.show(s.model, s.open, s.talking)
	s.content.Refresh()
}

// showDevices opens the devices over the call.
func (s *callScreen) showDevices() {
	f := newDeviceForm(s.w, devicesWidth-48)
	s.bar.form = f
	s.w.openSheet("Devices", devicesWidth, f.box, func() { s.bar.form = nil })
}

const devicesWidth = 420
