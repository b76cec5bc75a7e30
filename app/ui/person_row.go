package ui

import (
	"strconv"

	"candid/app/call"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
)

// personRow is a member in the list of people; pressed, it opens.
type personRow struct {
	control
	v personView
}

func newPersonRow() *personRow {
	r := &personRow{}
	r.extend(r)
	return r
}

func (r *personRow) set(v personView) {
	same := r.v.equal(v)
	r.v = v
	if same {
		return
	}
	r.spoken = v.Name + ", " + v.Detail
	if v.Hand > 0 {
		r.spoken += ", hand " + strconv.Itoa(v.Hand)
	}
	r.Refresh()
}

// equal compares what is drawn.
func (v personView) equal(o personView) bool {
	return v.ID == o.ID && v.Name == o.Name && v.Detail == o.Detail && v.Bad == o.Bad && v.Hand == o.Hand &&
		v.Muted == o.Muted && v.Camera == o.Camera && v.Sharing == o.Sharing && v.Safety == o.Safety && v.Self == o.Self
}

// signs are the icons at the right, from the right.
func (v personView) signs() (out [4]string) {
	out[0] = "mic"
	if v.Muted {
		out[0] = "mic-off"
	}
	n := 1
	add := func(on bool, name string) {
		if on && n < len(out) {
			out[n] = name
			n++
		}
	}
	add(v.Camera, "video-off")
	add(v.Sharing, "screen-share")
	add(v.Safety == call.SafetyVerified, "shield-check")
	add(v.Safety == call.SafetyChanged, "shield-alert")
	return out
}

func signColour(name string) fyne.ThemeColorName {
	switch name {
	case "mic-off", "video-off", "shield-alert":
		return cBad
	case "shield-check":
		return cGood
	case "screen-share":
		return cAccent
	}
	return cDim
}

func (r *personRow) CreateRenderer() fyne.WidgetRenderer {
	x := &personRenderer{r: r, ground: rounded(11), ring: focusRing(11), disc: &canvas.Circle{}, initials: line(12, bold),
		name: line(13.5, bold), detail: line(12, plain), handPill: rounded(8), hand: newIcon(), order: line(12, bold)}
	for i := range x.signs {
		x.signs[i] = newIcon()
	}
	x.Refresh()
	return x
}

type personRenderer struct {
	r                      *personRow
	ground, ring, handPill *canvas.Rectangle
	disc                   *canvas.Circle
	initials, name, detail *canvas.Text
	order                  *canvas.Text
	hand                   *canvas.Image
	signs                  [4]*canvas.Image
}

func (x *personRenderer) Destroy() {}

func (x *personRenderer) Objects() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{x.ground, x.disc, x.initials, x.name, x.detail, x.handPill, x.hand, x.order}
	for _, s := range x.signs {
		objs = append(objs, s)
	}
	return append(objs, x.ring)
}

func (x *personRenderer) MinSize() fyne.Size { return fyne.NewSize(160, 48) }

func (x *personRenderer) Layout(s fyne.Size) {
	put(x.ground, 0, 0, s.Width, s.Height)
	put(x.ring, 1, 1, s.Width-2, s.Height-2)
	put(x.disc, 8, (s.Height-34)/2, 34, 34)
	centred(x.initials, 25, s.Height/2)
	right := s.Width - 8
	for _, i := range x.signs {
		if !i.Hidden {
			right -= 16
			put(i, right, (s.Height-16)/2, 16, 16)
			right -= 8
		}
	}
	if !x.order.Hidden {
		m := x.order.MinSize()
		w := m.Width + 32
		right -= w
		put(x.handPill, right, (s.Height-22)/2, w, 22)
		put(x.hand, right+8, (s.Height-14)/2, 14, 14)
		place(x.order, right+26, (s.Height-m.Height)/2)
		right -= 8
	}
	w := right - 52
	v := x.r.v
	x.name.Text = elide(v.Name, x.name.TextSize, bold, w)
	x.detail.Text = elide(v.Detail, x.detail.TextSize, plain, w)
	h := x.name.MinSize().Height
	if v.Detail == "" {
		place(x.name, 52, (s.Height-h)/2)
		return
	}
	place(x.name, 52, s.Height/2-h)
	place(x.detail, 52, s.Height/2+1)
}

func (x *personRenderer) Refresh() {
	v := x.r.v
	a := avatarFor(v.Name)
	x.ground.Hidden, x.ground.FillColor = !x.r.hovered, colour(cCard)
	x.disc.FillColor, x.initials.Color, x.initials.Text = a.disc, a.text, initials(v.Name)
	x.name.Color, x.detail.Color = colour(cText), colour(cDim)
	if v.Bad {
		x.detail.Color = colour(cWarn)
	}
	for i, name := range v.signs() {
		setIcon(x.signs[i], name, colour(signColour(name)))
	}
	x.handPill.Hidden, x.order.Hidden = v.Hand == 0, v.Hand == 0
	x.handPill.FillColor, x.order.Text, x.order.Color = handGround, strconv.Itoa(v.Hand), handInk
	setIcon(x.hand, iconIf(v.Hand > 0, "hand"), handInk)
	styleRing(x.ring, x.r.focused)
	x.Layout(x.r.Size())
	for _, o := range x.Objects() {
		if _, img := o.(*canvas.Image); !img {
			o.Refresh()
		}
	}
}
