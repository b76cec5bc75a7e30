package topology

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"candid/netstack"
)

func line(to netstack.PeerID, path Reach, rtt time.Duration) ReportLine {
	return ReportLine{To: to, Path: path, RTT: netstack.Some(rtt)}
}

func TestReportsMakeLines(t *testing.T) {
	now := time.Now()
	var r Reports
	pair := Of("a", "b")
	r.Take("a", Report{Lines: []ReportLine{line("b", Direct, 20*time.Millisecond), line("host", Relayed, 9*time.Millisecond)}}, now)
	if l := r.Known(now)[pair]; !l.Direct.Value || l.RTT.Value != 20*time.Millisecond {
		t.Errorf("direct: %+v", l)
	}
	m := Member{ID: "a"}
	if r.Fill(&m, now); m.ToHost.Value != 9*time.Millisecond {
		t.Errorf("to the host: %+v", m.ToHost)
	}
	if m = (Member{ID: "a"}); m.ToHost.OK {
		t.Error("known before it was")
	}
	if r.Fill(&m, now.Add(time.Minute)); m.ToHost.OK {
		t.Error("an old report counts")
	}
	// The line goes away with the mesh; what is known of it does not.
	r.Take("a", Report{}, now)
	if !r.Known(now.Add(time.Hour))[pair].Direct.Value {
		t.Error("forgotten")
	}
	r.Forget("b")
	if len(r.Known(now)) != 0 {
		t.Error("not forgotten with the member")
	}
}

// A line that breaks is left alone for a while, and twice as long the next
// time: so the room does not flap between two paths.
func TestBrokenLinesAreTriedSeldom(t *testing.T) {
	now := time.Now()
	var r Reports
	pair := Of("a", "b")
	broken := Report{Lines: []ReportLine{{To: "b", Path: Broken}}}
	r.Take("b", Report{Lines: []ReportLine{{To: "a", Path: Relayed}}}, now)
	r.Take("a", broken, now)
	if l := r.Known(now)[pair]; !l.Relayed.Value {
		t.Errorf("one end's word against the other's: %+v", l)
	}
	r.Take("b", Report{}, now)
	for n, want := range []time.Duration{brokenFor, 2 * brokenFor, 4 * brokenFor} {
		for s := time.Duration(0); s < want; s += want / 8 {
			r.Take("a", broken, now.Add(s)) // says so again and again
			if l, ok := r.Known(now.Add(s))[pair]; !ok || l.Relayed.Value || l.Direct.Value {
				t.Fatalf("breach %d after %v: %+v, %v", n, s, l, ok)
			}
		}
		if now = now.Add(want); len(r.Known(now)) != 0 {
			t.Fatalf("breach %d lasts longer than %v", n, want)
		}
	}
	r.Take("a", Report{Lines: []ReportLine{line("b", Direct, 0)}}, now)
	r.Take("a", broken, now)
	if now = now.Add(brokenFor); len(r.Known(now)) != 0 {
		t.Error("counted on after it had worked")
	}
}

func TestGraphIsOfBothEnds(t *testing.T) {
	now := time.Now()
	var r Reports
	r.Take("b", Report{Lines: []ReportLine{{
		To: "a", Path: Direct, Protocol: "udp", RTT: netstack.Some(30 * time.Millisecond),
		Sent:     Flow{Bitrate: netstack.Some(100), Loss: netstack.Some(0.1)},
		Received: Flow{Bitrate: netstack.Some(200), Loss: netstack.Some(0.2)},
	}}}, now)
	r.Take("a", Report{Lines: []ReportLine{
		{To: "b", Path: Direct, Sent: Flow{Bitrate: netstack.Some(210)}, Received: Flow{Loss: netstack.Some(0.15)}},
		{To: "host", Path: Relayed}, {To: "gone", Path: Direct},
	}}, now.Add(time.Second))
	g := r.Graph(now.Add(time.Second))
	if len(g.Edges) != 2 || g.Edges[0].To != "host" || g.Edges[0].Path != Relayed {
		t.Fatalf("%+v", g)
	}
	e := g.Edges[1]
	if e.From != "a" || e.To != "b" || e.RTT.Value != 30*time.Millisecond || e.Protocol != "udp" {
		t.Errorf("%+v", e)
	}
	if e.There != (Flow{netstack.Some(210), netstack.Some(0.2)}) || e.Back != (Flow{netstack.Some(100), netstack.Some(0.15)}) {
		t.Errorf("there %+v, back %+v", e.There, e.Back)
	}
	b, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ReadGraph(b); err != nil || len(back.Edges) != 2 || back.Edges[1].There != e.There {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestReadReport(t *testing.T) {
	for body, ok := range map[string]bool{
		`{}`: true,
		`{"uplink":1000,"load":0.5,"lines":[{"to":"host","path":"direct","rtt":1000000}]}`: true,
		`{"uplink":null}`: true,
		`{"uplink":-1}`:   false,
		`{"load":7}`:      false,
		`{"lines":[{"to":"a","path":"by post"}]}`:         false,
		`{"lines":[{"to":"a","path":"direct","rtt":-5}]}`: false,
		`nonsense`: false,
		`{"lines":[` + strings.Repeat(`{"to":"a","path":"direct"},`, maxLines) + `{"to":"a","path":"direct"}]}`: false,
		`{"x":"` + strings.Repeat("x", maxReport) + `"}`:                                                        false,
	} {
		if _, err := ReadReport([]byte(body)); (err == nil) != ok {
			t.Errorf("%.60s: %v", body, err)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"uplink":1000,"load":0.5,"lines":[{"to":"host","path":"direct","rtt":1000000}]}`))
	f.Add([]byte(`{"lines":[{"to":"a","path":"broken","sent":{"loss":0.1}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := ReadReport(b)
		if err != nil {
			return
		}
		now := time.Now()
		var r Reports
		r.Take("a", rep, now)
		r.Take("b", rep, now)
		m := Member{ID: "a"}
		r.Fill(&m, now)
		Decide(Inputs{Now: now, Members: []Member{m, {ID: "b"}}, Host: Host{SFU: true}, Lines: r.Known(now)})
		if g := r.Graph(now); len(g.Edges) > maxEdges {
			t.Errorf("%d edges", len(g.Edges))
		}
	})
}

// A host's word for the room as it is measured: what cannot be is not drawn.
func FuzzGraph(f *testing.F) {
	f.Add([]byte(`{"edges":[{"from":"a","to":"host","path":"direct","protocol":"udp","rtt":1000000,"there":{"bitrate":1000,"loss":0.1}}]}`))
	f.Add([]byte(`{"edges":[{"from":"a","to":"b","path":"\u202e","rtt":-1,"back":{"loss":7e300}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := ReadGraph(b)
		if err != nil {
			return
		}
		if len(g.Edges) > maxEdges {
			t.Errorf("%d edges", len(g.Edges))
		}
		for _, e := range g.Edges {
			if !known(e.Path) || len(e.From) > maxID || len(e.To) > maxID || len(e.Protocol) > maxProtocol || e.RTT.Value < 0 || e.There.Loss.Value > 1 || e.Back.Bitrate.Value < 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}
