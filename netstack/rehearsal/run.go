package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/peer"
	"candid/netstack/signal"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

const (
	mostLines = 8                      // members to whom lines are tried
	lookEvery = 50 * time.Millisecond  // at what was found
	settled   = 300 * time.Millisecond // all lines were up so long: a better way would have been found,
	longest   = 3 * time.Second        // or where one is relayed: a call, too, leaves a relay within 2 s
)

// Config says which room to rehearse with, and how.
type Config struct {
	Invite invite.Invite
	// Peer says which addresses may be used; the servers and whom to trust there
	// are those of the host.
	Peer peer.Config
}

// Line is the line to a member, as it was found.
type Line struct {
	Name    string          `json:"name"`
	Verdict verdict.Verdict `json:"verdict"`
	Link    netstack.Link   `json:"link"`
}

// Result is what a rehearsal found.
type Result struct {
	Lines []Line `json:"lines"`
	// More is how many people are in the room to whom no line was tried.
	More int `json:"more,omitempty"`
	// Room is the path that the room takes now; Auto: nobody is there.
	Room netstack.Topology `json:"room"`
}

// Run tries the lines to those who are in a room, until it is known which way
// each takes, or until ctx ends or 20 s have passed: then with what is known by
// then. Errors are those of signal.Dial.
func Run(ctx context.Context, c Config) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, signal.RehearsalTime)
	defer cancel()
	client, err := signal.Dial(ctx, signal.ClientConfig{Invite: c.Invite, Rehearse: true, Logger: c.Peer.Logger})
	if err != nil {
		return Result{}, fmt.Errorf("rehearse: %w", err)
	}
	r := &run{client: client, lines: map[netstack.PeerID]*line{}}
	defer r.close()
	welcome, err := r.welcome(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("rehearse: %w", err)
	}
	c.Peer.ICEServers, c.Peer.TLS = welcome.Servers, client.TLS()
	out, err := r.begin(welcome, c.Peer)
	if err != nil {
		return Result{}, fmt.Errorf("rehearse: %w", err)
	}
	r.wait(ctx)
	for i, id := range r.order {
		out.Lines[i].Link = r.lines[id].peer.Link()
		out.Lines[i].Verdict = verdict.Of(out.Lines[i].Link, verdict.Evidence{}, verdict.Evidence{})
	}
	return out, nil
}

// run is one rehearsal. It belongs to one goroutine.
type run struct {
	client *signal.Client
	lines  map[netstack.PeerID]*line
	order  []netstack.PeerID
}

func (r *run) welcome(ctx context.Context) (signal.Welcomed, error) {
	select {
	case e := <-r.client.Events():
		if w, ok := e.(signal.Welcomed); ok {
			return w, nil
		}
		return signal.Welcomed{}, signal.ErrHostGone
	case <-ctx.Done():
		return signal.Welcomed{}, ctx.Err()
	}
}

// begin makes a line to everyone who can have one.
func (r *run) begin(w signal.Welcomed, how peer.Config) (Result, error) {
	var out Result
	for _, m := range w.Members {
		out.Room = w.Plan.For(m.ID)
		paths := m.Capabilities.Paths
		if !m.Connected || len(paths) > 0 && !slices.Contains(paths, netstack.P2P) {
			continue
		}
		if len(r.order) == mostLines {
			out.More++
			continue
		}
		l, err := connect(how, peer.Options{
			Self: w.ID, Remote: m.ID, Signaler: r.client,
			Emit: func(netstack.Event) {}, // the Link tells all
		})
		if err != nil {
			return out, err
		}
		r.lines[m.ID], r.order = l, append(r.order, m.ID)
		out.Lines = append(out.Lines, Line{Name: m.Name})
	}
	return out, nil
}

// wait passes on what the members say until all lines are known.
func (r *run) wait(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var since time.Time // all are known
	for len(r.lines) > 0 {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-r.client.Events():
			if !ok {
				return
			}
			if m, ok := e.(signal.MessageReceived); ok && r.lines[m.Envelope.From] != nil {
				r.lines[m.Envelope.From].peer.Handle(m.Envelope)
			}
		case now := <-look.C:
			switch {
			case !r.known():
				since = time.Time{}
			case since.IsZero():
				since = now
			case now.Sub(since) >= settled && !r.undecided(), now.Sub(since) >= longest:
				return
			}
		}
	}
}

// known reports whether each line is up, and measured, or failed.
func (r *run) known() bool {
	for _, l := range r.lines {
		link := l.peer.Link()
		up := link.State == webrtc.PeerConnectionStateConnected && link.RTT.OK
		if !up && link.State != webrtc.PeerConnectionStateFailed {
			return false
		}
	}
	return true
}

// undecided reports whether a line is relayed that may still become direct.
func (r *run) undecided() bool {
	for _, l := range r.lines {
		link := l.peer.Link()
		if _, local, remote, ok := link.SelectedPair(); !ok || !netstack.Relayed(local, remote) {
			continue
		}
		for _, p := range link.Pairs {
			if local, remote := link.Candidates(p); p.State != netstack.PairFailed && !netstack.Relayed(local, remote) {
				return true
			}
		}
	}
	return false
}

// close ends everything at the same time, and waits.
func (r *run) close() {
	var all sync.WaitGroup
	all.Go(func() { _ = r.client.Close() })
	for _, l := range r.lines {
		all.Go(func() { _ = l.close() }) // the line is not needed any more
	}
	all.Wait()
}

// Refused reports whether err means that a rehearsal is not let in where the
// invite itself is good: somebody has to let newcomers in, or enough rehearse.
func Refused(err error) bool {
	return errors.Is(err, signal.ErrDenied) || errors.Is(err, signal.ErrLocked) || errors.Is(err, signal.ErrRoomFull)
}
