package ui

import (
	"image/color"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// cornerSize is the corner of a tile that opens its menu.
const cornerSize = 44

// Measures of what stands on a tile.
const (
	pillHeight  = 26
	pillMargin  = 9
	signWidth   = 32
	shareRadius = 8
)

func (t *tile) CreateRenderer() fyne.WidgetRenderer {
	r := &tileRenderer{
		t: t, ground: rounded(tileRadius), disc: &canvas.Circle{}, initials: line(26, bold),
		veil: rounded(tileRadius), problem: line(14, bold), problemIcon: newIcon(),
		pill: rounded(9), mic: newIcon(), pin: newIcon(), name: line(12.5, bold),
		badgePill: rounded(9), badge: line(12, bold), ring: newOutline(tileRadius),
		sign: rounded(9), more: newIcon(), handPill: rounded(9), hand: newIcon(), order: line(12.5, bold),
	}
	for i := range r.bars {
		r.bars[i] = &canvas.Rectangle{}
	}
	r.Refresh()
	return r
}

type tileRenderer struct {
	t                             *tile
	ground, veil, pill, badgePill *canvas.Rectangle
	ring                          *outline
	disc                          *canvas.Circle
	initials, problem             *canvas.Text
	name, badge, order            *canvas.Text
	mic, pin, problemIcon         *canvas.Image
	hand, more                    *canvas.Image
	handPill, sign                *canvas.Rectangle // sign: behind the bars, or the way to the menu
	bars                          [4]*canvas.Rectangle
}

func (r *tileRenderer) Destroy() {}

func (r *tileRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{r.ground, r.disc, r.initials, r.t.screen.image, r.veil, r.problemIcon, r.problem,
		r.pill, r.mic, r.pin, r.name, r.badgePill, r.badge, r.sign, r.more, r.handPill, r.hand, r.order}
	for _, b := range r.bars {
		objs = append(objs, b)
	}
	return append(objs, r.ring.objects()...)
}

func (r *tileRenderer) MinSize() fyne.Size { return fyne.NewSize(64, 40) }

func (r *tileRenderer) Layout(s fyne.Size) {
	put(r.ground, 0, 0, s.Width, s.Height)
	put(r.veil, 0, 0, s.Width, s.Height)
	r.layoutPicture(s)
	r.ring.layout(s)
	d := min(min(s.Width, s.Height)*0.44, 148)
	put(r.disc, (s.Width-d)/2, (s.Height-d)/2, d, d)
	r.initials.TextSize = d * 0.36
	centred(r.initials, s.Width/2, s.Height/2)
	r.layoutProblem(s)
	r.layoutName(s)
	r.layoutSigns(s)
}

// layoutPicture covers the tile with a person; of a screen or the mix all is
// seen.
func (r *tileRenderer) layoutPicture(s fyne.Size) {
	img := r.t.screen.image
	w, h := s.Width, s.Height
	if pw, ph := r.t.screen.shape(); r.t.look.Kind != personKind && pw > 0 {
		w = min(s.Width, s.Height*float32(pw)/float32(ph))
		h = min(s.Height, s.Width*float32(ph)/float32(pw))
	}
	put(img, floor((s.Width-w)/2), floor((s.Height-h)/2), w, h)
}

func (r *tileRenderer) layoutName(s fyne.Size) {
	lead := float32(29)
	if r.mic.Hidden {
		lead = 10
	}
	tail := float32(10)
	if !r.pin.Hidden {
		tail = 28
	}
	r.name.Text = elide(r.t.label(), r.name.TextSize, r.name.TextStyle, s.Width-2*pillMargin-lead-tail)
	m := r.name.MinSize()
	y := s.Height - pillHeight - pillMargin
	put(r.pill, pillMargin, y, m.Width+lead+tail, pillHeight)
	put(r.mic, pillMargin+9, y+(pillHeight-14)/2, 14, 14)
	place(r.name, pillMargin+lead, y+(pillHeight-m.Height)/2)
	put(r.pin, pillMargin+lead+m.Width+8, y+(pillHeight-13)/2, 13, 13)
}

// layoutSigns places what stands in the upper corners.
func (r *tileRenderer) layoutSigns(s fyne.Size) {
	const h = 24
	x := s.Width - pillMargin - signWidth
	put(r.sign, x, pillMargin, signWidth, h)
	put(r.more, x+(signWidth-16)/2, pillMargin+(h-16)/2, 16, 16)
	for i, b := range r.bars {
		bh := float32(3 + 3*i)
		put(b, x+7+float32(i)*5, pillMargin+h-6-bh, 3, bh)
	}
	if !r.sign.Hidden {
		x -= 6
	} else {
		x += signWidth
	}
	m := r.order.MinSize()
	w := 34 + m.Width
	put(r.handPill, x-w, pillMargin, w, h)
	put(r.hand, x-w+9, pillMargin+(h-15)/2, 15, 15)
	place(r.order, x-w+28, pillMargin+(h-m.Height)/2)
	r.badge.Text = elide(r.t.look.Badge, r.badge.TextSize, r.badge.TextStyle, x-w-2*pillMargin-18)
	bm := r.badge.MinSize()
	put(r.badgePill, pillMargin, pillMargin, bm.Width+18, h)
	place(r.badge, pillMargin+9, pillMargin+(h-bm.Height)/2)
}

func (r *tileRenderer) layoutProblem(s fyne.Size) {
	r.problem.Text = elide(r.t.waiting(), r.problem.TextSize, r.problem.TextStyle, s.Width-24)
	if s.Height < 130 { // no room for a sign above the words
		r.problemIcon.Resize(fyne.Size{})
		centred(r.problem, s.Width/2, s.Height/2)
		return
	}
	put(r.problemIcon, s.Width/2-12, s.Height/2-26, 24, 24)
	centred(r.problem, s.Width/2, s.Height/2+16)
}

func (r *tileRenderer) Refresh() {
	l := r.t.look
	a := avatarFor(l.Name)
	seen, waiting := r.t.screen.visible(), r.t.waiting()
	// A hidden ground under the picture saves software GL a third of its work.
	r.ground.Hidden = seen && l.Kind == personKind
	r.disc.Hidden = seen || waiting != "" || l.Kind != personKind
	r.initials.Hidden = r.disc.Hidden
	r.ground.FillColor, r.disc.FillColor, r.initials.Color = a.ground, a.disc, a.text
	r.initials.Text = initials(l.Name)
	r.t.screen.image.CornerRadius = tileRadius
	if l.Kind != personKind {
		r.ground.FillColor, r.t.screen.image.CornerRadius = colour(cTile), shareRadius
	}
	r.veil.Hidden = waiting == "" || !seen
	r.veil.FillColor = colour(cScrim)
	r.refreshProblem(waiting, seen, a)
	r.refreshName()
	over := r.t.hovered || r.t.focused
	r.refreshSigns(over)
	r.refreshRing(over)
	r.Layout(r.t.Size())
	for _, o := range r.Objects() {
		if _, img := o.(*canvas.Image); !img { // an image is uploaded again when it is refreshed
			o.Refresh()
		}
	}
}

func (r *tileRenderer) refreshProblem(waiting string, seen bool, a avatar) {
	r.problem.Hidden = waiting == ""
	r.problem.Color = a.text
	name := "wifi-off"
	if r.t.look.Kind != personKind {
		r.problem.Color, name = colour(cDim), "loader"
	}
	if seen {
		r.problem.Color = colour(cOnPill)
	}
	setIcon(r.problemIcon, iconIf(waiting != "", name), color.NRGBAModel.Convert(r.problem.Color).(color.NRGBA))
}

func (r *tileRenderer) refreshName() {
	l := r.t.look
	r.pill.FillColor, r.name.Color = colour(cPill), colour(cOnPill)
	name, col := "mic", colour(cOnPill)
	switch {
	case l.Kind == shareKind:
		name = "screen-share"
	case l.Muted:
		name, col = "mic-off", colour(cBadPill)
	case l.Speaking:
		col = ringGreen
	}
	setIcon(r.mic, iconIf(l.Kind != mixKind, name), col)
	sign := iconIf(l.Sharing, "screen-share")
	if l.Pinned {
		sign = "pin"
	}
	setIcon(r.pin, sign, colour(cOnPill))
	// The mix has the names in it; on a screen nothing should cover the text.
	bare := l.Kind == mixKind || l.Kind == shareKind && r.t.screen.visible() && !r.t.hovered && !r.t.focused
	r.pill.Hidden, r.name.Hidden = bare, bare
	r.mic.Hidden, r.pin.Hidden = r.mic.Hidden || bare, r.pin.Hidden || bare
}

// refreshSigns shows the raised hand, how good the line is, and under the
// pointer the way to the menu and the way media takes.
func (r *tileRenderer) refreshSigns(over bool) {
	l := r.t.look
	pill := colour(cPill)
	menu := over && !r.t.floating && r.t.menu != nil
	bars := !menu && l.Bars > 0 && !r.t.floating && r.t.Size().Width > 150
	r.sign.Hidden, r.sign.FillColor = !menu && !bars, pill
	setIcon(r.more, iconIf(menu, "ellipsis"), colour(cOnPill))
	for i, b := range r.bars {
		b.Hidden = !bars
		b.FillColor = faded(colour(cOnPill), 0.3)
		if i < l.Bars {
			b.FillColor = barColours[l.Bars]
		}
	}
	r.handPill.Hidden, r.handPill.FillColor = l.Hand == 0, handGround
	setIcon(r.hand, iconIf(l.Hand > 0, "hand"), handInk)
	r.order.Hidden, r.order.Text, r.order.Color = l.Hand == 0, strconv.Itoa(l.Hand), handInk
	r.badge.Color = colour(cOnPill)
	r.badge.Hidden = !over || l.Badge == "" || r.t.floating
	r.badgePill.Hidden, r.badgePill.FillColor = r.badge.Hidden, pill
}

// refreshRing shows who speaks.
func (r *tileRenderer) refreshRing(over bool) {
	t := r.t
	switch {
	case t.focused:
		r.ring.show(colour(cAccent), 3)
	case t.look.Speaking:
		r.ring.show(ringGreen, 3)
	case t.floating:
		r.ring.show(faded(colour(cOnPill), 0.35), 2)
	case over && t.look.Kind == personKind:
		r.ring.show(faded(colour(cOnPill), 0.4), 1)
	default:
		r.ring.show(color.Transparent, 0)
	}
}

// Colours on pictures, the same in both themes.
var (
	ringGreen  = rgb(0x35d48f)
	handGround = rgb(0xf6bf45)
	handInk    = rgb(0x2a1d00)
	barColours = [...]color.NRGBA{{}, rgb(0xff7a8c), rgb(0xf6bf45), ringGreen, ringGreen}
)

// iconIf is the icon's name if on, and none otherwise.
func iconIf(on bool, name string) string {
	if on {
		return name
	}
	return ""
}
