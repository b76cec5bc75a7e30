package ui_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/config"
	"candid/app/ui"
	"candid/app/ui/uitest"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// rig is a window on a scripted engine, with a clock and a main goroutine that
// the test turns.
type rig struct {
	t    *testing.T
	e    *uitest.Engine
	w    *ui.Window
	loop *uitest.Loop
	now  time.Time
}

func open(t *testing.T, opts ui.Options, change ...func(*uitest.Engine)) *rig {
	t.Helper()
	a := test.NewTempApp(t)
	c := config.Default()
	c.Name, c.Theme = "Robin Vale", "dark"
	r := &rig{t: t, e: uitest.New(c), loop: uitest.NewLoop(), now: uitest.Start}
	for _, f := range change {
		f(r.e)
	}
	opts.Do, opts.Now = r.loop.Do, func() time.Time { return r.now }
	r.w = ui.New(a, r.e, opts)
	r.w.Show()
	r.size(1280, 800)
	t.Cleanup(func() {
		r.w.Close()
		r.loop.Run()
		r.w.Wait()
	})
	return r
}

// inCall opens a window that is in c.
func inCall(t *testing.T, c *uitest.Call) *rig {
	t.Helper()
	r := open(t, ui.Options{Link: uitest.Invite, JoinAtOnce: true}, joins(c))
	r.until("the call", func() bool { return r.w.ScreenName() == "call" })
	return r
}

func joins(c *uitest.Call) func(*uitest.Engine) {
	return func(e *uitest.Engine) {
		e.Enter = func(context.Context, string) (ui.Call, error) { return c, nil }
	}
}

func (r *rig) size(w, h float32)     { r.w.FyneWindow().Resize(fyne.NewSize(w, h)) }
func (r *rig) canvas() fyne.Canvas   { return r.w.FyneWindow().Canvas() }
func (r *rig) key(name fyne.KeyName) { r.canvas().OnTypedKey()(&fyne.KeyEvent{Name: name}) }

func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	if err := r.loop.Until(what, cond); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) press(label string) {
	r.t.Helper()
	if err := uitest.Press(r.canvas(), label); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) shortcut(name fyne.KeyName, mod fyne.KeyModifier) { r.w.Shortcut(name, mod) }

// says reports whether a text is on the screen.
func (r *rig) says(text string) bool {
	top := r.canvas().Overlays().Top()
	if top == nil {
		top = r.canvas().Content()
	}
	return slices.ContainsFunc(ui.Texts(test.LaidOutObjects(top)), func(s string) bool { return strings.Contains(s, text) })
}

func (r *rig) wantSays(texts ...string) {
	r.t.Helper()
	for _, s := range texts {
		if !r.says(s) {
			r.t.Errorf("the window does not say %q", s)
		}
	}
}

const ctrl = fyne.KeyModifierShortcutDefault

func TestFirstRunAsksForTheName(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		c := e.Config()
		c.Name = ""
		e.SaveConfig(c)
	})
	r.wantSays("Welcome to Candid", "straight from you to the other person")
	if r.canvas().Focused() == nil {
		t.Error("the name field has no focus")
	}
	r.w.NameField().OnSubmitted("") // Enter without a name does nothing
	if r.w.ScreenName() != "welcome" {
		t.Fatal("went on without a name")
	}
	test.Type(r.w.NameField(), "  Ann ")
	r.w.NameField().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if got := r.e.Config().Name; got != "Ann" || r.w.ScreenName() != "home" {
		t.Errorf("name %q on screen %s", got, r.w.ScreenName())
	}
}

func TestJoinByTyping(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.LAN, uitest.Start))
	r := open(t, ui.Options{}, joins(c))
	field := r.w.LinkField()
	test.Type(field, "https://example.org")
	r.wantSays("This is not a whole invite.")
	field.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if r.w.ScreenName() != "home" {
		t.Fatal("Enter joined a bad link")
	}
	field.SetText(uitest.Invite)
	r.wantSays("This leads to design-review.")
	field.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if r.w.ScreenName() != "check" {
		t.Fatalf("on screen %s, want the device check", r.w.ScreenName())
	}
	r.wantSays("Ready for design-review?")
	if cam, mic := r.e.Devices().On(); !cam || !mic || r.e.Devices().Preview() == nil {
		t.Error("the devices are not open in the check")
	}
	r.press("Join now")
	r.until("the call", func() bool { return r.w.ScreenName() == "call" })
	if r.e.Devices().Preview() != nil {
		t.Error("the preview goes on during the call")
	}
}

func TestPaste(t *testing.T) {
	r := open(t, ui.Options{})
	fyne.CurrentApp().Clipboard().SetContent(uitest.Invite + "\n")
	r.press("Paste the invite")
	if got := r.w.LinkField().Text; got != uitest.Invite {
		t.Errorf("the field holds %q", got)
	}
	r.press("Join")
	if r.w.ScreenName() != "check" {
		t.Error("the join button does nothing")
	}
}

func TestHostIsOneClick(t *testing.T) {
	c := uitest.NewCall(uitest.Room(1))
	r := open(t, ui.Options{}, joins(c))
	r.press("Host a room")
	r.until("the call", func() bool { return r.w.ScreenName() == "call" })
	r.wantSays("You are the only one here", uitest.Invite)
	r.shortcut(fyne.KeyC, ctrl|fyne.KeyModifierShift)
	if got := fyne.CurrentApp().Clipboard().Content(); got != uitest.Invite {
		t.Errorf("copied %q", got)
	}
	r.wantSays("Copied")
}

func TestJoinFails(t *testing.T) {
	r := open(t, ui.Options{})
	r.press("Host a room")
	r.until("the error", func() bool { return r.says("Nobody is hosting") })
	r.wantSays("Ask the host to open the room again.", "Try again", "Home")
	c := uitest.NewCall(uitest.Room(1))
	joins(c)(r.e)
	r.press("Try again")
	r.until("the call", func() bool { return r.w.ScreenName() == "call" })
}

// TestCancelledJoinLeaves: a call that nobody wants any more is left.
func TestCancelledJoinLeaves(t *testing.T) {
	c, gate := uitest.NewCall(uitest.Room(2)), make(chan struct{})
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		e.Enter = func(context.Context, string) (ui.Call, error) { <-gate; return c, nil }
	})
	r.press("Host a room")
	r.press("Cancel")
	if r.w.ScreenName() != "home" {
		t.Fatalf("on screen %s", r.w.ScreenName())
	}
	close(gate)
	r.until("the call to be left", c.Ended)
	if r.w.ScreenName() != "home" {
		t.Error("the cancelled call came up")
	}
}

func TestClosingWhileJoiningLeaves(t *testing.T) {
	c, gate := uitest.NewCall(uitest.Room(2)), make(chan struct{})
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		e.Enter = func(context.Context, string) (ui.Call, error) { <-gate; return c, nil }
	})
	r.press("Host a room")
	r.w.Close()
	close(gate)
	r.w.Wait() // without a main goroutine: it has ended
	if !c.Ended() {
		t.Error("the call goes on without a window")
	}
}

func TestRecentRoomsLead(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		c := e.Config()
		c.Recent = []config.Recent{{Room: "design-review", Link: uitest.Invite, At: uitest.Start.Add(-time.Hour)}}
		e.SaveConfig(c)
	})
	r.press("design-review, Joined · today, 13:05")
	if r.w.ScreenName() != "check" {
		t.Errorf("on screen %s", r.w.ScreenName())
	}
	r.key(fyne.KeyEscape)
	r.press("Forget the recent rooms")
	if len(r.e.Config().Recent) != 0 || !r.says("appear here") {
		t.Error("the rooms are not forgotten")
	}
}

func TestSettingsThatCannotBeSaved(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) { e.SaveErr = errors.New("the disk is full") })
	r.w.NameField().SetText("Zoë")
	r.wantSays("the disk is full")
	if r.e.Config().Name != "Zoë" {
		t.Error("the name does not hold for this run")
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	r := open(t, ui.Options{Link: uitest.Invite})
	d := r.e.Devices()
	d.Set(ui.Camera, ui.DeviceState{Devices: []ui.Device{{ID: "c", Name: "Cam"}}, Problem: "Another program is using the camera.", Next: "Close it."})
	d.Set(ui.Microphone, ui.DeviceState{})
	d.Set(ui.Speaker, ui.DeviceState{})
	r.until("the words", func() bool { return r.says("No speaker was found.") })
	r.wantSays("Another program is using the camera. Close it.", "No microphone was found.", "Join now")
	c := uitest.NewCall(uitest.Room(2))
	joins(c)(r.e)
	r.press("Join now") // all the same
	r.until("the call", func() bool { return r.w.ScreenName() == "call" })
}

func TestCheckChoices(t *testing.T) {
	r := open(t, ui.Options{Link: uitest.Invite})
	r.press("Stop video")
	if cam, _ := r.e.Devices().On(); cam || !r.e.Config().JoinCameraOff {
		t.Error("the camera stays on")
	}
	r.press("Mute")
	if !r.e.Config().JoinMuted || !r.says("Unmute") {
		t.Error("not muted")
	}
	r.press("Cancel echo")
	if r.e.Config().Echo {
		t.Error("echo is still cancelled")
	}
	r.press("Play a test sound")
	if r.e.Devices().TestSounds != 1 {
		t.Error("no test sound")
	}
	r.press("Back")
	if cam, mic := r.e.Devices().On(); cam || mic || r.w.ScreenName() != "home" {
		t.Error("the devices stay open after going back")
	}
}

func TestMuteAndCamera(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.LAN, uitest.Start))
	r := inCall(t, c)
	r.press("Mute")
	if !c.Snapshot().Self.Muted || !r.says("Unmute") {
		t.Error("the button does not mute")
	}
	r.shortcut(fyne.KeyD, ctrl)
	r.shortcut(fyne.KeyE, ctrl)
	if s := c.Snapshot().Self; s.Muted || !s.CameraOff || !r.says("Start video") {
		t.Errorf("the shortcuts do nothing: %+v", s)
	}
}

func TestPushToTalk(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2))
	r := inCall(t, c)
	r.w.Held(fyne.KeySpace, true)
	if c.Snapshot().Self.Muted {
		t.Fatal("space mutes")
	}
	r.w.Held(fyne.KeySpace, false)
	r.shortcut(fyne.KeyD, ctrl)
	r.w.Held(fyne.KeySpace, true)
	if c.Snapshot().Self.Muted || !r.says("Talking") {
		t.Error("held space does not talk")
	}
	r.w.Held(fyne.KeySpace, false)
	if !c.Snapshot().Self.Muted {
		t.Error("released space goes on talking")
	}
}

// TestBadgeSaysWhatThePanelSays for every way, and its sentences.
func TestBadgeSaysWhatThePanelSays(t *testing.T) {
	for _, n := range []int{2, 3, 9} {
		for _, way := range []uitest.Way{uitest.LAN, uitest.TwoRouters, uitest.RelayUDP, uitest.RelayTCP, uitest.Failing, uitest.Lost, uitest.SFU, uitest.MCU} {
			lines := uitest.Lines(n, way, uitest.Start)
			r := inCall(t, uitest.NewCall(uitest.Room(n), lines...))
			r.w.TogglePanel()
			top, panel := r.w.Badges()
			if top == "" || top != panel {
				t.Errorf("%d people, way %d: the bar says %q, the panel %q", n, way, top, panel)
			}
			if n == 2 && top != lines[0].Verdict.Badge {
				t.Errorf("way %d: %q is not the verdict's %q", way, top, lines[0].Verdict.Badge)
			}
			r.wantSays(lines[0].Verdict.Why)
			if lines[0].Verdict.Better != "" {
				r.wantSays(lines[0].Verdict.Better)
			}
			r.w.Close()
			r.loop.Run()
		}
	}
}

func TestPanelKeys(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.RelayTCP, uitest.Start))
	r := inCall(t, c)
	r.shortcut(fyne.KeyI, ctrl)
	if !r.w.PanelOpen() {
		t.Fatal("Ctrl+I does not open the panel")
	}
	r.press("Copy as JSON")
	if got := fyne.CurrentApp().Clipboard().Content(); !strings.Contains(got, `"candidatePairs"`) {
		t.Errorf("copied %.80q", got)
	}
	r.press("Restart ICE")
	if c.Restarts != 1 {
		t.Error("ICE is not restarted")
	}
	r.press("What is this?")
	r.wantSays("TURN is a relay for when nothing else works")
	r.key(fyne.KeyEscape)
	if r.w.SheetOpen() || !r.w.PanelOpen() {
		t.Error("Escape does not close the sheet alone")
	}
	r.key(fyne.KeyEscape)
	if r.w.PanelOpen() {
		t.Error("Escape does not close the panel")
	}
	r.key(fyne.KeyF1)
	r.wantSays("Ctrl+D", "Mute or unmute")
}

// TestKeysReachTheWindowFromATextField: Fyne gives keys to the focused widget
// alone.
func TestKeysReachTheWindowFromATextField(t *testing.T) {
	r := open(t, ui.Options{})
	f := r.w.LinkField()
	r.canvas().Focus(f)
	f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyF1})
	if !r.w.SheetOpen() {
		t.Error("F1 is lost in the text field")
	}
	r.key(fyne.KeyEscape)
	if r.w.SheetOpen() {
		t.Error("Escape does not close the sheet")
	}
}

// TestEverythingIsReachedByTab: each thing that can be pressed has its turn.
func TestEverythingIsReachedByTab(t *testing.T) {
	c := uitest.NewCall(uitest.Room(3), uitest.Lines(3, uitest.TwoRouters, uitest.Start)...)
	r := inCall(t, c)
	r.w.TogglePanel()
	want := map[string]bool{}
	for _, o := range test.LaidOutObjects(r.canvas().Content()) {
		f, ok := o.(fyne.Focusable)
		a, named := o.(fyne.Accessible)
		d, can := o.(fyne.Disableable)
		if ok && o.Visible() && named && !(can && d.Disabled()) {
			if a.AccessibilityLabel() == "" {
				t.Errorf("a %T has no name for a screen reader", f)
			}
			want[a.AccessibilityLabel()] = false
		}
	}
	for range 4 * len(want) {
		r.canvas().FocusNext()
		if a, ok := r.canvas().Focused().(fyne.Accessible); ok {
			want[a.AccessibilityLabel()] = true
		}
	}
	for _, must := range []string{"Mute", "Stop video", "Devices", "Connection", "Leave", "Copy invite", "Copy as JSON", "Graphs of the line over time"} {
		if _, ok := want[must]; !ok {
			t.Errorf("%q is not on the screen", must)
		}
	}
	for label, reached := range want {
		if !reached {
			t.Errorf("Tab does not reach %q", label)
		}
	}
}

func TestMembersComeAndGo(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.LAN, uitest.Start))
	r := inCall(t, c)
	third := uitest.MemberAt(2)
	c.Tell(func(s *call.Snapshot) { s.Others = append(s.Others, third) }, call.MemberJoined{Member: third})
	r.until("three tiles", func() bool { return len(r.w.TileBoxes()) == 3 })
	r.wantSays("Tom Reyes came in")
	if len(c.Screens()) != 3 {
		t.Errorf("%d screens are watched", len(c.Screens()))
	}
	c.Tell(func(s *call.Snapshot) { s.Others = s.Others[1:] }, call.MemberLeft{Member: uitest.MemberAt(1), Why: "connection lost"})
	r.until("two tiles", func() bool { return len(r.w.TileBoxes()) == 2 })
	r.wantSays("Mina Okafor is gone: connection lost")
	if _, still := c.Screens()["p1"]; still {
		t.Error("who left is still watched")
	}
	r.now = r.now.Add(20 * time.Second)
	r.w.Beat()
	if n := r.w.Toasts(); n != 0 {
		t.Errorf("%d notices stay", n)
	}
}

func TestEnds(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2))
	r := inCall(t, c)
	r.now = r.now.Add(64 * time.Second)
	r.shortcut(fyne.KeyW, ctrl)
	r.until("the end", func() bool { return r.says("You left the call") })
	r.wantSays("for 01:04", "Home")
	if len(c.Screens()) != 0 {
		t.Error("screens are still watched")
	}
	r.press("Home")
	if r.w.ScreenName() != "home" {
		t.Error("not at home")
	}

	c = uitest.NewCall(uitest.Room(2))
	r = inCall(t, c)
	c.End(uitest.ErrUnreachable)
	r.until("the reason", func() bool { return r.says("Nobody is hosting") })
	r.wantSays("Ask the host to open the room again.")
}

// TestJoinAndLeaveManyTimes: TestMain looks for what stays behind.
func TestJoinAndLeaveManyTimes(t *testing.T) {
	r := open(t, ui.Options{})
	for range 50 {
		c := uitest.NewCall(uitest.Room(3), uitest.Lines(3, uitest.LAN, uitest.Start)...)
		joins(c)(r.e)
		r.press("Host a room")
		r.until("the call", func() bool { return r.w.ScreenName() == "call" })
		r.press("Leave")
		r.until("the end", func() bool { return r.w.ScreenName() == "message" })
		if len(c.Screens()) != 0 {
			t.Fatal("a screen is still watched")
		}
		r.press("Home")
	}
}

func TestSpeakingRing(t *testing.T) {
	c := uitest.NewCall(uitest.Room(3))
	r := inCall(t, c)
	speaks := func() bool { return uitest.Find(r.canvas(), "Mina Okafor, speaking") != nil }
	c.SetLevel("p1", 0.5)
	r.w.Beat()
	if !speaks() {
		t.Error("no ring")
	}
	c.SetLevel("p1", 0)
	r.now = r.now.Add(ui.SpeakHold)
	r.w.Beat()
	if speaks() {
		t.Error("the ring stays")
	}
}

func TestVolume(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.LAN, uitest.Start))
	r := inCall(t, c)
	r.w.TogglePanel()
	for _, o := range test.LaidOutObjects(r.canvas().Content()) {
		if s, ok := o.(interface{ SetValue(float64) }); ok && o.Visible() {
			s.SetValue(0.5)
		}
	}
	if got := c.Volumes[netstack.PeerID("p1")]; got != 0.5 {
		t.Errorf("volume %v", got)
	}
}

func TestOpenDuringACallOnlyTells(t *testing.T) {
	r := inCall(t, uitest.NewCall(uitest.Room(2)))
	r.w.Open(uitest.Invite)
	r.wantSays("Leave this call first")
	if r.w.ScreenName() != "call" {
		t.Error("the call was left")
	}
}

// TestNothingOverlapsOrIsClipped at sizes from the smallest to 4K.
func TestNothingOverlapsOrIsClipped(t *testing.T) {
	for _, size := range []fyne.Size{{Width: 900, Height: 600}, {Width: 1100, Height: 700}, {Width: 1280, Height: 800}, {Width: 1600, Height: 920}, {Width: 2560, Height: 1440}} {
		for _, n := range []int{1, 2, 3, 9, 16} {
			s := uitest.Room(n)
			s.Room = "quarterly-planning-with-the-whole-northern-team-and-friends"
			c := uitest.NewCall(s, uitest.Lines(n, uitest.RelayTCP, uitest.Start)...)
			r := inCall(t, c)
			r.size(size.Width, size.Height)
			for _, panel := range []bool{false, true} {
				if panel {
					r.w.TogglePanel()
				}
				bar := []string{"Mute", "Stop video", "Devices", "Connection", "Leave", "Copy invite", "Show the invite as a code"}
				if top, _ := r.w.Badges(); n > 1 {
					bar = append(bar, top)
				}
				checkApart(t, r, size, bar)
			}
			r.w.Close()
			r.loop.Run()
		}
	}
}

// checkApart fails if one of the labelled objects is outside of the window or
// over another.
func checkApart(t *testing.T, r *rig, size fyne.Size, labels []string) {
	t.Helper()
	type box struct {
		label string
		p     fyne.Position
		s     fyne.Size
	}
	var boxes []box
	for _, l := range labels {
		o := uitest.Find(r.canvas(), l)
		if o == nil {
			t.Fatalf("%v: %q is not on the screen", size, l)
		}
		b := box{l, fyne.CurrentApp().Driver().AbsolutePositionForObject(o), o.Size()}
		if b.p.X < 0 || b.p.Y < 0 || b.p.X+b.s.Width > size.Width+0.5 || b.p.Y+b.s.Height > size.Height+0.5 {
			t.Errorf("%v: %q is at %v %v", size, l, b.p, b.s)
		}
		for _, c := range boxes {
			if b.p.X < c.p.X+c.s.Width && c.p.X < b.p.X+b.s.Width && b.p.Y < c.p.Y+c.s.Height && c.p.Y < b.p.Y+b.s.Height {
				t.Errorf("%v: %q is over %q", size, l, c.label)
			}
		}
		boxes = append(boxes, b)
	}
}

func TestToldAtTheStart(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) { e.NoticeErr = errors.New("the settings were damaged") })
	r.wantSays("the settings were damaged")
}

// chooser is a call whose path can be forced.
type chooser struct {
	*uitest.Call
	chosen netstack.Topology
}

func (c *chooser) ChoosePath(t netstack.Topology) { c.chosen = t }

func TestPathIsReadOnlyUnlessTheCallCanChange(t *testing.T) {
	press := func(r *rig) {
		r.w.TogglePanel()
		o := uitest.Find(r.canvas(), "Path: P2P, SFU or MCU")
		if o == nil {
			t.Fatal("there is no path")
		}
		o.(fyne.Tappable).Tapped(&fyne.PointEvent{Position: fyne.NewPos(o.Size().Width-5, 5)})
	}
	plain := uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.LAN, uitest.Start))
	press(inCall(t, plain))

	c := &chooser{Call: uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.LAN, uitest.Start))}
	r := open(t, ui.Options{Link: uitest.Invite, JoinAtOnce: true}, func(e *uitest.Engine) {
		e.Enter = func(context.Context, string) (ui.Call, error) { return c, nil }
	})
	r.until("the call", func() bool { return r.w.ScreenName() == "call" })
	press(r)
	if c.chosen != netstack.MCU {
		t.Errorf("chose %s", c.chosen)
	}
}
