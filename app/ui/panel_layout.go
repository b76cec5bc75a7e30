package ui

import (
	"fyne.io/fyne/v2"
)

// layout puts everything that is to be seen into the body, in order.
func (p *panel) layout(ok bool) {
	objs := []fyne.CanvasObject{p.badgeRow}
	add := func(o ...fyne.CanvasObject) { objs = append(objs, o...) }
	edge := p.edge.show(&p.model, p.src.now())
	if p.model.many() {
		add(p.room)
		if edge {
			add(p.edge.box)
		} else {
			add(p.whoRow)
		}
	} else if ok {
		add(p.path)
	}
	if !edge {
		add(p.why)
		if p.better.s != "" {
			add(p.tip)
		}
		if p.history.s != "" {
			add(p.history)
		}
	}
	add(p.chooser.box)
	if ok {
		if p.measured {
			add(p.quality()...)
		}
		add(p.depth()...)
	}
	add(p.privacy.box)
	if ok && !p.src.past { // last: above, a past call looks as it did
		add(p.volRow, p.foot)
	}
	p.arrange(objs)
}

// quality is how the line is and was.
func (p *panel) quality() []fyne.CanvasObject {
	objs := []fyne.CanvasObject{p.chartHead, p.trend, p.graphs}
	if p.graphs.open {
		objs = append(objs, p.charts)
	}
	return objs
}

// depth is all the rest that is known of the line.
func (p *panel) depth() []fyne.CanvasObject {
	var objs []fyne.CanvasObject
	add := func(o ...fyne.CanvasObject) { objs = append(objs, o...) }
	if len(p.fall.steps) > 0 {
		add(p.setup)
		if p.setup.open {
			add(p.fall)
		}
	}
	add(p.pairs)
	if p.pairs.open {
		add(p.pairsHint, p.legend)
		for i, r := range p.rows.pairs {
			add(r)
			if r.open && p.rows.moves[i].Visible() {
				add(p.rows.moves[i])
			}
		}
	}
	if len(p.rows.failures) > 0 {
		add(p.failed)
		for _, f := range p.rows.failures {
			if p.failed.open {
				add(f)
			}
		}
	}
	add(p.cands)
	if p.cands.open {
		add(p.rows.candidates()...)
	}
	add(p.media)
	for _, r := range p.rows.facts {
		if p.media.open {
			add(r)
		}
	}
	if len(p.rows.sent) > 0 {
		add(p.sent)
		for _, r := range p.rows.sent {
			if p.sent.open {
				add(r)
			}
		}
	}
	return objs
}

// arrange lays the body out again when something in it changed its place.
func (p *panel) arrange(objs []fyne.CanvasObject) {
	same := len(objs) == len(p.body.Objects)
	for i := 0; same && i < len(objs); i++ {
		same = objs[i] == p.body.Objects[i]
	}
	h := p.body.Layout.(column).heightFor(objs, p.width)
	if same && h == p.body.Size().Height {
		p.body.Layout.Layout(objs, p.body.Size())
		return
	}
	p.body.Objects = objs
	p.roll.Content.Resize(p.roll.Content.MinSize())
	p.body.Layout.Layout(objs, p.body.Size())
	p.roll.Refresh()
}

// leftEdge is a line at the left.
type leftEdge struct{}

func (leftEdge) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

func (leftEdge) Layout(objs []fyne.CanvasObject, s fyne.Size) { put(objs[0], 0, 0, 1, s.Height) }

// panelLayout is the head over the rest.
type panelLayout struct{}

func (panelLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(panelWidth, 0) }

func (panelLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	h := objs[0].MinSize().Height
	put(objs[0], 0, 0, s.Width, h)
	put(objs[1], 0, h, s.Width, s.Height-h)
}
