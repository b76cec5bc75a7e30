package sfu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/fault"
	"candid/netstack/loop"
	"candid/netstack/peer"
)

// ErrClosed is returned by a room that was closed.
var ErrClosed = errors.New("the room is closed")

var errFault = errors.New("internal error")

// Room is the host's half of a room: a netstack.Room of topology SFU. One
// goroutine owns who is here and what was negotiated, another the media.
type Room struct {
	server *Server
	log    *slog.Logger
	loop   *loop.Loop
	engine *engine
	closed atomic.Bool

	// What follows belongs to the loop.
	members map[netstack.PeerID]*member
	order   []*member // of joining
	tracks  map[trackKey]*track
	slots   []bool // taken
	// Of this process: who receives, and what is sent.
	taps     []*Tap
	injected []*Injected
	speakers []netstack.PeerID // the newest first
}

var _ netstack.Room = (*Room)(nil)

// Faults counts the panics of this room's server, those of others too who work on
// its media in this process.
func (r *Room) Faults() *fault.Counter { return &r.server.panics }

// member outlives its connections.
type member struct {
	id       netstack.PeerID
	signaler netstack.Signaler
	session  *session
	past     []string // sessions of the other side that were replaced
	wishes   map[trackKey]Wish
	restarts []time.Time
	guest    *Guest // not nil: without signaling
}

// wish is what a member wants of a track: by the wish that says most exactly
// which it is about.
func (m *member) wish(k trackKey) Wish {
	for _, about := range [...]trackKey{k, {k.peer, Any}, {Any, k.track}, {Any, Any}} {
		if w, ok := m.wishes[about]; ok {
			return w
		}
	}
	return Wish{Height: defaultTile}
}

// rememberedSessions is how many earlier incarnations of a client are told from
// a new one.
const rememberedSessions = 8

// NewRoom opens a room without members. Close must be called.
func (s *Server) NewRoom() *Room {
	r := &Room{server: s, log: s.log, loop: loop.New(context.Background()), members: map[netstack.PeerID]*member{}, tracks: map[trackKey]*track{}}
	r.engine = newEngine(s, func(c change) { r.post(func() { r.tell(c) }) })
	r.loop.Go(r.engine.run)
	return r
}

// Topology is SFU.
func (r *Room) Topology() netstack.Topology { return netstack.SFU }

// Join lets a member in; what it publishes goes to all others, and theirs to
// it. Its messages come by Handle, ours leave by signaler.
func (r *Room) Join(id netstack.PeerID, signaler netstack.Signaler) error {
	if id == "" || id == netstack.HostID || signaler == nil || !isToken(string(id)) {
		return fmt.Errorf("letting %q in: not a member", id)
	}
	return r.do(func() error {
		if r.members[id] != nil {
			return fmt.Errorf("letting %q in: it is here", id)
		}
		m := &member{id: id, signaler: signaler, wishes: map[trackKey]Wish{}}
		r.members[id] = m
		r.order = append(r.order, m)
		r.connect(m)
		return nil
	})
}

// Leave ends a member's connection; at once nothing more is sent to it.
func (r *Room) Leave(id netstack.PeerID) {
	r.post(func() {
		m := r.members[id]
		if m == nil {
			return
		}
		r.leave(m)
	})
}

func (r *Room) leave(m *member) {
	delete(r.members, m.id)
	r.order = slices.DeleteFunc(r.order, func(o *member) bool { return o == m })
	r.disconnect(m)
}

// Handle takes an envelope of a member. It does not block.
func (r *Room) Handle(e netstack.Envelope) {
	if e.Path != netstack.SFU || len(e.Body) > maxBody {
		return
	}
	var m *member
	r.guarded(func() {
		if m = r.members[e.From]; m == nil {
			return
		}
		var err error
		if peer.Handles(e.Type) {
			err = r.negotiate(m, e)
		} else if e.Type == TypeWishes {
			err = r.wish(m, e)
		}
		if err != nil {
			r.log.Debug("message refused", "member", m.id, "type", e.Type, "err", err)
		}
	}, func() { r.reconnect(m) })
}

// Close ends all connections and waits for all that was started.
func (r *Room) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	_ = r.loop.Do(func() {
		for _, m := range r.order {
			r.disconnect(m)
		}
		r.members, r.order, r.taps, r.injected = map[netstack.PeerID]*member{}, nil, nil, nil
	})
	r.loop.Close()
	return nil
}

// Stats counts what a room has done.
type Stats struct {
	Forwarded, Resent, Dropped uint64 // packets
	Policed                    uint64 // packets over what their sender may send
	Sent, Calls, Lost          uint64 // packets to the system, its calls, and what it did not take
	// InsideP50 and InsideP99 are how long packets were inside: from being read
	// until the system had all copies, since the last Stats.
	InsideP50, InsideP99 time.Duration
}

// Stats returns what was counted so far.
func (r *Room) Stats() Stats {
	e := r.engine
	s := Stats{Forwarded: e.forwarded.Load(), Resent: e.resent.Load(), Dropped: e.dropped.Load(), Policed: e.policed.Load()}
	done := make(chan struct{})
	e.do(func() {
		s.Sent, s.Calls, s.Lost = e.out.Counts()
		s.InsideP50, s.InsideP99 = e.inside.quantile(0.5), e.inside.quantile(0.99)
		e.inside = delays{}
		close(done)
	})
	select {
	case <-done:
		return s
	case <-r.loop.Done():
		return Stats{}
	}
}

func (r *Room) post(fn func()) { r.guarded(fn, nil) }

// guarded runs fn on the loop; a panic in it ends with mend.
func (r *Room) guarded(fn, mend func()) {
	if !r.closed.Load() {
		_ = r.loop.Post(func() { r.server.panics.Guard(r.log, fn, mend) }) // an error means closed
	}
}

// reconnect begins anew with a member whose connection cannot go on.
func (r *Room) reconnect(m *member) {
	if m == nil || r.members[m.id] != m {
		return
	}
	if m.guest != nil {
		r.gone(m)
		return
	}
	r.disconnect(m)
	r.connect(m)
}

func (r *Room) do(fn func() error) error {
	if r.closed.Load() {
		return ErrClosed
	}
	var err error
	if r.loop.Do(func() {
		r.server.panics.Guard(r.log, func() { err = fn() }, func() { err = errFault })
	}) != nil {
		return ErrClosed
	}
	return err
}

// send queues a message for a member.
func (r *Room) send(m *member, typ string, body any) {
	if m.signaler == nil {
		return
	}
	b, err := json.Marshal(body)
	if err != nil {
		r.log.Error("message not written", "type", typ, "err", err)
		return
	}
	e := netstack.Envelope{Type: typ, From: netstack.HostID, To: m.id, Path: netstack.SFU, Body: b}
	if err := m.signaler.Send(context.Background(), e); err != nil {
		r.log.Debug("message not sent", "member", m.id, "type", typ, "err", err)
	}
}

// tell passes on what the engine found out.
func (r *Room) tell(c change) {
	if c.line != nil && c.line.near != nil {
		if n := c.line.near; n.demand != nil {
			n.demand(c.height)
		}
		return
	}
	if c.speakers != nil {
		r.speakers = c.speakers
		r.notice()
	}
	for _, m := range slices.Clone(r.order) {
		switch {
		case c.broken != nil:
			if m.session != nil && m.session.line == c.broken {
				r.reconnect(m)
				return
			}
		case c.silent != nil:
			if m.session != nil && m.session.line == c.silent && m.guest == nil {
				r.log.Debug("nothing arrives of a member any more", "member", m.id)
				m.session.restartICE("nothing sent from here arrives any more")
				return
			}
		case c.gone != nil:
			if m.session != nil && m.session.line == c.gone && m.guest != nil {
				r.gone(m)
				return
			}
		case c.speakers != nil:
			r.send(m, TypeSpeakers, speakersBody{c.speakers})
		case m.session != nil && m.session.line == c.line:
			r.send(m, TypeDemand, demandBody{c.demand})
		}
	}
}

// wish takes what a member wants to see.
func (r *Room) wish(m *member, e netstack.Envelope) error {
	var body wishesBody
	if err := decode(e, &body); err != nil {
		return err
	}
	if len(body.Wishes) > maxWishes {
		return fmt.Errorf("%d wishes, %d are allowed", len(body.Wishes), maxWishes)
	}
	for _, w := range body.Wishes {
		key := trackKey{w.Peer, w.Track}
		if _, known := m.wishes[key]; !known && (len(m.wishes) >= maxWishes || !isToken(w.Track) || !isToken(string(w.Peer))) {
			continue
		}
		w.Height, w.Priority = min(max(w.Height, 0), 10_000), min(max(w.Priority, 0), 3)
		m.wishes[key] = w
		if m.session != nil {
			m.session.wished(key)
		}
	}
	return nil
}
