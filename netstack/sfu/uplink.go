package sfu

import (
	"net/netip"
	"slices"
	"time"

	"candid/netstack"
)

// fullFor is how long a line that was seen to be full tells of its capacity:
// estimates climb again within that time.
const fullFor = int64(15 * time.Second)

// receiving is what is known of the line to one receiver.
type receiving struct {
	bits   int64 // the estimate; 0: unknown
	fullAt int64 // when it was last seen to be full, Unix nanoseconds
	near   bool  // on this machine
}

// Uplink is what this machine's own line carries to all members elsewhere
// together, in bit/s, where it is what limits them: when all of them, two at
// least, have had full lines of late. Otherwise there is more, and nobody knows
// how much.
func (r *Room) Uplink() (bits netstack.Opt[int]) {
	var all []receiving
	own := r.server.cfg.Candidates()
	_ = r.do(func() error {
		for _, m := range r.order {
			if m.session == nil || m.guest != nil && m.guest.Sends {
				continue
			}
			l := m.session.line
			at := l.agent.selected.Load()
			if at == nil {
				continue
			}
			all = append(all, receiving{l.bitsNow.Load(), l.fullAt.Load(), isNear(at.remote.Addr(), own)})
		}
		return nil
	})
	return uplink(all, time.Now().UnixNano())
}

func isNear(a netip.Addr, own []netip.AddrPort) bool {
	return a.IsLoopback() || slices.ContainsFunc(own, func(o netip.AddrPort) bool { return o.Addr() == a })
}

func uplink(all []receiving, now int64) (bits netstack.Opt[int]) {
	sum, n := int64(0), 0
	for _, l := range all {
		switch {
		case l.near:
			continue
		case l.bits == 0 || l.fullAt == 0 || now-l.fullAt > fullFor:
			return bits
		}
		sum, n = sum+l.bits, n+1
	}
	if n >= 2 {
		bits = netstack.Some(int(sum))
	}
	return bits
}
