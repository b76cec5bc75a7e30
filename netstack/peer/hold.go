package peer

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"time"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// How a path is watched and mended.
const (
	graceAfter  = 500 * time.Millisecond // of "disconnected": it may be one lost packet
	checkingFor = 10 * time.Second       // without a path before another try
	politeWait  = time.Second            // so that not both ask at once
	firstWait   = time.Second            // between tries, doubled each time
	longestWait = 15 * time.Second
	steadyFor   = 10 * time.Second // connected before trouble counts as new

	leastBetween   = time.Second // restarts
	askedPerMinute = 10          // restarts the other side may have us make
)

// hold is what is known about whether the path holds.
type hold struct {
	have     map[netip.Addr]bool // this machine's addresses
	why      string              // of the newest restart, asked for or made
	askedAt  time.Time
	again    string // why to restart once leastBetween has passed; empty: no need
	restarts int
	lastAt   time.Time     // newest restart, or the start
	wait     time.Duration // before the next try
	next     time.Time     // not before
	iceSince time.Time     // of the present ICE state
	badSince time.Time     // zero: all is well
	theirs   []time.Time   // restarts asked for by the other side
	silence  Silence
}

func (h *hold) init(now time.Time) {
	*h = hold{wait: firstWait, lastAt: now, iceSince: now}
	h.silence.Begin(now)
}

func (h *hold) iceChanged(_ webrtc.ICEConnectionState, now time.Time) {
	h.iceSince = now
	h.silence.Excuse(now)
}

// answered restarts the clock of a connection attempt: now checks can begin.
func (h *hold) answered(now time.Time) { h.iceSince = now }

// suspect says in words why the path may be broken, or "".
func (h *hold) suspect(ice webrtc.ICEConnectionState, expecting bool, now time.Time) string {
	for_ := now.Sub(h.iceSince)
	switch ice {
	case webrtc.ICEConnectionStateFailed:
		return "the path is lost"
	case webrtc.ICEConnectionStateDisconnected:
		if for_ >= graceAfter {
			return "nothing arrives any more"
		}
	case webrtc.ICEConnectionStateNew, webrtc.ICEConnectionStateChecking:
		if for_ >= checkingFor {
			return "no path was found"
		}
	case webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted:
		if expecting && h.silence.Lasts(now) {
			return "they answer, but nothing they send arrives"
		}
	}
	return ""
}

// due reports whether something is to be done about why now, and if so counts
// it as a try.
func (h *hold) due(why string, polite bool, now time.Time) bool {
	if why == "" {
		h.badSince = time.Time{}
		if now.Sub(h.lastAt) >= steadyFor && now.After(h.next) {
			h.wait = firstWait
		}
		return false
	}
	if h.badSince.IsZero() {
		h.badSince = now
	}
	if polite && now.Sub(h.badSince) < politeWait || now.Before(h.next) {
		return false
	}
	h.next = now.Add(h.wait)
	h.wait = min(2*h.wait, longestWait)
	return true
}

// admit reports whether the other side may have us restart once more.
func (h *hold) admit(now time.Time) bool {
	for len(h.theirs) > 0 && now.Sub(h.theirs[0]) > time.Minute {
		h.theirs = h.theirs[1:]
	}
	if len(h.theirs) >= askedPerMinute {
		return false
	}
	h.theirs = append(h.theirs, now)
	return true
}

// tick watches the path until the Peer closes.
func (p *Peer) tick(ctx context.Context) {
	t := time.NewTicker(WatchEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.post(func() { p.watch(time.Now()) })
		}
	}
}

func (p *Peer) watch(now time.Time) {
	if p.lost {
		return
	}
	h := &p.hold
	h.silence.Heard(p.ice.Stats().BytesReceived, now)
	why := ""
	if p.neg.ready && p.neg.offer == nil {
		why = h.suspect(p.iceState, p.expecting(), now)
	}
	if h.again != "" && now.Sub(h.lastAt) >= leastBetween {
		p.restartNow(h.again)
	}
	if h.due(why, p.polite, now) {
		p.ask(why)
	}
	p.sayHeld(now)
	p.sampleIfDue(now)
	p.improve(now)
}

// expecting reports whether the other side sends at least RTCP.
func (p *Peer) expecting() bool {
	if p.unasked {
		return false
	}
	for _, t := range p.tracks {
		if !t.ended.Load() {
			return true
		}
	}
	return false
}

// ask sends a wish for a restart. On the impolite side the wish comes back if
// signaling works, and is then fulfilled.
func (p *Peer) ask(why string) {
	p.hold.why, p.hold.askedAt = why, time.Now()
	p.send(TypeRestart, restartBody{why, p.header()})
}

// restartWanted is a restart for good reason, not mere suspicion.
func (p *Peer) restartWanted(why string) {
	if p.polite {
		p.ask(why)
		return
	}
	p.restartNow(why)
}

func (p *Peer) restartNow(why string) {
	if !p.neg.ready {
		return
	}
	if time.Since(p.hold.lastAt) < leastBetween {
		p.hold.again = why // watch sees to it
		return
	}
	p.hold.again = ""
	p.neg.restart = why
	p.needNegotiation()
}

func (p *Peer) handleRestart(e netstack.Envelope) error {
	var body restartBody
	if err := decode(e, &body); err != nil {
		return err
	}
	if !p.hold.admit(time.Now()) {
		return errors.New("too many restarts asked for")
	}
	if p.polite {
		p.send(TypeRestart, restartBody{body.Why, p.header()})
		return nil
	}
	why := oneLine(body.Why)
	if time.Since(p.hold.askedAt) < longestWait {
		why = p.hold.why
	}
	if why == "" {
		why = "the other side asked for it"
	}
	p.restartNow(why)
	return nil
}

// restarting notes a restart that is made now; why is empty if the other side
// made it.
func (p *Peer) restarting(why string) {
	h := &p.hold
	now := time.Now()
	if why == "" {
		why = "the other side made it"
		if now.Sub(h.askedAt) < longestWait {
			why = h.why
		}
	}
	h.restarts++
	h.why, h.lastAt, h.iceSince = why, now, now
	h.silence.Begin(now)
	p.trickle.reset()
	p.moves = moves{}
	p.view.failures = nil
	p.emit(netstack.Restarted{Peer: p.o.Remote, Why: why})
}

// addressesChanged restarts if the address in use is gone, or if there is no
// path and perhaps now one can be had.
func (p *Peer) addressesChanged(have map[netip.Addr]bool) {
	old := p.hold.have
	p.hold.have = have
	if old == nil || len(have) == 0 || maps.Equal(old, have) {
		return // without any address there is nothing to restart with
	}
	switch {
	case p.iceState != webrtc.ICEConnectionStateConnected && p.iceState != webrtc.ICEConnectionStateCompleted:
		p.restartWanted("this machine's addresses changed")
	case p.addressGone(old, have):
		p.restartWanted("this machine's address changed")
	}
}

func (p *Peer) addressGone(old, have map[netip.Addr]bool) bool {
	if ip, ok := base(p.trickle.local[p.view.local]); ok {
		return !ip.IsLoopback() && !have[ip]
	}
	for ip := range old { // the socket is bound to no address: any may be its
		if !have[ip] {
			return true
		}
	}
	return false
}
