package peer

import (
	"errors"
	"sync/atomic"
	"time"

	"candid/netstack"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// Moving a line to another pair of its check list, without a restart: ICE
// nominates once, and pion lets nobody nominate again by hand. But it asks us,
// on every check that arrives, whether the pair it came by shall be the one in
// use, and the controlling side may go on checking all pairs. So:
//
//   - both sides are told of the wish;
//   - the controlled side takes the pair when the next check comes by it, and
//     from then on checks it alone;
//   - the controlling side takes what the controlled side has taken.
//
// Both pairs work all the while, and either side takes what comes by either, so
// that nothing is lost.
const (
	// wishFor is how long a wish holds: some rounds of checks, which take 3 s
	// each where there are 60 pairs.
	wishFor = 12 * time.Second
	// neverOnItsOwn is how long pion leaves alone what works: pairs are checked
	// on, but changed by wish only.
	neverOnItsOwn = 10 * 365 * 24 * time.Hour
	// maxSelect bounds what a message may name.
	maxSelect = 200
)

var errBadSelect = errors.New("reading a wish for a pair: it names none")

// pairWish is a pair that shall be used: its ends as our checks see them. Ends
// that are not known are empty, and then any will do.
type pairWish struct {
	local, remote string    // "udp 192.0.2.1:5000"
	used          [2]string // the pair in use when it was wished: it is not meant
	until         time.Time
}

// wishes is the wish of one connection; pion asks on a goroutine of its own.
type wishes struct{ p atomic.Pointer[pairWish] }

// take reports whether a check that came by a pair moves the line to it.
func (w *wishes) take(_ *stun.Message, local, remote ice.Candidate, _ *ice.CandidatePair) bool {
	wish := w.p.Load()
	if wish == nil || time.Now().After(wish.until) {
		return false
	}
	if !wish.fits(local, remote) {
		return false
	}
	w.p.CompareAndSwap(wish, nil)
	return true
}

func (w *pairWish) fits(local, remote ice.Candidate) bool {
	here, there := end(fromICE(local)), end(fromICE(remote))
	return w.used != [2]string{here, there} && (w.local == "" || w.local == here) && (w.remote == "" || w.remote == there)
}

// end names one end of a pair.
func end(c netstack.Candidate) string { return c.Protocol + " " + netAddr(c.Address, c.Port) }

// Select moves the line to a pair of Link that has succeeded. Nothing happens
// if there is no such pair any more; what comes of it is told by PairChanged.
func (p *Peer) Select(pairID string) { p.post(func() { p.selectPair(pairID) }) }

func (p *Peer) selectPair(id string) {
	pair, ok := p.view.pairs[id]
	if !ok || pair.State != netstack.PairSucceeded || pair.Selected {
		p.log.Debug("pair not taken", "pair", id, "state", pair.State)
		return
	}
	local, remote := p.trickle.local[pair.Local], p.trickle.remote[pair.Remote]
	p.wish(end(local), end(remote))
	// The other side knows our end by what we told, or by what its router
	// shows: an address that it learnt from our packets only, it finds itself.
	p.send(TypeSelect, selectBody{Local: toldAs(remote), Remote: toldAs(local), header: p.header()})
}

// toldAs is how the other side knows an end; empty if only its packets tell.
func toldAs(c netstack.Candidate) string {
	if c.Type.String() == "prflx" {
		return ""
	}
	return end(c)
}

func (p *Peer) wish(local, remote string) {
	used := [2]string{end(p.trickle.local[p.view.local]), end(p.trickle.remote[p.view.remote])}
	p.wishes.p.Store(&pairWish{local, remote, used, time.Now().Add(wishFor)})
}

func (p *Peer) handleSelect(e netstack.Envelope) error {
	var body selectBody
	if err := decode(e, &body); err != nil {
		return err
	}
	if len(body.Local) > maxSelect || len(body.Remote) > maxSelect || body.Local == "" && body.Remote == "" {
		return errBadSelect
	}
	p.wish(body.Local, body.Remote)
	return nil
}
