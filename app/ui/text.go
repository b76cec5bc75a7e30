package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// text is one themed line. One that elides may be laid out narrower than it is
// and ends in an ellipsis then.
type text struct {
	widget.BaseWidget
	s      string
	size   float32
	style  fyne.TextStyle
	col    fyne.ThemeColorName
	align  fyne.TextAlign
	elides bool
}

func newText(s string, size float32, style fyne.TextStyle, col fyne.ThemeColorName) *text {
	t := &text{s: s, size: size, style: style, col: col}
	t.ExtendBaseWidget(t)
	return t
}

// eliding makes t one that may be shortened.
func (t *text) eliding() *text { t.elides = true; return t }

func (t *text) set(s string) { t.setCol(s, t.col) }

func (t *text) setCol(s string, col fyne.ThemeColorName) {
	if t.s == s && t.col == col {
		return
	}
	t.s, t.col = s, col
	t.Refresh()
}

func (t *text) CreateRenderer() fyne.WidgetRenderer {
	c := line(t.size, t.style)
	layout := func(s fyne.Size) {
		shown := t.s
		if t.elides && s.Width > 0 {
			shown = elide(t.s, t.size, t.style, s.Width)
		}
		if c.Text != shown {
			c.Text = shown
			c.Refresh()
		}
		c.Alignment = t.align
		h := c.MinSize().Height
		put(c, 0, (s.Height-h)/2, s.Width, h)
	}
	return newRenderer(
		func() fyne.Size {
			m := measure(t.s, t.size, t.style)
			if t.elides {
				m.Width = min(m.Width, 24)
			}
			return m
		},
		layout,
		func() {
			c.Color = colour(t.col)
			c.Refresh()
			layout(t.Size())
		},
		c)
}

// para is a themed text that wraps at words. Its height depends on its width;
// column asks for it.
type para struct {
	widget.BaseWidget
	s     string
	size  float32
	style fyne.TextStyle
	col   fyne.ThemeColorName
	align fyne.TextAlign
}

func newPara(s string, size float32, style fyne.TextStyle, col fyne.ThemeColorName) *para {
	p := &para{s: s, size: size, style: style, col: col}
	p.ExtendBaseWidget(p)
	return p
}

// centre makes p a centred text.
func (p *para) centre() *para { p.align = fyne.TextAlignCenter; return p }

func (p *para) set(s string) { p.setCol(s, p.col) }

func (p *para) setCol(s string, col fyne.ThemeColorName) {
	if p.s == s && p.col == col {
		return
	}
	p.s, p.col = s, col
	p.Refresh()
}

func (p *para) lineHeight() float32 {
	return measure("M", p.size, p.style).Height + p.size*0.22
}

func (p *para) heightFor(w float32) float32 {
	return float32(len(wrap(p.s, p.size, p.style, w))) * p.lineHeight()
}

func (p *para) CreateRenderer() fyne.WidgetRenderer {
	r := &paraRenderer{p: p}
	r.Refresh()
	return r
}

type paraRenderer struct {
	p     *para
	lines []*canvas.Text
}

func (r *paraRenderer) Destroy() {}

func (r *paraRenderer) Objects() []fyne.CanvasObject {
	objs := make([]fyne.CanvasObject, len(r.lines))
	for i, l := range r.lines {
		objs[i] = l
	}
	return objs
}

func (r *paraRenderer) MinSize() fyne.Size {
	w := r.p.Size().Width
	if w == 0 {
		w = 320
	}
	return fyne.NewSize(40, r.p.heightFor(w))
}

func (r *paraRenderer) Layout(s fyne.Size) {
	p := r.p
	wrapped := wrap(p.s, p.size, p.style, s.Width)
	for len(r.lines) < len(wrapped) {
		r.lines = append(r.lines, line(p.size, p.style))
	}
	r.lines = r.lines[:len(wrapped)]
	col, h := colour(p.col), p.lineHeight()
	for i, l := range r.lines {
		l.Color, l.Alignment = col, p.align
		l.Text = wrapped[i]
		put(l, 0, float32(i)*h, s.Width, h)
		l.Refresh()
	}
}

func (r *paraRenderer) Refresh() { r.Layout(r.p.Size()) }

// wrap breaks s into lines of at most w, at words; a word wider than that is
// broken anywhere, since links and addresses have no spaces. Line breaks in s
// hold.
func wrap(s string, size float32, style fyne.TextStyle, w float32) []string {
	if s == "" {
		return nil
	}
	if w <= 0 {
		return []string{s}
	}
	fits := func(s string) bool { return measure(s, size, style).Width <= w }
	var lines []string
	for _, par := range strings.Split(s, "\n") {
		cur := ""
		for _, word := range strings.Fields(par) {
			try := strings.TrimSpace(cur + " " + word)
			if fits(try) {
				cur = try
				continue
			}
			if cur != "" {
				lines = append(lines, cur)
			}
			for !fits(word) && len([]rune(word)) > 1 {
				head := breakWord(word, fits)
				lines = append(lines, head)
				word = word[len(head):]
			}
			cur = word
		}
		lines = append(lines, cur)
	}
	return lines
}

// breakWord returns the longest beginning of word that fits, at least one rune.
func breakWord(word string, fits func(string) bool) string {
	r := []rune(word)
	n := len(r)
	for n > 1 && !fits(string(r[:n])) {
		n--
	}
	return string(r[:n])
}

// centred makes t a centred line.
func (t *text) centred() *text { t.align = fyne.TextAlignCenter; return t }

// fullWidth is how wide t is when nothing is left out.
func (t *text) fullWidth() float32 { return measure(t.s, t.size, t.style).Width }
