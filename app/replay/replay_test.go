package replay

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack/trace"
)

// hidden is what becomes of an invite link in a text.
func hidden(s string) string {
	if i := strings.Index(s, "candid://"); i >= 0 {
		return s[:i] + "candid:…"
	}
	return s
}

// TestReplayEqualsLive is the promise of the package.
func TestReplayEqualsLive(t *testing.T) {
	s, r, _ := record(t, 760) // longer than HistoryLength
	check := func(i int) {
		t.Helper()
		got, want := r.At(s.times[i]), remembered(s.live[i])
		if !reflect.DeepEqual(data(got), data(want)) {
			t.Fatalf("%d, at %v:\n%+v, want\n%+v", i, s.times[i], got, want)
		}
	}
	for i := range s.live {
		check(i)
	}
	for _, i := range []int{900, 3, 1500, 0, 420, 419, 421, 80, 1519, 118, 119, 120, 121, 122} {
		check(i)
	}
	if n := len(s.live[len(s.live)-60].Lines[0].History); n != call.HistoryLength {
		t.Errorf("the histories compared are only %d long", n)
	}
}

func TestRecordingTells(t *testing.T) {
	_, r, raw := record(t, 400)
	if d := r.Duration(); d < 399*time.Second || d > 401*time.Second {
		t.Errorf("duration %v", d)
	}
	var people []string
	for _, p := range r.People {
		people = append(people, p.Name+":"+p.Why)
	}
	if got := strings.Join(people, " "); got != "Anna Lindqvist:lost the connection Ben Okafor: Chloé:left Dora:" {
		t.Errorf("people: %s", got)
	}
	kinds := map[MarkKind]int{}
	for i, m := range r.Marks {
		kinds[m.Kind]++
		if i > 0 && m.At.Before(r.Marks[i-1].At) {
			t.Errorf("mark %v is out of order", m)
		}
	}
	want := map[MarkKind]int{MarkJoined: 4, MarkLeft: 2, MarkRestart: 1, MarkPath: 7, MarkPlan: 2, MarkState: 1, MarkTrouble: 1}
	if !reflect.DeepEqual(kinds, want) {
		t.Errorf("marks %v, want %v", kinds, want)
	}
	if r.Room != "Sunday at Anna's" || r.Self.Name != "Jonas Weber" || r.Damages != nil || r.Lost != 0 {
		t.Errorf("%q %q %v %d", r.Room, r.Self.Name, r.Damages, r.Lost)
	}
	t.Logf("%d bytes for %v", len(raw), r.Duration())
}

func TestNoSecretIsRecorded(t *testing.T) {
	_, _, raw := record(t, 130)
	r, err := trace.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for rec := range r.All() {
		var body json.RawMessage
		if err := rec.Decode(&body); err != nil || bytes.Contains(body, []byte("verysecret")) {
			t.Fatalf("%s %v: %s", rec.Kind, err, body)
		}
	}
}

func TestLoadOfACutFile(t *testing.T) {
	_, _, raw := record(t, 200)
	path := filepath.Join(t.TempDir(), "x.trace")
	if err := os.WriteFile(path, raw[:len(raw)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Damages) != 1 || r.Duration() < 60*time.Second {
		t.Errorf("%v %v", r.Damages, r.Duration())
	}
	if m := r.At(r.End); m.Snapshot.State != call.Connected || len(m.Lines) < 2 {
		t.Errorf("at the end: %v, %d lines", m.Snapshot.State, len(m.Lines))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "nothing"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%q is a recording", bad)
		}
	}
}

func TestPlayer(t *testing.T) {
	s, r, _ := record(t, 120)
	ticks := make(chan time.Time)
	p := NewPlayer(r, ticks)
	defer p.Leave()
	at := time.Unix(0, 0)
	pass := func(d time.Duration) { at = at.Add(d); ticks <- at }
	pass(0)
	pass(time.Minute)
	pass(0) // the one before is done
	if !p.Now().Equal(r.Start) || p.Playing() {
		t.Fatal("plays without being told to")
	}
	p.Play(2)
	pass(20 * time.Second)
	pass(0) // the one before is done
	if got := p.Now().Sub(r.Start); got != 40*time.Second {
		t.Errorf("at %v", got)
	}
	if n := len(p.Lines()); n != 1 {
		t.Errorf("%d lines", n)
	}
	joined := 0
	for e := range p.Events() {
		if _, ok := e.(call.MemberJoined); ok {
			if joined++; joined == 1 { // Ben joins at 40 s and a little
				break
			}
		}
	}
	p.Pause()
	p.Seek(s.times[160])
	got := Moment{p.Snapshot(), p.Lines(), p.Graph(), p.Outgoing(), p.PathChanges()}
	if !reflect.DeepEqual(data(got), data(remembered(s.live[160]))) {
		t.Error("after Seek it is another moment")
	}
	p.Play(1)
	pass(time.Hour)
	pass(0)
	if p.Playing() || !p.Now().Equal(r.End) || p.Snapshot().State != call.Ended {
		t.Errorf("at the end: %v, %v", p.Now(), p.Snapshot().State)
	}
	p.Seek(r.Start.Add(-time.Hour))
	if !p.Now().Equal(r.Start) {
		t.Errorf("before the start: %v", p.Now())
	}
	p.SetMuted(true)
	p.SetCameraOff(true)
	p.Restart()
	p.SetVolume("anna", 2)
	p.Watch("anna", nil)
	if len(p.Levels()) != 0 || p.Recording() != r {
		t.Error("levels of a recording")
	}
}

// TestPlayerHasAllEvents plays to the end and counts.
func TestPlayerHasAllEvents(t *testing.T) {
	_, r, _ := record(t, 120)
	ticks := make(chan time.Time)
	p := NewPlayer(r, ticks)
	p.Play(1)
	at := time.Unix(0, 0)
	for range 130 {
		ticks <- at
		at = at.Add(time.Second)
	}
	for i := range r.Events {
		got := <-p.Events()
		if !reflect.DeepEqual(got, r.Events[i].Event) {
			t.Fatalf("event %d is %#v, want %#v", i, got, r.Events[i].Event)
		}
	}
	p.Leave()
	p.Leave()
	if _, ok := <-p.Events(); ok {
		t.Error("an event after the end")
	}
}

func BenchmarkAt(b *testing.B) {
	s, r, _ := record(b, 400)
	for i := 0; b.Loop(); i++ {
		r.At(s.times[i*7919%len(s.times)])
	}
}
