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
	"fyne.io/fyne/v2/test"
)

// asked reports whether the call was asked for this.
func asked(c *uitest.Call, what string) bool { return slices.Contains(c.Asked(), what) }

// lastTile is what was said last of how large somebody is shown.
func lastTile(c *uitest.Call, id string) string {
	for _, a := range slices.Backward(c.Asked()) {
		if strings.HasPrefix(a, "tile "+id+" ") {
			return strings.TrimPrefix(a, "tile "+id+" ")
		}
	}
	return ""
}

func (r *rig) tileOf(label string) fyne.CanvasObject {
	r.t.Helper()
	o := uitest.Find(r.canvas(), label)
	if o == nil {
		r.t.Fatalf("there is no tile %q", label)
	}
	return o
}

func TestPinAndLayouts(t *testing.T) {
	c := uitest.NewCall(uitest.Room(5), uitest.Lines(5, uitest.SFU, uitest.Start)...)
	r := inCall(t, c)
	small := r.tileOf("Tom Reyes").Size()
	before := lastTile(c, "p2")
	r.press("Tom Reyes")
	if big := r.tileOf("Tom Reyes").Size(); big.Width < small.Width*1.5 {
		t.Errorf("pinned it is %v, before %v", big, small)
	}
	if now := lastTile(c, "p2"); now == before || !strings.HasSuffix(now, " true") {
		t.Errorf("the call is told %q, before %q", now, before)
	}
	r.press("Tom Reyes")
	if lastTile(c, "p2") != before {
		t.Errorf("unpinned: %q, before %q", lastTile(c, "p2"), before)
	}
	r.shortcut(fyne.KeyL, ctrl)
	c.Tell(func(s *call.Snapshot) { s.Speaker = "p3" }, call.SpeakerChanged{Speaker: "p3"})
	r.until("the speaker on the stage", func() bool { return r.tileOf("Ada Lindqvist").Size().Width > small.Width*1.5 })
	r.press("Choose the layout")
	if err := uitest.Choose(r.canvas(), "Grid"); err != nil {
		t.Fatal(err)
	}
	if got := r.tileOf("Ada Lindqvist").Size(); got != small {
		t.Errorf("in the grid it is %v, was %v", got, small)
	}
}

func TestTilesTellTheirSize(t *testing.T) {
	c := uitest.NewCall(uitest.Room(30), uitest.Lines(30, uitest.SFU, uitest.Start)...)
	hidden := false
	r := open(t, ui.Options{Link: uitest.Invite, JoinAtOnce: true, Minimised: func() bool { return hidden }}, joins(c))
	r.until("the call", func() bool { return r.w.ScreenName() == "call" })
	if n := len(c.Watched()); n != 16 {
		t.Errorf("%d pictures are live", n)
	}
	if got := lastTile(c, "p1"); got == "" || strings.HasPrefix(got, "0 ") {
		t.Errorf("a tile is told as %q", got)
	}
	if got := lastTile(c, "p29"); got != "0 false" {
		t.Errorf("one without a tile is told as %q", got)
	}
	if lastTile(c, "p0") != "" {
		t.Error("our own picture is asked for")
	}
	r.wantSays("14 more: ")
	n := len(c.Asked())
	r.w.Beat()
	if len(c.Asked()) != n {
		t.Errorf("nothing changed, and it asks for %v", c.Asked()[n:])
	}
	hidden = true
	r.now = r.now.Add(time.Second)
	r.w.Beat()
	if got := lastTile(c, "p1"); got != "0 false" {
		t.Errorf("minimised, a tile is told as %q", got)
	}
	hidden = false
	r.now = r.now.Add(time.Second)
	r.w.Beat()
	if got := lastTile(c, "p1"); got == "0 false" {
		t.Error("the pictures do not come back")
	}
}

func TestShareTakesTheStage(t *testing.T) {
	s := uitest.Room(4)
	c := uitest.NewCall(s, uitest.Lines(4, uitest.SFU, uitest.Start)...)
	r := inCall(t, c)
	others := slices.Clone(s.Others)
	others[0].Sharing = true
	c.Tell(func(s *call.Snapshot) { s.Others = others }, call.MemberChanged{Member: others[0]})
	screen := "Mina Okafor shares a screen"
	r.until("the screen", func() bool { return uitest.Find(r.canvas(), screen) != nil })
	c.Paint(uitest.Start)
	r.until("its picture", func() bool { return r.w.Shows(call.ShareOf("p1")) })
	stage, picture := r.tileOf(screen).Size(), r.w.PictureSize(call.ShareOf("p1"))
	if ratio := picture.Width / picture.Height; ratio < 1.59 || ratio > 1.61 || picture.Width > stage.Width+1 || picture.Height > stage.Height+1 {
		t.Errorf("of 1600×1000 the window shows %v in %v", picture, stage)
	}
	others = slices.Clone(others)
	others[0].Sharing = false
	c.Tell(func(s *call.Snapshot) { s.Others = others }, call.MemberChanged{Member: others[0]})
	r.until("the grid", func() bool { return uitest.Find(r.canvas(), screen) == nil })
	if got := lastTile(c, string(call.ShareOf("p1"))); got != "0 false" || c.Watched()[call.ShareOf("p1")] != nil {
		t.Errorf("the screen is still watched, %q", got)
	}
}

func TestMixIsOnePicture(t *testing.T) {
	s := uitest.Room(6)
	s.Mixed = true
	c := uitest.NewCall(s, uitest.Lines(6, uitest.MCU, uitest.Start)...)
	r := inCall(t, c)
	c.Paint(uitest.Start)
	r.until("the mix", func() bool { return r.w.Shows(call.MixID) })
	if len(c.Watched()) != 2 || lastTile(c, "p1") != "0 false" || strings.HasPrefix(lastTile(c, string(call.MixID)), "0 ") {
		t.Errorf("watched are %d; asked %v", len(c.Watched()), c.Asked())
	}
	c.Tell(func(s *call.Snapshot) { s.Mixed = false }, call.PlanChanged{})
	r.until("all of them", func() bool { return len(c.Watched()) == 6 })
	if lastTile(c, string(call.MixID)) != "0 false" {
		t.Error("the mix is still asked for")
	}
}

func TestHands(t *testing.T) {
	s := uitest.Room(3)
	c := uitest.NewCall(s, uitest.Lines(3, uitest.LAN, uitest.Start)...)
	r := inCall(t, c)
	r.press("Raise")
	if !asked(c, "hand true") || !r.says("Lower") {
		t.Error("the hand stays down")
	}
	r.shortcut(fyne.KeyH, ctrl)
	if !asked(c, "hand false") {
		t.Error("the key does not lower it")
	}
	others := slices.Clone(s.Others)
	others[1].HandRaised, others[1].Hand = true, 1
	c.Tell(func(s *call.Snapshot) { s.Others = others }, call.MemberChanged{Member: others[1]})
	r.until("the hand", func() bool { return uitest.Find(r.canvas(), "Tom Reyes, hand 1") != nil })
	r.wantSays("Tom Reyes raised a hand", "3 · 1 hand")
}

func moderated() *uitest.Call {
	s := uitest.Room(4)
	s.Self.Moderator = true
	s.Others[0].Path = netstack.SFU
	s.Waiting = []call.Waiting{{ID: "w1", Name: "Ruth Abels", Since: uitest.Start}}
	return uitest.NewCall(s, uitest.Lines(4, uitest.SFU, uitest.Start)...)
}

func TestLobby(t *testing.T) {
	c := moderated()
	r := inCall(t, c)
	r.wantSays("Ruth Abels is waiting to come in")
	r.press("Let in")
	r.shortcut(fyne.KeyP, ctrl)
	if r.says("Ruth Abels is waiting to come in") {
		t.Error("the list and the banner say the same")
	}
	r.press("Refuse Ruth Abels")
	if !asked(c, "moderate admit w1") || !asked(c, "moderate deny w1") {
		t.Errorf("asked %v", c.Asked())
	}
	r.shortcut(fyne.KeyA, ctrl|fyne.KeyModifierShift)
	c.Tell(func(s *call.Snapshot) { s.Waiting = nil }, call.RoomChanged{})
	r.until("nobody waits", func() bool { return !r.says("Ruth Abels") })
}

func TestModerate(t *testing.T) {
	c := moderated()
	r := inCall(t, c)
	r.press("People")
	r.press("Lock: nobody new comes in")
	r.press("Ask me before somebody comes in")
	r.press("Mute everyone else")
	r.press("Mina Okafor, Through the host")
	r.press("Make moderator")
	r.press("Cancel")
	r.press("Hand the room over")
	r.press("Hand the room over") // yes
	r.press("Remove")
	r.wantSays("cannot come back")
	r.press("Remove")
	for _, want := range []string{"moderate lock ", "moderate lobby-on ", "moderate mute-all ", "moderate hand-over p1", "moderate remove p1"} {
		if !asked(c, want) {
			t.Errorf("not asked for %q: %v", want, c.Asked())
		}
	}
	if asked(c, "moderate make-moderator p1") {
		t.Error("done although it was cancelled")
	}
}

// A moderator lets other programs in, and shuts them out again.
func TestOtherPrograms(t *testing.T) {
	s := uitest.Room(3)
	s.Self.Moderator = true
	c := uitest.NewCall(s, uitest.Lines(3, uitest.SFU, uitest.Start)...)
	r := inCall(t, c)
	r.press("People")
	r.press("Other programs")
	r.press("Let OBS and others into this room")
	c.Tell(func(s *call.Snapshot) {
		s.Tools = call.Tools{Open: true, Publish: "https://192.0.2.1:7788/whip/tea", Watch: "https://192.0.2.1:7788/whep/tea", Token: "letmein"}
	}, call.RoomChanged{})
	r.until("the address", func() bool { return uitest.Find(r.canvas(), "Copy: To bring a picture in (WHIP)") != nil })
	r.press("Copy: Token")
	if got := fyne.CurrentApp().Clipboard().Content(); got != "letmein" {
		t.Errorf("copied %q", got)
	}
	r.press("Let OBS and others into this room")
	c.Tell(func(s *call.Snapshot) { s.Tools = call.Tools{} }, call.RoomChanged{})
	r.until("no address", func() bool { return uitest.Find(r.canvas(), "Copy: Token") == nil })
	for _, want := range []string{"moderate look-tools ", "moderate open-tools ", "moderate shut-tools "} {
		if !asked(c, want) {
			t.Errorf("not asked for %q: %v", want, c.Asked())
		}
	}
}

func TestOthersSeeNoModeration(t *testing.T) {
	s := uitest.Room(3)
	s.Self.Moderator, s.Locked = false, true
	s.Waiting = []call.Waiting{{ID: "w1", Name: "Ruth Abels"}}
	c := uitest.NewCall(s, uitest.Lines(3, uitest.SFU, uitest.Start)...)
	r := inCall(t, c)
	r.press("People")
	if err := uitest.PressLike(r.canvas(), "Tom Reyes, "); err != nil {
		t.Fatal(err)
	}
	r.wantSays("The room is locked")
	for _, no := range []string{"Lock: nobody new comes in", "Mute everyone else", "Let in", "Remove", "Make moderator"} {
		if uitest.Find(r.canvas(), no) != nil {
			t.Errorf("there is %q", no)
		}
	}
	for _, k := range []fyne.KeyName{fyne.KeyA, fyne.KeyM, fyne.KeyL} {
		r.shortcut(k, ctrl|fyne.KeyModifierShift)
	}
	for _, a := range c.Asked() {
		if strings.HasPrefix(a, "moderate") {
			t.Errorf("asked %q", a)
		}
	}
}

func TestVolumeOfOneMember(t *testing.T) {
	c := uitest.NewCall(uitest.Room(3), uitest.Lines(3, uitest.LAN, uitest.Start)...)
	r := inCall(t, c)
	r.press("People")
	if err := uitest.PressLike(r.canvas(), "Tom Reyes, hosts"); err == nil {
		t.Fatal("Tom hosts")
	}
	r.w.OpenPerson("p2")
	for _, o := range uitest.Seen(r.canvas().Content()) {
		if s, ok := o.(interface{ SetValue(float64) }); ok {
			s.SetValue(0.4)
		}
	}
	if c.Volumes["p2"] != 0.4 || len(c.Volumes) != 1 {
		t.Errorf("volumes %v", c.Volumes)
	}
}

func TestSharing(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Lines(2, uitest.LAN, uitest.Start)...)
	r := inCall(t, c)
	r.press("Share")
	r.until("the screens", func() bool { return r.says("Everyone in the room sees what you choose") })
	r.press("Second screen, Share this")
	if !asked(c, "share 1") || r.w.SheetOpen() || !r.says("Everyone sees your screen") {
		t.Error("not shared")
	}
	r.press("Stop sharing")
	if !asked(c, "stop share") || r.says("Everyone sees your screen") {
		t.Error("not stopped")
	}
	c.ScreensErr = errors.New("on Wayland, Candid cannot see the screen")
	r.shortcut(fyne.KeyS, ctrl)
	r.until("why not", func() bool { return r.says("On Wayland, Candid cannot see the screen") })
}

func TestForceThePath(t *testing.T) {
	c := moderated()
	r := inCall(t, c)
	r.press("Choose the path")
	if err := uitest.Choose(r.canvas(), "Through the host (SFU)"); err != nil {
		t.Fatal(err)
	}
	if !asked(c, "force SFU") && !asked(c, "force sfu") {
		t.Errorf("asked %v", c.Asked())
	}
	m := r.w.PathMenu()
	all := m.Items[len(m.Items)-1]
	all.ChildMenu.Items[3].Action()
	if !asked(c, "force room "+netstack.MCU.String()) {
		t.Errorf("asked %v", c.Asked())
	}
	c.Tell(func(s *call.Snapshot) { s.Encrypted, s.Self.Moderator = true, false }, call.RoomChanged{})
	r.until("encryption", func() bool { return r.says("End-to-end encrypted") })
	m = r.w.PathMenu()
	if !m.Items[3].Disabled || len(m.Items) != 4 {
		t.Errorf("a mix is offered in an encrypted room, or a room's path to those who may not: %d items", len(m.Items))
	}
}

func TestPathChangeIsTold(t *testing.T) {
	c := uitest.NewCall(uitest.Room(3), uitest.Lines(3, uitest.SFU, uitest.Start)...)
	r := inCall(t, c)
	ch := call.PathChange{At: uitest.Start, From: netstack.P2P, To: netstack.SFU, Done: true}
	c.Tell(func(s *call.Snapshot) { s.Change = netstack.Some(ch) }, call.PathChanged{Change: ch})
	r.until("the words", func() bool {
		r.now = r.now.Add(time.Second)
		r.w.Beat()
		return r.says("Now through the host: 3 people. No picture lost.")
	})
}

func TestWhoCouldHear(t *testing.T) {
	s := uitest.Room(3)
	s.Self.Host, s.Others[0].Host = false, true
	s.Others[0].Safety, s.Others[1].Safety = call.SafetyWords, call.SafetyVerified
	c := uitest.NewCall(s, uitest.Lines(3, uitest.SFU, uitest.Start)...)
	r := inCall(t, c)
	r.press("The host could hear this call")
	r.wantSays("Mina Okafor's computer", "Not compared yet", "it is really them", "otter")
	r.press("The words of Mina Okafor match")
	r.press("The words of Tom Reyes differ")
	if !asked(c, "verified p1 true") || !asked(c, "verified p2 false") {
		t.Errorf("asked %v", c.Asked())
	}
	others := slices.Clone(s.Others)
	others[0].Safety = call.SafetyVerified
	c.Tell(func(s *call.Snapshot) { s.Others = others }, call.MemberChanged{Member: others[0]})
	r.until("the sheet to follow", func() bool { return !r.says("Not compared yet") })
	r.key(fyne.KeyEscape)
	r.wantSays("Say nothing that others must not hear")
	r.shortcut(fyne.KeyK, ctrl)
	if !r.w.SheetOpen() {
		t.Error("Ctrl+K does not open it")
	}
}

// pressKey presses as Enter does.
func (r *rig) pressKey(label string) {
	r.t.Helper()
	if err := uitest.PressLike(r.canvas(), label); err != nil {
		r.t.Fatal(err)
	}
}

func say(c *uitest.Call, text string) {
	l := call.ChatLine{From: "p1", Name: "Mina Okafor", Text: text, At: uitest.Start}
	c.Tell(func(s *call.Snapshot) { s.Chat = append(s.Chat[:len(s.Chat):len(s.Chat)], l) }, call.ChatReceived{Line: l})
}

func TestChat(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Lines(2, uitest.LAN, uitest.Start)...)
	r := inCall(t, c)
	say(c, "hello")
	say(c, "see https://example.org/a?b=c and http://example.net")
	r.until("two unread", func() bool { return r.w.Unread() == 2 })
	r.wantSays("Mina Okafor: hello")
	r.press("Chat")
	if r.w.Unread() != 0 || r.canvas().Focused() != fyne.Focusable(r.w.ChatField()) {
		t.Error("open, it still counts, or the field has no focus")
	}
	test.Type(r.w.ChatField(), "  my answer ")
	r.w.ChatField().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	r.until("the answer", func() bool { return uitest.Find(r.canvas(), "You: my answer") != nil })
	if !asked(c, "chat my answer") || r.w.ChatField().Text != "" {
		t.Errorf("asked %v", c.Asked())
	}
	r.w.ChatField().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn}) // nothing
	r.w.ChatField().SetText(strings.Repeat("x", 4010))
	r.wantSays("Shorten it by 10 letters")
	r.w.ChatField().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	n := 0
	for _, a := range c.Asked() {
		if strings.HasPrefix(a, "chat ") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d messages were sent", n)
	}
	r.key(fyne.KeyEscape)
	if r.canvas().Focused() != nil || uitest.Find(r.canvas(), "Send") != nil {
		t.Error("Escape leaves the chat open or the cursor blinking")
	}
}

func TestChatLinks(t *testing.T) {
	c := uitest.NewCall(uitest.Room(2), uitest.Lines(2, uitest.LAN, uitest.Start)...)
	r := inCall(t, c)
	var opened []string
	r.w.OnOpenURL(func(s string) { opened = append(opened, s) })
	r.press("Chat")
	say(c, "https://example.org/one?a=b#c")
	say(c, "see http://a.example or https://b.example")
	say(c, "javascript:alert(1)")
	r.until("the lines", func() bool { return uitest.Find(r.canvas(), "javascript:alert(1)") != nil })
	r.pressKey("Mina Okafor: https://example.org/one?a=b#c")
	r.pressKey("see http://a.example or https://b.example")
	if err := uitest.Choose(r.canvas(), "https://b.example"); err != nil {
		t.Fatal(err)
	}
	r.pressKey("javascript:alert(1)")
	if !slices.Equal(opened, []string{"https://example.org/one?a=b#c", "https://b.example"}) {
		t.Errorf("opened %q", opened)
	}
}

// TestChatLetsTheCursorRest: a blinking cursor repaints the window.
func TestChatLetsTheCursorRest(t *testing.T) {
	r := inCall(t, uitest.NewCall(uitest.Room(2), uitest.Lines(2, uitest.LAN, uitest.Start)...))
	r.press("Chat")
	r.now = r.now.Add(20 * time.Second)
	r.w.Beat()
	if r.canvas().Focused() == nil {
		t.Error("the field is left too soon")
	}
	r.now = r.now.Add(20 * time.Second)
	r.w.Beat()
	if r.canvas().Focused() != nil {
		t.Error("the cursor blinks for ever")
	}
}

// TestLongChat: what was said long ago is there on demand.
func TestLongChat(t *testing.T) {
	s := uitest.Room(2)
	for range call.ChatLength {
		s.Chat = append(s.Chat, call.ChatLine{From: "p1", Name: "Mina Okafor", Text: strings.Repeat("many words ", 30), At: uitest.Start})
	}
	s.Chat[0].Text = "the first"
	r := inCall(t, uitest.NewCall(s, uitest.Lines(2, uitest.LAN, uitest.Start)...))
	r.press("Chat")
	for range 4 {
		r.press("Earlier messages")
	}
	if uitest.Find(r.canvas(), "Earlier messages") != nil || uitest.Find(r.canvas(), "Mina Okafor: the first") == nil {
		t.Error("the first line is not there")
	}
}

// TestSheetsAreReachedByTab, and nothing that can be pressed has no name.
func TestSheetsAreReachedByTab(t *testing.T) {
	for sheet, must := range map[string][]string{
		"Chat":   {"Send", "Close the chat", "Mina Okafor: https://example.org"},
		"People": {"Lock: nobody new comes in", "Mute everyone else", "Let Ruth Abels in", "Mina Okafor, Through the host", "Close the list"},
	} {
		c := moderated()
		say(c, "https://example.org")
		r := inCall(t, c)
		r.until("the line", func() bool { return r.w.Unread() == 1 })
		r.press(sheet)
		r.canvas().Unfocus()
		reached := map[string]bool{}
		for range 120 {
			r.canvas().FocusNext()
			if a, ok := r.canvas().Focused().(fyne.Accessible); ok {
				if a.AccessibilityLabel() == "" {
					t.Errorf("%T has no name", a)
				}
				reached[a.AccessibilityLabel()] = true
			}
		}
		for _, m := range append(must, "Share", "Raise", "Choose the path", "Choose the layout", "The host could hear this call") {
			if !reached[m] && !(m == "The host could hear this call" && reached["Only your computer could listen in"]) {
				t.Errorf("%s: Tab does not reach %q", sheet, m)
			}
		}
	}
}

// TestLongNamesBreakNothing in the smallest window.
func TestLongNamesBreakNothing(t *testing.T) {
	s := uitest.Room(5)
	s.Room, s.Self.Moderator = "Donaudampfschifffahrtsgesellschaftskapitänsrunde", true
	for i := range s.Others {
		s.Others[i].Name = "Maximiliane-Friederike Hohenstein-Weatherby"
		s.Others[i].Hand, s.Others[i].HandRaised, s.Others[i].Sharing = i+1, true, i == 1
	}
	s.Waiting = []call.Waiting{{ID: "w", Name: "Friedrich-Wilhelm Leutheusser-Schnarrenberger"}}
	r := inCall(t, uitest.NewCall(s, uitest.Lines(5, uitest.MCU, uitest.Start)...))
	r.size(900, 600)
	bar := []string{"Mute", "Share", "Raise", "Chat", "Leave", "Copy invite", "People", "Choose the path"}
	checkApart(t, r, fyne.NewSize(900, 600), append(bar, "Let in", "Refuse"))
	r.press("People")
	r.size(899, 600)
	checkApart(t, r, fyne.NewSize(900, 600), []string{"Lock: nobody new comes in", "Mute everyone else", "Close the list"})
}

// TestInviteChanges: the card of who is alone shows the invite as it is by now.
func TestInviteChanges(t *testing.T) {
	c := uitest.NewCall(uitest.Room(1))
	r := inCall(t, c)
	r.wantSays(uitest.Invite[:24])
	c.Tell(func(s *call.Snapshot) { s.Invite = "candid://198.51.100.7:7788/otter?s=new" }, call.RoomChanged{})
	r.until("the new invite", func() bool { return r.says("candid://198.51.100.7:7788/otter?s=new") })
	r.press("Copy invite")
	if got := fyne.CurrentApp().Clipboard().Content(); got != "candid://198.51.100.7:7788/otter?s=new" {
		t.Errorf("copied %q", got)
	}
}
