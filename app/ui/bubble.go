package ui

import (
	"candid/app/call"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
)

// bubble is one line of chat. It can be focused if there is a link in it.
type bubble struct {
	control
	v       chatEntry
	open    func(link string)
	copy    func(string)
	lines   [][]textRun // of v.Text, for width
	width   float32
	pointed string // the link under the pointer
}

func newBubble(open func(link string), copy func(string)) *bubble {
	b := &bubble{open: open, copy: copy}
	b.pressed = b.openFirst
	b.extend(b)
	return b
}

func (b *bubble) set(v chatEntry) {
	if b.v == v {
		return
	}
	b.v, b.width = v, 0
	b.spoken = v.Text
	if v.Who != "" {
		b.spoken = v.Who + ": " + v.Text
	}
	if len(b.links()) == 0 {
		b.Disable()
	} else {
		b.Enable()
	}
	b.Refresh()
}

// links are those of the text, each once.
func (b *bubble) links() []string {
	var out []string
	for _, at := range findLinks(b.v.Text) {
		out = append(out, b.v.Text[at[0]:at[1]])
	}
	return out
}

// openFirst opens the link, or a menu if there are several.
func (b *bubble) openFirst() {
	links := b.links()
	if len(links) == 1 {
		b.open(links[0])
		return
	}
	m := fyne.NewMenu("")
	for _, l := range links {
		m.Items = append(m.Items, fyne.NewMenuItem(l, func() { b.open(l) }))
	}
	showMenu(m, b)
}

func (b *bubble) Tapped(e *fyne.PointEvent) {
	if e == nil {
		b.control.Tapped(e)
	} else if l := b.linkAt(e.Position); l != "" {
		b.open(l)
	}
}

// TappedSecondary offers to copy.
func (b *bubble) TappedSecondary(e *fyne.PointEvent) {
	m := fyne.NewMenu("", fyne.NewMenuItem("Copy the message", func() { b.copy(b.v.Text) }))
	if l := b.linkAt(e.Position); l != "" {
		m.Items = append(m.Items, fyne.NewMenuItem("Copy the link", func() { b.copy(l) }))
	}
	showMenu(m, b)
}

func (b *bubble) MouseIn(*desktop.MouseEvent)      {}
func (b *bubble) MouseMoved(e *desktop.MouseEvent) { b.pointed = b.linkAt(e.Position) }
func (b *bubble) MouseOut()                        { b.pointed = "" }

func (b *bubble) Cursor() desktop.Cursor {
	if b.pointed != "" {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// Measures of a bubble.
const (
	bubbleText = 13.5
	bubblePad  = 11
	bubbleEdge = 34 // stays free on the other side
	bubbleHead = 24
)

func bubbleLine() float32 { return measure("M", bubbleText, plain).Height + 3 }

func (b *bubble) wrapped(w float32) [][]textRun {
	if w != b.width {
		b.width, b.lines = w, wrapRuns(b.v.Text, bubbleText, w-bubbleEdge-2*bubblePad)
	}
	return b.lines
}

func (b *bubble) heightFor(w float32) float32 {
	h := float32(len(b.wrapped(w)))*bubbleLine() + 2*7
	if b.v.Who != "" {
		h += bubbleHead
	}
	return h
}

// textWidth is how wide the widest line is.
func (b *bubble) textWidth() float32 {
	w := float32(0)
	for _, l := range b.lines {
		w = max(w, runsWidth(l))
	}
	return w
}

func runsWidth(l []textRun) float32 {
	w := float32(0)
	for _, r := range l {
		w += measure(r.Text, bubbleText, plain).Width
	}
	return w
}

// ground is where the plate of the text is.
func (b *bubble) ground(s fyne.Size) box {
	w := b.textWidth() + 2*bubblePad
	g := box{0, 0, w, s.Height}
	if b.v.Who != "" {
		g.y, g.h = bubbleHead, s.Height-bubbleHead
	}
	if b.v.Mine {
		g.x = s.Width - w
	}
	return g
}

// linkAt is the link drawn at a place, or "".
func (b *bubble) linkAt(p fyne.Position) string {
	g := b.ground(b.Size())
	i := int((p.Y - g.y - 7) / bubbleLine())
	if i < 0 || i >= len(b.lines) || p.Y < g.y+7 {
		return ""
	}
	x := g.x + bubblePad
	for _, r := range b.lines[i] {
		w := measure(r.Text, bubbleText, plain).Width
		if p.X >= x && p.X < x+w {
			return r.Link
		}
		x += w
	}
	return ""
}

func (b *bubble) CreateRenderer() fyne.WidgetRenderer {
	r := &bubbleRenderer{b: b, ground: rounded(13), ring: focusRing(15), who: line(12, bold), time: line(11.5, plain)}
	r.Refresh()
	return r
}

type bubbleRenderer struct {
	b            *bubble
	ground, ring *canvas.Rectangle
	who, time    *canvas.Text
	runs         []*canvas.Text
	rules        []*canvas.Rectangle // under links
}

func (r *bubbleRenderer) Destroy() {}

func (r *bubbleRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.ground, r.who, r.time}
	for _, t := range r.runs {
		objs = append(objs, t)
	}
	for _, l := range r.rules {
		objs = append(objs, l)
	}
	return append(objs, r.ring)
}

func (r *bubbleRenderer) MinSize() fyne.Size {
	return fyne.NewSize(80, r.b.heightFor(max(r.b.Size().Width, 80)))
}

func (r *bubbleRenderer) Layout(s fyne.Size) {
	b := r.b
	lines := b.wrapped(s.Width)
	g := b.ground(s)
	put(r.ground, g.x, g.y, g.w, g.h)
	ringAround(r.ring, g.x, g.y, g.w, g.h)
	r.who.Text = elide(b.v.Who, r.who.TextSize, bold, s.Width-90)
	ww, tw := r.who.MinSize(), r.time.MinSize()
	x := float32(2)
	if b.v.Mine {
		x = s.Width - ww.Width - 8 - tw.Width - 2
	}
	place(r.who, x, bubbleHead-5-ww.Height)
	place(r.time, x+ww.Width+8, bubbleHead-5-ww.Height+(ww.Height-tw.Height)/2)
	n := 0
	r.rules = r.rules[:0]
	for i, l := range lines {
		x := g.x + bubblePad
		for _, part := range l {
			if n == len(r.runs) {
				r.runs = append(r.runs, line(bubbleText, plain))
			}
			t := r.runs[n]
			n++
			y := g.y + 7 + float32(i)*bubbleLine()
			w := measure(part.Text, bubbleText, plain).Width
			t.Text, t.Color = part.Text, colour(cText)
			if part.Link != "" {
				t.Color = colour(cAccent)
				rule := &canvas.Rectangle{FillColor: faded(colour(cAccent), 0.5)}
				put(rule, x, y+bubbleLine()-3, w, 1)
				r.rules = append(r.rules, rule)
			}
			put(t, x, y, w, bubbleLine())
			t.Refresh()
			x += w
		}
	}
	r.runs = r.runs[:n]
}

func (r *bubbleRenderer) Refresh() {
	v := r.b.v
	r.ground.FillColor = colour(cCard)
	if v.Mine {
		r.ground.FillColor = tint(cAccent)
	}
	r.who.Hidden, r.time.Hidden = v.Who == "", v.Who == ""
	r.who.Text, r.who.Color = v.Who, colour(cText)
	r.time.Text, r.time.Color = v.Time, colour(cFaint)
	styleRing(r.ring, r.b.focused)
	r.Layout(r.b.Size())
	for _, o := range []fyne.CanvasObject{r.ground, r.who, r.time} {
		o.Refresh()
	}
}

// chatNotice is what is told of a line of chat while the chat is not open.
func chatNotice(l call.ChatLine) notice {
	return notice{Icon: "message-square", Text: elide(cleanChat(l.Name)+": "+oneLine(cleanChat(l.Text)), 13.5, plain, 620)}
}
