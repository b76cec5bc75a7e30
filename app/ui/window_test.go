package ui_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/app/config"
	"candid/app/ui"
	"candid/app/ui/uitest"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
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
	// The toolkit reads the clock when it paints: what is made a minute after it
	// last did, is thrown away as old by the first picture, and stays unfinished.
	software.NewCanvas().Capture()
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
	return slices.ContainsFunc(ui.Texts(uitest.Seen(top)), func(s string) bool { return strings.Contains(s, text) })
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

// TestRehearse: before joining, one finds out which way a call would take.
func TestRehearse(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		e.Rehearsal = ui.Rehearsal{Sentence: "A call with Mina Okafor would be relayed by the host.", Lines: uitest.Lines(2, uitest.RelayUDP, uitest.Start)}
	})
	r.w.Open(uitest.Invite)
	r.press("How would a call go?")
	r.until("the rehearsal", func() bool { return uitest.Find(r.canvas(), "Try again") != nil })
	r.wantSays("A call with Mina Okafor would be relayed by the host.", "Relayed by the host · 61 ms",
		"Relayed by the host: the two networks let nothing through directly.", "They were not told.")
	if uitest.FindPrefix(r.canvas(), "udp 203.0.113.5:49811 to udp 84.112.9.41:40212, in use") == nil {
		t.Error("the pair in use is not shown")
	}
	r.e.RehearsalErr = uitest.ErrUnreachable
	r.press("Try again")
	r.until("the error", func() bool { return r.says("Nobody is hosting at 203.0.113.5:7788 now.") })
	r.press("Try again")
	r.key(fyne.KeyEscape) // closes the sheet; what comes then opens none
	r.until("all three", func() bool { return r.e.Rehearsals() == 3 })
	r.loop.Run()
	if r.w.SheetOpen() || r.w.ScreenName() != "check" {
		t.Error("the sheet came back")
	}
}

// TestFooterFits: in the smallest window nothing of Home runs off the edge, nor
// does the light before joining cover the devices, however much it has to say.
func TestFooterFits(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		e.Network = uitest.GoodNetwork()
		e.Network.Sentence += " " + e.Network.Sentence
	})
	right := func(label string) float32 {
		t.Helper()
		var o fyne.CanvasObject
		r.until(label, func() bool { o = uitest.FindPrefix(r.canvas(), label); return o != nil })
		r.size(901, 600)
		r.size(900, 600)
		return fyne.CurrentApp().Driver().AbsolutePositionForObject(o).X + o.Size().Width
	}
	light := right("Calls can go directly")
	if look := right("Look: auto, light or dark"); look > 880 || light > 880-200 {
		t.Errorf("the light ends at %v, the look at %v", light, look)
	}
	r.w.Open(uitest.Invite)
	if light = right("Calls can go directly"); light > 470 {
		t.Errorf("the light ends at %v, over the devices", light)
	}
}
