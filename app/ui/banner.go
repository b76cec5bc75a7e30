package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// banner is a line over the tiles that stays as long as it is true.
type banner struct {
	box   *fyne.Container
	icon  *icon
	title *text
	text  *text
}

func newBanner(name string, col fyne.ThemeColorName, actions ...fyne.CanvasObject) *banner {
	b := &banner{icon: newIconWidget(name, col, 16), title: newText("", 13.5, bold, cText), text: newText("", 13.5, plain, cDim)}
	pad := float32(9)
	if len(actions) > 0 {
		pad = 6
	}
	line := newRow(10, append([]fyne.CanvasObject{b.icon, b.title, b.text}, actions...)...)
	plate := newPlate(cPanel, cLine, 12)
	plate.shadow = true
	b.box = container.NewCenter(layered(plate, padded(line, pad, max(pad, 8), pad, 14)))
	b.box.Hide()
	return b
}

// set shows the banner, or hides it if there is nothing to say.
func (b *banner) set(on bool, title, text string) {
	b.box.Hidden = !on
	b.title.set(title)
	b.text.set(text)
	b.text.Hidden = text == ""
}

// showBanners shows what state the call is in, who waits, and that one's own
// screen is seen.
func (s *callScreen) showBanners(c curtain) {
	s.strip.set(c.Kind == strip, c.Title, c.Text)
	s.sharing.set(s.model.snap.Self.Sharing, "Everyone sees your screen", "")
	title, one := s.model.lobby()
	s.lobby.set(title != "" && s.side != peopleSide, title, "") // the list shows who waits
	s.admit.Hidden, s.deny.Hidden, s.lobbyMore.Hidden = !one, !one, one
	s.banners.Refresh()
}

// newBanners makes the banners, the most pressing first.
func (s *callScreen) newBanners() {
	s.strip = newBanner("loader", cWarn)
	s.sharing = newBanner("screen-share", cAccent, newSmallButton(danger, "screen-share-off", "Stop sharing", "", s.stopShare))
	s.admit = newSmallButton(primary, "user-check", "Let in", "", s.admitFirst)
	s.deny = newSmallButton(secondary, "", "Refuse", "", s.denyFirst)
	s.lobbyMore = newSmallButton(primary, "", "See who", "", s.showLobby)
	s.lobby = newBanner("door-open", cAccent, s.deny, s.admit, s.lobbyMore)
	s.banners = newColumn(8, 0, s.strip.box, s.lobby.box, s.sharing.box)
}
