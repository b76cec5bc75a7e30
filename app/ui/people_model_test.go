package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"
)

func TestLockIsHonest(t *testing.T) {
	on := func(p netstack.Topology) func(*call.Snapshot) {
		return func(s *call.Snapshot) { s.Others[0].Path = p }
	}
	for _, c := range []struct {
		name   string
		path   verdict.Path
		change func(*call.Snapshot)
		want   string
		who    string // part of the whole answer
	}{
		{"direct", verdict.Direct, nil, "End-to-end encrypted", "Nobody but those in the room"},
		{"relayed", verdict.Relayed, nil, "End-to-end encrypted", "cannot read"},
		{"SFU", verdict.ViaSFU, nil, "The host could hear this call", "Bo's computer"},
		{"MCU", verdict.ViaMCU, nil, "Bo's computer mixes, and can hear", "decodes"},
		{"encrypted SFU", verdict.ViaSFU, func(s *call.Snapshot) { s.Encrypted = true }, "End-to-end encrypted", "Nobody but"},
		{"mixed for another", verdict.Direct, on(netstack.MCU), "Bo's computer mixes, and can hear", "decodes"},
		{"forwarded to another", verdict.Direct, on(netstack.SFU), "The host could hear this call", "Bo's computer"},
		{"mixed in spite of the promise", verdict.ViaSFU, func(s *call.Snapshot) { s.Encrypted, s.Mixed = true, true }, "Bo's computer mixes, and can hear", "decodes"},
		{"we host, SFU", verdict.ViaSFU, func(s *call.Snapshot) { s.Others[0].Host, s.Self.Host = false, true }, "Only your computer could listen in", "yours"},
		{"we host, MCU", verdict.ViaMCU, func(s *call.Snapshot) { s.Others[0].Host, s.Self.Host = false, true }, "Your computer mixes, and can hear", "your computer"},
		{"another key", verdict.Direct, func(s *call.Snapshot) { s.Others[1].Safety = call.SafetyChanged }, "Another key than before", "Cy"},
		{"nothing flows", verdict.Connecting, nil, "", ""},
		{"broken", verdict.Broken, nil, "", ""},
	} {
		s := call.Snapshot{Self: call.Member{ID: "me", Name: "Ann"}, Others: []call.Member{{ID: "a", Name: "Bo", Host: true}, {ID: "b", Name: "Cy"}}}
		if c.change != nil {
			c.change(&s)
		}
		m := modelOf(s)
		m.lines = []call.Line{lineOf("a", c.path, "", 0), lineOf("b", c.path, "", 0)}
		if got := m.lock(); got.Text != c.want || !strings.Contains(got.Who, c.who) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestPeopleInOrder(t *testing.T) {
	s := peopleOf(4)
	s.Others[0].Problem = "not responding"
	s.Others[1].Hand, s.Others[2].Hand = 2, 1
	s.Others[2].Path, s.Others[2].Moderator = netstack.MCU, true
	s.Self.Host = true
	var got []string
	for _, v := range modelOf(s).peopleViews() {
		got = append(got, v.Name+": "+v.Detail)
	}
	want := []string{"Person 3: Moderator · mixed by the host", "Person 2: ", "Ann: You · hosts the room", "Person 1: Not responding"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func offered(v personView) (out []string) {
	for _, o := range v.Offers {
		out = append(out, o.Words)
	}
	return out
}

// TestOnlyModeratorsModerate: the others are offered nothing they may not do.
func TestOnlyModeratorsModerate(t *testing.T) {
	s := peopleOf(3)
	s.Others[0].Hand, s.Others[0].Safety = 1, call.SafetyWords
	s.Others[1].Host, s.Others[1].Moderator = true, true
	view := func(id netstack.PeerID) personView {
		for _, v := range modelOf(s).peopleViews() {
			if v.ID == id {
				return v
			}
		}
		t.Fatal("nobody is", id)
		return personView{}
	}
	if got := offered(view("p1")); !slices.Equal(got, []string{"Pin", "Connection", "Compare words"}) {
		t.Errorf("anyone is offered %q", got)
	}
	s.Self.Moderator = true
	if got := offered(view("p1")); !slices.Equal(got, []string{"Pin", "Connection", "Compare words", "Mute", "Lower hand", "Make moderator", "Remove"}) {
		t.Errorf("a moderator is offered %q", got)
	}
	if got := offered(view("p2")); slices.Contains(got, "Remove") || slices.Contains(got, "Make moderator") {
		t.Errorf("of the host a moderator is offered %q", got)
	}
	s.Self.Host, s.Others[1].Host = true, false
	if got := offered(view("p2")); !slices.Contains(got, "Hand the room over") {
		t.Errorf("the host is offered %q", got)
	}
	for _, o := range view("p1").Offers {
		if o.Do == call.Remove && o.Sure == "" || o.Do == call.MakeModerator && o.Sure == "" {
			t.Errorf("%s is done without asking", o.Words)
		}
	}
}

func TestCrowdAndLobby(t *testing.T) {
	s := peopleOf(4)
	if w, _ := modelOf(s).crowd(); w != "4" {
		t.Errorf("got %q", w)
	}
	s.Others[1].Hand = 1
	if w, _ := modelOf(s).crowd(); w != "4 · 1 hand" {
		t.Errorf("got %q", w)
	}
	s.Waiting = []call.Waiting{{ID: "w", Name: "Eve"}}
	if title, _ := modelOf(s).lobby(); title != "" {
		t.Errorf("who moderates nothing is told %q", title)
	}
	s.Self.Moderator = true
	if title, one := modelOf(s).lobby(); title != "Eve is waiting to come in" || !one {
		t.Errorf("got %q", title)
	}
	s.Waiting = append(s.Waiting, call.Waiting{ID: "x", Name: "Dan"})
	if title, one := modelOf(s).lobby(); title != "2 people are waiting to come in" || one {
		t.Errorf("got %q", title)
	}
	if w, _ := modelOf(s).crowd(); w != "4 · 2 waiting" {
		t.Errorf("got %q", w)
	}
	for d, want := range map[time.Duration]string{time.Second: "just now", time.Minute: "for 1 minute", 2 * time.Hour: "for more than an hour"} {
		if got := waitingFor(noon.Add(-d), noon); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}

func TestSeamIsToldOnceItIsMeasured(t *testing.T) {
	s := peopleOf(3)
	c := call.PathChange{At: noon, From: netstack.P2P, To: netstack.SFU}
	var x seam
	x.changed(c, noon)
	if _, ok := x.due(s, noon.Add(time.Minute)); ok {
		t.Error("a change under way is told")
	}
	c.Done = true
	x.changed(c, noon)
	if _, ok := x.due(s, noon.Add(time.Second)); ok {
		t.Error("told before it can be measured")
	}
	c.Missing, c.Concealed = 2, 40*time.Millisecond
	s.Change = netstack.Some(c)
	n, ok := x.due(s, noon.Add(2*time.Second))
	if !ok || n.Text != "Now through the host: 3 people. 2 pictures lost, 40 ms of sound made up." {
		t.Errorf("told %q", n.Text)
	}
	x.changed(c, noon.Add(3*time.Second)) // measured again
	if _, ok := x.due(s, noon.Add(time.Minute)); ok {
		t.Error("told twice")
	}
}

func TestSeamWords(t *testing.T) {
	s := peopleOf(2)
	for _, c := range []struct {
		change call.PathChange
		set    func(*call.Snapshot)
		want   string
	}{
		{call.PathChange{To: netstack.P2P}, func(*call.Snapshot) {}, "Now straight to each other: 2 people. No picture lost."},
		{call.PathChange{To: netstack.MCU}, func(s *call.Snapshot) { s.Forced = netstack.MCU }, "Now mixed by the host: as you chose. No picture lost."},
		{call.PathChange{To: netstack.SFU, Missing: 1}, func(s *call.Snapshot) { s.RoomForced = netstack.SFU }, "Now through the host: as a moderator chose. 1 picture lost."},
	} {
		snap := s
		c.set(&snap)
		if got := seamWords(c.change, snap); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	m := modelOf(s)
	got := m.notices(call.PathChanged{Change: call.PathChange{From: netstack.P2P, To: netstack.SFU, Failed: "no picture came in 10 s"}}, false)
	if len(got) != 1 || got[0].Text != "Still straight to each other: no picture came in 10 s." {
		t.Errorf("a failure is told as %+v", got)
	}
}

func TestSafetyWords(t *testing.T) {
	words := []string{"otter", "lamp"}
	for safety, want := range map[call.Safety]string{call.SafetyWords: "Not compared yet", call.SafetyVerified: "Compared: it is really them",
		call.SafetyChanged: "Another key than last time. Compare again before you trust it"} {
		if got := safetyOf(call.Member{Safety: safety}, words); got.State != want || got.Words != "otter  ·  lamp" {
			t.Errorf("%d: %+v", safety, got)
		}
	}
	if got := safetyOf(call.Member{}, nil); got.State != "No words yet" || got.Words != "" {
		t.Errorf("unknown: %+v", got)
	}
}

func TestNewsOfASnapshot(t *testing.T) {
	s := peopleOf(2)
	m := newCallModel()
	if got := m.news(s); len(got) != 0 {
		t.Errorf("of who was here before us is told %+v", got)
	}
	m.from(s)
	next := peopleOf(2)
	next.Others[0].Hand, next.Others[0].Sharing = 2, true
	got := m.news(next)
	if len(got) != 2 || got[0].Text != "Person 1 raised a hand" || got[1].Text != "Person 1 shares a screen" {
		t.Errorf("got %+v", got)
	}
	m.from(next)
	again := peopleOf(2)
	again.Others[0].Hand, again.Others[0].Sharing = 1, true
	if got := m.news(again); len(got) != 0 {
		t.Errorf("a hand that moves up is told: %+v", got)
	}
}
