package ui_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/ui"
	"candid/app/ui/uitest"
	"candid/netstack"

	"fyne.io/fyne/v2"
)

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
	for _, o := range uitest.Seen(r.canvas().Content()) {
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
	for _, must := range []string{"Mute", "Stop video", "Devices", "Connection", "Leave", "Copy invite", "Copy as JSON", "Round trip, loss and received data over time"} {
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
	if len(c.Watched()) != 3 {
		t.Errorf("%d screens are watched", len(c.Watched()))
	}
	c.Tell(func(s *call.Snapshot) { s.Others = s.Others[1:] }, call.MemberLeft{Member: uitest.MemberAt(1), Why: "connection lost"})
	r.until("two tiles", func() bool { return len(r.w.TileBoxes()) == 2 })
	r.wantSays("Mina Okafor is gone: connection lost")
	if _, still := c.Watched()["p1"]; still {
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
	if len(c.Watched()) != 0 {
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
		if len(c.Watched()) != 0 {
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
	for _, o := range uitest.Seen(r.canvas().Content()) {
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
				bar := []string{"Mute", "Stop video", "Share", "Raise", "Chat", "Devices", "Connection", "Leave", "Copy invite", "Show the invite as a code", "People"}
				if top, _ := r.w.Badges(); n > 1 {
					bar = append(bar, top, "Choose the path", "Choose the layout", "End-to-end encrypted")
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

func TestPathIsForced(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Line(1, uitest.LAN, uitest.Start))
	r := inCall(t, c)
	r.w.TogglePanel()
	o := uitest.Find(r.canvas(), "Path: the room chooses, P2P, SFU or MCU")
	if o == nil {
		t.Fatal("there is no path")
	}
	o.(fyne.Tappable).Tapped(&fyne.PointEvent{Position: fyne.NewPos(o.Size().Width-5, 5)})
	if asked := c.Asked(); !slices.Contains(asked, "force MCU") {
		t.Errorf("asked %q", asked)
	}
}

// TestPicturesReachTheirTiles, and go when the camera does or somebody else
// takes the tile.
func TestPicturesReachTheirTiles(t *testing.T) {
	c := uitest.NewCall(uitest.Room(3))
	r := inCall(t, c)
	c.Paint(uitest.Start)
	r.until("pictures", func() bool { return r.w.Shows("p0") && r.w.Shows("p1") && r.w.Shows("p2") })
	camera := func(off bool) {
		others := c.Snapshot().Others
		others = append([]call.Member(nil), others...)
		others[0].CameraOff = off
		c.Tell(func(s *call.Snapshot) { s.Others = others }, call.MemberChanged{})
		r.until("the event", func() bool { return r.w.CameraOff("p1") == off })
	}
	camera(true)
	c.Paint(uitest.Start) // one that was still on its way
	r.loop.Run()
	camera(false)
	if r.w.Shows("p1") {
		t.Error("the old picture comes back")
	}
	c.Paint(uitest.Start)
	r.until("a new picture", func() bool { return r.w.Shows("p1") })

	fourth := uitest.MemberAt(3)
	c.Tell(func(s *call.Snapshot) { s.Others = s.Others[:1] }, call.MemberLeft{Member: uitest.MemberAt(2)})
	c.Tell(func(s *call.Snapshot) { s.Others = append(s.Others, fourth) }, call.MemberJoined{Member: fourth})
	r.until("the fourth", func() bool { return c.Watched()["p3"] != nil })
	if r.w.Shows("p3") {
		t.Error("somebody else's picture is in the tile")
	}
	if uitest.Find(r.canvas(), "Ada Lindqvist") == nil {
		t.Error("the tile has the wrong name")
	}
}
