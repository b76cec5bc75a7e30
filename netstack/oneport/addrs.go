package oneport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// systemAddrs are the addresses of this machine. Those of one link only (zone
// needed) are no use in an invite or a candidate and are bound by nobody.
func systemAddrs() ([]netip.Addr, error) {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list local addresses: %w", err)
	}
	var out []netip.Addr
	for _, n := range nets {
		ipnet, ok := n.(*net.IPNet)
		if !ok {
			continue
		}
		if a, ok := netip.AddrFromSlice(ipnet.IP); ok {
			out = append(out, a.Unmap())
		}
	}
	return out, nil
}

// bindable reports whether UDP is opened on a.
func bindable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// addrs returns the addresses to bind, and notes which are this machine's.
func (p *Port) addrs() ([]netip.Addr, error) {
	list := p.cfg.Addrs
	if list == nil {
		list = systemAddrs
	}
	all, err := list()
	if err != nil {
		return nil, err
	}
	own := make(map[netip.Addr]bool, len(all))
	for _, a := range all {
		own[a.Unmap().WithZone("")] = true
	}
	p.own.Store(&own)
	if len(p.cfg.Bind) > 0 {
		return p.cfg.Bind, nil
	}
	return all, nil
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

// watch keeps the sockets in step with the machine's addresses.
func (p *Port) watch() {
	if len(p.cfg.Bind) > 0 {
		return
	}
	tick := time.NewTicker(p.cfg.Rescan)
	defer tick.Stop()
	for {
		select {
		case <-p.closing:
			return
		case <-tick.C:
			p.rescan()
		}
	}
}

func (p *Port) rescan() {
	before := p.running()
	addrs, err := p.addrs()
	if err == nil {
		err = p.bind(addrs, false)
	}
	if err != nil {
		p.log.Warn("local addresses changed", "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closing: // Close may have missed a socket opened just now
		for _, s := range p.sockets {
			_ = s.conn.Close()
		}
	default:
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
