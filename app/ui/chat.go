package ui

import (
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// chatDrawer is the chat at the side of the call.
type chatDrawer struct {
	s       *callScreen
	drawer  *drawer
	empty   *para
	earlier *button
	bubbles []*bubble
	shown   int // how many of the newest lines
	last    chatEntry
	lines   int

	entry *entry
	send  *button
	wrong *para // why a message cannot be sent
	foot  *fyne.Container
	typed time.Time // when the text was last changed
}

// chatPage is how many lines are shown at first, and more by each press.
const chatPage = 100

func newChatDrawer(s *callScreen) *chatDrawer {
	c := &chatDrawer{s: s, shown: chatPage}
	c.entry = newEntry("Write to everyone")
	c.entry.OnChanged = func(string) { c.changed() }
	c.entry.OnSubmitted = func(string) { c.submit() }
	c.send = newSmallButton(primary, "send-horizontal", "", "Send", c.submit)
	c.wrong = newPara("", 12.5, plain, cBad)
	c.wrong.Hide()
	c.foot = newColumn(6, drawerInner, c.wrong, newRow(8, c.entry, c.send))
	c.empty = newPara("Nobody has written yet. What you write here, everyone in the room reads, and who comes later reads it too.", 13, plain, cDim)
	c.earlier = newSmallButton(quiet, "", "Earlier messages", "", func() { c.shown += chatPage; c.show() })
	c.drawer = newDrawer("Chat", "Close the chat", 5, s.toggleChat, nil, c.foot)
	return c
}

// show draws the newest lines, and stays at the end if it was there.
func (c *chatDrawer) show() {
	all := chatEntries(c.s.model.snap.Chat, c.s.w.now())
	v := all[max(0, len(all)-c.shown):]
	c.follow(v)
	c.bubbles = grown(c.bubbles, len(v), func() *bubble { return newBubble(c.open, c.copy) })
	objs := make([]fyne.CanvasObject, 0, len(v)+1)
	if len(v) == 0 {
		objs = append(objs, c.empty)
	} else if len(v) < len(all) {
		objs = append(objs, container.NewCenter(c.earlier))
	}
	for i, e := range v {
		c.bubbles[i].set(e)
		objs = append(objs, c.bubbles[i])
	}
	fresh := len(all) != c.lines || len(all) > 0 && all[len(all)-1] != c.last
	if fresh {
		c.lines = len(all)
		if len(all) > 0 {
			c.last = all[len(all)-1]
		}
	}
	end := c.atEnd() || fresh && c.last.Mine
	c.drawer.set(objs)
	if end {
		c.drawer.roll.ScrollToBottom()
	}
}

// follow moves the bubbles as the lines moved, so that those that are still shown
// need not be drawn anew.
func (c *chatDrawer) follow(v []chatEntry) {
	if len(v) == 0 || len(c.bubbles) == 0 {
		return
	}
	for i, b := range c.bubbles {
		if next := min(len(v), len(c.bubbles)-i) - 1; b.v == v[0] && c.bubbles[i+next].v == v[next] {
			c.bubbles = slices.Concat(c.bubbles[i:], c.bubbles[:i])
			return
		}
	}
}

func (c *chatDrawer) atEnd() bool {
	r := c.drawer.roll
	return r.Offset.Y+r.Size().Height >= r.Content.Size().Height-24
}

// opened is called when the chat has come up.
func (c *chatDrawer) opened() {
	c.show()
	c.drawer.roll.ScrollToBottom()
	c.typed = c.s.w.now()
	c.s.w.win.Canvas().Focus(c.entry)
}

// restAfter is how long a cursor blinks in an empty field: it repaints the
// window.
const restAfter = 30 * time.Second

// rest lets go of the field when nothing is written.
func (c *chatDrawer) rest(now time.Time) {
	if c.s.side == chatSide && c.entry.Text == "" && now.Sub(c.typed) > restAfter && c.s.w.win.Canvas().Focused() == fyne.Focusable(c.entry) {
		c.s.w.win.Canvas().Unfocus()
	}
}

func (c *chatDrawer) changed() {
	c.typed = c.s.w.now()
	wrong := chatTooLong(c.entry.Text)
	c.send.setEnabled(wrong == "")
	if wrong != c.wrong.s {
		c.wrong.set(wrong)
		c.wrong.Hidden = wrong == ""
		c.drawer.box.Refresh()
	}
}

// submit sends what was written.
func (c *chatDrawer) submit() {
	text := strings.TrimSpace(c.entry.Text)
	if text == "" || chatTooLong(text) != "" {
		return
	}
	c.s.call.Chat(text)
	c.entry.SetText("")
}

// open opens a link in the browser.
func (c *chatDrawer) open(link string) {
	u := linkURL(link)
	if u == nil {
		return
	}
	if err := c.s.w.openURL(u); err != nil {
		c.copy(link)
	}
}

func (c *chatDrawer) copy(text string) {
	c.s.w.app.Clipboard().SetContent(text)
	c.s.w.tell(notice{Icon: "check", Text: "It is on the clipboard."})
}

// oneLine puts a text into one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
