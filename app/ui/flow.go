package ui

import (
	"context"

	"candid/app/call"
	"candid/app/replay"
)

// This file says which screen follows which.

func (w *Window) showHome() { w.show(newHomeScreen(w)) }

// showCheck opens the device check before joining link; with no link it only
// checks.
func (w *Window) showCheck(link, room string) { w.show(newCheckScreen(w, link, room)) }

// host opens a room on this computer.
func (w *Window) host() {
	w.begin("Opening your room", "Getting this computer ready to be the host.", w.engine.Host, w.host)
}

// join joins the room of an invite.
func (w *Window) join(link string) {
	room, _ := w.engine.CheckLink(link) // what is wrong with it, joining tells
	w.begin("Joining "+roomName(room), "Reaching the host of the room.",
		func(ctx context.Context) (Call, error) { return w.engine.Join(ctx, link) },
		func() { w.join(link) })
}

// begin shows that something is under way, and then the call or what went
// wrong. again tries once more.
func (w *Window) begin(title, text string, enter func(context.Context) (Call, error), again func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	try := &attempt{again}
	w.attempt = try
	w.show(newMessage(w, message{
		Icon: "loader", Col: cAccent, Title: title, Text: text,
		Actions: []action{{secondary, "x", "Cancel", func() { cancel(); w.showHome() }}},
	}))
	w.work.Go(func() {
		c, err := enter(ctx)
		cancel()
		kept := make(chan bool, 1)
		w.do(func() { kept <- w.entered(try, c, err) })
		wanted := false
		select {
		case wanted = <-kept:
		case <-w.ctx.Done():
			select {
			case wanted = <-kept:
			default:
			}
		}
		if c != nil && !wanted {
			c.Leave()
			drain(c)
		}
	})
}

// attempt is a join under way; a newer screen makes it void.
type attempt struct{ again func() }

// entered takes the outcome of joining and reports whether the call is wanted.
func (w *Window) entered(try *attempt, c Call, err error) bool {
	if w.closed || w.attempt != try {
		return false
	}
	if err != nil {
		what, next := w.engine.Explain(err)
		w.show(newMessage(w, message{
			Icon: "circle-alert", Col: cBad, Title: what, Text: next,
			Actions: []action{{primary, "refresh-cw", "Try again", try.again}, {secondary, "house", "Home", w.showHome}},
		}))
		return false
	}
	w.showCall(c, try.again)
	return true
}

// drain reads a call's events until it has ended.
func drain(c Call) {
	for range c.Events() {
	}
}

// showCall shows a call, and follows it to its end.
func (w *Window) showCall(c Call, again func()) {
	s := newCallScreen(w, c)
	w.show(s)
	w.work.Go(func() {
		for e := range c.Events() {
			w.post(func() { s.apply(e) })
		}
		w.post(func() { w.ended(s, again) })
	})
}

// ended follows a call that is over.
func (w *Window) ended(s *callScreen, again func()) {
	if w.screen != s {
		return
	}
	snap := s.call.Snapshot()
	m := message{Icon: "circle-check", Col: cGood, Title: "You left the call", Actions: []action{
		{primary, "house", "Home", w.showHome}, {secondary, "refresh-cw", "Back to the room", again},
	}}
	if !snap.Since.IsZero() {
		m.Text = "You were in " + roomName(snap.Room) + " for " + clock(w.now().Sub(snap.Since)) + "."
	}
	if snap.Hosted {
		m.Actions[1].Text = "Open a room again"
	}
	if snap.State == call.Ended && snap.Err != nil {
		m.Title, m.Text = w.engine.Explain(snap.Err)
		m.Icon, m.Col = "circle-alert", cBad
		m.Actions[0], m.Actions[1] = m.Actions[1], m.Actions[0]
		m.Actions[0].Kind, m.Actions[1].Kind = primary, secondary
	}
	w.show(newMessage(w, m))
}

// openPast opens a call of the past.
func (w *Window) openPast(open func(context.Context) (*replay.Recording, error)) {
	w.work.Go(func() {
		r, err := open(w.ctx)
		shown := make(chan struct{})
		w.do(func() {
			defer close(shown)
			switch {
			case err != nil && !w.closed:
				w.fail(err)
			case err == nil && w.idle():
				w.show(newReplayScreen(w, r))
			case err == nil:
				_ = r.Close() // only read
			}
		})
		select {
		case <-shown:
		case <-w.ctx.Done():
		}
	})
}

// idle reports whether another screen may take the window.
func (w *Window) idle() bool {
	if w.closed {
		return false
	}
	switch w.screen.(type) {
	case *homeScreen, *replayScreen:
		return true
	}
	return false
}

// importCall opens a recording from elsewhere, or a dump of Chrome's
// webrtc-internals.
func (w *Window) importCall(file string) {
	w.openPast(func(ctx context.Context) (*replay.Recording, error) { return w.engine.ImportCall(ctx, file) })
}
