package ui

import (
	"math"
	"slices"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// board is where the tiles of a call are. It watches who has one, and tells the
// call how large each is.
type board struct {
	s      *callScreen
	box    *fyne.Container
	rest   *chipButton // who has no tile
	size   fyne.Size
	tiles  map[netstack.PeerID]*tile
	told   map[netstack.PeerID]tileSize
	unseen bool // nobody can see the window
}

// tileSize is what Call.SetTile was told last.
type tileSize struct {
	height int
	pinned bool
}

func newBoard(s *callScreen) *board {
	b := &board{s: s, tiles: map[netstack.PeerID]*tile{}, told: map[netstack.PeerID]tileSize{}}
	b.rest = newChipButton("users", "", cDim, false, s.togglePeople)
	b.box = container.New(boardLayout{b})
	return b
}

// boardLayout gives the board its size.
type boardLayout struct{ b *board }

// MinSize is small, so that the window may be small.
func (boardLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 120) }

func (l boardLayout) Layout(_ []fyne.CanvasObject, s fyne.Size) {
	l.b.size = s
	l.b.show()
}

// show gives everybody the tile and the place they have now. It costs little
// when nothing changed.
func (b *board) show() {
	if b.s.gone {
		return
	}
	m := b.s.model
	a := m.arrange(b.size)
	looks := m.looks()
	b.drop(a.Cells)
	objs := make([]fyne.CanvasObject, 0, len(a.Cells)+1)
	for _, c := range a.Cells {
		t := b.tiles[c.ID]
		if t == nil {
			t = b.add(c)
		}
		t.floating = c.Float
		t.set(looks[c.ID])
		objs = append(objs, t)
	}
	if len(a.Rest) > 0 {
		b.rest.set("users", restWords(a.Rest, a.RestBox.w-46), cDim)
		objs = append(objs, b.rest)
	}
	if !slices.Equal(objs, b.box.Objects) {
		b.box.Objects = objs
		b.s.w.pump.setSurfaces(b.surfaces())
		defer b.box.Refresh()
	}
	for _, c := range a.Cells {
		put(b.tiles[c.ID], c.x, c.y, c.w, c.h)
	}
	w := min(b.rest.MinSize().Width, a.RestBox.w)
	put(b.rest, floor(a.RestBox.x+(a.RestBox.w-w)/2), a.RestBox.y, w, a.RestBox.h)
	b.tell(a.Cells)
}

// drop takes away the tiles that are not among cells.
func (b *board) drop(cells []cell) {
	for id, t := range b.tiles {
		if !slices.ContainsFunc(cells, func(c cell) bool { return c.ID == id }) {
			b.s.call.Watch(id, nil)
			delete(b.tiles, id)
			b.s.w.putTile(t)
		}
	}
}

func (b *board) add(c cell) *tile {
	self := c.ID == b.s.model.snap.Self.ID
	t := b.s.w.takeTile(self)
	t.pressed = func() { b.s.pin(c.ID) }
	t.menu = func() *fyne.Menu { return b.s.tileMenu(c) }
	b.tiles[c.ID] = t
	b.s.call.Watch(c.ID, t.screen)
	return t
}

// surfaces are those of the tiles, in their order.
func (b *board) surfaces() []*Surface {
	var out []*Surface
	for _, o := range b.box.Objects {
		if t, ok := o.(*tile); ok {
			out = append(out, t.screen)
		}
	}
	return out
}

// tell says how large everybody is seen, when that has changed.
func (b *board) tell(cells []cell) {
	s := b.s.model.snap
	want := make(map[netstack.PeerID]tileSize, len(s.Others)+2)
	for _, o := range s.Others {
		want[o.ID] = tileSize{}
	}
	for id := range b.told {
		want[id] = tileSize{}
	}
	scale := float32(1)
	if c := canvasOf(b.box); c != nil {
		scale = c.Scale()
	}
	for _, c := range cells {
		if c.ID != s.Self.ID && !b.unseen {
			want[c.ID] = tileSize{int(math.Round(float64(c.h * scale))), c.ID == b.s.model.board.pinned || c.Stage && c.Kind == shareKind}
		}
	}
	for id, size := range want {
		if was, ok := b.told[id]; !ok || was != size {
			b.s.call.SetTile(id, size.height, size.pinned)
		}
		b.told[id] = size
		if size.height == 0 && !b.known(id) {
			delete(b.told, id) // gone from the room
		}
	}
}

func (b *board) known(id netstack.PeerID) bool {
	return slices.ContainsFunc(b.s.model.snap.Others, func(o call.Member) bool { return o.ID == id })
}

// setUnseen stops the pictures of a window that nobody can see.
func (b *board) setUnseen(on bool) {
	b.s.w.pump.setRunning(!on)
	if b.unseen != on {
		b.unseen = on
		b.show()
	}
}

// left gives back the screens.
func (b *board) left() {
	b.drop(nil)
	b.box.Objects = nil
}

// restWords is who has no tile: how many, and as many names as fit.
func restWords(names []string, width float32) string {
	return elide(restCount(len(names))+": "+joined(names), 12, bold, max(width, 60))
}

// pin puts a tile on the stage, or takes it down again.
func (s *callScreen) pin(id netstack.PeerID) {
	if s.model.board.pinned == id {
		id = ""
	}
	s.model.board.pinned = id
	s.board.show()
}

// setLayout chooses how the tiles are laid out, and unpins.
func (s *callScreen) setLayout(l layoutMode) {
	s.model.board.layout, s.model.board.pinned = l, ""
	s.board.show()
	s.top.show(s.model, s.w.now())
}

// toggleLayout goes from the grid to the speaker and back.
func (s *callScreen) toggleLayout() {
	next := speakerLayout
	if s.model.board.layout == speakerLayout {
		next = gridLayout
	}
	s.setLayout(next)
}

// layoutMenu offers the layouts.
func (s *callScreen) layoutMenu() *fyne.Menu {
	b := &s.model.board
	item := func(words string, on bool, do func()) *fyne.MenuItem {
		i := fyne.NewMenuItem(words, do)
		i.Checked = on
		return i
	}
	m := fyne.NewMenu("",
		item("Grid", b.layout == gridLayout, func() { s.setLayout(gridLayout) }),
		item("Speaker", b.layout == speakerLayout, func() { s.setLayout(speakerLayout) }))
	if b.pinned != "" {
		m.Items = append(m.Items, fyne.NewMenuItemSeparator(), item("Unpin", false, func() { s.pin(b.pinned) }))
	}
	return m
}

// tileMenu is what can be done with a tile.
func (s *callScreen) tileMenu(c cell) *fyne.Menu {
	words := "Pin: keep it large"
	if s.model.board.pinned == c.ID {
		words = "Unpin"
	}
	m := fyne.NewMenu("", fyne.NewMenuItem(words, func() { s.pin(c.ID) }))
	add := func(words string, do func()) { m.Items = append(m.Items, fyne.NewMenuItem(words, do)) }
	switch {
	case c.ID == s.model.snap.Self.ID:
		add("Camera, microphone, speaker", s.showDevices)
	case c.Kind == personKind:
		add("How you are connected", func() { s.showLine(c.ID) })
		add("Volume and more", func() { s.showPerson(c.ID) })
	}
	return m
}

// showMenu opens a menu under o.
func showMenu(m *fyne.Menu, o fyne.CanvasObject) {
	if cv := canvasOf(o); cv != nil && m != nil && len(m.Items) > 0 {
		widget.ShowPopUpMenuAtRelativePosition(m, cv, fyne.NewPos(0, o.Size().Height+4), o)
	}
}
