package ui

import (
	"context"
	"strconv"
	"time"

	"candid/app/call"
	"candid/app/replay"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// replayScreen is a past call: the connection panel as it was, on a slider of
// time.
type replayScreen struct {
	w      *Window
	rec    *replay.Recording
	player *replay.Player
	call   Call // the player; call.Past once left

	lanes   *lanes
	panel   *panel
	play    *button
	speed   *segmented
	clock   *text
	named   *toggle
	rows    []*markRow
	content *fyne.Container
	shown   time.Time // the second that the panel shows
}

// speeds are how fast a past call can be played.
var speeds = []float64{1, 4, 16}

func newReplayScreen(w *Window, rec *replay.Recording) *replayScreen {
	s := &replayScreen{w: w, rec: rec, player: replay.NewPlayer(rec, nil)}
	s.call = s.player
	s.lanes = newLanes(lanesOf(rec), func(share float64) {
		s.seek(rec.Start.Add(time.Duration(share * float64(rec.Duration()))))
	})
	s.panel = newPanelOf(panelSource{
		w: w, call: func() Call { return s.call }, snap: func() call.Snapshot { return s.call.Snapshot() }, now: s.player.Now, past: true,
	}, panelInner)
	s.panel.plate.Hide()
	s.play = newButton(primary, "play", "Play", s.toggle)
	s.speed = newSegmented([]string{"1×", "4×", "16×"}, 0, func(int) {
		if s.player.Playing() {
			s.player.Play(speeds[s.speed.chosen])
		}
	})
	s.speed.spoken = "How fast it plays"
	s.clock = newText("", 14, mono, cDim)
	s.content = container.New(replayLayout{}, s.head(), s.past(), s.controls(), s.panel.box)
	// A call's beginning is that nothing is there: its end tells more.
	s.seek(firstSight(rec))
	return s
}

// firstSight is the moment to begin at: when the first line was up for a while.
func firstSight(rec *replay.Recording) time.Time {
	for _, p := range rec.Paths {
		if p.Path != "connecting" && p.Path != "unknown" {
			return p.At.Add(2 * time.Second)
		}
	}
	return rec.Start
}

func (s *replayScreen) head() fyne.CanvasObject {
	r := s.rec
	back := newSmallButton(quiet, "arrow-left", "", "Back", s.w.showHome)
	s.named = newToggle("With names and addresses", false, nil)
	page := newSmallButton(secondary, "globe", "Save as a page", "", func() { s.export(HTML) })
	data := newSmallButton(secondary, "braces", "Save as JSON", "", func() { s.export(JSON) })
	return newRow(10, back, newText(orElse(r.Room, "A call"), 18, display, cText).eliding(),
		newChip("history", ago(r.Start, s.w.now()), cDim, false), newChip("users", strconv.Itoa(len(r.People)+1), cDim, false),
		newFiller(), s.named, page, data)
}

// past is the call over time, and what happened in it.
func (s *replayScreen) past() fyne.CanvasObject {
	list := newColumn(0, 300)
	for i, m := range s.lanes.v.Marks {
		if i == shownMarks {
			break
		}
		row := newMarkRow(m, clock(m.Time.Sub(s.rec.Start)), func() { s.seek(m.Time) })
		s.rows = append(s.rows, row)
		list.Add(row)
	}
	summary := newPara(s.rec.Entry().Summary, 14.5, bold, cText)
	top := newColumn(12, 300, summary, s.lanes, padded(newText("What happened", 14, bold, cText), 6, 0, 0, 0))
	return container.New(headOver{}, top, container.NewVScroll(list))
}

func (s *replayScreen) controls() fyne.CanvasObject {
	bar := newRow(14, s.play, s.speed, s.clock)
	return card(cPanel, cLine, 20, padded(bar, 10, 18, 10, 14))
}

func (s *replayScreen) export(f Format) {
	named := s.named.on
	s.w.work.Go(func() {
		file, err := s.w.engine.ExportCall(context.WithoutCancel(s.w.ctx), s.rec, f, named)
		s.w.post(func() {
			if err != nil {
				s.w.fail(err)
				return
			}
			s.w.tell(notice{Icon: "check", Text: "Saved as " + file + either(named, ", with names and addresses.", ", with names and addresses hidden.")})
		})
	})
}

// fail tells of something that did not work.
func (w *Window) fail(err error) {
	what, next := w.engine.Explain(err)
	w.tell(notice{Icon: "triangle-alert", Text: sentences(what, next), Bad: true})
}

func (s *replayScreen) toggle() {
	switch {
	case s.player.Playing():
		s.player.Pause()
	case !s.player.Now().Before(s.rec.End):
		s.player.Seek(s.rec.Start)
		s.player.Play(speeds[s.speed.chosen])
	default:
		s.player.Play(speeds[s.speed.chosen])
	}
	s.show()
}

func (s *replayScreen) seek(t time.Time) {
	s.player.Seek(t)
	s.shown = time.Time{}
	s.show()
}

// show draws the moment; the panel only when it is another second.
func (s *replayScreen) show() {
	now := s.player.Now()
	s.lanes.set(float64(now.Sub(s.rec.Start)) / float64(max(1, s.rec.Duration())))
	s.clock.set(clock(now.Sub(s.rec.Start)) + " / " + clock(s.rec.Duration()))
	if s.player.Playing() {
		s.play.set("pause", "Pause")
	} else {
		s.play.set("play", "Play")
	}
	if second := now.Truncate(time.Second); !second.Equal(s.shown) {
		s.shown = second
		s.panel.show()
		for i, r := range s.rows {
			r.setGone(!s.lanes.v.Marks[i].Time.After(now))
		}
	}
}

func (s *replayScreen) root() fyne.CanvasObject { return s.content }

func (s *replayScreen) entered() {
	s.w.setTitle(roomName(s.rec.Room) + " – " + appName)
	s.w.work.Go(func() {
		for range s.player.Events() { // the moment shown tells all
		}
	})
	s.w.win.Canvas().Focus(s.play)
}

func (s *replayScreen) left() {
	s.player.Leave()
	s.call = call.Past{}
	if err := s.rec.Close(); err != nil {
		s.w.fail(err)
	}
}

func (s *replayScreen) wantsBeat() bool { return true }

func (s *replayScreen) beat(time.Time, bool) {
	s.show()
	if s.player.Playing() {
		s.panel.tick()
	}
}

func (s *replayScreen) devicesChanged() {}

func (s *replayScreen) escape() bool {
	s.w.showHome()
	return true
}

// headOver is a head over a list that takes the rest.
type headOver struct{}

func (headOver) MinSize(objs []fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 200) }

func (headOver) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	h := heightFor(objs[0], s.Width)
	put(objs[0], 0, 0, s.Width, h)
	put(objs[1], 0, h+8, s.Width, max(0, s.Height-h-8))
}

// replayLayout has the call over time on the left and the panel on the right.
type replayLayout struct{}

func (replayLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

func (replayLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	const top, bar, margin = 56, 92, 18
	w := s.Width - panelWidth
	put(objs[0], margin-6, 0, w-margin-12, top)
	put(objs[1], margin, top+6, w-2*margin, s.Height-top-bar-6)
	m := objs[2].MinSize()
	put(objs[2], (w-m.Width)/2, s.Height-bar+12, m.Width, m.Height)
	put(objs[3], s.Width-panelWidth, 0, panelWidth, s.Height)
}
