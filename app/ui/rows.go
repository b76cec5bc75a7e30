package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// typeColour is the colour of a candidate type; its badge has the word.
func typeColour(t string) fyne.ThemeColorName {
	switch t {
	case "host":
		return cAccent
	case "srflx":
		return cTeal
	case "prflx":
		return cViolet
	case "relay":
		return cWarn
	}
	return cDim
}

// typeBadge draws a candidate type.
type typeBadge struct {
	ground *canvas.Rectangle
	text   *canvas.Text
}

const (
	badgeWidth  = 42
	badgeHeight = 17
)

func newTypeBadge() typeBadge { return typeBadge{rounded(5), line(10.5, bold)} }

func (b typeBadge) place(x, y float32) {
	put(b.ground, x, y, badgeWidth, badgeHeight)
	centred(b.text, x+badgeWidth/2, y+badgeHeight/2)
}

func (b typeBadge) set(t string) {
	col := typeColour(t)
	b.ground.FillColor, b.text.Text, b.text.Color = tint(col), t, colour(col)
	b.ground.Refresh()
	b.text.Refresh()
}

// pairRow is one candidate pair in two lines; pressed, it opens.
type pairRow struct {
	control
	v    pairView
	open bool
}

func newPairRow() *pairRow {
	r := &pairRow{}
	r.pressed = func() {
		r.open = !r.open
		r.Refresh()
	}
	r.extend(r)
	return r
}

func (r *pairRow) set(v pairView) {
	if r.v.ID != v.ID {
		r.open = false
	}
	r.v = v
	r.spoken = v.LocalAt + " to " + v.RemoteAt + ", " + v.State
	r.Refresh()
}

const (
	pairClosed = 50
	detailLine = 17
)

func (r *pairRow) heightFor(float32) float32 {
	if r.open {
		return pairClosed + 6 + float32(len(r.v.Detail))*detailLine
	}
	return pairClosed
}

func (r *pairRow) CreateRenderer() fyne.WidgetRenderer {
	x := &pairRenderer{r: r, ground: rounded(10), ring: focusRing(10), dot: &canvas.Circle{}, rtt: line(12, bold), state: line(11.5, plain)}
	for i := range x.addr {
		x.badge[i], x.addr[i] = newTypeBadge(), line(11.5, mono)
	}
	x.rtt.Alignment, x.state.Alignment = fyne.TextAlignTrailing, fyne.TextAlignTrailing
	x.Refresh()
	return x
}

type pairRenderer struct {
	r            *pairRow
	ground, ring *canvas.Rectangle
	dot          *canvas.Circle
	badge        [2]typeBadge
	addr         [2]*canvas.Text
	rtt, state   *canvas.Text
	detail       []*canvas.Text
}

func (x *pairRenderer) Destroy() {}

func (x *pairRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{x.ground, x.dot, x.rtt, x.state}
	for i := range x.addr {
		objs = append(objs, x.badge[i].ground, x.badge[i].text, x.addr[i])
	}
	for _, d := range x.detail {
		objs = append(objs, d)
	}
	return append(objs, x.ring)
}

func (x *pairRenderer) MinSize() fyne.Size { return fyne.NewSize(200, x.r.heightFor(0)) }

func (x *pairRenderer) Layout(s fyne.Size) {
	const right = 92
	x.ground.Resize(s)
	put(x.ring, 1, 1, s.Width-2, s.Height-2)
	put(x.dot, 10, pairClosed/2-4, 8, 8)
	for i, at := range [2]string{x.r.v.LocalAt, x.r.v.RemoteAt} {
		y := float32(6 + i*20)
		x.badge[i].place(27, y)
		x.addr[i].Text = elide(at, x.addr[i].TextSize, mono, s.Width-27-badgeWidth-8-right-8)
		place(x.addr[i], 27+badgeWidth+8, y+(badgeHeight-x.addr[i].MinSize().Height)/2)
	}
	h := x.rtt.MinSize().Height
	put(x.rtt, s.Width-right-10, 6+(badgeHeight-h)/2, right, h)
	h = x.state.MinSize().Height
	put(x.state, s.Width-right-10, 26+(badgeHeight-h)/2, right, h)
	for i, d := range x.detail {
		place(d, 27, pairClosed+float32(i)*detailLine)
	}
}

func (x *pairRenderer) Refresh() {
	v := x.r.v
	x.ground.Hidden = !v.Selected && !x.r.hovered && !x.r.open
	x.ground.FillColor = colour(cInset)
	dot, text := cFaint, cText
	switch {
	case v.Selected:
		x.ground.FillColor, dot = tint(cGood), cGood
	case v.Failed:
		dot, text = cBad, cDim
	case v.Live:
		dot = cGood
	case v.State == "in-progress":
		dot = cWarn
	}
	x.dot.FillColor = colour(dot)
	x.badge[0].set(v.LocalType)
	x.badge[1].set(v.RemoteType)
	for _, a := range x.addr {
		a.Color = colour(text)
	}
	x.rtt.Text, x.rtt.Color = v.RTT, colour(text)
	if v.RTT == wordUnproven {
		x.rtt.Color = colour(cDim)
	}
	if dot == cFaint {
		dot = cDim
	}
	x.state.Text, x.state.Color = v.State, colour(dot)
	x.detail = x.detail[:0]
	if x.r.open {
		for _, d := range v.Detail {
			t := line(11.5, plain)
			t.Text, t.Color = d, colour(cDim)
			x.detail = append(x.detail, t)
		}
	}
	styleRing(x.ring, x.r.focused)
	x.Layout(x.r.Size())
	for _, o := range x.Objects() {
		o.Refresh()
	}
}

// candidateRow is one candidate: type, address and what is known of it.
type candidateRow struct {
	widget.BaseWidget
	v      candidateView
	addr   *para
	detail *para
}

func newCandidateRow() *candidateRow {
	r := &candidateRow{addr: newPara("", 11.5, mono, cText), detail: newPara("", 11.5, plain, cDim)}
	r.ExtendBaseWidget(r)
	return r
}

func (r *candidateRow) set(v candidateView) {
	if r.v != v {
		r.v = v
		r.addr.set(v.Address)
		r.detail.set(v.Detail)
		r.Refresh()
	}
}

const candidateInset = badgeWidth + 8

func (r *candidateRow) heightFor(w float32) float32 {
	w -= candidateInset
	return 3 + r.addr.heightFor(w) + 2 + r.detail.heightFor(w) + 6
}

func (r *candidateRow) CreateRenderer() fyne.WidgetRenderer {
	badge := newTypeBadge()
	layout := func(s fyne.Size) {
		badge.place(0, 3)
		w := s.Width - candidateInset
		h := r.addr.heightFor(w)
		put(r.addr, candidateInset, 4, w, h)
		put(r.detail, candidateInset, 5+h, w, r.detail.heightFor(w))
	}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(160, r.heightFor(max(r.Size().Width, 300))) },
		layout,
		func() {
			badge.set(r.v.Type)
			layout(r.Size())
		},
		badge.ground, badge.text, r.addr, r.detail)
}

// factRow is a name and a value.
type factRow struct {
	widget.BaseWidget
	name  string
	value *para
}

func newFactRow() *factRow {
	r := &factRow{value: newPara("", 12.5, plain, cText)}
	r.ExtendBaseWidget(r)
	return r
}

func (r *factRow) set(f fact) {
	col := cText
	if f.Value == wordUnproven || f.Value == wordUnknown {
		col = cDim
	}
	r.value.setCol(f.Value, col)
	if r.name != f.Name {
		r.name = f.Name
		r.Refresh()
	}
}

const factInset = 142

func (r *factRow) heightFor(w float32) float32 {
	return max(20, r.value.heightFor(w-factInset)) + 3
}

func (r *factRow) CreateRenderer() fyne.WidgetRenderer {
	name := line(12.5, plain)
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(200, r.heightFor(max(r.Size().Width, 300))) },
		func(s fyne.Size) {
			place(name, 0, 1)
			put(r.value, factInset, 0, s.Width-factInset, s.Height)
		},
		func() {
			name.Text, name.Color = r.name, colour(cDim)
			name.Refresh()
		},
		name, r.value)
}

// section is the head of a part of the panel that opens and closes.
type section struct {
	control
	title, note string
	open        bool
}

func newSection(title string, open bool, changed func()) *section {
	s := &section{title: title, open: open}
	s.spoken = title
	s.pressed = func() {
		s.open = !s.open
		s.Refresh()
		changed()
	}
	s.extend(s)
	return s
}

func (s *section) setNote(note string) {
	if s.note != note {
		s.note = note
		s.Refresh()
	}
}

func (s *section) CreateRenderer() fyne.WidgetRenderer {
	title, note, chev, ring := line(14, bold), line(12, plain), newIcon(), focusRing(8)
	rule := &canvas.Rectangle{}
	return newRenderer(
		func() fyne.Size { return fyne.NewSize(160, 40) },
		func(sz fyne.Size) {
			put(rule, 0, 0, sz.Width, 1)
			put(chev, 0, 15, 16, 16)
			m := title.MinSize()
			place(title, 22, 23-m.Height/2)
			nm := note.MinSize()
			place(note, sz.Width-nm.Width, 23-nm.Height/2)
			put(ring, -4, 6, sz.Width+8, 34)
		},
		func() {
			rule.FillColor = colour(cLine)
			title.Text, title.Color = s.title, colour(cText)
			note.Text, note.Color = s.note, colour(cDim)
			setIcon(chev, map[bool]string{true: "chevron-down", false: "chevron-right"}[s.open], colour(cDim))
			styleRing(ring, s.focused)
			rule.Refresh()
			title.Refresh()
			note.Refresh()
		},
		rule, chev, title, note, ring)
}
