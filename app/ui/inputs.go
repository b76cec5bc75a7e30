package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// entry is a one-line text field that lets the window's keys and shortcuts
// through: Fyne gives them to the focused widget alone.
type entry struct {
	widget.Entry
}

var _ desktop.Keyable = (*entry)(nil)

func newEntry(placeholder string) *entry {
	e := &entry{}
	e.ExtendBaseWidget(e)
	e.SetPlaceHolder(placeholder)
	return e
}

func (e *entry) MinSize() fyne.Size { return fyne.NewSize(60, 42) }

func (e *entry) KeyDown(k *fyne.KeyEvent) {
	e.Entry.KeyDown(k)
	if k.Name != fyne.KeySpace { // a space is for the text
		passKeyDown(e, k)
	}
}

func (e *entry) KeyUp(k *fyne.KeyEvent) {
	e.Entry.KeyUp(k)
	passKeyUp(e, k)
}

func (e *entry) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyEscape, fyne.KeyF1:
		passKey(e, k)
	default:
		e.Entry.TypedKey(k)
	}
}

// TypedShortcut serves the text field first, and then the window: none of ours
// is one of a text field's.
func (e *entry) TypedShortcut(s fyne.Shortcut) {
	e.Entry.TypedShortcut(s)
	if _, custom := s.(*desktop.CustomShortcut); custom {
		passShortcut(e, s)
	}
}

// option is one line of a choice.
type option struct{ id, name string }

// choice shows the one that is chosen of several and opens a menu of them.
type choice struct {
	control
	icon    string
	empty   string // shown when there are no options
	options []option
	chosen  string // id
	changed func(id string)
}

func newChoice(icon, label, empty string, changed func(id string)) *choice {
	c := &choice{icon: icon, empty: empty, changed: changed}
	c.spoken = label
	c.pressed = c.open
	c.extend(c)
	return c
}

func (c *choice) set(options []option, chosen string) {
	c.options, c.chosen = options, chosen
	if len(options) == 0 {
		c.Disable()
	} else {
		c.Enable()
	}
	c.Refresh()
}

func (c *choice) name() string {
	for _, o := range c.options {
		if o.id == c.chosen {
			return o.name
		}
	}
	if len(c.options) == 0 {
		return c.empty
	}
	return c.options[0].name
}

func (c *choice) open() {
	var items []*fyne.MenuItem
	for _, o := range c.options {
		item := fyne.NewMenuItem(o.name, func() {
			c.chosen = o.id
			c.Refresh()
			if c.changed != nil {
				c.changed(o.id)
			}
		})
		item.Checked = o.id == c.chosen
		items = append(items, item)
	}
	if cv := canvasOf(c); cv != nil && len(items) > 0 {
		m := widget.NewPopUpMenu(fyne.NewMenu("", items...), cv)
		m.ShowAtRelativePosition(fyne.NewPos(0, c.Size().Height+4), c)
		m.Resize(fyne.NewSize(max(c.Size().Width, m.MinSize().Width), m.MinSize().Height))
	}
}

// TypedKey opens the menu with the arrow keys as well.
func (c *choice) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyDown || e.Name == fyne.KeyUp {
		c.Tapped(nil)
		return
	}
	c.control.TypedKey(e)
}

func (c *choice) CreateRenderer() fyne.WidgetRenderer {
	bg, ring, ic, chev, txt := rounded(10), focusRing(13), newIcon(), newIcon(), line(13.5, plain)
	layout := func(s fyne.Size) {
		bg.Resize(s)
		ringAround(ring, 0, 0, s.Width, s.Height)
		put(ic, 13, (s.Height-16)/2, 16, 16)
		put(chev, s.Width-28, (s.Height-16)/2, 16, 16)
		txt.Text = elide(c.name(), txt.TextSize, txt.TextStyle, s.Width-40-34)
		place(txt, 40, (s.Height-txt.MinSize().Height)/2)
	}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(140, 40) },
		layout,
		func() {
			bg.FillColor, bg.StrokeWidth, bg.StrokeColor = colour(cCard), 1, colour(cLine)
			if c.hovered && !c.Disabled() {
				bg.FillColor = colour(cRaised)
			}
			fg := cText
			if c.Disabled() {
				fg = cFaint
			}
			txt.Color = colour(fg)
			setIcon(ic, c.icon, colour(cDim))
			setIcon(chev, "chevron-down", colour(cDim))
			chev.Hidden = c.Disabled()
			styleRing(ring, c.focused)
			layout(c.Size())
			bg.Refresh()
			txt.Refresh()
		},
		bg, ic, txt, chev, ring)
}

// toggle is a switch with its name before it.
type toggle struct {
	control
	text    string
	on      bool
	changed func(bool)
}

func newToggle(label string, on bool, changed func(bool)) *toggle {
	t := &toggle{text: label, on: on, changed: changed}
	t.spoken = label
	t.pressed = func() {
		t.on = !t.on
		t.Refresh()
		if t.changed != nil {
			t.changed(t.on)
		}
	}
	t.extend(t)
	return t
}

// setOn shows what holds now.
func (t *toggle) setOn(on bool) {
	if t.on != on {
		t.on = on
		t.Refresh()
	}
}

func (t *toggle) CreateRenderer() fyne.WidgetRenderer {
	track, knob, ring, txt := rounded(10), &canvas.Circle{}, focusRing(13), line(13.5, plain)
	const w, h = 36, 20
	layout := func(s fyne.Size) {
		txt.Text = elide(t.text, txt.TextSize, txt.TextStyle, s.Width-w-10)
		place(txt, 0, (s.Height-txt.MinSize().Height)/2)
		x, y := s.Width-w, (s.Height-h)/2
		put(track, x, y, w, h)
		kx := x + 3
		if t.on {
			kx = x + w - 17
		}
		put(knob, kx, y+3, 14, 14)
		ringAround(ring, x, y, w, h)
	}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(measure(t.text, 13.5, plain).Width+w+14, 30) },
		layout,
		func() {
			track.FillColor, track.StrokeWidth, track.StrokeColor = colour(cRaised), 1, colour(cFaint)
			knob.FillColor, txt.Color = colour(cDim), colour(cText)
			if t.on {
				track.FillColor, track.StrokeColor = colour(cFill), colour(cFill)
				knob.FillColor = colour(cOnFill)
			}
			if t.Disabled() {
				txt.Color = colour(cFaint)
			}
			styleRing(ring, t.focused)
			layout(t.Size())
			track.Refresh()
			knob.Refresh()
			txt.Refresh()
		},
		txt, track, knob, ring)
}

// segmented chooses one of a few words, or only shows which one is chosen.
type segmented struct {
	control
	words    []string
	chosen   int // -1 is none
	readOnly bool
	changed  func(int)
}

func newSegmented(words []string, chosen int, changed func(int)) *segmented {
	s := &segmented{words: words, chosen: chosen, changed: changed, readOnly: changed == nil}
	s.extend(s)
	if s.readOnly {
		s.Disable()
	}
	return s
}

func (s *segmented) set(i int) {
	if s.chosen != i {
		s.chosen = i
		s.Refresh()
	}
}

func (s *segmented) choose(i int) {
	if s.Disabled() || i < 0 || i >= len(s.words) {
		return
	}
	s.set(i)
	if s.changed != nil {
		s.changed(i)
	}
}

func (s *segmented) Tapped(e *fyne.PointEvent) {
	if e != nil {
		s.choose(int(e.Position.X / (s.Size().Width / float32(len(s.words)))))
	}
}

// TypedKey moves the choice with the arrow keys.
func (s *segmented) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyLeft:
		s.choose(s.chosen - 1)
	case fyne.KeyRight:
		s.choose(s.chosen + 1)
	default:
		s.control.TypedKey(e)
	}
}

func (s *segmented) CreateRenderer() fyne.WidgetRenderer {
	bg, on, ring := rounded(9), rounded(7), focusRing(12)
	objs := []fyne.CanvasObject{bg, on}
	var txt []*canvas.Text
	cell := float32(0)
	for _, w := range s.words {
		t := line(12, bold)
		t.Text, t.Alignment = w, fyne.TextAlignCenter
		cell = max(cell, t.MinSize().Width+24)
		txt, objs = append(txt, t), append(objs, t)
	}
	layout := func(sz fyne.Size) {
		bg.Resize(sz)
		ringAround(ring, 0, 0, sz.Width, sz.Height)
		w := sz.Width / float32(len(txt))
		put(on, float32(max(0, s.chosen))*w+3, 3, w-6, sz.Height-6)
		for i, t := range txt {
			h := t.MinSize().Height
			put(t, float32(i)*w, (sz.Height-h)/2, w, h)
		}
	}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(cell*float32(len(txt)), 30) },
		layout,
		func() {
			bg.FillColor, on.FillColor = colour(cCard), colour(cHover)
			on.Hidden = s.chosen < 0
			for i, t := range txt {
				t.Color = colour(cDim)
				if i == s.chosen {
					t.Color = colour(cText)
				}
				t.Refresh()
			}
			styleRing(ring, s.focused)
			layout(s.Size())
			bg.Refresh()
			on.Refresh()
		},
		append(objs, ring)...)
}

// newSlider returns a slider for a share of 0 to limit.
func newSlider(limit, value float64, changed func(float64)) *widget.Slider {
	s := widget.NewSlider(0, limit)
	s.Step = 0.05
	s.SetValue(value)
	s.OnChanged = changed
	return s
}
