package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// chip is a small rounded label with an optional icon.
type chip struct {
	widget.BaseWidget
	icon, s string
	col     fyne.ThemeColorName
	tinted  bool // ground in the chip's own colour
	short   bool // only the icon is drawn
}

func newChip(icon, s string, col fyne.ThemeColorName, tinted bool) *chip {
	c := &chip{icon: icon, s: s, col: col, tinted: tinted}
	c.ExtendBaseWidget(c)
	return c
}

func (c *chip) set(icon, s string, col fyne.ThemeColorName) {
	if c.icon == icon && c.s == s && c.col == col {
		return
	}
	c.icon, c.s, c.col = icon, s, col
	c.Refresh()
}

func (c *chip) CreateRenderer() fyne.WidgetRenderer { return chipRenderer(c, nil) }

// chipRenderer draws c; ring is nil when it cannot be focused.
func chipRenderer(c *chip, press *control) fyne.WidgetRenderer {
	bg, img, txt := rounded(8), newIcon(), line(12, bold)
	objs := []fyne.CanvasObject{bg, img, txt}
	var ring *canvas.Rectangle
	if press != nil {
		ring = focusRing(11)
		objs = append(objs, ring)
	}
	const h = 26
	lead := func() float32 {
		if c.icon == "" {
			return 10
		}
		return 30
	}
	layout := func(s fyne.Size) {
		y := (s.Height - h) / 2
		put(bg, 0, y, s.Width, h)
		put(img, 10, y+(h-14)/2, 14, 14)
		txt.Hidden = c.short
		txt.Text = elide(c.s, 12, bold, max(s.Width-lead()-9, 10))
		place(txt, lead(), y+(h-txt.MinSize().Height)/2)
		if ring != nil {
			ringAround(ring, 0, y, s.Width, h)
		}
	}
	return newRenderer(
		func() fyne.Size {
			if c.short {
				return fyne.NewSize(34, h)
			}
			return fyne.NewSize(measure(c.s, 12, bold).Width+lead()+10, h)
		},
		layout,
		func() {
			bg.FillColor = colour(cCard)
			if c.tinted {
				bg.FillColor = tint(c.col)
			}
			if press != nil && press.hovered {
				bg.FillColor = colour(cHover)
			}
			setIcon(img, c.icon, colour(c.col))
			txt.Color = colour(c.col)
			if ring != nil {
				styleRing(ring, press.focused)
			}
			layout(c.Size())
			bg.Refresh()
			txt.Refresh()
		},
		objs...)
}

// chipButton is a chip that can be pressed.
type chipButton struct {
	control
	chip  chip
	named string // what a screen reader says before the words
}

func newChipButton(icon, s string, col fyne.ThemeColorName, tinted bool, f func()) *chipButton {
	b := &chipButton{chip: chip{icon: icon, s: s, col: col, tinted: tinted}}
	b.pressed, b.spoken = f, s
	b.extend(b)
	return b
}

func (b *chipButton) set(icon, s string, col fyne.ThemeColorName) {
	c := &b.chip
	if c.icon == icon && c.s == s && c.col == col {
		return
	}
	c.icon, c.s, c.col, b.spoken = icon, s, col, s
	if b.named != "" {
		b.spoken = b.named
	}
	b.Refresh()
}

// Resize also tells the chip inside, which draws itself by its own size.
func (b *chipButton) Resize(s fyne.Size) {
	b.chip.BaseWidget.Resize(s)
	b.control.Resize(s)
}

func (b *chipButton) CreateRenderer() fyne.WidgetRenderer { return chipRenderer(&b.chip, &b.control) }

// meter shows how loud a sound is.
type meter struct {
	widget.BaseWidget
	level float64
	lit   int // segments lit; what is drawn
}

const meterSegments = 24

func newMeter() *meter {
	m := &meter{}
	m.ExtendBaseWidget(m)
	return m
}

// set shows a level of 0 to 1; nothing is drawn again unless a segment changes.
func (m *meter) set(level float64) {
	m.level = level
	if lit := meterLit(level); lit != m.lit {
		m.lit = lit
		m.Refresh()
	}
}

func meterLit(level float64) int {
	return min(meterSegments, max(0, int(level*meterSegments+0.5)))
}

func (m *meter) CreateRenderer() fyne.WidgetRenderer {
	segs := make([]*canvas.Rectangle, meterSegments)
	objs := make([]fyne.CanvasObject, meterSegments)
	for i := range segs {
		segs[i] = rounded(2)
		objs[i] = segs[i]
	}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(120, 12) },
		func(s fyne.Size) {
			w := s.Width / meterSegments
			for i, g := range segs {
				put(g, float32(i)*w, (s.Height-8)/2, w-3, 8)
			}
		},
		func() {
			for i, g := range segs {
				col := cRaised
				switch {
				case i >= m.lit:
				case i >= meterSegments*9/10:
					col = cBad
				case i >= meterSegments*7/10:
					col = cWarn
				default:
					col = cGood
				}
				g.FillColor = colour(col)
				g.Refresh()
			}
		},
		objs...)
}

// roundButton is a control of the call: a disc with a word under it.
type roundButton struct {
	control
	icon, word string
	hint       string // its shortcut, shown in place of the word under the pointer
	look       look
	wide       bool
	count      int // of news, on the corner
}

// look is the state a round button shows.
type look uint8

const (
	idle   look = iota
	active      // what it opens is open
	off         // what it controls is off
	leave
)

func newRoundButton(icon, word string, f func()) *roundButton {
	b := &roundButton{icon: icon, word: word}
	b.pressed, b.spoken = f, word
	b.extend(b)
	return b
}

func (b *roundButton) set(icon, word string, l look) {
	if b.icon == icon && b.word == word && b.look == l {
		return
	}
	b.icon, b.word, b.look, b.spoken = icon, word, l, word
	b.Refresh()
}

// setCount shows how many news there are.
func (b *roundButton) setCount(n int) {
	if b.count != n {
		b.count = n
		b.Refresh()
	}
}

const discSize = 46

func (b *roundButton) CreateRenderer() fyne.WidgetRenderer {
	disc, ring, img, txt := rounded(discSize/2), focusRing(discSize/2+3), newIcon(), line(11.5, plain)
	news, number := rounded(9), line(11, bold)
	dw := func() float32 {
		if b.wide {
			return 72
		}
		return discSize
	}
	layout := func(s fyne.Size) {
		w := dw()
		x := (s.Width - w) / 2
		put(disc, x, 3, w, discSize)
		ringAround(ring, x, 3, w, discSize)
		put(img, (s.Width-21)/2, 3+(discSize-21)/2, 21, 21)
		m := txt.MinSize()
		place(txt, (s.Width-m.Width)/2, discSize+9)
		nw := max(18, number.MinSize().Width+10)
		put(news, x+w-nw+5, 0, nw, 18)
		centred(number, x+w-nw/2+5, 9)
	}
	return newRenderer(
		func() fyne.Size {
			return fyne.NewSize(max(dw(), measure(b.word, 11.5, plain).Width, 64), discSize+10+txt.MinSize().Height)
		},
		layout,
		func() {
			fill, fg := cRaised, cText
			switch {
			case b.look == leave:
				fill, fg = cLeave, cOnLeave
			case b.hovered:
				fill = cHover
			}
			disc.FillColor = colour(fill)
			switch b.look {
			case active:
				fg, disc.FillColor = cOnFill, colour(cFill)
			case off:
				fg, disc.FillColor = cBad, tint(cBad)
			}
			setIcon(img, b.icon, colour(fg))
			txt.Text, txt.Color = b.word, colour(cDim)
			if b.hint != "" && (b.hovered || b.focused) {
				txt.Text, txt.Color = b.hint, colour(cText)
			}
			news.Hidden, number.Hidden = b.count == 0, b.count == 0
			number.Text = countWords(b.count)
			news.FillColor, number.Color = colour(cFill), colour(cOnFill)
			styleRing(ring, b.focused)
			layout(b.Size())
			for _, o := range []fyne.CanvasObject{disc, txt, news, number} {
				o.Refresh()
			}
		},
		disc, img, txt, news, number, ring)
}
