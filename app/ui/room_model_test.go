package ui

import (
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

func TestQualityOf(t *testing.T) {
	ms := func(n int) netstack.Opt[time.Duration] { return netstack.Some(time.Duration(n) * time.Millisecond) }
	for _, c := range []struct {
		path verdict.Path
		rtt  netstack.Opt[time.Duration]
		loss float64
		want quality
	}{
		{verdict.Direct, ms(24), 0, goodQuality},
		{verdict.Direct, ms(24), 0.03, fairQuality},
		{verdict.Relayed, ms(200), 0, fairQuality},
		{verdict.ViaSFU, ms(24), 0.09, poorQuality},
		{verdict.ViaMCU, ms(900), 0, poorQuality},
		{verdict.Direct, netstack.Opt[time.Duration]{}, 0, unknownQuality},
		{verdict.Connecting, ms(24), 0, unknownQuality},
		{verdict.Broken, ms(24), 0, noLine},
	} {
		if got := qualityOf(c.path, c.rtt, netstack.Some(c.loss)); got != c.want {
			t.Errorf("%s, %v, %v: %s, want %s", c.path, c.rtt, c.loss, got.word(), c.want.word())
		}
	}
}

// roomOf is a room of oneself, "a" and "b", and what its members measured.
func roomOf(t netstack.Topology, graph ...call.Edge) *panelModel {
	m := &panelModel{}
	a, b := lineOf("a", verdict.Direct, "A", 10*time.Millisecond), lineOf("b", verdict.Direct, "B", 20*time.Millisecond)
	a.Link.Topology, b.Link.Topology = t, t
	m.from(call.Snapshot{Self: call.Member{ID: "me", Name: "Me"}, Plan: call.Plan{Topology: t}}, []call.Line{a, b})
	m.graph = graph
	return m
}

// TestRoom: the graph is of what the members measured, and of our own lines
// where they have told nothing yet.
func TestRoom(t *testing.T) {
	host := netstack.HostID
	ms := func(n int) netstack.Opt[time.Duration] { return netstack.Some(time.Duration(n) * time.Millisecond) }
	for _, c := range []struct {
		name   string
		m      *panelModel
		middle string
		edges  int
	}{
		{"our lines alone", roomOf(netstack.P2P), "", 2},
		{"a mesh", roomOf(netstack.P2P, call.Edge{From: "b", To: "a", Path: verdict.Direct, RTT: ms(30)}), "", 3},
		{"one is relayed", roomOf(netstack.P2P, call.Edge{From: "b", To: "a", Path: verdict.Relayed, RTT: ms(30)}), "Relay", 3},
		{"passed on, nothing told", roomOf(netstack.SFU), "Host", 3},
		{"passed on", roomOf(netstack.SFU, call.Edge{From: "a", To: host, Path: verdict.ViaSFU, RTT: ms(9)}), "Host", 3},
		{"mixed", roomOf(netstack.MCU), "Mixer", 3},
		{"somebody unknown", roomOf(netstack.P2P, call.Edge{From: "x", To: "a", Path: verdict.Direct}), "", 2},
	} {
		v := c.m.room()
		if v.Middle.Title != c.middle || len(v.Edges) != c.edges || len(v.Nodes) != 3 {
			t.Errorf("%s: middle %q, %d edges, %d nodes", c.name, v.Middle.Title, len(v.Edges), len(v.Nodes))
		}
	}
	v := roomOf(netstack.SFU, call.Edge{From: "a", To: host, Path: verdict.ViaSFU, RTT: ms(9)}).room()
	if a, b := v.Nodes[1].Label, v.Nodes[2].Label; a != "9 ms" || b != wordUnproven {
		t.Errorf("theirs to the host: %q and %q", a, b)
	}
}

// TestPickAnEdge: pressing a line of others shows it, one of ours its person.
func TestPickAnEdge(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(Theme{Mode: "dark"})
	m := roomOf(netstack.P2P, call.Edge{From: "b", To: "a", Path: verdict.Relayed, RTT: netstack.Some(30 * time.Millisecond),
		There: call.Flow{Bitrate: netstack.Some(1_000_000)}, At: noon})
	var picked []roomEdge
	pic := newRoomPicture(func(int) {}, func(e roomEdge) { picked = append(picked, e) })
	pic.set(m.room())
	pic.Resize(fyne.NewSize(panelInner, roomHeight))
	_, spots := pic.spots(pic.Size())
	middle, _ := pic.spots(pic.Size())
	half := func(a, b xy) *fyne.PointEvent {
		return &fyne.PointEvent{Position: fyne.NewPos(float32(a.x+b.x)/2, float32(a.y+b.y)/2)}
	}
	pic.Tapped(half(spots[2], middle)) // their line is over the relay
	pic.Tapped(half(spots[0], spots[1]))
	pic.Tapped(&fyne.PointEvent{Position: fyne.NewPos(3, 3)})
	if len(picked) != 2 {
		t.Fatalf("picked %+v", picked)
	}
	m.choose(picked[0])
	e, ok := m.chosenEdge(noon.Add(time.Second))
	if !ok || e.Title != "b and a" {
		t.Fatalf("%+v %v", e, ok)
	}
	var said []string
	for _, f := range e.Facts {
		said = append(said, f.Value)
	}
	if got := strings.Join(said, "|"); got != "through the host's relay|30 ms|1 Mbit/s, lost not measured|not measured|live" {
		t.Error(got)
	}
	m.choose(picked[1])
	if _, ok := m.chosenEdge(noon); ok || m.selected != "a" {
		t.Errorf("a line of ours is shown as one of others; selected %q", m.selected)
	}
}

// TestSeenBy: what others see of us.
func TestSeenBy(t *testing.T) {
	m := roomOf(netstack.SFU)
	if got := m.seenBy(); len(got) != 2 || !strings.HasPrefix(got[0], "Everyone sees none") {
		t.Errorf("%q", got)
	}
	m = roomOf(netstack.P2P)
	m.lines[0].Link.Local = []netstack.Candidate{cand("h", 1, "192.168.1.2"), cand("s", 2, "198.51.100.7")}
	m.lines[0].Link.Local[0].Type, m.lines[0].Link.Local[1].Type = 1, 2
	if got := strings.Join(m.seenBy(), " "); !strings.Contains(got, "198.51.100.7; at home 192.168.1.2") {
		t.Error(got)
	}
	m.privacy = call.RelayOnly
	if got := strings.Join(m.seenBy(), " "); strings.Contains(got, "192.168") || !strings.Contains(got, "only the host's relay") {
		t.Error(got)
	}
}

func TestChangeText(t *testing.T) {
	c := call.PathChange{At: noon, From: netstack.P2P, To: netstack.SFU, Done: true, Missing: 1, Concealed: 12 * time.Millisecond, ToDone: 640 * time.Millisecond}
	for _, x := range []struct {
		change func(*call.PathChange)
		want   string
	}{
		{func(*call.PathChange) {}, "P2P → SFU 20 s ago: 1 picture lost, 12 ms of sound made up, done in 640 ms."},
		{func(c *call.PathChange) { c.Missing, c.Concealed = 0, 0 }, "P2P → SFU 20 s ago: no picture lost, no sound made up, done in 640 ms."},
		{func(c *call.PathChange) { c.Done, c.Failed = false, "it took too long" }, "P2P → SFU did not work, so nothing was changed: it took too long"},
		{func(c *call.PathChange) { c.Done = false }, "P2P → SFU: under way. The old path carries the call until the new one does."},
	} {
		d := c
		x.change(&d)
		if got := changeText(d, noon.Add(20*time.Second)); got != x.want {
			t.Errorf("got %q, want %q", got, x.want)
		}
	}
}
