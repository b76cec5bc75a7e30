package ui

import (
	"context"
	"slices"
	"strings"

	"candid/app/config"
	"candid/app/replay"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// The lists on Home.
const (
	shelfRooms = iota
	shelfCalls
)

// recentCard has the rooms that can be entered again, and the past calls.
func (s *homeScreen) recentCard() fyne.CanvasObject {
	s.recent = newColumn(2, homeRight-24)
	s.shelf = newSegmented([]string{"Rooms", "Past calls"}, shelfRooms, func(int) { s.fillRecent() })
	s.shelf.spoken = "Rooms or past calls"
	s.open = newSmallButton(quiet, "download", "", "Open a recorded call, or what Chrome saved", s.chooseFile)
	s.clear = newSmallButton(quiet, "trash-2", "", "Forget the recent rooms", s.forget)
	s.fillRecent()
	head := padded(newRow(4, s.shelf, newFiller(), s.open, s.clear), 0, 4, 0, 6)
	scroll := container.NewVScroll(s.recent)
	return card(cPanel, cLine, 20, padded(container.New(recentLayout{}, head, scroll), 12, 12, 12, 12))
}

// loadPast lists the past calls, off the main goroutine.
func (s *homeScreen) loadPast() {
	s.w.work.Go(func() {
		list, err := s.w.engine.Recordings(s.w.ctx)
		s.w.post(func() {
			if err != nil {
				s.w.fail(err)
			}
			s.past = pastCalls(list, s.w.now())
			if s.shelf.chosen == shelfCalls {
				s.fillRecent()
			}
		})
	})
}

func (s *homeScreen) fillRecent() {
	s.recent.Objects = nil
	s.clear.Hidden = true
	if s.shelf.chosen == shelfCalls {
		s.fillPast()
	} else {
		s.fillRooms()
	}
	s.open.Hidden = s.shelf.chosen != shelfCalls
	if len(s.recent.Objects) == 0 {
		icon, text := "log-in", "Rooms you host or join appear here, so that you find them again."
		if s.shelf.chosen == shelfCalls {
			icon, text = "history", "Your calls appear here: what the connection panel showed, never picture, sound or chat. They stay on this computer."
		}
		s.recent.Add(padded(newColumn(12, homeRight-72, newBadgeIcon(icon, cAccent), newPara(text, 13.5, plain, cDim).centre()), 56, 24, 8, 24))
	}
	s.relayout()
}

func (s *homeScreen) fillRooms() {
	s.clear.spoken = "Forget the recent rooms"
	rooms := recentRooms(s.w.engine.Config(), s.w.now())
	s.clear.Hidden = len(rooms) == 0
	s.fillNearby(len(rooms) > 0)
	for _, r := range rooms {
		s.recent.Add(newListRow(r.Icon, r.Title, r.Detail, func() {
			if r.Recent.Hosted {
				s.w.host()
			} else {
				s.w.Open(r.Recent.Link)
			}
		}))
	}
}

// fillNearby lists the rooms on the local network, if there are any, and a
// head for what follows.
func (s *homeScreen) fillNearby(more bool) {
	if len(s.around) == 0 {
		return
	}
	head := func(text string) { s.recent.Add(padded(newText(text, 12, bold, cDim), 6, 12, 4, 12)) }
	head("On this network")
	for _, n := range nearbyRooms(s.around) {
		s.recent.Add(newListRow(n.Icon, n.Title, n.Detail, func() {
			if n.Link == "" {
				s.askInvite(n.Title)
			} else {
				s.w.Open(n.Link)
			}
		}))
	}
	if more {
		head("Before")
	}
}

// askInvite says what joining a room takes, where it is to be pasted.
func (s *homeScreen) askInvite(room string) {
	s.link.SetText("")
	s.statusI.set("info", cAccent)
	s.status.setCol("To join "+room+", ask who hosts it for the invite and paste it here.", cText)
	s.relayout()
	s.w.win.Canvas().Focus(s.link)
}

// lookAround follows the rooms on the local network until Home is left.
func (s *homeScreen) lookAround() {
	ctx, cancel := context.WithCancel(s.w.ctx)
	s.away = cancel
	s.w.work.Go(func() {
		s.w.engine.LookAround(ctx, func(rooms []Nearby) {
			s.w.post(func() {
				if ctx.Err() == nil && !slices.Equal(s.around, rooms) {
					s.around = rooms
					s.fillRecent()
				}
			})
		})
	})
}

func (s *homeScreen) fillPast() {
	s.clear.spoken = "Forget all past calls"
	s.clear.Hidden = len(s.past) == 0
	for _, c := range s.past {
		open := newListRow(c.Icon, c.Title, c.Detail, func() {
			s.w.openPast(func(ctx context.Context) (*replay.Recording, error) { return s.w.engine.OpenRecording(ctx, c.Name) })
		})
		s.recent.Add(padded(newRow(2, newStretch(0, open), s.newDelete(c)), 0, 4, 0, 0))
	}
}

// newDelete deletes one past call when it is pressed twice.
func (s *homeScreen) newDelete(c pastCall) *button {
	label := "Delete the call with " + c.Title
	b := newSmallButton(quiet, "x", "", label, nil)
	b.pressed = func() {
		if b.text == "" {
			b.set("trash-2", "Delete")
			b.spoken = label + ": press again"
			s.recent.Refresh()
			return
		}
		s.delete(c.Name)
	}
	return b
}

// delete removes one past call, or all and what is known of contacts.
func (s *homeScreen) delete(name string) {
	s.w.work.Go(func() {
		if err := s.w.engine.DeleteRecording(s.w.ctx, name); err != nil {
			s.w.post(func() { s.w.fail(err) })
		}
		s.loadPast()
	})
}

// forget empties the list that is shown.
func (s *homeScreen) forget() {
	if s.shelf.chosen == shelfRooms {
		s.w.save(func(c *config.Config) { c.Recent = nil })
		s.fillRecent()
		return
	}
	s.delete("")
}

// chooseFile opens a call from a file.
func (s *homeScreen) chooseFile() {
	where := newEntry("/home/you/Downloads/webrtc_internals_dump.txt")
	var open *button
	enter := func() {
		s.w.closeSheet()
		s.w.importCall(strings.TrimSpace(where.Text))
	}
	open = newButton(primary, "download", "Open", enter)
	open.Disable()
	where.OnChanged = func(t string) { open.setEnabled(strings.TrimSpace(t) != "") }
	where.OnSubmitted = func(string) { enter() }
	s.w.openSheet("Open a call", fileWidth, newColumn(14, fileWidth-48,
		newPara("Drop a file on Candid's window, or say where it is: a recording of Candid, or what Chrome saves from chrome://webrtc-internals. It is only read.", 14, plain, cDim),
		where, open), nil)
	s.w.win.Canvas().Focus(where)
}

const fileWidth = 460
