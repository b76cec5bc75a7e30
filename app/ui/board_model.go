package ui

import (
	"cmp"
	"slices"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
)

// tileKind is what a tile shows.
type tileKind uint8

const (
	personKind tileKind = iota
	shareKind           // a screen: all of it is shown, never cut
	mixKind             // the others in one picture, made by the host
)

// layoutMode is what a person chose for the call.
type layoutMode uint8

const (
	gridLayout    layoutMode = iota
	speakerLayout            // who speaks is large, the others are beside
)

// maxTiles is how many pictures are live at once, our own included. The rest
// are names.
const maxTiles = 16

// boardModel is what decides who has a tile, and where.
type boardModel struct {
	layout layoutMode
	pinned netstack.PeerID   // whose tile was put on the stage by hand
	shares []netstack.PeerID // who shares a screen, newest last
	live   []netstack.PeerID // the others who may have a tile; each keeps its place
	turns  map[netstack.PeerID]int
	turn   int
	talks  netstack.PeerID // of the others: who speaks, or did last
}

// cell is where a tile goes.
type cell struct {
	ID   netstack.PeerID
	Kind tileKind
	box
	Stage bool // the large one
	Float bool // over the large one
}

// arrangement is a whole board.
type arrangement struct {
	Cells   []cell
	Rest    []string // names of those without a tile
	RestBox box
}

// follow takes a new snapshot.
func (b *boardModel) follow(s call.Snapshot) {
	here := make(map[netstack.PeerID]call.Member, len(s.Others))
	for _, o := range s.Others {
		here[o.ID] = o
	}
	gone := func(id netstack.PeerID) bool { _, ok := here[id]; return !ok }
	b.shares = slices.DeleteFunc(b.shares, func(id netstack.PeerID) bool { return !here[id].Sharing })
	for _, o := range s.Others {
		if o.Sharing && !slices.Contains(b.shares, o.ID) {
			b.shares = append(b.shares, o.ID)
		}
	}
	for id := range b.turns {
		if gone(id) {
			delete(b.turns, id)
		}
	}
	if gone(b.talks) {
		b.talks = ""
	}
	b.live = slices.DeleteFunc(b.live, gone)
	b.fill(s.Others)
	if !gone(s.Speaker) {
		b.spoke(s.Speaker)
	}
	if !b.exists(s, b.pinned) {
		b.pinned = ""
	}
}

// fill gives free places to those without one: who spoke last goes first.
func (b *boardModel) fill(others []call.Member) {
	room := maxTiles - 1 - len(b.shares)
	if len(b.live) > room {
		b.live = b.live[:max(0, room)]
	}
	var without []call.Member
	for _, o := range others {
		if !slices.Contains(b.live, o.ID) {
			without = append(without, o)
		}
	}
	slices.SortStableFunc(without, func(x, y call.Member) int { return cmp.Compare(b.turns[y.ID], b.turns[x.ID]) })
	for _, o := range without {
		if len(b.live) < room {
			b.live = append(b.live, o.ID)
		}
	}
}

// spoke notes who speaks. One without a tile takes that of who has been silent
// longest.
func (b *boardModel) spoke(id netstack.PeerID) {
	if id == "" || id == b.talks {
		return
	}
	b.talks = id
	b.turn++
	if b.turns == nil {
		b.turns = make(map[netstack.PeerID]int)
	}
	b.turns[id] = b.turn
	if slices.Contains(b.live, id) || len(b.live) == 0 {
		return
	}
	quiet := 0
	for i, other := range b.live {
		if other != b.pinned && (b.turns[other] < b.turns[b.live[quiet]] || b.live[quiet] == b.pinned) {
			quiet = i
		}
	}
	b.live[quiet] = id
}

// exists reports whether a tile of that ID can be shown now.
func (b *boardModel) exists(s call.Snapshot, id netstack.PeerID) bool {
	switch {
	case id == "":
		return false
	case id == s.Self.ID, s.Mixed && id == call.MixID:
		return true
	}
	for _, who := range b.shares {
		if id == call.ShareOf(who) {
			return true
		}
	}
	return !s.Mixed && slices.ContainsFunc(s.Others, func(o call.Member) bool { return o.ID == id })
}

// cells are all tiles there could be, screens first and Self last, not placed.
func (b *boardModel) cells(s call.Snapshot) []cell {
	var out []cell
	for _, who := range slices.Backward(b.shares) {
		out = append(out, cell{ID: call.ShareOf(who), Kind: shareKind})
	}
	if s.Mixed {
		out = append(out, cell{ID: call.MixID, Kind: mixKind})
	} else {
		for _, id := range b.live {
			out = append(out, cell{ID: id})
		}
		if b.pinned != "" && b.pinned != s.Self.ID && !slices.ContainsFunc(out, func(c cell) bool { return c.ID == b.pinned }) {
			out[len(out)-1] = cell{ID: b.pinned} // it had no tile
		}
	}
	return append(out, cell{ID: s.Self.ID})
}

// stage is the tile that is large, or "" for a grid: what was pinned, then a
// screen, then the mix, then who speaks.
func (b *boardModel) stage(s call.Snapshot) netstack.PeerID {
	switch {
	case b.pinned != "":
		return b.pinned
	case len(b.shares) > 0:
		return call.ShareOf(b.shares[len(b.shares)-1])
	case s.Mixed:
		return call.MixID
	case b.layout == speakerLayout && len(b.live) > 0:
		if slices.Contains(b.live, b.talks) {
			return b.talks
		}
		return b.live[0]
	}
	return ""
}

// arrange places everybody's tile in a space.
func (m *callModel) arrange(size fyne.Size) arrangement {
	b, s := &m.board, m.snap
	cells := b.cells(s)
	stage := b.stage(s)
	if stage == "" && len(cells) == 2 {
		stage = cells[0].ID
	}
	if stage == "" {
		return m.inGrid(cells, size)
	}
	at := slices.IndexFunc(cells, func(c cell) bool { return c.ID == stage })
	large := cells[at]
	large.Stage = true
	small := slices.Delete(cells, at, at+1)
	if len(small) == 1 && large.Kind == personKind {
		large.box, small[0].box, small[0].Float = box{0, 0, size.Width, size.Height}, floatingBox(size), true
		return arrangement{Cells: []cell{large, small[0]}}
	}
	return m.onStage(large, small, size)
}

// restHeight is what the line of names takes.
const restHeight = 30

// inGrid makes all tiles equally large.
func (m *callModel) inGrid(cells []cell, size fyne.Size) arrangement {
	a := arrangement{Cells: cells, Rest: m.without(cells)}
	if len(a.Rest) > 0 {
		size.Height -= restHeight + gridGap
		a.RestBox = box{0, size.Height + gridGap, size.Width, restHeight}
	}
	for i, b := range gridBoxes(len(cells), size) {
		cells[i].box = b
	}
	return a
}

// without are the names of those who have no tile.
func (m *callModel) without(cells []cell) []string {
	if m.snap.Mixed {
		return nil // all are in the mix
	}
	var names []string
	for _, o := range m.snap.Others {
		if !slices.ContainsFunc(cells, func(c cell) bool { return c.ID == o.ID }) {
			names = append(names, o.Name)
		}
	}
	return names
}

// onStage gives one tile the most and puts the others beside or below it, by
// what leaves the large one larger.
func (m *callModel) onStage(large cell, small []cell, size fyne.Size) arrangement {
	if len(small) == 0 {
		large.box = box{0, 0, size.Width, size.Height}
		return arrangement{Cells: []cell{large}}
	}
	w, h, beside, fit := m.strip(len(small), size)
	step := w + gridGap
	length := size.Width
	if beside {
		length, step = size.Height, h+gridGap
	}
	small = m.first(small, fit)
	a := arrangement{Cells: append([]cell{large}, small...)}
	a.Rest = m.without(a.Cells)
	used := float32(len(small))*step - gridGap
	if len(a.Rest) > 0 && beside {
		used += gridGap + restHeight
	} else if len(a.Rest) > 0 {
		used += step
	}
	at := floor(max(0, (length-used)/2))
	strip := a.Cells[1:]
	for i := range strip {
		if beside {
			strip[i].box = box{size.Width - w, at, w, h}
		} else {
			strip[i].box = box{at, size.Height - h, w, h}
		}
		at += step
	}
	if beside {
		a.Cells[0].box = box{0, 0, size.Width - w - gridGap, size.Height}
		a.RestBox = box{size.Width - w, at, w, restHeight}
	} else {
		a.Cells[0].box = box{0, 0, size.Width, size.Height - h - gridGap}
		a.RestBox = box{at, size.Height - (h+restHeight)/2, w, restHeight}
	}
	return a
}

// strip is the size of n small tiles, whether they are beside the large one, and
// how many of them have a place. They are as large as lets all be seen, within
// limits.
func (m *callModel) strip(n int, size fyne.Size) (w, h float32, beside bool, fit int) {
	most, least := min(max(size.Width*0.17, 136), 260), max(size.Width*0.105, 136)
	for w = floor(most); ; w -= 4 {
		h = floor(w * 9 / 16)
		beside = wideArea(size.Width-w-gridGap, size.Height) >= wideArea(size.Width, size.Height-h-gridGap)
		length, step, names := size.Width, w+gridGap, w+gridGap
		if beside {
			length, step, names = size.Height, h+gridGap, restHeight+gridGap
		}
		fit = int((length + gridGap) / step)
		if fit >= n && (len(m.snap.Others) <= len(m.board.live) || m.snap.Mixed) {
			return w, h, beside, fit
		}
		fit = max(1, int((length-names+gridGap)/step)) // some are only named
		if fit >= n || w-4 < least {
			return w, h, beside, fit
		}
	}
}

// wideArea is how large a picture of 16:9 can be in a space.
func wideArea(w, h float32) float32 {
	w = min(w, h*16/9)
	return w * w
}

// first are the n cells that matter most, in the order they had: Self, screens,
// then who spoke last.
func (m *callModel) first(cells []cell, n int) []cell {
	if len(cells) <= n {
		return cells
	}
	weight := func(c cell) int {
		switch {
		case c.ID == m.snap.Self.ID:
			return 1 << 30
		case c.Kind != personKind:
			return 1 << 29
		}
		return m.board.turns[c.ID]
	}
	chosen := slices.Clone(cells)
	slices.SortStableFunc(chosen, func(x, y cell) int { return cmp.Compare(weight(y), weight(x)) })
	chosen = chosen[:n]
	return slices.DeleteFunc(cells, func(c cell) bool { return !slices.Contains(chosen, c) })
}
