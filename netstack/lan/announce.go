package lan

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"candid/netstack/invite"
)

// Announcer tells the local network of rooms. Its methods may be called from
// any goroutine.
type Announcer struct {
	cfg   Config
	conns []conn
	set   chan []Room
	asked chan struct{}
	ctx   context.Context
	end   context.CancelFunc
	once  sync.Once
	wg    sync.WaitGroup
}

// Announce opens multicast DNS and tells nothing yet: see SetRooms.
func Announce(cfg Config) (*Announcer, error) {
	cfg = cfg.withDefaults()
	conns, err := open(cfg)
	if err != nil {
		return nil, err
	}
	a := &Announcer{cfg: cfg, conns: conns, set: make(chan []Room), asked: make(chan struct{}, 1)}
	a.ctx, a.end = context.WithCancel(context.Background())
	for _, c := range conns {
		a.wg.Go(func() { readInto(c, a.hear) })
	}
	a.wg.Go(a.run)
	return a, nil
}

// SetRooms says which rooms to announce from now on, 32 at most. Rooms that are
// not among them any more are said goodbye to.
func (a *Announcer) SetRooms(rooms ...Room) error {
	if len(rooms) > maxAnnounced {
		return fmt.Errorf("announce %d rooms: %d are the most", len(rooms), maxAnnounced)
	}
	for _, r := range rooms {
		if !invite.IsRoom(r.Name) || r.Port == 0 {
			return fmt.Errorf("announce a room: %q on port %d cannot be one", r.Name, r.Port)
		}
	}
	select {
	case a.set <- slices.Clone(rooms):
	case <-a.ctx.Done():
	}
	return nil
}

// Close says goodbye and waits for what Announce started.
func (a *Announcer) Close() error {
	a.once.Do(func() {
		a.end()
		a.wg.Wait()
	})
	return nil
}

// hear notes questions for our rooms.
func (a *Announcer) hear(p []byte, _ netip.AddrPort) {
	if h, err := parse(p); err == nil && h.asked {
		select {
		case a.asked <- struct{}{}:
		default:
		}
	}
}

// run owns the rooms. It answers once a second at most (RFC 6762 section 6),
// a little later than at once, so that not all answer at the same time.
func (a *Announcer) run() {
	defer closeAll(a.conns)
	var rooms []Room
	var due <-chan time.Time
	var last time.Time
	again := 0 // announcements that are to follow the first
	answerIn := func(d time.Duration) {
		if wait := perSecond - time.Since(last); d < wait {
			d = wait
		}
		if due == nil {
			due = time.After(d)
		}
	}
	for {
		select {
		case next := <-a.set:
			a.tell(gone(rooms, next), 0)
			rooms, again = next, 1
			due, last = nil, time.Time{}
			answerIn(0)
		case <-a.asked:
			answerIn(20*time.Millisecond + rand.N(100*time.Millisecond))
		case <-due:
			due, last = nil, time.Now()
			a.tell(rooms, ttl)
			if again > 0 {
				again--
				answerIn(perSecond)
			}
		case <-a.ctx.Done():
			a.tell(rooms, 0)
			return
		}
	}
}

// gone are the rooms that were and are no more.
func gone(before, now []Room) (out []Room) {
	for _, r := range before {
		if !slices.ContainsFunc(now, func(n Room) bool { return n.Name == r.Name && n.Pin == r.Pin }) {
			out = append(out, r)
		}
	}
	return out
}

func (a *Announcer) tell(rooms []Room, life time.Duration) {
	if len(rooms) == 0 {
		return
	}
	addresses := a.cfg.Addresses()
	for _, r := range rooms {
		p, err := announcement(r, addresses, life)
		if err != nil {
			a.cfg.Logger.Warn("announce a room", "err", err)
			continue
		}
		for _, c := range a.conns {
			if err := c.send(p); err != nil {
				a.cfg.Logger.Debug("announce a room", "err", err)
			}
		}
	}
}
