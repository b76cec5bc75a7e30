package ui

import (
	"fmt"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"github.com/pion/webrtc/v4"
)

// crowd is a room of n others, of whom every number changes with i.
func crowd(n, i int) []call.Line {
	now := noon.Add(time.Duration(i) * time.Second)
	var out []call.Line
	for k := range n {
		l := linkOf(netstack.P2P, cand("", webrtc.ICECandidateTypeHost, "192.168.1.2"), cand("", webrtc.ICECandidateTypeSrflx, fmt.Sprintf("198.51.100.%d", k)))
		l.Member = call.Member{ID: netstack.PeerID(fmt.Sprint(k)), Name: fmt.Sprintf("Person %d", k)}
		l.Link.At, l.Link.RTT = now, netstack.Some(time.Duration(20+k+i%7)*time.Millisecond)
		for p := range 9 {
			l.Link.Pairs = append(l.Link.Pairs, netstack.Pair{ID: fmt.Sprint(p), Local: "l", Remote: "r", State: netstack.PairInProgress, RequestsSent: uint64(i)})
		}
		for s := range call.HistoryLength {
			v := (s + i) % 40
			l.History = append(l.History, call.Sample{At: now.Add(time.Duration(s-call.HistoryLength+1) * time.Second), RTT: netstack.Some(time.Duration(v+10) * time.Millisecond),
				Loss: netstack.Some(float64(v) / 1000), Receive: netstack.Some(1_000_000 + 1000*v), Send: netstack.Some(900_000)})
		}
		l.Verdict = verdict.Of(l.Link, verdict.Evidence{}, verdict.Evidence{})
		out = append(out, l)
	}
	return out
}

// lively is a call whose lines change whenever they are read.
type lively struct {
	call.Past
	lines []call.Line
	graph []call.Edge
}

func (l *lively) Lines() []call.Line { return l.lines }
func (l *lively) Graph() []call.Edge { return l.graph }

// BenchmarkPanelSecond is what the open panel costs in one second with eight
// others in a mesh: 10 ms are one percent of a core.
func BenchmarkPanelSecond(b *testing.B) {
	test.NewTempApp(b).Settings().SetTheme(Theme{Mode: "dark"})
	const people, stories = 8, 16
	c := &lively{}
	var all [][]call.Line
	for i := range stories {
		all = append(all, crowd(people, i))
	}
	w := &Window{engine: silent{}}
	p := newPanelOf(panelSource{w: w, call: func() Call { return c }, snap: func() call.Snapshot {
		return call.Snapshot{State: call.Connected, Self: call.Member{ID: "me", Name: "Me"}, Plan: call.Plan{Topology: netstack.P2P, Why: "why"}}
	}, now: func() time.Time { return noon }}, panelInner)
	win := test.NewTempWindow(b, p.box)
	win.Resize(fyne.NewSize(panelWidth, 900))
	i := 0
	for b.Loop() {
		c.lines, c.graph = all[i%stories], nil
		for k := range people {
			for j := range k {
				c.graph = append(c.graph, call.Edge{From: netstack.PeerID(fmt.Sprint(j)), To: netstack.PeerID(fmt.Sprint(k)), Path: verdict.Direct, RTT: netstack.Some(time.Duration(i%50) * time.Millisecond)})
			}
		}
		i++
		p.show()
		p.room.draw(panelInner, roomHeight)
		p.trend.draw(panelInner, trendHeight)
	}
}

// silent is an engine that knows nothing.
type silent struct{ Engine }

func (silent) History(call.Member, time.Time) string { return "" }
