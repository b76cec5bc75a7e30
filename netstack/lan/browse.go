package lan

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"candid/netstack/invite"
	"candid/netstack/unbounded"
)

// Browser finds rooms on the local network. Its methods may be called from any
// goroutine.
type Browser struct {
	cfg     Config
	conns   []conn
	events  *unbounded.Channel[Event]
	packets chan packet
	again   chan struct{}
	ctx     context.Context
	end     context.CancelFunc
	once    sync.Once
	wg      sync.WaitGroup

	rooms map[key]*entry // of run alone
}

type packet struct {
	data []byte
	from netip.Addr
}

type key struct {
	name string
	pin  invite.Pin
}

type entry struct {
	room    Room
	source  netip.Addr
	expires time.Time
	told    time.Time
}

// Browse begins to look for rooms.
func Browse(cfg Config) (*Browser, error) {
	cfg = cfg.withDefaults()
	conns, err := open(cfg)
	if err != nil {
		return nil, err
	}
	b := &Browser{
		cfg: cfg, conns: conns, events: unbounded.New[Event](), packets: make(chan packet, queued),
		again: make(chan struct{}, 1), rooms: make(map[key]*entry),
	}
	b.ctx, b.end = context.WithCancel(context.Background())
	for _, c := range conns {
		b.wg.Go(func() { readInto(c, b.hear) })
	}
	b.wg.Go(b.run)
	return b, nil
}

// Events yields what was found and what went, in order. It is closed by Close.
func (b *Browser) Events() <-chan Event { return b.events.Out() }

// Again asks anew at once. Call it when the network has changed.
func (b *Browser) Again() {
	select {
	case b.again <- struct{}{}:
	default:
	}
}

// Close ends the search and waits for what Browse started.
func (b *Browser) Close() error {
	b.once.Do(func() {
		b.end()
		b.wg.Wait()
		b.events.Close()
	})
	return nil
}

// mdnsPort is where answers come from (RFC 6762 section 6).
const mdnsPort = 5353

// hear queues a packet, or drops it in a flood.
func (b *Browser) hear(p []byte, from netip.AddrPort) {
	if from.Port() != mdnsPort {
		return
	}
	select {
	case b.packets <- packet{p, from.Addr().Unmap().WithZone("")}:
	default:
	}
}

// run owns the rooms.
func (b *Browser) run() {
	defer closeAll(b.conns)
	sweep := time.NewTicker(expiry)
	defer sweep.Stop()
	pause := time.Second
	ask := time.After(20*time.Millisecond + rand.N(100*time.Millisecond)) // RFC 6762 section 5.2
	looked := 0
	for {
		select {
		case p := <-b.packets:
			if looked++; looked <= maxRate {
				b.take(p, time.Now())
			}
		case <-ask:
			b.ask()
			ask = time.After(pause)
			pause = min(2*pause, slowest)
		case <-b.again:
			pause, ask = time.Second, time.After(0)
		case <-sweep.C:
			looked = 0
			b.sweep(time.Now())
		case <-b.ctx.Done():
			return
		}
	}
}

func (b *Browser) ask() {
	q, err := question()
	if err != nil {
		b.cfg.Logger.Warn("look for rooms nearby", "err", err)
		return
	}
	for _, c := range b.conns {
		if err := c.send(q); err != nil {
			b.cfg.Logger.Debug("look for rooms nearby", "err", err)
		}
	}
}

// take notes what a packet says.
func (b *Browser) take(p packet, now time.Time) {
	h, err := parse(p.data)
	if err != nil {
		return
	}
	for _, r := range h.rooms {
		if len(r.Addresses) == 0 && !p.from.IsLinkLocalUnicast() {
			r.Addresses = []netip.Addr{p.from}
		}
		b.note(r, p.from, now)
	}
}

// note notes one room. A goodbye counts a second later (RFC 6762 section
// 10.1), and a room changes once a second at most.
func (b *Browser) note(r heardRoom, source netip.Addr, now time.Time) {
	k := key{r.Name, r.Pin}
	e := b.rooms[k]
	switch {
	case r.life == 0:
		if e != nil {
			e.expires = now.Add(expiry)
		}
		return
	case len(r.Addresses) == 0 || e == nil && b.full(source):
		return
	case e == nil:
		e = &entry{source: source}
		b.rooms[k] = e
	}
	e.expires = now.Add(r.life)
	same := e.room.Port == r.Port && slices.Equal(e.room.Addresses, r.Addresses)
	if same || now.Sub(e.told) < perSecond {
		return
	}
	e.room, e.told = r.Room, now
	told := r.Room
	told.Addresses = slices.Clone(told.Addresses)
	b.events.Put(Found{told})
}

// full reports whether no room more is kept from a source.
func (b *Browser) full(source netip.Addr) bool {
	n := 0
	for _, e := range b.rooms {
		if e.source == source {
			n++
		}
	}
	return n >= maxPerSource || len(b.rooms) >= maxRooms
}

// sweep forgets rooms that nobody announced any more.
func (b *Browser) sweep(now time.Time) {
	for k, e := range b.rooms {
		if !now.Before(e.expires) {
			delete(b.rooms, k)
			b.events.Put(Gone{k.name, k.pin})
		}
	}
}
