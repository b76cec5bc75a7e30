package ui

import (
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// panel is the connection panel: from the picture to the words, the graphs and
// the lists. It is drawn once a second while it is open.
type panel struct {
	s     *callScreen
	model panelModel
	box   *fyne.Container
	body  *fyne.Container
	plate *plate // when the panel is over the call; beside it, the ground will do
	roll  *container.Scroll

	badge    *chip
	age      *text
	path     *pathPicture
	star     *starPicture
	who      *text
	lineChip *chip
	whoRow   *fyne.Container
	why      *para
	better   *para
	tip      *fyne.Container
	mode     *segmented
	planWhy  *para

	span     int // of chartSpans
	charts   *chartStack
	volume   *widget.Slider
	volumeOf *text
	volRow   *fyne.Container
	volumes  map[string]float64 // chosen this call, by member

	pairs  *section
	cands  *section
	media  *section
	failed *section
	rows   panelRows

	badgeRow, planRow, chartHead, pairsHint, foot fyne.CanvasObject
}

// panelRows are the rows of the lists, reused from second to second.
type panelRows struct {
	pairs       []*pairRow
	local       []*candidateRow
	remote      []*candidateRow
	facts       []*factRow
	failures    []*para
	localTitle  *text
	remoteTitle *text
}

// PathChooser is a Call whose path can be forced from the panel. Without it the
// panel only shows the path.
type PathChooser interface {
	// ChoosePath forces a topology for this member. It does not block.
	ChoosePath(netstack.Topology)
}

// choosePath is what choosing a path does, or nil.
func choosePath(c Call) func(int) {
	p, ok := c.(PathChooser)
	if !ok {
		return nil
	}
	return func(i int) { p.ChoosePath(netstack.P2P + netstack.Topology(i)) }
}

const panelInner = panelWidth - 2*20

func newPanel(s *callScreen) *panel {
	p := &panel{s: s, volumes: map[string]float64{}, span: 1}
	p.badge, p.age = newChip("zap", "", cDim, true), newText("", 12, plain, cDim)
	p.path, p.star = newPathPicture(), newStarPicture(p.chooseNode)
	p.who, p.lineChip = newText("", 15, bold, cText).eliding(), newChip("zap", "", cDim, true)
	p.whoRow = newRow(10, p.who, p.lineChip)
	p.why, p.better = newPara("", 14.5, bold, cText), newPara("", 13.5, plain, cDim)
	p.tip = newRow(10, newIconWidget("lightbulb", cWarn, 17), p.better)
	p.mode, p.planWhy = newSegmented([]string{"P2P", "SFU", "MCU"}, -1, choosePath(s.call)), newPara("", 12.5, plain, cDim)
	p.mode.spoken = "Path: P2P, SFU or MCU"
	p.charts = newChartStack()
	p.volumeOf = newText("", 13, plain, cDim).eliding()
	p.volume = newSlider(1.5, 1, p.setVolume)
	p.volRow = newRow(10, newIconWidget("volume-2", cDim, 16), p.volumeOf, sizedTo(p.volume, 170, 30))
	p.pairs = newSection("Ways tried", true, p.show)
	p.cands = newSection("Addresses", false, p.show)
	p.media = newSection("Picture and sound", false, p.show)
	p.failed = newSection("Servers that did not answer", true, p.show)
	p.rows.localTitle, p.rows.remoteTitle = newText("Yours", 12.5, bold, cDim), newText("Theirs", 12.5, bold, cDim)
	p.badgeRow = newRow(10, p.badge, newFiller(), p.age)
	p.planRow = card(cInset, "", 12, padded(newColumn(8, panelInner-28, newRow(10, newText("Path", 13, bold, cText), newFiller(), p.mode), p.planWhy), 12, 14, 12, 14))
	p.chartHead = p.newChartHead()
	p.pairsHint = newPara("Each line is one way between two addresses that was tried. The one in use is on top; press one for more.", 12.5, plain, cDim)
	p.foot = p.newFoot()
	p.body = newColumn(12, panelInner)
	p.roll = container.NewVScroll(padded(p.body, 2, 20, 24, 20))
	p.plate = newPlate(cGround, "", 0)
	p.box = layered(newShield(), p.plate, container.New(leftEdge{}, newPlate(cLine, "", 0)), container.New(panelLayout{}, p.head(), p.roll))
	return p
}

// head is the title with what acts on the whole panel.
func (p *panel) head() fyne.CanvasObject {
	help := newSmallButton(quiet, "circle-question-mark", "", "What is this?", p.s.w.showGlossary)
	x := newSmallButton(quiet, "x", "", "Close the panel", p.s.togglePanel)
	return padded(newRow(6, newText("Connection", 18, display, cText), newFiller(), help, x), 10, 14, 6, 20)
}

// show draws the panel from what the call knows now.
func (p *panel) show() {
	m := &p.model
	m.from(p.s.model.snap, p.s.call.Lines())
	p.showPicture()
	p.showWords()
	l, ok := m.line()
	p.charts.set(charts(l.History, chartSpans[p.span].Len))
	p.showVolume(ok)
	p.rows.set(m, p)
	p.layout(ok)
}

// showPicture draws the way, or the room.
func (p *panel) showPicture() {
	m := &p.model
	badge, path := summary(m.lines)
	p.badge.set(pathIcon(path), orElse(badge, "No line yet"), pathColour(path))
	l, ok := m.line()
	p.age.set(either(ok, age(l.Link.At, p.s.w.now()), ""))
	if len(m.lines) > 1 {
		p.star.set(m.starOf())
		p.who.set("You and " + l.Member.Name)
		p.lineChip.set(pathIcon(l.Verdict.Path), l.Verdict.Badge, pathColour(l.Verdict.Path))
	} else if ok {
		p.path.set(pathOf(m.self, l))
	}
}

func (p *panel) showWords() {
	w := p.model.words()
	p.why.set(w.Why)
	p.better.set(w.Better)
	p.mode.set(p.model.mode())
	p.planWhy.set(orElse(p.model.plan.Why, "The room has not chosen yet."))
}

func (p *panel) showVolume(ok bool) {
	if !ok {
		return
	}
	l, _ := p.model.line()
	p.volumeOf.set("Volume of " + l.Member.Name)
	v, chosen := p.volumes[string(l.Member.ID)]
	if !chosen {
		v = 1
	}
	if p.volume.Value != v {
		p.volume.OnChanged = nil
		p.volume.SetValue(v)
		p.volume.OnChanged = p.setVolume
	}
}

func (p *panel) setVolume(v float64) {
	if l, ok := p.model.line(); ok {
		p.volumes[string(l.Member.ID)] = v
		p.s.call.SetVolume(l.Member.ID, v)
	}
}

func (p *panel) chooseNode(i int) {
	nodes := p.model.starOf().Nodes
	if i < len(nodes) && !nodes[i].Self {
		p.model.selected = nodes[i].ID
		p.show()
	}
}

// layout puts everything that is to be seen into the body, in order.
func (p *panel) layout(ok bool) {
	many := len(p.model.lines) > 1
	objs := []fyne.CanvasObject{p.badgeRow}
	add := func(o ...fyne.CanvasObject) { objs = append(objs, o...) }
	if many {
		add(p.star, p.whoRow)
	} else if ok {
		add(p.path)
	}
	add(p.why)
	if p.better.s != "" {
		add(p.tip)
	}
	add(p.planRow)
	if ok {
		add(p.chartHead, p.charts, p.volRow)
		add(p.pairs)
		if p.pairs.open {
			add(p.pairsHint)
			for _, r := range p.rows.pairs {
				add(r)
			}
		}
		if len(p.rows.failures) > 0 {
			add(p.failed)
			for _, f := range p.rows.failures {
				add(f)
			}
		}
		add(p.cands)
		if p.cands.open {
			add(p.rows.candidates()...)
		}
		add(p.media)
		if p.media.open {
			for _, r := range p.rows.facts {
				add(r)
			}
		}
		add(p.foot)
	}
	p.arrange(objs)
}

// arrange lays the body out again when something in it changed its place.
func (p *panel) arrange(objs []fyne.CanvasObject) {
	same := len(objs) == len(p.body.Objects)
	for i := 0; same && i < len(objs); i++ {
		same = objs[i] == p.body.Objects[i]
	}
	h := p.body.Layout.(column).heightFor(objs, panelInner)
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
