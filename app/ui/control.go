package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// control is what everything that can be pressed has in common: pointer, focus
// and keys. Embed it, call extend, and draw by its fields.
type control struct {
	widget.DisableableWidget
	pressed          func() // tapped, or Space or Return
	hovered, focused bool
	spoken           string // what a screen reader says
	self             fyne.Widget
}

// extend makes w, which embeds c, the widget that Fyne sees.
func (c *control) extend(w fyne.Widget) {
	c.self = w
	c.ExtendBaseWidget(w)
}

var (
	_ fyne.Tappable      = (*control)(nil)
	_ fyne.Focusable     = (*control)(nil)
	_ desktop.Hoverable  = (*control)(nil)
	_ desktop.Cursorable = (*control)(nil)
	_ desktop.Keyable    = (*control)(nil)
)

func (c *control) Tapped(*fyne.PointEvent) {
	if !c.Disabled() && c.pressed != nil {
		c.pressed()
	}
}

func (c *control) FocusGained()   { c.focused = true; c.Refresh() }
func (c *control) FocusLost()     { c.focused = false; c.Refresh() }
func (c *control) TypedRune(rune) {}

func (c *control) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		c.Tapped(nil)
	default:
		passKey(c.self, e)
	}
}

// KeyDown gives held keys to the window, but for those that press this control.
func (c *control) KeyDown(e *fyne.KeyEvent) {
	if e.Name != fyne.KeySpace {
		passKeyDown(c.self, e)
	}
}

// KeyUp gives released keys to the window.
func (c *control) KeyUp(e *fyne.KeyEvent) { passKeyUp(c.self, e) }

func (c *control) MouseIn(*desktop.MouseEvent)    { c.hovered = true; c.Refresh() }
func (c *control) MouseMoved(*desktop.MouseEvent) {}
func (c *control) MouseOut()                      { c.hovered = false; c.Refresh() }

func (c *control) Cursor() desktop.Cursor {
	if c.Disabled() {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// AccessibilityLabel implements fyne.Accessible.
func (c *control) AccessibilityLabel() string { return c.spoken }

// AccessibilityRole implements fyne.Accessible.
func (c *control) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// focusRing is drawn around a focused control; styleRing shows or hides it.
func focusRing(radius float32) *canvas.Rectangle {
	r := rounded(radius)
	r.StrokeWidth = 2
	r.Hide()
	return r
}

func styleRing(r *canvas.Rectangle, on bool) {
	r.StrokeColor = colour(cAccent)
	r.Hidden = !on
	r.Refresh()
}

// ringAround lays a ring out just outside of a box.
func ringAround(r *canvas.Rectangle, x, y, w, h float32) { put(r, x-3, y-3, w+6, h+6) }

// kind says how much a button matters.
type kind uint8

const (
	secondary kind = iota
	primary
	quiet // no ground until the pointer is over it
	danger
)

// button is a text button with an optional icon.
type button struct {
	control
	kind       kind
	icon, text string
	small      bool
	short      bool   // only the icon is drawn
	hint       string // its shortcut, drawn after the text
}

func newButton(k kind, icon, text string, f func()) *button {
	b := &button{kind: k, icon: icon, text: text}
	b.pressed, b.spoken = f, text
	b.extend(b)
	return b
}

// newSmallButton is a button for the inside of a panel. Without text, label
// says what it does.
func newSmallButton(k kind, icon, text, label string, f func()) *button {
	b := newButton(k, icon, text, f)
	b.small = true
	if text == "" {
		b.spoken = label
	}
	return b
}

func (b *button) set(icon, text string) {
	if b.icon == icon && b.text == text {
		return
	}
	b.icon, b.text = icon, text
	if text != "" {
		b.spoken = text
	}
	b.Refresh()
}

func (b *button) setEnabled(on bool) {
	if on {
		b.Enable()
	} else {
		b.Disable()
	}
}

// colours returns ground and text colour names in the present state.
func (b *button) colours() (ground, text fyne.ThemeColorName) {
	switch {
	case b.Disabled():
		return cCard, cFaint
	case b.kind == primary && b.hovered:
		return cFillHot, cOnFill
	case b.kind == primary:
		return cFill, cOnFill
	case b.kind == danger:
		return cLeave, cOnLeave
	case b.hovered:
		return cHover, cText
	case b.kind == quiet:
		return "", cDim
	}
	return cRaised, cText
}

func (b *button) metrics() (height, pad, text, icon float32) {
	if b.small {
		return 30, 10, 12.5, 15
	}
	return 42, 18, 14, 18
}

func (b *button) CreateRenderer() fyne.WidgetRenderer {
	h, pad, size, isz := b.metrics()
	bg, ring, img := rounded(10), focusRing(13), newIcon()
	txt, hint := line(size, bold), line(11.5, plain)
	width := func() float32 {
		w := float32(0)
		if b.icon != "" {
			w += isz
		}
		if b.text != "" && !b.short {
			w += txt.MinSize().Width
			if b.icon != "" {
				w += 8
			}
		}
		if b.hint != "" {
			w += 10 + hint.MinSize().Width
		}
		return w
	}
	return newRenderer(
		func() fyne.Size {
			if b.text == "" || b.short {
				return fyne.NewSize(h, h)
			}
			return fyne.NewSize(width()+2*pad, h)
		},
		func(s fyne.Size) {
			bg.Resize(s)
			ringAround(ring, 0, 0, s.Width, s.Height)
			x := (s.Width - width()) / 2
			if b.icon != "" {
				put(img, x, (s.Height-isz)/2, isz, isz)
				x += isz + 8
			}
			m := txt.MinSize()
			place(txt, x, (s.Height-m.Height)/2)
			place(hint, x+m.Width+10, (s.Height-hint.MinSize().Height)/2)
		},
		func() {
			ground, fg := b.colours()
			bg.Hidden = ground == ""
			if ground != "" {
				bg.FillColor = colour(ground)
			}
			setIcon(img, b.icon, colour(fg))
			txt.Text, txt.Color, txt.Hidden = b.text, colour(fg), b.short
			hint.Text, hint.Color = b.hint, colour(fg)
			styleRing(ring, b.focused)
			bg.Refresh()
			txt.Refresh()
			hint.Refresh()
		},
		bg, img, txt, hint, ring)
}
