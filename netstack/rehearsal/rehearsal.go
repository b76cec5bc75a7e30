// Package rehearsal finds out, before somebody joins a room, which way a call
// will take: by the same checks between the same machines, without media, and
// without anybody noticing. Run is the half of who might join, Answerer that of
// the members. Signaling lets a rehearsal in with an invite only, not where a
// newcomer has to wait, and for 20 seconds; see package signal.
package rehearsal

import (
	"errors"
	"fmt"
	"time"

	"candid/netstack"
	"candid/netstack/peer"
)

// line is a connection without media to one other machine.
type line struct {
	peer    *peer.Peer
	factory *peer.Factory
	late    *time.Timer // ends it; nil on the side of Run
}

// connect makes a line. How the person wants to be reached may be another for
// each, so each has a factory of its own.
func connect(how peer.Config, o peer.Options) (*line, error) {
	f, err := peer.NewFactory(how)
	if err != nil {
		return nil, err
	}
	o.Topology = netstack.P2P
	p, err := f.New(o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.Expect(false) // silence means nothing
	return &line{peer: p, factory: f}, nil
}

// close ends a line and waits for it: 300 ms at most where nobody answers.
func (l *line) close() error {
	if l.late != nil {
		l.late.Stop()
	}
	if err := errors.Join(l.peer.Close(), l.factory.Close()); err != nil {
		return fmt.Errorf("ending a rehearsal: %w", err)
	}
	return nil
}
