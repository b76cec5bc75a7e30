package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// sheet is a card over the screen. While it is open, keys and pointer are for
// it alone.
type sheet struct {
	overlay fyne.CanvasObject
	closed  func()
}

// scrim darkens what is under a sheet; a tap on it closes the sheet.
type scrim struct {
	widget.BaseWidget
	tapped func()
}

func newScrim(tapped func()) *scrim {
	s := &scrim{tapped: tapped}
	s.ExtendBaseWidget(s)
	return s
}

func (s *scrim) Tapped(*fyne.PointEvent) { s.tapped() }

func (s *scrim) CreateRenderer() fyne.WidgetRenderer {
	r := &canvas.Rectangle{}
	return newRenderer(
		func() fyne.Size { return fyne.Size{} },
		func(size fyne.Size) { r.Resize(size) },
		func() { r.FillColor = colour(cScrim); r.Refresh() },
		r)
}

// shield takes taps so that they do not reach what is below.
type shield struct{ scrim }

func newShield() *shield {
	s := &shield{}
	s.tapped = func() {}
	s.ExtendBaseWidget(s)
	return s
}

func (s *shield) CreateRenderer() fyne.WidgetRenderer {
	return newRenderer(func() fyne.Size { return fyne.Size{} }, func(fyne.Size) {}, func() {})
}

// openSheet shows body under a title. closed, if not nil, is called when the
// sheet goes, however it goes.
func (w *Window) openSheet(title string, width float32, body fyne.CanvasObject, closed func()) {
	w.closeSheet()
	x := newSmallButton(quiet, "x", "", "Close", w.closeSheet)
	head := newRow(10, newText(title, 18, display, cText).eliding(), x)
	scroll := container.NewVScroll(padded(body, 0, 24, 24, 24))
	plate := newPlate(cPanel, cLine, 20)
	plate.shadow = true
	inner := container.New(sheetBody{width: width, body: body}, padded(head, 18, 16, 14, 24), scroll)
	s := &sheet{closed: closed}
	s.overlay = container.New(stack{}, newScrim(w.closeSheet), container.New(middle{edge}, container.New(stack{}, newShield(), plate, inner)))
	w.sheet = s
	c := w.win.Canvas()
	c.Overlays().Add(s.overlay)
	s.overlay.Resize(c.Size())
}

// closeSheet closes the sheet, if there is one.
func (w *Window) closeSheet() {
	if w.sheet == nil {
		return
	}
	s := w.sheet
	w.sheet = nil
	w.win.Canvas().Overlays().Remove(s.overlay)
	if s.closed != nil {
		s.closed()
	}
}

// sheetBody lays a head over a scrolled body, as high as the body needs.
type sheetBody struct {
	width float32
	body  fyne.CanvasObject
}

func (l sheetBody) MinSize(objs []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(l.width, objs[0].MinSize().Height+heightFor(l.body, l.width-48)+24)
}

func (l sheetBody) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	h := objs[0].MinSize().Height
	put(objs[0], 0, 0, s.Width, h)
	put(objs[1], 0, h, s.Width, s.Height-h)
}
