package peer

import (
	"context"
	"time"

	"candid/netstack"
)

// checkEvery is how often pion looks at its check list; it does when a candidate
// comes, too.
const checkEvery = 200 * time.Millisecond

// tcpTime is when the other side's addresses for TCP are tried, counted from
// when checks begin. That gives those for UDP a start, and has pion look at its
// list when it pays: late enough for a direct way to have been found, and a turn
// before a relay may be taken. (Relays themselves cannot be held back: their
// checks would come from addresses nobody knows, which need not wait.)
func (f *Factory) tcpTime() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(f.relayWait-checkEvery, prflxWait) + 10*time.Millisecond
}

// tryLater has what was held of this generation tried in its time.
func (p *Peer) tryLater(ctx context.Context, ufrag string) {
	t := time.NewTimer(p.f.tcpTime())
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
		p.post(func() {
			if p.neg.ufrag == ufrag && !p.lost {
				p.tryHeld()
			}
		})
	}
}

// tryHeld has what was held tried; UDP that works makes it pointless.
func (p *Peer) tryHeld() {
	t := &p.trickle
	t.holding = false
	if p.steps[netstack.ICEConnected].IsZero() {
		for _, line := range t.later {
			p.try(line)
		}
	}
	t.later = nil
}
