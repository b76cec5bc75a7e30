package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/peer"
	"candid/netstack/rehearsal"
	"candid/netstack/signal"
)

// rehearsalLimit is when a check stops rehearsing; putting the lines away takes
// some more time, of the 3 s that a check may take.
const rehearsalLimit = 2200 * time.Millisecond

// errHeldUp: the room is one where newcomers are not tried.
var errHeldUp = errors.New("whoever comes into the room has to be let in")

// rehearse tries the lines to those who are in a room.
func rehearse(ctx context.Context, inv invite.Invite, p peer.Policy, log *slog.Logger) (rehearsal.Result, error) {
	r, err := rehearsal.Run(ctx, rehearsal.Config{Invite: inv, Peer: peer.Config{Policy: p, Loopback: onlyHere(inv), Logger: log}})
	if rehearsal.Refused(err) && !errors.Is(err, signal.ErrRoomFull) {
		err = errHeldUp
	}
	return r, err
}

// onlyHere reports whether the invite is to a host that serves this computer
// alone. Only then is 127.0.0.1 an address worth telling the others.
func onlyHere(i invite.Invite) bool {
	for _, a := range i.Addresses {
		ap, err := netip.ParseAddrPort(a)
		if err != nil || !ap.Addr().IsLoopback() {
			return false
		}
	}
	return true
}

// rehearsed is what a check says of the lines to those in the room.
type rehearsed struct {
	Sentence string `json:"sentence"`
	Error    string `json:"error,omitempty"` // why none were tried
	rehearsal.Result
}

// rehearseNow is a rehearsal of a check that began at a time.
func rehearseNow(ctx context.Context, inv invite.Invite, began time.Time, log *slog.Logger) *rehearsed {
	ctx, cancel := context.WithDeadline(ctx, began.Add(rehearsalLimit))
	defer cancel()
	r, err := rehearse(ctx, inv, peer.AllPaths, log)
	if err != nil {
		what, _ := explain(err)
		return &rehearsed{Error: what}
	}
	return &rehearsed{Sentence: r.Sentence(), Result: r}
}

// facts are what a report says of a rehearsal, line by line.
func (r *rehearsed) facts() (out []checkFact) {
	if r == nil || r.Error != "" {
		return nil
	}
	for i, l := range r.Lines {
		out = append(out, checkFact{first(i, "People"), strings.TrimRight(fmt.Sprintf("%-20s %-30s %s", l.Name, l.Verdict.Badge, pairText(l.Link)), " ")})
	}
	return out
}

// pairText is the pair that a line took.
func pairText(l netstack.Link) string {
	_, local, remote, ok := l.SelectedPair()
	if !ok {
		return ""
	}
	at := func(c netstack.Candidate) string {
		return fmt.Sprintf("%s %s:%d", c.Type, c.Address, c.Port)
	}
	return local.Protocol + " " + at(local) + " → " + at(remote)
}
