package ui

import (
	"context"

	"candid/app/call"

	"fyne.io/fyne/v2"
)

const shareWidth = 460

// toggleShare chooses a screen to share, or stops sharing.
func (s *callScreen) toggleShare() {
	if s.model.snap.Self.Sharing {
		s.stopShare()
		return
	}
	s.chooseScreen()
}

func (s *callScreen) stopShare() {
	s.call.StopShare()
	s.refresh()
}

// chooseScreen asks what there is to share, which may take a while, and offers
// it.
func (s *callScreen) chooseScreen() {
	ctx, cancel := context.WithCancel(s.w.ctx)
	wait := newRow(10, newIconWidget("loader", cDim, 16), newPara("Looking what there is to share…", 14, plain, cDim))
	s.w.openSheet("Share a screen", shareWidth, wait, cancel)
	mine, c := s.w.sheet, s.call
	s.w.work.Go(func() {
		screens, err := c.Screens(ctx)
		s.w.post(func() {
			if s.w.sheet == mine { // not closed meanwhile
				s.w.openSheet("Share a screen", shareWidth, s.screenList(screens, err), nil)
			}
		})
		cancel()
	})
}

// screenList offers the screens, or says why there are none.
func (s *callScreen) screenList(screens []call.Screen, err error) fyne.CanvasObject {
	body := newColumn(6, shareWidth-48)
	switch {
	case err != nil:
		what, next := s.w.engine.Explain(err)
		body.Add(newRow(10, newIconWidget("triangle-alert", cWarn, 18), newPara(upperFirst(sentences(what, next)), 14, plain, cText)))
		return body
	case len(screens) == 0:
		body.Add(newPara("There is nothing to share on this computer.", 14, plain, cText))
		return body
	}
	body.Add(newPara("Everyone in the room sees what you choose, until you stop.", 14, plain, cDim))
	for _, screen := range screens {
		body.Add(newListRow("monitor", orElse(cleanChat(screen.Name), "Screen"), "Share this", func() {
			s.w.closeSheet()
			s.call.Share(screen.ID)
			s.refresh()
		}))
	}
	return body
}
