package ui

import "fyne.io/fyne/v2"

// wide is the window width from which a sheet stands beside the call.
const wide = 1100

// How wide the sheets at the side are.
const (
	panelWidth  = 404
	drawerWidth = 352 // chat and people
)

// sideKind is what is open at the side of the call.
type sideKind uint8

const (
	noSide sideKind = iota
	panelSide
	chatSide
	peopleSide
)

// width of the sheet.
func (k sideKind) width() float32 {
	switch k {
	case noSide:
		return 0
	case panelSide:
		return panelWidth
	}
	return drawerWidth
}

// callLayout lays out the parts of the call.
type callLayout struct{ s *callScreen }

func (callLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, 0) }

func (l callLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	s := l.s
	const topH, barH, margin = 56, 104, 16
	side := s.side.width()
	beside := side > 0 && size.Width >= wide
	w := size.Width
	if beside {
		w -= side
	}
	put(s.top.box, 0, 0, w, topH)
	put(s.board.box, margin, topH, w-2*margin, size.Height-topH-barH)
	put(s.invite, margin, topH, w-2*margin, size.Height-topH-barH)
	put(s.banners, margin, topH+12, w-2*margin, heightFor(s.banners, w-2*margin))
	put(s.bar.box, 0, size.Height-barH+2, w, barH-4)
	s.scrim.Hidden = side == 0 || beside
	put(s.scrim, 0, 0, size.Width, size.Height)
	s.panel.box.Hidden, s.panel.plate.Hidden = s.side != panelSide, beside
	put(s.panel.box, size.Width-panelWidth, 0, panelWidth, size.Height)
	for k, d := range map[sideKind]*drawer{chatSide: s.chat.drawer, peopleSide: s.people.drawer} {
		d.box.Hidden, d.plate.Hidden = s.side != k, beside
		put(d.box, size.Width-drawerWidth, 0, drawerWidth, size.Height)
	}
}
