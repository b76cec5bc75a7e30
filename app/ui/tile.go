package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// tileLook is all a tile shows but its picture.
type tileLook struct {
	Name      string
	Badge     string // how the line to this person runs; shown under the pointer
	Problem   string
	Muted     bool
	CameraOff bool
	Speaking  bool
	Self      bool
}

// tile is one person: picture or avatar, name and signs. Tiles are reused from
// one person to the next, because Fyne keeps textures of dropped ones for a
// minute.
type tile struct {
	control
	screen   *Surface
	look     tileLook
	floating bool // small, over another tile
}

func newTile(pump *Pump, self bool) *tile {
	t := &tile{screen: newSurface(pump, !self)}
	t.screen.first = t.Refresh
	t.extend(t)
	return t
}

// retire makes the tile nobody's.
func (t *tile) retire() {
	t.pressed, t.floating, t.look = nil, false, tileLook{}
	t.Enable()
	t.screen.clear()
}

// set redraws what differs: a refresh is not for every frame.
func (t *tile) set(l tileLook) {
	if t.look == l {
		return
	}
	if t.look.CameraOff != l.CameraOff {
		t.screen.clear() // no old picture when the camera is on again
	}
	t.look = l
	t.spoken = l.spokenAs()
	t.screen.setOff(l.CameraOff)
	t.Refresh()
}

func (l tileLook) spokenAs() string {
	s := l.label()
	if l.Muted {
		s += ", " + wordMuted
	}
	if l.Speaking {
		s += ", " + wordSpeaking
	}
	if l.Problem != "" {
		s += ", " + l.Problem
	}
	return s
}

// label is the name on the tile.
func (l tileLook) label() string {
	if l.Self {
		return l.Name + " " + wordYou
	}
	return l.Name
}

// label is the name on the tile; a small one has less room.
func (t *tile) label() string {
	if t.floating && t.look.Self {
		return wordYouAlone
	}
	return t.look.label()
}

func (t *tile) CreateRenderer() fyne.WidgetRenderer {
	r := &tileRenderer{
		t: t, ground: rounded(tileRadius), disc: &canvas.Circle{}, initials: line(26, bold),
		veil: rounded(tileRadius), problem: line(14, bold), problemIcon: newIcon(),
		pill: rounded(9), mic: newIcon(), name: line(12.5, bold),
		badgePill: rounded(9), badge: line(12, bold), ring: newOutline(tileRadius),
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
	name, badge                   *canvas.Text
	mic, problemIcon              *canvas.Image
}

func (r *tileRenderer) Destroy() {}

func (r *tileRenderer) Objects() []fyne.CanvasObject {
	return append([]fyne.CanvasObject{r.ground, r.disc, r.initials, r.t.screen.image, r.veil, r.problemIcon, r.problem,
		r.pill, r.mic, r.name, r.badgePill, r.badge}, r.ring.objects()...)
}

func (r *tileRenderer) MinSize() fyne.Size { return fyne.NewSize(64, 40) }

func (r *tileRenderer) Layout(s fyne.Size) {
	for _, o := range []fyne.CanvasObject{r.ground, r.t.screen.image, r.veil} {
		put(o, 0, 0, s.Width, s.Height)
	}
	r.ring.layout(s)
	d := min(min(s.Width, s.Height)*0.44, 148)
	put(r.disc, (s.Width-d)/2, (s.Height-d)/2, d, d)
	r.initials.TextSize = d * 0.36
	centred(r.initials, s.Width/2, s.Height/2)
	r.layoutProblem(s)
	r.layoutName(s)
	bm := r.badge.MinSize()
	put(r.badgePill, 9, 9, bm.Width+18, 24)
	place(r.badge, 18, 9+(24-bm.Height)/2)
}

func (r *tileRenderer) layoutName(s fyne.Size) {
	const h, margin = 26, 9
	lead := float32(10)
	if r.t.look.Muted {
		lead = 29
	}
	r.name.Text = elide(r.t.label(), r.name.TextSize, r.name.TextStyle, s.Width-2*margin-lead-10)
	m := r.name.MinSize()
	y := s.Height - h - margin
	put(r.pill, margin, y, m.Width+lead+10, h)
	put(r.mic, margin+9, y+(h-14)/2, 14, 14)
	place(r.name, margin+lead, y+(h-m.Height)/2)
}

func (r *tileRenderer) layoutProblem(s fyne.Size) {
	r.problem.Text = elide(r.t.look.Problem, r.problem.TextSize, r.problem.TextStyle, s.Width-24)
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
	seen := r.t.screen.visible()
	// A hidden ground under the picture saves software GL a third of its work.
	r.ground.Hidden, r.disc.Hidden = seen, seen || l.Problem != ""
	r.initials.Hidden = r.disc.Hidden
	r.ground.FillColor, r.disc.FillColor, r.initials.Color = a.ground, a.disc, a.text
	r.initials.Text = initials(l.Name)
	r.t.screen.image.CornerRadius = tileRadius

	r.veil.Hidden = l.Problem == "" || !seen
	r.veil.FillColor = colour(cScrim)
	r.problem.Hidden = l.Problem == ""
	r.problem.Color = a.text
	if seen {
		r.problem.Color = colour(cOnPill)
	}
	setIcon(r.problemIcon, iconIf(l.Problem != "", "wifi-off"), color.NRGBAModel.Convert(r.problem.Color).(color.NRGBA))

	r.name.Color = colour(cOnPill)
	r.pill.FillColor, r.badgePill.FillColor = colour(cPill), colour(cPill)
	setIcon(r.mic, iconIf(l.Muted, "mic-off"), colour(cBadPill))
	over := r.t.hovered || r.t.focused
	r.badge.Text, r.badge.Color = l.Badge, colour(cOnPill)
	r.badge.Hidden = !over || l.Badge == "" || r.t.floating
	r.badgePill.Hidden = r.badge.Hidden
	r.refreshRing(over)
	r.Layout(r.t.Size())
	for _, o := range []fyne.CanvasObject{r.ground, r.disc, r.initials, r.veil, r.problem, r.pill, r.name, r.badgePill, r.badge} {
		o.Refresh()
	}
	r.ring.refresh()
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
	case over:
		r.ring.show(faded(colour(cOnPill), 0.4), 1)
	default:
		r.ring.show(color.Transparent, 0)
	}
}

// ringGreen is the speaking ring, on pictures in both themes.
var ringGreen = rgb(0x35d48f)

// iconIf is the icon's name if on, and none otherwise.
func iconIf(on bool, name string) string {
	if on {
		return name
	}
	return ""
}
