package ui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
)

func peopleOf(n int) call.Snapshot {
	s := call.Snapshot{State: call.Connected, Self: call.Member{ID: "me", Name: "Ann"}}
	for i := 1; i < n; i++ {
		s.Others = append(s.Others, call.Member{ID: netstack.PeerID(fmt.Sprintf("p%d", i)), Name: fmt.Sprintf("Person %d", i)})
	}
	return s
}

func modelOf(s call.Snapshot) *callModel {
	m := newCallModel()
	m.from(s)
	return m
}

func (a arrangement) find(id netstack.PeerID) *cell {
	for i := range a.Cells {
		if a.Cells[i].ID == id {
			return &a.Cells[i]
		}
	}
	return nil
}

func (a arrangement) onStage() netstack.PeerID {
	for _, c := range a.Cells {
		if c.Stage {
			return c.ID
		}
	}
	return ""
}

var boardSizes = []fyne.Size{{Width: 868, Height: 440}, {Width: 1168, Height: 620}, {Width: 764, Height: 620}, {Width: 2528, Height: 1280}, {Width: 480, Height: 700}}

// TestTilesStayApartInEveryLayout: none is outside or over another, but for the
// one that floats, and everybody is a tile or a name.
func TestTilesStayApartInEveryLayout(t *testing.T) {
	change := map[string]func(*callModel, *call.Snapshot){
		"grid":    func(*callModel, *call.Snapshot) {},
		"speaker": func(m *callModel, _ *call.Snapshot) { m.board.layout = speakerLayout },
		"pinned":  func(m *callModel, s *call.Snapshot) { m.board.pinned = s.Self.ID },
		"share":   func(_ *callModel, s *call.Snapshot) { s.Others[0].Sharing = true },
		"mix":     func(_ *callModel, s *call.Snapshot) { s.Mixed = true },
	}
	for name, f := range change {
		for _, size := range boardSizes {
			for _, n := range []int{2, 3, 9, 16, 17, 40} {
				m, s := newCallModel(), peopleOf(n)
				f(m, &s)
				m.from(s)
				a := m.arrange(size)
				where := fmt.Sprintf("%s of %d in %v", name, n, size)
				checkCells(t, where, a, size)
				people := len(a.Rest)
				for _, c := range a.Cells {
					if c.Kind == personKind {
						people++
					}
				}
				if want := n; people != want && !s.Mixed {
					t.Errorf("%s: %d people are seen or named", where, people)
				}
				if len(a.Cells) > maxTiles {
					t.Errorf("%s: %d tiles", where, len(a.Cells))
				}
			}
		}
	}
}

func checkCells(t *testing.T, where string, a arrangement, size fyne.Size) {
	t.Helper()
	boxes := []box{}
	for _, c := range a.Cells {
		if !c.Float {
			boxes = append(boxes, c.box)
		}
	}
	if len(a.Rest) > 0 {
		boxes = append(boxes, a.RestBox)
	}
	for i, b := range boxes {
		if b.w < 60 || b.h < 30 || b.x < -0.5 || b.y < -0.5 || b.x+b.w > size.Width+0.5 || b.y+b.h > size.Height+0.5 {
			t.Fatalf("%s: tile %d is at %+v", where, i, b)
		}
		for j := range i {
			if o := boxes[j]; b.x < o.x+o.w && o.x < b.x+b.w && b.y < o.y+o.h && o.y < b.y+b.h {
				t.Fatalf("%s: %d %+v is over %d %+v", where, i, b, j, o)
			}
		}
	}
}

func TestWhoIsOnTheStage(t *testing.T) {
	size := fyne.NewSize(1168, 620)
	s := peopleOf(5)
	m := modelOf(s)
	stage := func() netstack.PeerID { m.from(s); return m.arrange(size).onStage() }
	if got := stage(); got != "" {
		t.Errorf("in the grid %q is larger", got)
	}
	m.board.layout = speakerLayout
	s.Speaker = "p3"
	if got := stage(); got != "p3" {
		t.Errorf("p3 speaks, %q is large", got)
	}
	s.Speaker = "me"
	if got := stage(); got != "p3" {
		t.Errorf("we speak, %q is large", got)
	}
	s.Others[0].Sharing = true
	if got := stage(); got != call.ShareOf("p1") {
		t.Errorf("p1 shares, %q is large", got)
	}
	s.Others[1].Sharing = true // the newest takes the stage, the other stays a tile
	if got := stage(); got != call.ShareOf("p2") || m.arrange(size).find(call.ShareOf("p1")) == nil {
		t.Errorf("p2 shares too, %q is large", got)
	}
	m.board.pinned = "p4"
	if got := stage(); got != "p4" || m.arrange(size).find(call.ShareOf("p2")) == nil {
		t.Errorf("p4 is pinned, %q is large", got)
	}
	s.Others = s.Others[:3] // p4 leaves
	if got := stage(); got != call.ShareOf("p2") || m.board.pinned != "" {
		t.Errorf("p4 has left, %q is large", got)
	}
	s.Others[0].Sharing, s.Others[1].Sharing, s.Mixed = false, false, true
	if got := stage(); got != call.MixID {
		t.Errorf("all is mixed, %q is large", got)
	}
	if a := m.arrange(size); len(a.Cells) != 2 || len(a.Rest) != 0 || a.find("p1") != nil {
		t.Errorf("beside the mix there is %+v", a)
	}
}

// TestSpeakersGetATile: of more people than tiles, who speaks is seen, the
// others keep their places, and who has been silent longest gives up theirs.
func TestSpeakersGetATile(t *testing.T) {
	s := peopleOf(20)
	m := modelOf(s)
	before := slices.Clone(m.board.live)
	if len(before) != maxTiles-1 {
		t.Fatalf("%d others have a tile", len(before))
	}
	s.Speaker = "p1"
	m.from(s)
	s.Speaker = "p19"
	m.from(s)
	after := m.board.live
	if !slices.Contains(after, "p19") || !slices.Contains(after, "p1") || slices.Contains(after, "p2") {
		t.Errorf("live are %v", after)
	}
	moved := 0
	for i := range after {
		if after[i] != before[i] {
			moved++
		}
	}
	if moved != 1 {
		t.Errorf("%d tiles changed hands", moved)
	}
	m.board.pinned = "p2" // it has no tile now, and gets one
	m.from(s)
	if a := m.arrange(boardSizes[1]); a.onStage() != "p2" || len(a.Cells) > maxTiles {
		t.Errorf("pinned: %+v", a)
	}
	s.Others = s.Others[:3]
	m.from(s)
	if len(m.board.live) != 3 || m.board.turns["p19"] != 0 {
		t.Errorf("of 3 others %v are live", m.board.live)
	}
}

func TestOneOtherPersonFillsTheBoard(t *testing.T) {
	size := fyne.NewSize(1168, 620)
	m := modelOf(peopleOf(2))
	a := m.arrange(size)
	if c := a.find("me"); c == nil || !c.Float || a.onStage() != "p1" || a.find("p1").w != size.Width {
		t.Errorf("got %+v", a)
	}
	m.board.pinned = "me" // they change places
	if a = m.arrange(size); a.onStage() != "me" || !a.find("p1").Float {
		t.Errorf("pinned: %+v", a)
	}
	m = modelOf(peopleOf(1))
	if a = m.arrange(size); len(a.Cells) != 1 || a.Cells[0].w != size.Width {
		t.Errorf("alone: %+v", a)
	}
}

func TestBars(t *testing.T) {
	line := lineOf("a", verdict.Unknown, "", 0)
	if bars(line) != 0 {
		t.Error("a line that was not measured has bars")
	}
	line.Link.RTT = netstack.Some(30 * time.Millisecond)
	if bars(line) != 4 {
		t.Errorf("a good line has %d", bars(line))
	}
	line.History = []call.Sample{{Loss: netstack.Some(0.05)}}
	if bars(line) != 2 {
		t.Errorf("one that loses has %d", bars(line))
	}
	line.Link.RTT = netstack.Some(900 * time.Millisecond)
	if bars(line) != 1 {
		t.Errorf("a bad one has %d", bars(line))
	}
}
