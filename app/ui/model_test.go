package ui

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/config"
	"candid/netstack"
	"candid/netstack/verdict"
)

var noon = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

func lineOf(id string, p verdict.Path, badge string, rtt time.Duration) call.Line {
	l := call.Line{Member: call.Member{ID: netstack.PeerID(id), Name: id}, Verdict: verdict.Verdict{Path: p, Badge: badge}}
	if rtt > 0 {
		l.Link.RTT = netstack.Some(rtt)
	}
	return l
}

func TestSummary(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name  string
		lines []call.Line
		want  string
		path  verdict.Path
	}{
		{"nobody", nil, "", verdict.Unknown},
		{"one says what its verdict says", []call.Line{lineOf("a", verdict.Direct, "Direct · 24 ms", 24*ms)}, "Direct · 24 ms", verdict.Direct},
		{"all direct", []call.Line{lineOf("a", verdict.Direct, "", 24*ms), lineOf("b", verdict.Direct, "", 61*ms)}, "Direct · 24–61 ms", verdict.Direct},
		{"all the same", []call.Line{lineOf("a", verdict.Direct, "", 24*ms), lineOf("b", verdict.Direct, "", 24*ms)}, "Direct · 24 ms", verdict.Direct},
		{"not measured", []call.Line{lineOf("a", verdict.Direct, "", 0), lineOf("b", verdict.Direct, "", 0)}, "Direct", verdict.Direct},
		{"very near", []call.Line{lineOf("a", verdict.Direct, "", ms/3), lineOf("b", verdict.Direct, "", ms/4)}, "Direct · under 1 ms", verdict.Direct},
		{"mixed", []call.Line{lineOf("a", verdict.Direct, "", 24*ms), lineOf("b", verdict.Relayed, "", 61*ms)}, "1 direct, 1 relayed · 24–61 ms", verdict.Relayed},
		{"all relayed", []call.Line{lineOf("a", verdict.Relayed, "", 60*ms), lineOf("b", verdict.Relayed, "", 61*ms)}, "Relayed by the host · 60–61 ms", verdict.Relayed},
		{"SFU", []call.Line{lineOf("a", verdict.ViaSFU, "", 9*ms), lineOf("b", verdict.ViaSFU, "", 9*ms)}, "Through the host (SFU) · 9 ms", verdict.ViaSFU},
		{"one on the MCU", []call.Line{lineOf("a", verdict.ViaMCU, "", 9*ms), lineOf("b", verdict.ViaSFU, "", 9*ms)}, "Mixed by the host (MCU) · 9 ms", verdict.ViaMCU},
		{"one broken", []call.Line{lineOf("a", verdict.Direct, "", 9*ms), lineOf("b", verdict.Broken, "", 0)}, "1 of 2 not connected", verdict.Broken},
		{"one connecting", []call.Line{lineOf("a", verdict.Direct, "", 9*ms), lineOf("b", verdict.Connecting, "", 0)}, "Connecting to 1 of 2", verdict.Connecting},
	} {
		if got, path := summary(c.lines); got != c.want || path != c.path {
			t.Errorf("%s: got %q, %s; want %q, %s", c.name, got, path, c.want, c.path)
		}
	}
}

func TestTiles(t *testing.T) {
	m := newCallModel()
	m.from(call.Snapshot{Self: call.Member{ID: "me", Name: "Ann"}, Others: []call.Member{{ID: "a", Name: "Bo", Muted: true, Problem: "not responding"}, {ID: "b", Name: "Cy", CameraOff: true}}})
	m.lines = []call.Line{lineOf("b", verdict.Direct, "Direct · 3 ms", 0)}
	m.heard(map[netstack.PeerID]float64{"a": 0.9, "b": 0.9, "me": 0.01}, noon)
	got := m.tiles()
	want := []personTile{
		{"a", tileLook{Name: "Bo", Muted: true, Problem: "not responding"}}, // muted, so not speaking whatever is heard
		{"b", tileLook{Name: "Cy", CameraOff: true, Speaking: true, Badge: "Direct · 3 ms"}},
		{"me", tileLook{Name: "Ann", Self: true}},
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
	}
	m.from(call.Snapshot{Self: call.Member{ID: "me"}, Others: []call.Member{{ID: "b"}}})
	if m.speakers["a"] != nil {
		t.Error("who left is still known")
	}
}

func TestSpeakerHasHysteresis(t *testing.T) {
	s, now := &speaker{}, noon
	for i, step := range []struct {
		level   float64
		after   time.Duration
		on      bool
		changed bool
	}{
		{0.35, 0, false, false},                     // not loud enough to begin
		{0.5, 100 * time.Millisecond, true, true},   // begins
		{0.35, 100 * time.Millisecond, true, false}, // goes on below the beginning's threshold
		{0.1, 100 * time.Millisecond, true, false},  // a pause between words
		{0.01, 400 * time.Millisecond, true, false},
		{0.01, 300 * time.Millisecond, false, true}, // has stopped
		{0.35, 100 * time.Millisecond, false, false},
	} {
		now = now.Add(step.after)
		if changed := s.heard(step.level, now); s.on != step.on || changed != step.changed {
			t.Fatalf("step %d: on %v, changed %v", i, s.on, changed)
		}
	}
}

func TestCurtain(t *testing.T) {
	explain := func(err error) (string, string) { return "What: " + err.Error(), "Next." }
	for _, c := range []struct {
		snap  call.Snapshot
		kind  curtainKind
		title string
	}{
		{call.Snapshot{State: call.Joining, Room: "tea"}, joiningCurtain, "Joining tea"},
		{call.Snapshot{State: call.Alone}, aloneCurtain, "You are the only one here"},
		{call.Snapshot{State: call.Connecting}, strip, "Connecting…"},
		{call.Snapshot{State: call.Reconnecting}, strip, "Reconnecting…"},
		{call.Snapshot{State: call.Connected}, noCurtain, ""},
		{call.Snapshot{State: call.Connected, Problem: "The host is gone."}, strip, "The host is gone."},
		{call.Snapshot{State: call.Ended}, endedCurtain, "You left the call"},
		{call.Snapshot{State: call.Ended, Err: errors.New("x")}, endedCurtain, "What: x"},
	} {
		m := callModel{snap: c.snap}
		if got := m.curtain(explain); got.Kind != c.kind || got.Title != c.title {
			t.Errorf("%s: got %+v", c.snap.State, got)
		}
	}
}

func TestNotices(t *testing.T) {
	bo := call.Member{Name: "Bo"}
	for _, c := range []struct {
		e    call.Event
		want string
		bad  bool
	}{
		{call.MemberJoined{Member: bo}, "Bo came in", false},
		{call.MemberLeft{Member: bo, Why: "left"}, "Bo left", false},
		{call.MemberLeft{Member: bo, Why: "connection lost"}, "Bo is gone: connection lost", true},
		{call.Noticed{Text: "The disk is full.", Bad: true}, "The disk is full.", true},
		{call.PlanChanged{Plan: call.Plan{Why: "Three people."}}, "", false}, // the change is told when it is done
		{call.PlanChanged{}, "", false},
		{call.MemberChanged{Member: bo}, "", false},
		{call.StateChanged{State: call.Connected}, "", false},
	} {
		got := notices(c.e)
		if c.want == "" {
			if len(got) != 0 {
				t.Errorf("%+v: got %+v", c.e, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Text != c.want || got[0].Bad != c.bad || got[0].Icon == "" {
			t.Errorf("%+v: got %+v", c.e, got)
		}
	}
}

func TestCheckLink(t *testing.T) {
	check := func(s string) (string, error) {
		if s == "candid://good" {
			return "tea", nil
		}
		return "", errors.New("bad")
	}
	explain := func(error) (string, string) { return "Not an invite.", "Paste it whole." }
	for typed, want := range map[string]linkState{
		"":                   {Text: "An invite begins with candid:// and comes from the host of the room."},
		"  can":              {Text: "Go on: an invite begins with candid://"},
		" candid://good\n":   {Text: "This leads to tea. Press Enter to go there.", Good: true},
		"https://example.de": {Text: "Not an invite. Paste it whole.", Bad: true},
	} {
		if got := checkLink(typed, check, explain); got != want {
			t.Errorf("%q: got %+v", typed, got)
		}
	}
}

func TestRecentRooms(t *testing.T) {
	got := recentRooms(config.Config{Recent: []config.Recent{
		{Room: "tea", Link: "candid://x", At: noon.Add(-time.Hour)},
		{Room: "mine", Hosted: true, At: noon.Add(-24 * time.Hour)},
		{Room: "lost", At: noon}, // neither a link nor ours: nothing leads there
	}}, noon)
	if len(got) != 2 || got[0].Detail != "Joined · today, 11:00" || got[1].Detail != "Hosted here · yesterday, 12:00" {
		t.Errorf("got %+v", got)
	}
}

func TestDeviceWords(t *testing.T) {
	cam := DeviceState{Devices: []Device{{ID: "a", Name: "A"}, {ID: "b", Name: "B", Default: true}}}
	g := glances(map[DeviceKind]DeviceState{Camera: cam, Microphone: {Problem: "The microphone is taken."}})
	want := []glance{{"video", "B", false}, {"mic-off", "The microphone is taken.", true}, {"volume-2", "No speaker found", true}}
	for i := range want {
		if g[i] != want[i] {
			t.Errorf("got %+v, want %+v", g[i], want[i])
		}
	}
	opts, chosen := deviceOptions(cam)
	if chosen != "b" || opts[1].name != "B (system default)" {
		t.Errorf("got %v, %q", opts, chosen)
	}
	for _, k := range deviceKinds {
		if what, next := deviceTrouble(k, DeviceState{}); what == "" || next == "" {
			t.Errorf("no words for no %s", k)
		}
		if what, _ := deviceTrouble(k, cam); what != "" {
			t.Errorf("%s: %q although there is one", k, what)
		}
	}
	if what, next := deviceTrouble(Camera, DeviceState{Problem: "P.", Next: "N."}); what != "P." || next != "N." {
		t.Errorf("got %q, %q", what, next)
	}
}

func TestFormats(t *testing.T) {
	us, ms := time.Microsecond, time.Millisecond
	for got, want := range map[string]string{
		millis(40 * us): "under 0.1 ms", millis(0): "0 ms", millis(1200 * us): "1.2 ms", millis(61*ms + 400*us): "61 ms", millis(12 * time.Second): "12 s",
		roundTrip(300 * us): "under 1 ms", roundTrip(1400 * us): "1 ms",
		rate(900): "900 bit/s", rate(41_000): "41 kbit/s", rate(999_600): "1 Mbit/s", rate(1_480_000): "1.5 Mbit/s",
		percent(0): "0 %", percent(0.0001): "under 0.1 %", percent(0.004): "0.4 %", percent(0.05): "5 %",
		bytesOf(512): "512 B", bytesOf(48_120_331): "48.1 MB",
		clock(64 * time.Second): "01:04", clock(3*time.Hour + 4*time.Second): "3:00:04", clock(-time.Second): "00:00",
		known(netstack.Opt[int]{}, func(int) string { return "0" }): "not measured",
		ago(noon.Add(-time.Minute), noon):                           "just now",
		ago(noon.Add(-40*time.Minute), noon):                        "40 minutes ago",
		ago(noon.Add(-13*time.Hour), noon):                          "yesterday, 23:00",
		ago(noon.Add(-4*24*time.Hour), noon):                        "Tuesday, 12:00",
		ago(noon.Add(-40*24*time.Hour), noon):                       "12 October",
		ago(noon.Add(-400*24*time.Hour), noon):                      "17 October 2025",
		count(1, "pair", "pairs"):                                   "1 pair",
		age(noon.Add(-time.Second), noon):                           "live",
		age(noon.Add(-7*time.Second), noon):                         "7 s old",
		age(time.Time{}, noon):                                      "not measured",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPickLeavesGaps(t *testing.T) {
	var h []call.Sample
	for i := range 10 {
		s := call.Sample{At: noon.Add(time.Duration(i) * time.Second)}
		if i != 8 {
			s.RTT = netstack.Some(time.Duration(i) * time.Millisecond)
		}
		if i != 6 {
			h = append(h, s)
		}
	}
	got := charts(h, time.Minute)[0].Series[0].Values
	if len(got) != 60 || got[59] != 9 || got[56] == got[56] || got[58] == got[58] || got[57] != 7 {
		t.Errorf("got %v", got[50:])
	}
	if !math.IsNaN(got[0]) {
		t.Error("before the beginning there was something")
	}
	if n := len(runs(got)); n != 3 {
		t.Errorf("%d runs, want 3: the gaps are not drawn over", n)
	}
	if v := charts(nil, time.Minute)[0]; v.valueText(v.Series[0].newest()) != "not measured" {
		t.Error("an empty history has a value")
	}
}

func TestScale(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.7: 0.8, 1: 1, 1.1: 2, 24: 30, 61: 80, 81: 100, 1_600_000: 2_000_000} {
		if got := roundUp(v); math.Abs(got-want) > want/1e6 {
			t.Errorf("%v: got %v, want %v", v, got, want)
		}
	}
	c := chartView{Floor: 20, Series: []series{{Values: []float64{math.NaN(), 3}}}}
	if got := c.top(); got != 20 {
		t.Errorf("a flat line is not blown up: %v", got)
	}
	if c.at(-1) != 0 || c.at(2) != 1 || c.at(0.9) != 1 || c.secondsBack(0) != 1 {
		t.Error("the hair line is off")
	}
}

func TestGlossaryExplainsWhatThePanelSays(t *testing.T) {
	var all strings.Builder
	for _, g := range glossary {
		all.WriteString(strings.ToLower(g.Word + " " + g.Meaning + " "))
	}
	for _, word := range []string{"host", "srflx", "prflx", "relay", "p2p", "sfu", "mcu", "ice", "round trip", "loss", "jitter", "bitrate", "pair", "dtls", "srtp", "stun", "turn", "not measured", "made up"} {
		if !strings.Contains(all.String(), word) {
			t.Errorf("%q is not explained", word)
		}
	}
}

func TestNearbyRooms(t *testing.T) {
	got := nearbyRooms([]Nearby{{"tea", "192.168.1.2", "candid://x"}, {"tea", "192.168.1.3", ""}, {"tea", "", ""}})
	want := []nearbyRoom{
		{"log-in", "tea", "Join · 192.168.1.2", "candid://x"},
		{"lock", "tea", "Needs an invite · 192.168.1.3", ""},
		{"lock", "tea", "Needs an invite", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}
