package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"candid/app/call"
)

// scripted is a call that gives what it is told to.
type scripted struct {
	m      Moment
	events chan call.Event
}

func (s *scripted) Snapshot() call.Snapshot        { return s.m.Snapshot }
func (s *scripted) Events() <-chan call.Event      { return s.events }
func (s *scripted) Lines() []call.Line             { return s.m.Lines }
func (s *scripted) Graph() []call.Edge             { return s.m.Graph }
func (s *scripted) Outgoing() []call.Outgoing      { return s.m.Outgoing }
func (s *scripted) PathChanges() []call.PathChange { return s.m.Changes }

// TestTapRecordsIntoAFolder records calls, and finds them again.
func TestTapRecordsIntoAFolder(t *testing.T) {
	sim, _, _ := record(t, 30)
	f := Folder{Dir: filepath.Join(t.TempDir(), "calls"), Keep: 3}
	if list, err := f.List(); err != nil || len(list) != 0 {
		t.Fatalf("before the first call: %v %v", list, err)
	}
	for i := range 5 {
		start := simStart.Add(time.Duration(i) * time.Hour)
		w, name, err := f.Begin("Candid 0.1.0", start)
		if err != nil {
			t.Fatal(err)
		}
		live := &scripted{sim.live[10], make(chan call.Event)}
		seconds, ticks := 0, make(chan time.Time)
		now := start
		tap := NewTap(live, NewRecorder(w, func() time.Time { now = now.Add(time.Second); return now }), func(time.Time, Moment) { seconds++ }, ticks)
		live.events <- call.MemberJoined{Member: call.Member{ID: "x", Name: "Xenia"}}
		ticks <- start
		close(live.events)
		var told []call.Event
		for e := range tap.Events() {
			told = append(told, e)
		}
		<-tap.Done()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || seconds != 2 {
			t.Fatalf("told %v, %d seconds", told, seconds)
		}
		r, err := f.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		e := r.Entry()
		e.Name = name
		if err := f.Finish(e); err != nil {
			t.Fatal(err)
		}
		if got := r.At(r.End); !reflect.DeepEqual(data(got), data(remembered(live.m))) {
			t.Errorf("recorded %+v, want %+v", got, live.m)
		}
		r.Close()
	}
	list, err := f.List()
	if err != nil || len(list) != 3 || !list[0].Start.Equal(simStart.Add(4*time.Hour)) || fmt.Sprint(list[0].People) != "[Anna Lindqvist]" || list[0].Size == 0 {
		t.Fatalf("%+v %v", list, err)
	}
	if err := os.Remove(f.path(list[0].Name, entryEnd)); err != nil {
		t.Fatal(err)
	}
	if again, err := f.List(); err != nil || again[0].Room != "" || !again[0].Start.Equal(list[0].Start.Truncate(time.Millisecond)) {
		t.Errorf("one that was never finished: %+v %v", again[0], err)
	}
	if _, err := f.Open("../" + list[0].Name); err == nil {
		t.Error("opens what is elsewhere")
	}
	if err := f.Delete(list[0].Name); err != nil {
		t.Error(err)
	}
	if list, _ = f.List(); len(list) != 2 {
		t.Errorf("%d left", len(list))
	}
}
