package oneport

import (
	"context"
	"errors"
	"net/netip"

	"candid/netstack/ifwatch"
)

// systemAddrs are the addresses of this machine.
func systemAddrs() ([]netip.Addr, error) {
	list, err := ifwatch.Addresses()
	return ips(list), err
}

func ips(list []ifwatch.Address) []netip.Addr {
	out := make([]netip.Addr, len(list))
	for i, a := range list {
		out[i] = a.IP
	}
	return out
}

// systemWatch calls changed whenever the machine's addresses did.
func systemWatch(ctx context.Context, changed func([]netip.Addr)) {
	ifwatch.Watch(ctx, func(list []ifwatch.Address) { changed(ips(list)) })
}

// bindable reports whether UDP is opened on a. Addresses of one link only (zone
// needed) are no use in an invite or a candidate.
func bindable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// note takes the machine's addresses and returns those to bind.
func (p *Port) note(all []netip.Addr) []netip.Addr {
	own := make(map[netip.Addr]bool, len(all))
	for _, a := range all {
		own[a.Unmap().WithZone("")] = true
	}
	p.own.Store(&own)
	if len(p.cfg.Bind) > 0 {
		return p.cfg.Bind
	}
	return all
}

// bind opens a socket on every address that has none and closes those whose
// address went away. When opening, an address in use by another program is an
// error; else one that cannot be bound is said once and tried again next time.
func (p *Port) bind(addrs []netip.Addr, opening bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	want := make(map[netip.Addr]bool, len(addrs))
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		if !bindable(a) {
			continue
		}
		want[a] = true
		if p.sockets[a] != nil {
			continue
		}
		s, err := openSocket(netip.AddrPortFrom(a, uint16(p.number)))
		switch {
		case err == nil:
			p.sockets[a] = s
			delete(p.unusable, a)
		case inUse(err) && opening:
			return err
		case !p.unusable[a]:
			p.unusable[a] = true
			p.log.Warn("no UDP on one of the local addresses", "ipv6", a.Is6(), "err", errors.Unwrap(err))
		}
	}
	for a, s := range p.sockets {
		if !want[a] {
			delete(p.sockets, a)
			_ = s.conn.Close()
		}
	}
	return nil
}

// rescan brings the sockets in step with the machine's addresses.
func (p *Port) rescan(all []netip.Addr) {
	before := p.running()
	if err := p.bind(p.note(all), false); err != nil {
		p.log.Warn("local addresses changed", "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil { // Close may have missed a socket opened just now
		for _, s := range p.sockets {
			_ = s.conn.Close()
		}
	}
	added, gone := 0, 0
	for a, s := range p.sockets {
		if before[a] != s {
			added++
			p.wg.Go(func() { s.run(&p.cfg) })
		}
	}
	for a := range before {
		if p.sockets[a] == nil {
			gone++
		}
	}
	if added+gone > 0 {
		p.log.Info("local addresses changed", "added", added, "gone", gone)
	}
}

func (p *Port) running() map[netip.Addr]*Socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := make(map[netip.Addr]*Socket, len(p.sockets))
	for a, s := range p.sockets {
		m[a] = s
	}
	return m
}
