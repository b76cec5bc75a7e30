package ui_test

import (
	"testing"

	"candid/app/config"
	"candid/app/ui"
	"candid/app/ui/uitest"
)

// lists reports whether there is a row that begins so.
func (r *rig) lists(begin string) bool { return uitest.FindPrefix(r.canvas(), begin) != nil }

// Rooms on the local network come and go on Home while one looks at it.
func TestRoomsNearby(t *testing.T) {
	r := open(t, ui.Options{})
	r.until("the look around", r.e.Looking)
	if r.says("On this network") {
		t.Error("a head over nothing")
	}
	otter := ui.Nearby{Room: "otter", Address: "192.168.1.20"}
	known := ui.Nearby{Room: "design-review", Address: "192.168.1.31", Link: uitest.Invite}
	r.e.SetAround(known, otter)
	r.until("the rooms", func() bool { return r.lists("otter, ") })
	r.wantSays("On this network")
	r.press("otter, Needs an invite · 192.168.1.20")
	r.wantSays("To join otter, ask who hosts it for the invite and paste it here.")
	if r.w.ScreenName() != "home" || r.canvas().Focused() == nil {
		t.Error("one cannot paste the invite")
	}
	r.e.SetAround(known)
	r.until("one to vanish", func() bool { return !r.lists("otter, ") })
	r.press("design-review, Join · 192.168.1.31")
	if r.w.ScreenName() != "check" {
		t.Fatalf("on screen %s, want the device check", r.w.ScreenName())
	}
	r.until("the look around to end", func() bool { return !r.e.Looking() })
	r.press("Back")
	r.until("the rooms again", func() bool { return r.says("On this network") })
	r.e.SetAround()
	r.until("none", func() bool { return !r.says("On this network") })
	r.wantSays("appear here")
}

// Rooms nearby are not for the recent rooms to forget.
func TestForgettingKeepsRoomsNearby(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		c := e.Config()
		c.Recent = []config.Recent{{Room: "tea", Link: uitest.Invite, At: uitest.Start}}
		e.SaveConfig(c)
		e.SetAround(ui.Nearby{Room: "otter", Address: "192.168.1.20"})
	})
	r.until("the rooms", func() bool { return r.lists("otter, ") && r.lists("tea, ") })
	r.wantSays("Before")
	r.press("Forget the recent rooms")
	if !r.lists("otter, ") || r.says("Before") || r.lists("tea, ") {
		t.Error("forgot the wrong rooms")
	}
}

func TestBeingFoundIsAChoice(t *testing.T) {
	r := open(t, ui.Options{})
	if r.e.Config().Announce {
		t.Fatal("rooms are announced unasked")
	}
	r.press("Settings")
	r.press("Let people on this network find my rooms")
	if !r.e.Config().Announce {
		t.Error("the switch does nothing")
	}
}
