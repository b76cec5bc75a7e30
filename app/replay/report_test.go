package replay

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"
)

var private = []string{"Anna", "Ben", "Okafor", "Chloé", "Dora", "Jonas", "Sunday", "192.168.178", "93.184.216", "81.2.69", "2a02", "203.0.113", "198.51.100", "example.org", "verysecret"}

func report(t testing.TB, named bool) Report {
	t.Helper()
	_, r, _ := record(t, 400)
	rep, err := r.Report(named)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestReportHidesNamesAndAddresses(t *testing.T) {
	rep := report(t, false)
	var asJSON, asHTML bytes.Buffer
	if err := errors.Join(rep.WriteJSON(&asJSON), rep.WriteHTML(&asHTML)); err != nil {
		t.Fatal(err)
	}
	for _, leak := range private {
		for what, b := range map[string][]byte{"JSON": asJSON.Bytes(), "HTML": asHTML.Bytes()} {
			if i := bytes.Index(b, []byte(leak)); i >= 0 {
				t.Errorf("%s: %q in …%s…", what, leak, b[max(0, i-60):min(len(b), i+60)])
			}
		}
	}
	if !rep.Hidden || !strings.Contains(asHTML.String(), "A call with Person 1, Person 2, Person 3 and Person 4") {
		t.Error("the replacements are not there")
	}
	named := report(t, true)
	asHTML.Reset()
	if err := named.WriteHTML(&asHTML); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A call with Anna Lindqvist, Ben Okafor, Chloé and Dora", "192.168.178.23", "Sunday at Anna’s"} {
		if !strings.Contains(strings.ReplaceAll(asHTML.String(), "&#39;", "’"), want) {
			t.Errorf("%q is not in the report with names", want)
		}
	}
	if strings.Contains(asHTML.String(), "verysecret") {
		t.Error("a secret is in the report")
	}
}

func TestReportTellsTheCall(t *testing.T) {
	rep := report(t, true)
	if len(rep.People) != 4 {
		t.Fatalf("%d people", len(rep.People))
	}
	anna := rep.People[0]
	var ways []verdict.Path
	for _, w := range anna.Ways {
		ways = append(ways, w.Path.Path)
	}
	if len(ways) != 2 || ways[0] != verdict.Relayed || ways[1] != verdict.Direct || anna.Ways[0].To.Sub(anna.Ways[0].From).Round(time.Second) != 67*time.Second {
		t.Errorf("anna's ways: %v %v", ways, anna.Ways)
	}
	if anna.Verdict.Path != verdict.Direct || !anna.Last.OK || anna.Why != "lost the connection" {
		t.Errorf("anna: %+v %v %q", anna.Verdict, anna.Last.OK, anna.Why)
	}
	ben := rep.People[1]
	if n := len(ben.Ways); n != 3 || ben.Ways[1].Path.Path != verdict.Broken {
		t.Errorf("ben's ways: %+v", ben.Ways)
	}
	if !anna.Numbers.RTT.OK || anna.Numbers.RTT.Value < 20*time.Millisecond || anna.Numbers.RTT.Value > 40*time.Millisecond {
		t.Errorf("anna's round trip: %v", anna.Numbers.RTT)
	}
	if len(anna.Setup) != 6 || anna.Setup[5].To != 262*time.Millisecond {
		t.Errorf("set-up: %+v", anna.Setup)
	}
	total := 0.0
	for _, s := range rep.Shares {
		total += s.Share
	}
	if total < .999 || total > 1.001 || !strings.HasPrefix(rep.Summary, "Direct ") || !strings.Contains(rep.Summary, "relayed by the host ") {
		t.Errorf("%v %q", rep.Shares, rep.Summary)
	}
	for _, g := range ben.Graphs {
		var gap time.Duration
		for _, p := range g.Points[20 : len(g.Points)-20] {
			if !p.OK {
				gap += g.Every
			}
		}
		if g.Of != "bitrateSent" && (gap < 5*time.Second || gap > 9*time.Second) {
			t.Errorf("%s: the seven seconds without connection are a gap of %v", g.Of, gap)
		}
	}
}

func TestReportJSONComesBack(t *testing.T) {
	rep := report(t, false)
	var out bytes.Buffer
	if err := rep.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.MarshalIndent(back, "", "  ")
	if err != nil || !bytes.Equal(append(again, '\n'), out.Bytes()) {
		t.Errorf("another report comes back: %v", err)
	}
}

// TestPageNeedsNothing parses the page as strictly as its SVG needs it.
func TestPageNeedsNothing(t *testing.T) {
	var out bytes.Buffer
	if err := report(t, false).WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, bad := range []string{"<script", "src=", "href=", "url(", "@import", "NaN", "ZgotmplZ", "%!", "Inf"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	paths := 0
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "path" {
			paths++
		}
	}
	if paths < 4*4*2 {
		t.Errorf("only %d paths drawn", paths)
	}
}

func TestEmptyReport(t *testing.T) {
	for name, r := range map[string]*Recording{
		"nothing":          {},
		"a minute of none": {Start: simStart, End: simStart.Add(time.Minute)},
		"nobody measured":  {Start: simStart, End: simStart.Add(time.Minute), Self: call.Member{Name: "x"}, Lost: 3, Thinned: simStart},
	} {
		t.Run(name, func(t *testing.T) {
			rep, err := r.Report(false)
			if err != nil {
				t.Fatal(err)
			}
			if err := rep.WriteHTML(io.Discard); err != nil {
				t.Error(err)
			}
			if rep.Summary != "Nobody else was in the call." {
				t.Error(rep.Summary)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		lasting(59 * time.Second):                       "59 s",
		lasting(60 * time.Second):                       "1 min",
		lasting(3725 * time.Second):                     "1 h 2 min",
		into(65 * time.Second):                          "1:05",
		into(3665 * time.Second):                        "1:01:05",
		list([]string{"a", "b", "c"}):                   "a, b and c",
		millis(300 * time.Microsecond):                  "under 1 ms",
		millis(2500 * time.Microsecond):                 "2.5 ms",
		millis(123 * time.Millisecond):                  "123 ms",
		rate(999_600):                                   "1.0 Mbit/s",
		percent(0.0001):                                 "under 0.1 %",
		optional(netstack.Opt[int]{}, rate):             "not measured",
		initials("Jörg van Öst"):                        "JÖ",
		summary([]Share{{verdict.Direct, 1}}):           "Direct all the time.",
		summary([]Share{{"direct", .9}, {"sfu", .004}}): "Direct 90 % of the time and passed on by the host under 1 %.",
		summary([]Share{{"connecting", 1}}):             "Looking for a way all the time.",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestWriteSample writes the page where CANDID_REPORT says, to be looked at.
func TestWriteSample(t *testing.T) {
	dir := os.Getenv("CANDID_REPORT")
	if dir == "" {
		dir = t.TempDir()
	}
	for name, named := range map[string]bool{"named.html": true, "hidden.html": false} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(report(t, named).WriteHTML(f), f.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestWriteSampleOfADump does the same with what Chrome recorded.
func TestWriteSampleOfADump(t *testing.T) {
	dir := os.Getenv("CANDID_REPORT")
	if dir == "" {
		dir = t.TempDir()
	}
	rep, err := importAll(t, sampleDump(t)).Report(true)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "dump.html"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rep.WriteHTML(f), f.Close()); err != nil {
		t.Error(err)
	}
}
