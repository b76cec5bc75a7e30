package peer

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"candid/netstack"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
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
	// improveAfter is how long after ICE a line is first moved by itself,
	// maxImprove how often between two restarts.
	improveAfter = 2 * time.Second
	maxImprove   = 3
	// looseAfter is how long the very pair is insisted on: behind some routers
	// neither side knows all its names.
	looseAfter = 4 * time.Second
	// maxNames of an end, of at most maxName bytes, are in a message.
	maxNames = 8
	maxName  = 200
)

var errBadSelect = errors.New("reading a wish for a pair: its names cannot be used")

// pairWish is a pair that shall be used: its ends as our checks see them, by the
// names each may have.
type pairWish struct {
	local, remote []string  // "udp 192.0.2.1:5000"; none: any will do
	relayed       bool      // it is
	used          [2]string // the pair in use when it was wished: it is not meant
	loose, until  time.Time // from when on any that is as much relayed will do
}

// wishes is the wish of one connection; pion asks on a goroutine of its own.
type wishes struct{ p atomic.Pointer[pairWish] }

// take reports whether a check that came by a pair moves the line to it.
func (w *wishes) take(_ *stun.Message, local, remote ice.Candidate, _ *ice.CandidatePair) bool {
	wish, now := w.p.Load(), time.Now()
	if wish == nil || now.After(wish.until) {
		return false
	}
	if !wish.fits(fromICE(local), fromICE(remote), now) {
		return false
	}
	w.p.CompareAndSwap(wish, nil)
	return true
}

func (w *pairWish) fits(local, remote netstack.Candidate, now time.Time) bool {
	here, there := end(local), end(remote)
	switch {
	case w.used == [2]string{here, there} || w.relayed != netstack.Relayed(local, remote):
		return false
	case now.After(w.loose):
		return true
	}
	return (len(w.local) == 0 || slices.Contains(w.local, here)) && (len(w.remote) == 0 || slices.Contains(w.remote, there))
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
	p.moves.byHand = true
	p.move(pair)
}

// moves is what became of moving to other pairs since the last restart.
type moves struct {
	byHand bool // somebody chose a pair
	made   int  // by improve
	next   time.Time
}

// detour is by how much packets travel farther than they must.
type detour int

const (
	straight     detour = iota
	relayed             // through a relay
	relayedInTCP        // and through TCP or TLS to it, where one lost packet holds up all
)

func detourOf(local, remote netstack.Candidate) detour {
	switch {
	case local.Type == webrtc.ICECandidateTypeRelay && local.RelayProtocol != "udp":
		return relayedInTCP
	case netstack.Relayed(local, remote):
		return relayed
	}
	return straight
}

// improve moves the line to a pair without the detour of the one in use, once
// one works: ICE nominates the best of what answers in time, and then no more.
// One side does it, and not against what somebody chose.
func (p *Peer) improve(now time.Time) {
	m := &p.moves
	if p.polite || m.byHand || m.made >= maxImprove || now.Before(m.next) ||
		p.state != webrtc.PeerConnectionStateConnected || now.Sub(p.hold.iceSince) < improveAfter {
		return
	}
	var best netstack.Pair
	least := detourOf(p.trickle.local[p.view.local], p.trickle.remote[p.view.remote])
	for _, pair := range p.view.pairs {
		if pair.State != netstack.PairSucceeded || pair.Selected {
			continue
		}
		d := detourOf(p.trickle.local[pair.Local], p.trickle.remote[pair.Remote])
		if d < least || d == least && best.ID != "" && pair.Priority > best.Priority {
			best, least = pair, d
		}
	}
	if best.ID == "" {
		return
	}
	p.log.Debug("moving to a shorter way", "pair", best.ID)
	m.made, m.next = m.made+1, now.Add(wishFor)
	p.move(best)
}

// move asks both sides to take a pair.
func (p *Peer) move(pair netstack.Pair) {
	local, remote := p.trickle.local[pair.Local], p.trickle.remote[pair.Remote]
	relayed := netstack.Relayed(local, remote)
	p.wish([]string{end(local)}, []string{end(remote)}, relayed)
	// The other side knows our end by what we told, or by what a router shows: a
	// name that neither of us told is not known to both.
	var theirs []string
	if remote.Type != webrtc.ICECandidateTypePrflx {
		theirs = []string{end(remote)}
	}
	p.send(TypeSelect, selectBody{Local: theirs, Remote: p.seenAs(local), Relayed: relayed, header: p.header()})
}

// seenAs are the names one of our ends may have at the other side: where a
// router stands between, those that servers told us.
func (p *Peer) seenAs(local netstack.Candidate) (names []string) {
	if local.Type != webrtc.ICECandidateTypePrflx {
		names = append(names, end(local))
	}
	for _, c := range p.trickle.local {
		if c.Type == webrtc.ICECandidateTypeSrflx && c.Protocol == local.Protocol && c.RelatedAddress == local.Address && c.RelatedPort == local.Port && len(names) < maxNames {
			names = append(names, end(c))
		}
	}
	return names
}

// wish has the line moved to a pair by the checks to come. One of our ends that
// a server told us checks from the address behind it.
func (p *Peer) wish(local, remote []string, relayed bool) {
	for _, c := range p.trickle.local {
		if c.Type == webrtc.ICECandidateTypeSrflx && slices.Contains(local, end(c)) {
			local = append(local, c.Protocol+" "+netAddr(c.RelatedAddress, c.RelatedPort))
		}
	}
	now := time.Now()
	used := [2]string{end(p.trickle.local[p.view.local]), end(p.trickle.remote[p.view.remote])}
	p.wishes.p.Store(&pairWish{local, remote, relayed, used, now.Add(looseAfter), now.Add(wishFor)})
}

func (p *Peer) handleSelect(e netstack.Envelope) error {
	var body selectBody
	if err := decode(e, &body); err != nil {
		return err
	}
	for _, names := range [][]string{body.Local, body.Remote} {
		if len(names) > maxNames || slices.ContainsFunc(names, func(n string) bool { return n == "" || len(n) > maxName }) {
			return errBadSelect
		}
	}
	p.moves.byHand = true // or by improve of the other side, the only one that does it
	p.wish(body.Local, body.Remote, body.Relayed)
	return nil
}
