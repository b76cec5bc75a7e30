package ui

import (
	"time"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// panel is the connection panel: from the picture to the words, the graphs and
// the lists. It draws a call under way, once a second while it is open, or a
// moment of a past one; it knows the difference only where something can be
// done.
type panel struct {
	src   panelSource
	model panelModel
	box   *fyne.Container
	body  *fyne.Container
	plate *plate // when the panel is over the call; beside it, the ground will do
	roll  *container.Scroll
	width float32 // of the body

	badge    *chip
	age      *text
	path     *pathPicture
	room     *roomPicture
	who      *text
	lineChip *chip
	whoRow   *fyne.Container
	history  *text
	why      *para
	better   *para
	tip      *fyne.Container
	edge     *edgeCard
	chooser  *pathCard
	privacy  *privacyCard

	span     int // of chartSpans
	trend    *trend
	charts   *chartStack
	measured bool // there is something to draw
	volume   *widget.Slider
	volumeOf *text
	volRow   *fyne.Container
	volumes  map[string]float64 // chosen this call, by member

	graphs *section
	setup  *section
	pairs  *section
	cands  *section
	media  *section
	sent   *section
	failed *section
	fall   *waterfall
	rows   panelRows
	move   pairMove

	badgeRow, chartHead, pairsHint, legend, foot fyne.CanvasObject
}

// panelSource is where a panel has what it shows from, and how it acts.
type panelSource struct {
	w    *Window
	call func() Call
	snap func() call.Snapshot
	now  func() time.Time // of the numbers: for a past call, the moment shown
	// close puts the panel away; nil: it stays.
	close func()
	// past says that nothing can be done any more; the rest looks as it did.
	past bool
}

// panelRows are the rows of the lists, reused from second to second.
type panelRows struct {
	pairs       []*pairRow
	moves       []*button
	local       []*candidateRow
	remote      []*candidateRow
	facts       []*factRow
	sent        []*factRow
	failures    []*para
	localTitle  *text
	remoteTitle *text
}

const panelInner = panelWidth - 2*20

// newPanel is the panel of a call under way.
func newPanel(s *callScreen) *panel {
	return newPanelOf(panelSource{
		w: s.w, call: func() Call { return s.call }, snap: func() call.Snapshot { return s.model.snap },
		now: s.w.now, close: s.togglePanel,
	}, panelInner)
}

// newPanelOf returns a panel whose body has a width.
func newPanelOf(src panelSource, width float32) *panel {
	p := &panel{src: src, volumes: map[string]float64{}, span: 1, width: width}
	p.badge, p.age = newChip("zap", "", cDim, true), newText("", 12, plain, cDim)
	p.path, p.room = newPathPicture(), newRoomPicture(p.chooseNode, p.chooseEdge)
	p.who, p.lineChip = newText("", 15, bold, cText).eliding(), newChip("zap", "", cDim, true)
	p.whoRow = newRow(10, p.who, p.lineChip)
	p.history = newText("", 12.5, plain, cDim).eliding()
	p.why, p.better = newPara("", 14.5, bold, cText), newPara("", 13.5, plain, cDim)
	p.tip = newRow(10, newIconWidget("lightbulb", cWarn, 17), p.better)
	p.edge, p.chooser, p.privacy = newEdgeCard(p), newPathCard(p), newPrivacyCard(p)
	p.trend, p.charts, p.fall = newTrend(), newChartStack(), newWaterfall()
	p.volumeOf = newText("", 13, plain, cDim).eliding()
	p.volume = newSlider(1.5, 1, p.setVolume)
	p.volRow = newRow(10, newIconWidget("volume-2", cDim, 16), p.volumeOf, sizedTo(p.volume, 170, 30))
	p.graphs, p.setup = newSection("Each graph by itself", false, p.show), newSection("How the line was set up", true, p.show)
	p.pairs, p.cands = newSection("Ways tried", true, p.show), newSection("Addresses", false, p.show)
	p.media, p.sent = newSection("Picture and sound", false, p.show), newSection("What you send", false, p.show)
	p.failed = newSection("Servers that did not answer", true, p.show)
	p.rows.localTitle, p.rows.remoteTitle = newText("Yours", 12.5, bold, cDim), newText("Theirs", 12.5, bold, cDim)
	p.badgeRow = newRow(10, p.badge, newFiller(), p.age)
	p.chartHead = p.newChartHead()
	p.pairsHint = newPara("Each line is one way between two addresses that was tried. The one in use is on top; press one for more. An address is a computer's own (host), its router's (srflx), one found by trying (prflx), or one at the host's relay.", 12.5, plain, cDim)
	p.legend = newLegend()
	p.foot = p.newFoot()
	p.body = newColumn(12, width)
	p.roll = container.NewVScroll(padded(p.body, 2, 20, 24, 20))
	p.plate = newPlate(cGround, "", 0)
	p.box = layered(newShield(), p.plate, container.New(leftEdge{}, newPlate(cLine, "", 0)), container.New(panelLayout{}, p.head(), p.roll))
	return p
}

// head is the title with what acts on the whole panel.
func (p *panel) head() fyne.CanvasObject {
	help := newSmallButton(quiet, "circle-question-mark", "", "What is this?", p.src.w.showGlossary)
	row := newRow(6, newText("Connection", 18, display, cText), help, newFiller())
	if p.src.close != nil {
		row.Add(newSmallButton(quiet, "x", "", "Close the panel", p.src.close))
	}
	return padded(row, 10, 14, 6, 20)
}

// show draws the panel from what the call knows now.
func (p *panel) show() {
	m, c := &p.model, p.src.call()
	m.from(p.src.snap(), c.Lines())
	m.graph, m.outgoing, m.changes = c.Graph(), c.Outgoing(), c.PathChanges()
	p.showPicture()
	p.showWords()
	l, ok := m.line()
	p.measured = len(l.History) > 0 // graphs of nothing tell nothing
	views := charts(l.History, chartSpans[p.span].Len)
	p.trend.set(trendOf(views))
	if p.graphs.open {
		p.charts.set(views)
	}
	p.fall.set(replaySetup(l))
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
	p.age.set(either(ok, age(l.Link.At, p.src.now()), ""))
	if m.many() {
		p.room.set(m.room())
		p.room.step(p.moving())
		p.who.set(l.Member.Name)
		p.lineChip.set(pathIcon(l.Verdict.Path), l.Verdict.Badge, pathColour(l.Verdict.Path))
	} else if ok {
		p.path.set(pathOf(m.self, l))
	}
	p.history.set("")
	if h := p.src.w.engine.History(l.Member, m.since); ok && h != "" {
		p.history.set("With " + l.Member.Name + ", " + h + ".")
	}
}

func (p *panel) showWords() {
	w := p.model.words()
	p.why.set(w.Why)
	p.better.set(w.Better)
	p.chooser.show(&p.model)
	p.privacy.show(&p.model)
}

func (p *panel) showVolume(ok bool) {
	if !ok || p.src.past {
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
		p.src.call().SetVolume(l.Member.ID, v)
	}
}

// chooseNode shows the line to a person, or to the host.
func (p *panel) chooseNode(i int) {
	m := &p.model
	v := m.room()
	switch {
	case i == atMiddle && !v.Middle.Relay:
		m.edge = [2]netstack.PeerID{m.self.ID, netstack.HostID}
	case i > 0 && i < len(v.Nodes):
		m.selected, m.edge = v.Nodes[i].ID, [2]netstack.PeerID{}
	default:
		return
	}
	p.show()
}

// chooseEdge shows a line of the room.
func (p *panel) chooseEdge(e roomEdge) {
	p.model.choose(e)
	p.show()
}

// tick moves what moves in the panel. It is called when the window is painted
// anyway, because of a picture: by itself it repaints nothing.
func (p *panel) tick() {
	if !p.box.Hidden && p.model.many() {
		p.room.step(p.moving())
	}
}

// moving is the time that what moves goes by, in seconds.
func (p *panel) moving() float64 { return float64(p.src.now().UnixMilli()%3_600_000) / 1000 }
