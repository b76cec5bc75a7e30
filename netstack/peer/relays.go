package peer

import (
	"context"
	"time"

	"candid/netstack"
)

// checkEvery is how often pion looks at its check list; it does when a candidate
// comes, too.
const checkEvery = 200 * time.Millisecond

// relayTimes are when relays of the other side are tried, counted from when
// checks begin: a little after its own addresses, which spares most of them, and
// so that pion looks at its list when it pays: when the time is over that an
// address found by a check has to wait, and that a relay has to.
func (f *Factory) relayTimes() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	const late = 10 * time.Millisecond
	return []time.Duration{prflxWait + late, max(f.relayWait-checkEvery, prflxWait) + late, f.relayWait + late}
}

// tryRelays has the relays of this generation tried, in their time.
func (p *Peer) tryRelays(ctx context.Context, ufrag string) {
	begun := time.Now()
	times := p.f.relayTimes()
	for i, at := range times {
		t := time.NewTimer(at - time.Since(begun))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		on := false
		if p.loop.Do(func() { on = p.tryRelay(ufrag, len(times)-1-i) }) != nil || !on {
			return
		}
	}
}

// tryRelay has a relay tried, when there will be more times to do so; it
// reports whether to go on. The only one waits for the second time: a look at
// the list, checkEvery later, then comes in time.
func (p *Peer) tryRelay(ufrag string, more int) bool {
	t := &p.trickle
	if p.neg.ufrag != ufrag || p.lost {
		return false
	}
	n := 1
	switch found := !p.steps[netstack.ICEConnected].IsZero(); {
	case found || more == 0:
		n, t.holding, more = len(t.relays), false, 0
	case more == 2 && len(t.relays) == 1:
		n = 0
	}
	n = min(n, len(t.relays))
	for _, line := range t.relays[:n] {
		p.try(line)
	}
	t.relays = t.relays[n:]
	return more > 0
}
