package ui_test

import (
	"image"
	"image/draw"
	"testing"
	"time"

	"candid/app/replay"
	"candid/app/ui"
	"candid/app/ui/uitest"

	"fyne.io/fyne/v2"
)

// screen is large enough for all that the panel can say, beside the call: nothing
// rolls and nothing is covered.
var screen = fyne.NewSize(1280, 4300)

// TestReplayIsTheSamePicture draws moments of calls as they were, and again
// from their recordings: the connection panel is the same to the pixel, from
// its left edge to its right and down to what only a call under way can do.
func TestReplayIsTheSamePicture(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		way  uitest.Way
		at   []int
	}{
		{"P2P", 2, uitest.TwoRouters, []int{1, 40}},
		{"SFU of six", 6, uitest.SFU, []int{29}},
		{"MCU", 4, uitest.MCU, []int{11}},
		{"failing", 2, uitest.Failing, []int{5}},
		{"lost", 3, uitest.Lost, []int{9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			story, err := uitest.Tell(c.n, c.way, 45)
			if err != nil {
				t.Fatal(err)
			}
			for _, look := range []string{"dark", "light"} {
				for _, second := range c.at {
					live := panelPicture(t, look, story, second, true)
					past := panelPicture(t, look, story, second, false)
					same(t, live, past)
				}
			}
		})
	}
}

// panelPicture draws the panel at a moment: in the call, or in its recording.
func panelPicture(t *testing.T, look string, story *uitest.Story, second int, live bool) *image.RGBA {
	t.Helper()
	known := func(e *uitest.Engine) {
		cfg := e.Config()
		cfg.Theme = look
		_ = e.SaveConfig(cfg)
		e.Known = map[string]string{"Mina Okafor": "direct in 41 of 43 calls"}
	}
	at := story.At(second)
	var r *rig
	if live {
		r = open(t, ui.Options{Link: uitest.Invite, JoinAtOnce: true}, known, joins(story.Live(second)))
		r.now = at
		r.until("the call", func() bool { return r.w.ScreenName() == "call" })
		r.w.TogglePanel()
	} else {
		r = open(t, ui.Options{}, known, func(e *uitest.Engine) {
			e.Past = []replay.Entry{{Name: "1", Start: uitest.Start, Took: time.Minute, People: []string{"Mina Okafor"}}}
			e.Opened = story.Recorded
		})
		openPast(r)
		r.w.Seek(at)
	}
	r.size(screen.Width, screen.Height)
	r.w.OpenPanel()
	r.loop.Run()
	r.size(screen.Width+1, screen.Height) // Fyne lays out again only on a new size
	r.size(screen.Width, screen.Height)
	left, height := r.w.PanelSays()
	if height+1 > screen.Height {
		t.Fatalf("the panel is %v high, the screen %v", height, screen.Height)
	}
	box := image.Rect(int(left), 0, int(screen.Width), int(height))
	return clip(r.canvas().Capture(), box)
}

// clip takes a part of a picture.
func clip(img image.Image, box image.Rectangle) *image.RGBA {
	out := image.NewRGBA(box)
	draw.Draw(out, box, img, box.Min, draw.Src)
	return out
}

// pastTab shows the past calls on Home.
func (r *rig) pastTab() {
	tab := uitest.Find(r.canvas(), "Rooms or past calls").(fyne.Tappable)
	tab.Tapped(&fyne.PointEvent{Position: fyne.NewPos(tab.(fyne.CanvasObject).Size().Width-5, 5)})
}

// openPast opens the one past call there is.
func openPast(r *rig) {
	r.pastTab()
	row := func() fyne.CanvasObject { return uitest.FindPrefix(r.canvas(), "Mina Okafor, ") }
	r.until("the past calls", func() bool { return row() != nil })
	row().(fyne.Tappable).Tapped(nil)
	r.until("the replay", func() bool { return r.w.ScreenName() == "replay" })
}

// same compares two panels. The one under way has a cross to close it in the
// corner, and goes on at its end, where the other does not.
func same(t *testing.T, live, past *image.RGBA) {
	t.Helper()
	a, b := live.Rect, past.Rect
	if a.Min != b.Min || a.Max.X != b.Max.X || a.Max.Y < b.Max.Y {
		t.Fatalf("the panel is at %v, in the recording at %v", a, b)
	}
	cross := image.Rect(b.Max.X-60, 0, b.Max.X, 56)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if p := image.Pt(x, y); !p.In(cross) && live.RGBAAt(x, y) != past.RGBAAt(x, y) {
				t.Fatalf("pixel %v is %v, in the recording %v", p, live.RGBAAt(x, y), past.RGBAAt(x, y))
			}
		}
	}
}
