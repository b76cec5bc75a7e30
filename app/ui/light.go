package ui

import (
	"strings"
	"time"

	"candid/app/config"

	"fyne.io/fyne/v2"
)

// netLight says in one sentence what calls from here will be like. Pressed, it
// shows all that was found.
type netLight struct {
	w     *Window
	link  string // whose host is asked; empty: that of the room joined last
	chip  *chipButton
	found NetworkCheck
	asked time.Time
	busy  bool
	room  float32 // for its words
}

func newLight(w *Window, link string) *netLight {
	l := &netLight{w: w, link: link, room: 620}
	l.chip = newChipButton("loader", "Looking at your network…", cDim, false, l.open)
	return l
}

// lightLook is the sign and colour of a level; the sentence says it too.
func lightLook(level string) (icon string, col fyne.ThemeColorName) {
	switch level {
	case "good":
		return "circle-check", cGood
	case "limited":
		return "triangle-alert", cWarn
	case "bad":
		return "wifi-off", cBad
	}
	return "circle-question-mark", cDim
}

// check asks in the background.
func (l *netLight) check() {
	if l.busy {
		return
	}
	l.busy = true
	l.chip.set("loader", "Looking at your network…", cDim)
	l.w.work.Go(func() {
		found := l.w.engine.CheckNetwork(l.w.ctx, l.link)
		l.w.post(func() {
			l.busy, l.found, l.asked = false, found, l.w.now()
			l.draw()
			l.w.stage.Refresh()
		})
	})
}

func (l *netLight) draw() {
	icon, col := lightLook(l.found.Level)
	l.chip.set(icon, elide(orElse(l.found.Sentence, "Nothing is known of your network."), 12, bold, l.room), col)
}

// fit cuts the sentence to what there is room for; pressed, it is told whole.
func (l *netLight) fit(width float32) fyne.Size {
	const around = 42 // the sign, and the space at the sides
	if room := width - around; room != l.room {
		l.room = room
		if !l.asked.IsZero() {
			l.draw()
		}
	}
	return l.chip.MinSize()
}

// lightFirst has the light on the left of something else.
type lightFirst struct{ l *netLight }

func (lightFirst) MinSize(objs []fyne.CanvasObject) fyne.Size { return objs[1].MinSize() }

func (f lightFirst) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	rest := objs[1].MinSize().Width
	m := f.l.fit(s.Width - rest - 16)
	put(objs[0], 0, (s.Height-m.Height)/2, m.Width, m.Height)
	put(objs[1], s.Width-rest, 0, rest, s.Height)
}

// lightOver has the light over something else, both in the middle.
type lightOver struct{ l *netLight }

func (lightOver) MinSize(objs []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(0, objs[0].MinSize().Height+6+objs[1].MinSize().Height)
}

func (f lightOver) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	m := f.l.fit(s.Width)
	put(objs[0], (s.Width-m.Width)/2, 0, m.Width, m.Height)
	n := objs[1].MinSize()
	put(objs[1], (s.Width-n.Width)/2, m.Height+6, n.Width, n.Height)
}

const lightWidth = 560

// open lists what was found.
func (l *netLight) open() {
	if l.busy {
		return
	}
	body := newColumn(4, lightWidth-48, newPara(l.found.Sentence, 15, bold, cText))
	for _, f := range l.found.Facts {
		r := newFactRow()
		r.set(fact{strings.TrimSpace(f.Name), strings.Join(strings.Fields(f.Value), " ")})
		body.Add(r)
	}
	again := newSmallButton(secondary, "refresh-cw", "Check again", "", func() { l.w.closeSheet(); l.check() })
	body.Add(padded(newRow(10, newText("Checked "+ago(l.asked, l.w.now())+"; only your router and the host were asked.", 12, plain, cFaint).eliding(), again), 10, 0, 0, 0))
	l.w.openSheet("Your network", lightWidth, body, nil)
}

const settingsWidth = 480

// showSettings opens what holds for all calls.
func (w *Window) showSettings() {
	c := w.engine.Config()
	row := func(label, what string, on bool, set func(*config.Config, bool)) fyne.CanvasObject {
		return newColumn(2, 0, newToggle(label, on, func(v bool) { w.save(func(c *config.Config) { set(c, v) }) }), newPara(what, 12.5, plain, cDim))
	}
	privacy := 0
	switch {
	case c.RelayOnly:
		privacy = 1
	case c.DirectOnly:
		privacy = 2
	}
	way := newSegmented([]string{"Any way", "Hide me", "Direct only"}, privacy, func(i int) {
		w.save(func(c *config.Config) { c.RelayOnly, c.DirectOnly = i == 1, i == 2 })
	})
	way.spoken = "For all calls: any way, hide my address, or direct only"
	w.openSheet("Settings", settingsWidth, newColumn(18, settingsWidth-48,
		row("Record calls", "What the connection panel shows, so that you can look at a call again: never picture, sound or chat. The newest 40 stay on this computer. From the next call on.",
			c.RecordCalls, func(c *config.Config, v bool) { c.RecordCalls = v }),
		row("Open the port at the router while I host", "So that people outside your network can join. It is asked by UPnP, NAT-PMP or PCP, and closed when you leave.",
			c.OpenPort, func(c *config.Config, v bool) { c.OpenPort = v }),
		row("Let people on this network find my rooms", "Everyone on your local network is told the room's name and how to reach and recognise this computer while you host. Never the invite: without it nobody gets in, and a locked room or a lobby still asks. From the next room on.",
			c.Announce, func(c *config.Config, v bool) { c.Announce = v }),
		newColumn(6, 0, newRow(10, newText("Privacy in all calls", 13.5, plain, cText), newFiller(), way),
			newPara("Hidden, your addresses are known to nobody but the host, and calls go through its relay. It can be changed in each call.", 12.5, plain, cDim)),
	), nil)
}

// newReachRow says how people outside reach the room hosted here, and offers to
// ask the router for it.
func newReachRow(w *Window) fyne.CanvasObject {
	reach := w.engine.Reach()
	said := newPara(orElse(reach.Sentence, "People outside your network can join if your router passes the port on."), 12.5, plain, cDim)
	if reach.Sentence != "" {
		return newRow(8, newIconWidget("globe", cDim, 15), said)
	}
	var ask *button
	ask = newSmallButton(secondary, "globe", "Open the port", "", func() {
		ask.Disable()
		w.engine.OpenPort()
		w.work.Go(func() { w.awaitReach(said) })
	})
	return newRow(8, said, ask)
}

// awaitReach waits for the router's word and shows it.
func (w *Window) awaitReach(said *para) {
	for range 20 {
		select {
		case <-w.ctx.Done():
			return
		case <-time.After(300 * time.Millisecond):
		}
		r := w.engine.Reach()
		w.post(func() { said.set(orElse(r.Sentence, said.s)); w.stage.Refresh() })
		if r.Open {
			return
		}
	}
}
