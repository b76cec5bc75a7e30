package replay

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"candid/netstack"
	"candid/netstack/verdict"
)

//go:embed report.html
var pageText string

// WriteHTML writes the report as one page that needs nothing else: no scripts,
// no pictures, no network. It follows the reader's light or dark, and prints.
func (r Report) WriteHTML(w io.Writer) error {
	page, err := template.New("report").Parse(pageText)
	if err == nil {
		err = page.Execute(w, pageOf(r))
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// page is what the template draws: words and positions, nothing to decide.
type page struct {
	Report
	Title, When, Lasted string
	Shares              []shareView
	Overview            []rowView
	Ticks               []tick
	Lines               []lineView
	Happened            []eventView
	Glossary            []term
}

type shareView struct {
	Class, Name, Text string
	X, Width          float64
}

// rowView is one person in the overview of who was there on which way.
type rowView struct {
	Name string
	Bars []bar
}

// bar is a stretch of time on a row 1000 wide.
type bar struct {
	X, Width    float64
	Class, Text string
}

type tick struct {
	X    float64 // percent
	Text string
}

type legend struct{ Class, Name string }

type lineView struct {
	Name, Initials, Presence string
	Verdict                  verdict.Verdict
	Class                    string
	Stations                 []stationView
	Figures                  []figure
	Ways                     []wayView
	Charts                   []chartView
	Keys                     []legend
	Setup                    []stepView
	SetupTotal               string
	Depth                    *depthView
}

type figure struct{ Name, Value, Note string }

type wayView struct{ From, Lasted, Name, Class, Why, Better string }

type stepView struct {
	Title, Text string
	X, Width    float64
}

type eventView struct{ At, Class, Text string }

const rowWidth = 1000

func pageOf(r Report) page {
	p := page{Report: r, Title: title(r), When: r.Start.Format("Monday, 2 January 2006, 15:04"), Lasted: lasting(r.End.Sub(r.Start)), Glossary: glossary}
	x := 0.0
	for _, s := range r.Shares {
		p.Shares = append(p.Shares, shareView{class(s.Path), capital(pathName(s.Path)), share(s.Share), x, s.Share * rowWidth})
		x += s.Share * rowWidth
	}
	p.Ticks = ticks(r.End.Sub(r.Start))
	for _, l := range r.People {
		p.Overview = append(p.Overview, overview(r, l))
		p.Lines = append(p.Lines, lineOf(r, l))
	}
	for _, e := range r.Happened {
		p.Happened = append(p.Happened, eventView{into(e.At.Sub(r.Start)), "m-" + string(e.Kind), e.Text})
	}
	return p
}

func title(r Report) string {
	var names []string
	seen := map[string]bool{}
	for _, l := range r.People {
		if !seen[l.Name] {
			seen[l.Name] = true
			names = append(names, l.Name)
		}
	}
	switch {
	case len(names) == 0:
		return "A call with nobody else"
	case len(names) > 5:
		return fmt.Sprintf("A call with %s and %d others", list(names[:4]), len(names)-4)
	}
	return "A call with " + list(names)
}

// class is the style of a way.
func class(p verdict.Path) string {
	switch p {
	case verdict.Direct:
		return "direct"
	case verdict.Relayed:
		return "relayed"
	case verdict.ViaSFU, verdict.ViaMCU:
		return "host"
	case verdict.Broken:
		return "broken"
	}
	return "seeking"
}

// place is where a time lies on a row that goes from from to to.
func place(t, from, to time.Time) float64 {
	if !to.After(from) {
		return 0
	}
	return min(rowWidth, max(0, float64(t.Sub(from))/float64(to.Sub(from))*rowWidth))
}

func overview(r Report, l ReportLine) rowView {
	return rowView{l.Name, bars(r, l.Ways, r.Start, r.End)}
}

// bars are the ways on a row that goes from from to to.
func bars(r Report, ways []Way, from, to time.Time) []bar {
	var out []bar
	for _, w := range ways {
		a, b := place(w.From, from, to), place(w.To, from, to)
		text := fmt.Sprintf("%s from %s for %s", capital(pathName(w.Path.Path)), into(w.From.Sub(r.Start)), lasting(w.To.Sub(w.From)))
		out = append(out, bar{a, max(b-a, 2), class(w.Path.Path), text})
	}
	return out
}

// ticks divide a duration at round times.
func ticks(all time.Duration) []tick {
	step := time.Second
	for _, s := range []time.Duration{5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
		10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour} {
		step = s
		if all/s <= 7 {
			break
		}
	}
	var out []tick
	for t := time.Duration(0); t <= all && len(out) < 20; t += step {
		x := 0.0
		if all > 0 {
			x = float64(t) / float64(all) * 100
		}
		if x <= 97 {
			out = append(out, tick{x, into(t)})
		}
	}
	return out
}

func lineOf(r Report, l ReportLine) lineView {
	v := lineView{Name: l.Name, Initials: initials(l.Name), Verdict: l.Verdict, Class: class(l.Verdict.Path)}
	end := l.Left
	if end.IsZero() {
		end = r.End
	}
	v.Presence = "In the call from " + into(l.Joined.Sub(r.Start)) + " to " + into(end.Sub(r.Start))
	switch {
	case l.Left.IsZero():
		v.Presence += ", to the end of the recording"
	case l.Why != "":
		v.Presence += ", then " + l.Why
	}
	if v.Verdict.Badge == "" {
		v.Verdict.Badge, v.Verdict.Why = "No connection", "There never was a connection to this person."
	}
	for _, w := range l.Ways {
		if k := (legend{class(w.Path.Path), capital(pathName(w.Path.Path))}); !slices.Contains(v.Keys, k) {
			v.Keys = append(v.Keys, k)
		}
		v.Ways = append(v.Ways, wayView{into(w.From.Sub(r.Start)), lasting(w.To.Sub(w.From)), capital(pathName(w.Path.Path)), class(w.Path.Path), w.Why, w.Better})
	}
	v.Figures = figures(l.Numbers)
	v.Charts = charts(r, l)
	v.setup(l.Setup)
	if l.Last.OK {
		v.Stations = stations(l.Last.Value, l.Verdict.Path, l.Name)
		v.Depth = depth(l)
	}
	return v
}

func initials(name string) string {
	var out []rune
	for _, w := range strings.Fields(name) {
		out = append(out, []rune(w)[0])
	}
	if len(out) > 2 {
		out = []rune{out[0], out[len(out)-1]}
	}
	return strings.ToUpper(string(out))
}

func figures(n Numbers) []figure {
	slow := ""
	if n.SlowRTT.OK {
		slow = "19 of 20 under " + millis(n.SlowRTT.Value)
	}
	return []figure{
		{"Round trip", optional(n.RTT, millis), slow},
		{"Lost", optional(n.Loss, percent), "of what arrives here"},
		{"Jitter", optional(n.Jitter, millis), "how unevenly it arrives"},
		{"Received", optional(n.Receive, rate), "usual"},
		{"Sent", optional(n.Send, rate), "usual"},
	}
}

func (v *lineView) setup(steps []Step) {
	var all time.Duration
	for _, s := range steps {
		all = max(all, s.To)
	}
	if all <= 0 {
		return
	}
	v.SetupTotal = millis(all)
	for _, s := range steps {
		x, w := float64(s.From)/float64(all)*rowWidth, float64(s.To-s.From)/float64(all)*rowWidth
		v.Setup = append(v.Setup, stepView{s.Title, millis(s.To - s.From), x, max(w, 4)})
	}
}

// stationView is something the media passes.
type stationView struct {
	Icon         string // router, relay, sfu, mcu, none; or for a person initials
	Title, Below string
	Person       bool
}

// stations are the way from here to the person, as far as it is known.
func stations(l netstack.Link, path verdict.Path, name string) []stationView {
	me, them := stationView{Icon: "You", Title: "You", Person: true}, stationView{Icon: initials(name), Title: name, Person: true}
	_, local, remote, ok := l.SelectedPair()
	if !ok || !works(path) {
		return []stationView{me, {Icon: "none", Title: "No way found"}, them}
	}
	me.Below = network(local)
	switch path {
	case verdict.ViaSFU:
		return []stationView{me, {Icon: "sfu", Title: "Host", Below: "passes everything on"}, them}
	case verdict.ViaMCU:
		return []stationView{me, {Icon: "mcu", Title: "Host", Below: "mixes everything"}, them}
	}
	out := []stationView{me}
	kind := local.Type.String()
	if kind == "srflx" || kind == "prflx" {
		out = append(out, stationView{Icon: "router", Title: "Your router", Below: local.Address})
	}
	switch {
	case kind == "relay":
		out = append(out, stationView{Icon: "relay", Title: "Host's relay", Below: local.Address})
	case remote.Type.String() == "relay":
		out = append(out, stationView{Icon: "relay", Title: "Host's relay", Below: remote.Address})
	}
	switch remote.Type.String() {
	case "srflx", "prflx":
		out = append(out, stationView{Icon: "router", Title: "Their router", Below: remote.Address})
	case "host":
		them.Below = remote.Address
	}
	return append(out, them)
}

// network is what a local candidate is on, or its address.
func network(c netstack.Candidate) string {
	switch c.Network {
	case netstack.Ethernet:
		return "by cable"
	case netstack.WiFi:
		return "over Wi-Fi"
	case netstack.Cellular:
		return "over a mobile network"
	case netstack.VPN:
		return "through a VPN"
	}
	if c.RelatedAddress != "" && c.Type.String() != "relay" {
		return c.RelatedAddress
	}
	if c.Type.String() == "host" {
		return c.Address
	}
	return ""
}
