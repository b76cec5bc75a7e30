package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// message is a screen that says one thing and offers what to do next.
type message struct {
	Icon        string
	Col         fyne.ThemeColorName
	Title, Text string
	Actions     []action // the first has the focus
}

// action is a button with what it does.
type action struct {
	Kind kind
	Icon string
	Text string
	Do   func()
}

type messageScreen struct {
	w       *Window
	buttons []*button
	content fyne.CanvasObject
}

const messageWidth = 460

func newMessage(w *Window, m message) *messageScreen {
	s := &messageScreen{w: w}
	var actions []fyne.CanvasObject
	for _, a := range m.Actions {
		b := newButton(a.Kind, a.Icon, a.Text, a.Do)
		s.buttons = append(s.buttons, b)
		actions = append(actions, b)
	}
	title := newPara(m.Title, 22, display, cText).centre()
	text := newPara(m.Text, 14.5, plain, cDim).centre()
	text.Hidden = m.Text == ""
	body := newColumn(14, messageWidth-96,
		newBadgeIcon(m.Icon, m.Col), title, text,
		padded(container.NewCenter(newRow(10, actions...)), 14, 0, 0, 0))
	s.content = container.New(middle{}, card(cPanel, cLine, 22, padded(body, 44, 48, 40, 48)))
	return s
}

func (s *messageScreen) root() fyne.CanvasObject { return s.content }

func (s *messageScreen) entered() {
	if len(s.buttons) > 0 {
		s.w.win.Canvas().Focus(s.buttons[0])
	}
}

func (s *messageScreen) left()                {}
func (s *messageScreen) wantsBeat() bool      { return false }
func (s *messageScreen) beat(time.Time, bool) {}
func (s *messageScreen) devicesChanged()      {}
func (s *messageScreen) escape() bool         { return false }

// newBadgeIcon is an icon on a large tinted disc.
func newBadgeIcon(name string, col fyne.ThemeColorName) fyne.CanvasObject {
	disc := newPlate(col, "", 32)
	disc.tinted = true
	return sizedTo(container.New(middle{}, sizedTo(container.New(stack{}, disc, newIconWidget(name, col, 28)), 64, 64)), 0, 64)
}
