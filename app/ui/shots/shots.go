package main

import (
	"context"
	"fmt"
	"image"
	"time"

	"candid/app/call"
	"candid/app/config"
	"candid/app/replay"
	"candid/app/ui"
	"candid/app/ui/uitest"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// shot is one picture: an engine, what is done in the window, its size.
type shot struct {
	name   string
	size   fyne.Size // 1280×800 if zero
	setup  func(*uitest.Engine)
	call   func() *uitest.Call // joins this call
	act    func(*ui.Window, *uitest.Engine)
	then   func(*uitest.Loop) error // what has to wait for something
	readme bool                     // shown there
	narrow bool                     // the panel alone is shown
}

// now is twelve minutes into the story.
var now = uitest.Start.Add(12*time.Minute + 4*time.Second)

var (
	small = fyne.NewSize(900, 600)
	large = fyne.NewSize(1600, 920)
	huge  = fyne.NewSize(2560, 1440)
)

var shots = []shot{
	{name: "welcome", setup: func(e *uitest.Engine) { change(e, func(c *config.Config) { c.Name = "" }) }},
	{name: "home", setup: recents, readme: true},
	{name: "home-nearby", setup: neighbours, then: awaitNearby},
	{name: "home-nearby-small", size: small, setup: neighbours, then: awaitNearby},
	{name: "network", setup: recents, then: openLight},
	{name: "settings", setup: recents, act: press("Settings")},
	{name: "home-calls", setup: pasts, then: showPast},
	{name: "replay", size: large, setup: pasts, then: openPast, readme: true},
	{name: "replay-small", size: small, setup: pasts, then: openPast},
	{name: "home-small", size: small, setup: recents},
	{name: "home-bad-link", act: func(w *ui.Window, _ *uitest.Engine) { w.Open("https://example.org/room") }},
	{name: "home-no-devices", setup: noDevices},
	{name: "check", act: check, readme: true},
	{name: "check-small", size: small, act: check},
	{name: "rehearsal", setup: rehearsed, act: tryIt, then: awaitTried, readme: true},
	{name: "rehearsal-many", setup: rehearsedMany, act: tryIt, then: awaitTried},
	{name: "rehearsal-small", size: small, setup: rehearsed, act: tryIt, then: awaitTried},
	{name: "check-no-camera", setup: noDevices, act: check},
	{name: "alone", call: func() *uitest.Call { return room(1, uitest.LAN) }, readme: true},
	{name: "alone-small", size: small, call: func() *uitest.Call { return room(1, uitest.LAN) }},
	{name: "call-2", call: func() *uitest.Call { return room(2, uitest.TwoRouters) }, readme: true},
	{name: "call-3", call: func() *uitest.Call { return room(3, uitest.TwoRouters) }},
	{name: "call-9", size: large, call: busy, act: panel, readme: true},
	{name: "call-16", size: large, call: func() *uitest.Call { return room(16, uitest.TwoRouters) }, act: panel},
	{name: "call-16-small", size: small, call: func() *uitest.Call { return room(16, uitest.TwoRouters) }},
	{name: "call-4k", size: huge, call: busy, act: panel},
	{name: "panel-direct", call: func() *uitest.Call { return room(2, uitest.LAN) }, act: panel, readme: true},
	{name: "panel-two-routers", call: func() *uitest.Call { return room(2, uitest.TwoRouters) }, act: panel, readme: true, narrow: true},
	{name: "panel-relay-udp", call: func() *uitest.Call { return room(2, uitest.RelayUDP) }, act: panel, readme: true, narrow: true},
	{name: "panel-relay-tls", call: func() *uitest.Call { return room(2, uitest.RelayTLS) }, act: panel, readme: true, narrow: true},
	{name: "panel-failing", call: failing, act: panel, readme: true, narrow: true},
	{name: "panel-sfu", call: func() *uitest.Call { return room(6, uitest.SFU) }, act: panel, readme: true, narrow: true},
	{name: "panel-mcu", call: func() *uitest.Call { return room(6, uitest.MCU) }, act: panel, readme: true, narrow: true},
	{name: "panel-mesh", size: large, call: busy, act: panel},
	{name: "panel-small", size: small, call: func() *uitest.Call { return room(2, uitest.TwoRouters) }, act: panel},
	{name: "panel-deep", size: fyne.NewSize(1280, 2900), call: func() *uitest.Call { return room(2, uitest.RelayTLS) }, act: deep},
	{name: "notices", call: func() *uitest.Call { return room(3, uitest.LAN) }, act: tell},
	{name: "reconnecting", call: reconnecting},
	{name: "ended", call: func() *uitest.Call { return room(2, uitest.LAN) }, act: end(nil)},
	{name: "error", call: func() *uitest.Call { return room(2, uitest.LAN) }, act: end(uitest.ErrUnreachable)},
	{name: "invite", call: func() *uitest.Call { return room(2, uitest.LAN) }, act: press("Show the invite as a code")},
	{name: "speaker", size: large, call: stage, act: speaker},
	{name: "share", size: large, call: sharing, readme: true},
	{name: "share-small", size: small, call: sharing},
	{name: "sharing", call: selfSharing},
	{name: "chat", call: chatting, act: press("Chat"), readme: true},
	{name: "chat-small", size: small, call: chatting, act: press("Chat")},
	{name: "people", size: large, call: moderating, act: people("Sam Osei"), readme: true},
	{name: "people-small", size: small, call: moderating, act: people("")},
	{name: "lobby", call: moderating},
	{name: "mix", size: large, call: mixed},
	{name: "call-30", call: func() *uitest.Call { return room(30, uitest.SFU) }},
	{name: "speaker-30", call: func() *uitest.Call { return room(30, uitest.SFU) }, act: speaker},
	{name: "safety", call: verifying, act: who},
	{name: "screens", call: chatting, act: press("Share")},
	{name: "tools", size: large, call: opened, act: tools},
	{name: "tools-encrypted", call: verifying, act: tools},
	{name: "people-open", size: small, call: opened, act: people("")},
	{name: "remove", size: large, call: moderating, act: remove},
	{name: "path-menu", call: moderating, act: press("Choose the path")},
	{name: "german", size: small, call: german, act: people("")},
	{name: "devices", call: func() *uitest.Call { return room(2, uitest.LAN) }, act: press("Devices")},
	{name: "glossary", call: func() *uitest.Call { return room(2, uitest.LAN) }, act: glossary},
	{name: "keys", call: func() *uitest.Call { return room(2, uitest.LAN) }, act: keys},
}

func change(e *uitest.Engine, f func(*config.Config)) {
	c := e.Config()
	f(&c)
	e.SaveConfig(c)
}

func recents(e *uitest.Engine) {
	e.Network = uitest.GoodNetwork()
	change(e, func(c *config.Config) {
		c.Recent = []config.Recent{
			{Room: "design-review", Link: uitest.Invite, At: now.Add(-40 * time.Minute)},
			{Room: "Robin's room", Hosted: true, At: now.Add(-5 * time.Hour)},
			{Room: "family-sunday", Link: uitest.Invite, At: now.Add(-30 * time.Hour)},
			{Room: "quarterly-planning-with-the-whole-northern-team", Link: uitest.Invite, At: now.Add(-4 * 24 * time.Hour)},
			{Room: "chess", Link: uitest.Invite, At: now.Add(-19 * 24 * time.Hour)},
		}
	})
}

// neighbours are rooms on the local network; an invite to one is known.
func neighbours(e *uitest.Engine) {
	recents(e)
	e.SetAround(ui.Nearby{Room: "design-review", Address: "192.168.1.20", Link: uitest.Invite}, ui.Nearby{Room: "Mina's room", Address: "192.168.1.31"})
}

// pasts are some recorded calls.
func pasts(e *uitest.Engine) {
	recents(e)
	e.Opened = uitest.Recorded
	e.Known = map[string]string{"Mina Okafor": "direct in 41 of 43 calls"}
	e.Past = []replay.Entry{
		{Name: "1", Start: now.Add(-50 * time.Minute), Took: 7 * time.Minute, People: []string{"Mina Okafor", "Tom Reyes", "Ada Lindqvist"}, Summary: "Passed on by the host 62 % of the time, direct 30 % and relayed by the host 8 %."},
		{Name: "2", Start: now.Add(-26 * time.Hour), Took: 43*time.Minute + 10*time.Second, People: []string{"Mina Okafor"}, Summary: "Direct all the time."},
		{Name: "3", Start: now.Add(-3 * 24 * time.Hour), Took: 3 * time.Minute, People: []string{"Jun Park"}, Summary: "Relayed by the host all the time."},
	}
}

func pastTab(*ui.Window, *uitest.Engine) {
	seg := uitest.Find(canvas(), "Rooms or past calls").(fyne.Tappable)
	seg.Tapped(&fyne.PointEvent{Position: fyne.NewPos(seg.(fyne.CanvasObject).Size().Width-10, 10)})
}

func openLight(loop *uitest.Loop) error {
	return loop.Until("the network", func() bool {
		o, ok := uitest.FindPrefix(canvas(), "Calls can go directly").(fyne.Tappable)
		if ok {
			o.Tapped(nil)
		}
		return ok
	})
}

func awaitNearby(loop *uitest.Loop) error {
	return loop.Until("the rooms nearby", func() bool { return uitest.FindPrefix(canvas(), "Mina's room, ") != nil })
}

func showPast(loop *uitest.Loop) error {
	pastTab(nil, nil)
	return loop.Until("the past calls", func() bool { return uitest.FindPrefix(canvas(), "Mina Okafor, Tom Reyes") != nil })
}

// openPast opens the newest past call and goes to its fifth minute.
func openPast(loop *uitest.Loop) error {
	const slider = "Time: goes to a moment of the call"
	if err := loop.Until("the past calls", func() bool {
		pastTab(nil, nil)
		row, ok := uitest.FindPrefix(canvas(), "Mina Okafor, Tom Reyes").(fyne.Tappable)
		if ok {
			row.Tapped(nil)
		}
		return ok
	}); err != nil {
		return err
	}
	if err := loop.Until("the replay", func() bool { return uitest.Find(canvas(), slider) != nil }); err != nil {
		return err
	}
	l := uitest.Find(canvas(), slider)
	l.(fyne.Tappable).Tapped(&fyne.PointEvent{Position: fyne.NewPos(112+(l.Size().Width-128)*0.6, 60)})
	return nil
}

func noDevices(e *uitest.Engine) {
	s := e.Devices()
	s.Set(ui.Camera, ui.DeviceState{Devices: []ui.Device{{ID: "cam", Name: "Logitech BRIO", Default: true}}, Chosen: "cam",
		Problem: "Another program is using the camera.", Next: "Close it, or choose another camera. You can join without."})
	s.Set(ui.Microphone, ui.DeviceState{})
	s.Set(ui.Speaker, ui.DeviceState{Devices: []ui.Device{{ID: "spk", Name: "Headphones (USB)", Default: true}}, Chosen: "spk"})
	s.SetLevel(0)
}

func check(w *ui.Window, e *uitest.Engine) {
	w.Open(uitest.Invite)
	if p := e.Devices().Preview(); p != nil && e.Devices().Devices()[ui.Camera].Problem == "" {
		uitest.PaintPerson(p, 0, 1280, 720, now, true)
	}
}

// rehearsed is a room with one in it, behind another router.
func rehearsed(e *uitest.Engine) {
	e.Rehearsal = ui.Rehearsal{Sentence: "A call with Mina Okafor would go directly.", Lines: uitest.Lines(2, uitest.TwoRouters, now)}
}

func rehearsedMany(e *uitest.Engine) {
	lines := uitest.Lines(4, uitest.TwoRouters, now)
	lines[1] = uitest.Line(2, uitest.RelayUDP, now)
	lines[2] = uitest.Line(3, uitest.Failing, now)
	e.Rehearsal = ui.Rehearsal{Sentence: "Of the 3 people there, 1 reached directly, 1 relayed by the host, 1 not reached. The room itself goes through the host at the moment.", Lines: lines}
}

func tryIt(w *ui.Window, e *uitest.Engine) {
	check(w, e)
	press("How would a call go?")(w, e)
}

func awaitTried(loop *uitest.Loop) error {
	return loop.Until("the rehearsal", func() bool { return uitest.Find(canvas(), "Try again") != nil })
}

func room(n int, way uitest.Way) *uitest.Call {
	s := uitest.Room(n)
	switch way { // the sentences are those of netstack/topology
	case uitest.RelayUDP, uitest.RelayTLS:
		s.Plan.Why = "Two people: there is no direct path, but a relay does as well as the host would."
	case uitest.SFU:
		s.Plan = call.Plan{Topology: netstack.SFU, Why: fmt.Sprintf("%d people: the host forwards, so that each sends only once.", n)}
	case uitest.MCU:
		s.Plan = call.Plan{Topology: netstack.MCU, Why: "The line takes 800 kbit/s, too little for 5 pictures: the host mixes them into one."}
	}
	lines := uitest.Lines(n, way, now)
	c := uitest.NewCall(s, lines...)
	c.SetGraph(uitest.Graph(lines, now)...)
	c.SetOutgoing(uitest.Sent()...)
	if n > 2 {
		c.SetPathChanges(uitest.Changes(now)...)
	}
	if n > 2 {
		c.SetLevel("p1", 0.6)
	}
	return c
}

// busy is a room in which a bit of everything happens.
func busy() *uitest.Call {
	s := uitest.Room(9)
	s.Others[2].Muted, s.Others[4].Muted, s.Others[6].Muted = true, true, true
	s.Others[6].CameraOff = true
	s.Others[3].Problem = "connection lost, trying again…"
	s.Others[1].Name = "Maximiliane Hohenstein-Weatherby of the Northern Team"
	lines := uitest.Lines(9, uitest.TwoRouters, now)
	lines[4] = uitest.Line(5, uitest.RelayUDP, now)
	lines[3] = uitest.Line(4, uitest.Lost, now)
	lines[1].Member.Name = s.Others[1].Name
	c := uitest.NewCall(s, lines...)
	c.SetGraph(uitest.Graph(lines, now)...)
	c.SetLevel("p1", 0.6)
	return c
}

func failing() *uitest.Call {
	s := uitest.Room(2)
	s.State = call.Connecting
	s.Others[0].Problem = "connecting…"
	return uitest.NewCall(s, uitest.Line(1, uitest.Failing, now))
}

func reconnecting() *uitest.Call {
	s := uitest.Room(2)
	s.State, s.Problem = call.Reconnecting, "The host does not answer; the call goes on, and Candid tries again."
	s.Others[0].Problem = "not responding"
	return uitest.NewCall(s, uitest.Line(1, uitest.Lost, now))
}

func tell(_ *ui.Window, e *uitest.Engine) {
	none := func(*call.Snapshot) {}
	e.Current().Tell(none, call.MemberJoined{Member: uitest.MemberAt(2)})
	e.Current().Tell(none, call.MemberLeft{Member: uitest.MemberAt(3), Why: "connection lost"})
}

func panel(w *ui.Window, _ *uitest.Engine) { w.TogglePanel() }

func deep(w *ui.Window, e *uitest.Engine) {
	w.TogglePanel()
	press("Addresses")(w, e)
	press("Picture and sound")(w, e)
}

func press(label string) func(*ui.Window, *uitest.Engine) {
	return func(*ui.Window, *uitest.Engine) {
		if err := uitest.Press(canvas(), label); err != nil {
			panic(err) // a shot that presses what is not there is a mistake here
		}
	}
}

func glossary(w *ui.Window, e *uitest.Engine) {
	w.TogglePanel()
	press("What is this?")(w, e)
}

func keys(*ui.Window, *uitest.Engine) { canvas().OnTypedKey()(&fyne.KeyEvent{Name: fyne.KeyF1}) }

func end(err error) func(*ui.Window, *uitest.Engine) {
	return func(_ *ui.Window, e *uitest.Engine) { e.Current().End(err) }
}

// window is the newest: the test driver keeps one of its own.
func window() fyne.Window {
	all := fyne.CurrentApp().Driver().AllWindows()
	return all[len(all)-1]
}

func canvas() fyne.Canvas { return window().Canvas() }

// draw opens a window on a scripted engine and takes its picture.
func draw(s shot, look string, size fyne.Size) (image.Image, error) {
	a := test.NewApp()
	defer a.Quit()
	c := config.Default()
	c.Name, c.Theme = "Robin Vale", look
	e := uitest.New(c)
	e.Network = uitest.GoodNetwork()
	if s.setup != nil {
		s.setup(e)
	}
	opts := ui.Options{}
	if s.call != nil {
		joined := s.call()
		e.Enter = func(context.Context, string) (ui.Call, error) { return joined, nil }
		opts.Link, opts.JoinAtOnce = uitest.Invite, true
	}
	loop := uitest.NewLoop()
	opts.Do, opts.Now = loop.Do, func() time.Time { return now }
	w := ui.New(a, e, opts)
	defer w.Wait()
	defer w.Close()
	w.Show()
	window().Resize(size)
	if s.call != nil {
		if err := loop.Until("the call", func() bool { return e.Current() != nil && len(e.Current().Watched()) > 0 }); err != nil {
			return nil, err
		}
		e.Current().Paint(now)
	}
	if s.act != nil {
		s.act(w, e)
	}
	if s.then != nil {
		if err := s.then(loop); err != nil {
			return nil, err
		}
	}
	if err := loop.Until("pictures", settled()); err != nil {
		return nil, err
	}
	window().Resize(size.AddWidthHeight(1, 0)) // Fyne lays out again only on a new size
	window().Resize(size)
	img := canvas().Capture()
	if sub, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	}); ok && s.narrow {
		const panel = 404
		b := img.Bounds()
		return sub.SubImage(image.Rect(b.Max.X-panel, b.Min.Y, b.Max.X, b.Max.Y)), nil
	}
	return img, nil
}

// settled holds when nothing has been queued for a quarter of a second: pictures
// wait that long at most.
func settled() func() bool {
	end := time.Now().Add(250 * time.Millisecond)
	return func() bool { return time.Now().After(end) }
}
