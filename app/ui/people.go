package ui

import (
	"slices"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// peopleDrawer is the list of who is here and who waits, with what can be done
// about them.
type peopleDrawer struct {
	s       *callScreen
	drawer  *drawer
	rows    map[netstack.PeerID]*personRow
	chosen  netstack.PeerID // whose details are open
	details *fyne.Container
	volume  *widget.Slider
	offered []offer // what details shows
	of      netstack.PeerID

	room    *fyne.Container // for moderators
	lock    *toggle
	lobby   *toggle
	locked  *para             // for the others
	open    fyne.CanvasObject // to other programs
	waiting []call.Waiting
	waiters []fyne.CanvasObject
}

func newPeopleDrawer(s *callScreen) *peopleDrawer {
	p := &peopleDrawer{s: s, rows: map[netstack.PeerID]*personRow{}}
	p.lock = newToggle("Lock: nobody new comes in", false, func(on bool) { p.turn(on, call.Lock, call.Unlock) })
	p.lobby = newToggle("Ask me before somebody comes in", false, func(on bool) { p.turn(on, call.LobbyOn, call.LobbyOff) })
	mute := newSmallButton(secondary, "mic-off", "Mute everyone else", "", s.muteAll)
	tools := newSmallButton(secondary, "cable", "Other programs", "", s.showTools)
	p.room = card(cInset, "", 12, padded(newColumn(6, drawerInner-28, p.lock, p.lobby,
		padded(container.New(wrapRow{6}, mute, tools), 4, 0, 0, 0)), 10, 14, 12, 14))
	p.open = padded(newPara("This room is open to other programs: they can bring a picture in, and watch.", 12.5, plain, cDim), 6, 8, 0, 8)
	p.locked = newPara("The room is locked: nobody new comes in.", 12.5, plain, cDim)
	p.volume = newSlider(1.5, 1, func(v float64) { s.setVolume(p.chosen, v) })
	p.details = newColumn(10, drawerInner)
	p.drawer = newDrawer("People", "Close the list", 4, s.togglePeople, nil, nil)
	return p
}

func (p *peopleDrawer) turn(on bool, yes, no call.Action) {
	do := no
	if on {
		do = yes
	}
	p.s.order(call.Order{Do: do})
}

// show draws the list as it is now.
func (p *peopleDrawer) show() {
	m := p.s.model
	p.drawer.title.set("People")
	var objs []fyne.CanvasObject
	if m.snap.Self.Moderator {
		p.lock.setOn(m.snap.Locked)
		p.lobby.setOn(m.snap.Lobby)
		objs = append(objs, p.room)
	} else if m.snap.Locked {
		objs = append(objs, p.locked)
	}
	if m.snap.Tools.Open {
		objs = append(objs, p.open)
	}
	if m.snap.Self.Moderator {
		objs = append(objs, p.showWaiting(m.snap.Waiting)...)
	}
	views := m.peopleViews()
	if len(objs) > 0 {
		objs = append(objs, heading("In the call"))
	}
	for id := range p.rows {
		if !slices.ContainsFunc(views, func(v personView) bool { return v.ID == id }) {
			delete(p.rows, id)
		}
	}
	for _, v := range views {
		objs = append(objs, p.row(v))
		if v.ID == p.chosen && !v.Self {
			p.showDetails(v)
			objs = append(objs, p.details)
		}
	}
	p.drawer.set(objs)
}

func (p *peopleDrawer) row(v personView) *personRow {
	r := p.rows[v.ID]
	if r == nil {
		r = newPersonRow()
		r.pressed = func() {
			if p.chosen == v.ID {
				p.chosen = ""
			} else {
				p.chosen = v.ID
			}
			p.show()
		}
		p.rows[v.ID] = r
	}
	r.set(v)
	return r
}

// showDetails fills what is under the chosen member: how loud they are, and
// what can be done.
func (p *peopleDrawer) showDetails(v personView) {
	if p.of == v.ID && slices.Equal(p.offered, v.Offers) {
		return
	}
	p.of, p.offered = v.ID, v.Offers
	change := p.volume.OnChanged
	p.volume.OnChanged = nil
	p.volume.SetValue(p.s.volumeOf(v.ID))
	p.volume.OnChanged = change
	var buttons []fyne.CanvasObject
	for _, o := range v.Offers {
		buttons = append(buttons, newSmallButton(secondary, o.Icon, o.Words, "", func() { p.s.take(v, o) }))
	}
	p.details.Objects = []fyne.CanvasObject{padded(newColumn(8, drawerInner-60,
		newRow(8, newIconWidget("volume-2", cDim, 16), newText("Volume", 12.5, plain, cDim), newFiller(), sizedTo(p.volume, 170, 30)),
		container.New(wrapRow{6}, buttons...)), 2, 8, 12, 52)}
}

// showWaiting lists who waits; rows are made anew only when that changed.
func (p *peopleDrawer) showWaiting(w []call.Waiting) []fyne.CanvasObject {
	if len(w) == 0 {
		p.waiting, p.waiters = nil, nil
		return nil
	}
	if slices.Equal(p.waiting, w) {
		return p.waiters
	}
	p.waiting = slices.Clone(w)
	p.waiters = []fyne.CanvasObject{heading("Waiting to come in")}
	for _, one := range w {
		name := cleanChat(one.Name)
		in := newSmallButton(primary, "user-check", "Let in", "", func() { p.s.order(call.Order{Do: call.Admit, Peer: one.ID}) })
		no := newSmallButton(quiet, "", "Refuse", "", func() { p.s.order(call.Order{Do: call.Deny, Peer: one.ID}) })
		in.spoken, no.spoken = "Let "+name+" in", "Refuse "+name
		words := newStretch(1, newText(name, 13.5, bold, cText).eliding(), newText("Waiting "+waitingFor(one.Since, p.s.w.now()), 12, plain, cDim))
		p.waiters = append(p.waiters, padded(newRow(6, words, no, in), 4, 0, 4, 8))
	}
	return p.waiters
}

// heading is a small title in a drawer.
func heading(s string) fyne.CanvasObject {
	return padded(newText(s, 12.5, bold, cDim), 10, 0, 2, 8)
}

// showPerson opens the list on one member.
func (s *callScreen) showPerson(id netstack.PeerID) {
	s.people.chosen = id
	s.showSide(peopleSide)
}

// take does what was offered for a member, after asking if it cannot be taken
// back.
func (s *callScreen) take(v personView, o offer) {
	switch o.Local {
	case pinOffer:
		s.pin(v.ID)
		s.people.show()
	case lineOffer:
		s.showLine(v.ID)
	case wordsOffer:
		s.showSafety()
	default:
		order := call.Order{Do: o.Do, Peer: v.ID}
		if o.Sure == "" {
			s.order(order)
			return
		}
		s.w.ask(o.Words+": "+v.Name+"?", o.Sure, o.Words, func() { s.order(order) })
	}
}

// ask asks before something that cannot be taken back is done.
func (w *Window) ask(title, text, yes string, do func()) {
	const width = 440
	no := newButton(secondary, "", "Cancel", w.closeSheet)
	ok := newButton(danger, "", yes, func() { w.closeSheet(); do() })
	body := newColumn(20, width-48, newPara(text, 14, plain, cDim), newRow(10, newFiller(), no, ok))
	w.openSheet(title, width, body, nil)
	w.win.Canvas().Focus(no)
}

// volumeOf is how loud a member is played.
func (s *callScreen) volumeOf(id netstack.PeerID) float64 {
	if v, ok := s.panel.volumes[string(id)]; ok {
		return v
	}
	return 1
}

func (s *callScreen) setVolume(id netstack.PeerID, v float64) {
	s.panel.volumes[string(id)] = v
	s.call.SetVolume(id, v)
}
