package rehearsal

import (
	"context"
	"log/slog"
	"time"

	"candid/netstack"
	"candid/netstack/loop"
	"candid/netstack/peer"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// Answerer answers rehearsals for a member of a room.
type Answerer struct {
	self     netstack.PeerID
	signaler netstack.Signaler
	log      *slog.Logger
	loop     *loop.Loop

	lines map[netstack.PeerID]*line // of the loop
}

// NewAnswerer returns an Answerer without work. Close must be called.
func NewAnswerer(self netstack.PeerID, s netstack.Signaler, log *slog.Logger) *Answerer {
	return &Answerer{self: self, signaler: s, log: log, loop: loop.New(context.Background()), lines: map[netstack.PeerID]*line{}}
}

// Handle takes a message from a rehearsal. If it is the first from there, how
// says which addresses and servers the answer may use. It does not block.
func (a *Answerer) Handle(e netstack.Envelope, how peer.Config) {
	if e.Path == netstack.P2P && peer.Handles(e.Type) {
		_ = a.loop.Post(func() { a.handle(e, how) }) // an error means closed
	}
}

func (a *Answerer) handle(e netstack.Envelope, how peer.Config) {
	l := a.lines[e.From]
	if l == nil {
		if len(a.lines) >= signal.MaxRehearsals || e.Type == peer.TypeRestart {
			return
		}
		var err error
		if l, err = a.answer(e, how); err != nil {
			a.log.Warn("rehearsal not answered", "err", err)
			return
		}
	}
	l.peer.Handle(e)
}

// answer begins a line, which ends when the other side is gone or it is late.
func (a *Answerer) answer(first netstack.Envelope, how peer.Config) (*line, error) {
	id := first.From
	var l *line
	end := func() { _ = a.loop.Post(func() { a.end(id, l) }) }
	l, err := connect(how, peer.Options{
		Self: a.self, Remote: id, Signaler: a.signaler, Expected: first.Type == peer.TypeDescription,
		Emit: func(e netstack.Event) {
			if c, ok := e.(netstack.LinkChanged); ok && (c.State == webrtc.PeerConnectionStateDisconnected || c.State == webrtc.PeerConnectionStateFailed) {
				end()
			}
		},
		Lost: func(error, netstack.Envelope) { end() },
	})
	if err != nil {
		return nil, err
	}
	l.late = time.AfterFunc(signal.RehearsalTime, end)
	a.lines[id] = l
	return l, nil
}

func (a *Answerer) end(id netstack.PeerID, l *line) {
	if a.lines[id] == l {
		delete(a.lines, id)
		a.retire(l)
	}
}

// retire closes a line; Close waits for that.
func (a *Answerer) retire(l *line) {
	a.loop.Go(func(context.Context) {
		if err := l.close(); err != nil {
			a.log.Debug("rehearsal not ended well", "err", err)
		}
	})
}

// Close ends all rehearsals and waits.
func (a *Answerer) Close() error {
	_ = a.loop.Do(func() { // an error means closed
		for id, l := range a.lines {
			delete(a.lines, id)
			a.retire(l)
		}
	})
	a.loop.Close()
	return nil
}
