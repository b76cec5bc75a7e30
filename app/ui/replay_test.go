package ui_test

import (
	"slices"
	"testing"
	"time"

	"candid/app/replay"
	"candid/app/ui"
	"candid/app/ui/uitest"

	"fyne.io/fyne/v2"
)

// TestPastCall goes from Home into a past call, through its time, and out again.
func TestPastCall(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		e.Past = []replay.Entry{{Name: "1", Start: uitest.Start, Took: 7 * time.Minute, People: []string{"Mina Okafor"}}}
		e.Opened = uitest.Recorded
	})
	openPast(r)
	seek := func(share float32) {
		l := uitest.Find(r.canvas(), "Time: goes to a moment of the call")
		l.(fyne.Tappable).Tapped(&fyne.PointEvent{Position: fyne.NewPos(112+(l.Size().Width-128)*share, 60)})
	}
	seek(0.05)
	if !r.says("Relayed by the host: the two networks let nothing through directly.") {
		t.Error("at 20 s the call is not relayed")
	}
	seek(0.65)
	if !r.says("Nothing has arrived on this line for a few seconds; Candid is trying again.") {
		t.Error("at 273 s the line is not broken")
	}
	seek(0.9)
	if !r.says("The host passes everyone's picture and sound on, unchanged.") || !r.says("live") {
		t.Error("at 378 s the call does not go through the host, or its numbers are not of then")
	}
	r.press("Play")
	r.until("it plays", func() bool { return r.says("Pause") })
	r.press("Save as JSON")
	r.press("With names and addresses")
	r.press("Save as a page")
	r.until("the reports", func() bool {
		return slices.Contains(r.e.Exported, "json") && slices.Contains(r.e.Exported, "html named")
	})
	r.key(fyne.KeyEscape)
	if r.w.ScreenName() != "home" {
		t.Error("Escape does not leave the replay")
	}
}

// TestDeleteOnePastCall: one of the past calls can be deleted, by two presses,
// and the others stay.
func TestDeleteOnePastCall(t *testing.T) {
	r := open(t, ui.Options{}, func(e *uitest.Engine) {
		e.Past = []replay.Entry{
			{Name: "1", Start: uitest.Start, Took: 7 * time.Minute, People: []string{"Mina Okafor"}},
			{Name: "2", Start: uitest.Start, Took: 3 * time.Minute, People: []string{"Tom Reyes"}},
		}
		e.Opened = uitest.Recorded
	})
	r.pastTab()
	r.until("the past calls", func() bool { return uitest.FindPrefix(r.canvas(), "Tom Reyes, ") != nil })
	r.press("Delete the call with Mina Okafor")
	if list, _ := r.e.Recordings(t.Context()); len(list) != 2 {
		t.Error("one press deleted it")
	}
	r.press("Delete the call with Mina Okafor: press again")
	r.until("the one left", func() bool { return uitest.FindPrefix(r.canvas(), "Mina Okafor, ") == nil })
	if list, _ := r.e.Recordings(t.Context()); len(list) != 1 || list[0].Name != "2" || uitest.FindPrefix(r.canvas(), "Tom Reyes, ") == nil {
		t.Errorf("left are %+v", list)
	}
}
