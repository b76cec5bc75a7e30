package replay

import (
	"time"

	"candid/app/call"
	"candid/netstack/unbounded"
)

// Live is a call that can be recorded. call.Session is one.
type Live interface {
	Snapshot() call.Snapshot
	Events() <-chan call.Event
	Lines() []call.Line
	Graph() []call.Edge
	Outgoing() []call.Outgoing
	PathChanges() []call.PathChange
}

// Tap reads the events of a call, has them recorded and passes them on.
type Tap struct {
	live   Live
	rec    *Recorder
	each   func(at time.Time, m Moment)
	events *unbounded.Channel[call.Event]
	done   chan struct{}
}

// NewTap begins to record live. each, if not nil, is called once a second on the
// Tap's goroutine, with what was recorded. ticks is nil but for tests. The Tap
// ends when the call does.
func NewTap(live Live, rec *Recorder, each func(time.Time, Moment), ticks <-chan time.Time) *Tap {
	t := &Tap{live: live, rec: rec, each: each, events: unbounded.New[call.Event](), done: make(chan struct{})}
	go t.run(ticks)
	return t
}

// Events yields what the call tells, in order; closed after the call has ended.
func (t *Tap) Events() <-chan call.Event { return t.events.Out() }

// Done is closed when the last of the call was recorded.
func (t *Tap) Done() <-chan struct{} { return t.done }

func (t *Tap) run(ticks <-chan time.Time) {
	defer close(t.done)
	if ticks == nil {
		clock := time.NewTicker(time.Second)
		defer clock.Stop()
		ticks = clock.C
	}
	t.second(time.Now())
	for {
		select {
		case e, ok := <-t.live.Events():
			if !ok {
				t.events.Finish()
				return
			}
			t.rec.Event(e, t.live.Snapshot())
			t.events.Put(e)
		case at := <-ticks:
			t.second(at)
		}
	}
}

func (t *Tap) second(at time.Time) {
	m := Moment{t.live.Snapshot(), t.live.Lines(), t.live.Graph(), t.live.Outgoing(), t.live.PathChanges()}
	t.rec.Lines(m.Snapshot, m.Lines)
	t.rec.Room(m.Graph, m.Outgoing, m.Changes)
	if t.each != nil {
		t.each(at, m)
	}
}
