//go:build !headless

package app

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"candid/app/config"
	"candid/app/host"
	"candid/app/ui"
	"candid/netstack/invite"
	"candid/netstack/lan"
)

// announce tells the local network of a room hosted here, if the person agreed
// to that; stop ends it. A network without multicast is no error: nobody finds
// the room there.
func (e *engine) announce(h *host.Host, room string) (stop func()) {
	stop = func() {}
	if !e.Config().Announce {
		return stop
	}
	a, err := lan.Announce(lan.Config{Logger: e.log})
	if err == nil {
		stop = func() { _ = a.Close() } // never fails
		err = a.SetRooms(lan.Room{Name: room, Pin: h.Pin(), Port: uint16(h.Port())})
	}
	if err != nil {
		e.log.Debug("room not announced", "err", err)
	}
	return stop
}

// LookAround browses the local network. Without multicast it finds nothing.
func (e *engine) LookAround(ctx context.Context, found func([]ui.Nearby)) {
	if e.meter != nil { // what is measured is a call
		return
	}
	b, err := lan.Browse(lan.Config{Logger: e.log})
	if err != nil {
		e.log.Debug("no rooms nearby", "err", err)
		return
	}
	defer b.Close()
	var rooms []lan.Room
	for {
		select {
		case ev := <-b.Events():
			rooms = heard(rooms, ev)
			found(nearby(rooms, e.Config().Recent))
		case <-ctx.Done():
			return
		}
	}
}

// heard returns the rooms after ev, sorted. It changes none of those given.
func heard(rooms []lan.Room, ev lan.Event) []lan.Room {
	without := func(name string, pin invite.Pin) []lan.Room {
		return slices.DeleteFunc(slices.Clone(rooms), func(r lan.Room) bool { return r.Name == name && r.Pin == pin })
	}
	switch ev := ev.(type) {
	case lan.Found:
		rooms = append(without(ev.Room.Name, ev.Room.Pin), ev.Room)
	case lan.Gone:
		rooms = without(ev.Name, ev.Pin)
	}
	slices.SortFunc(rooms, func(a, b lan.Room) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return slices.Compare(a.Pin[:], b.Pin[:])
	})
	return rooms
}

// nearby are rooms as the window shows them. What is announced opens nothing:
// a link there is only to those that an invite was used for before.
func nearby(rooms []lan.Room, recent []config.Recent) []ui.Nearby {
	var out []ui.Nearby
	for _, r := range rooms {
		n := ui.Nearby{Room: r.Name, Link: linkTo(r, recent)}
		if len(r.Addresses) > 0 {
			n.Address = r.Addresses[0].String()
		}
		out = append(out, n)
	}
	return out
}

// linkTo is the invite that led to a room before, with the addresses it has
// now, or "". Those of the invite go first: anybody can announce others, and
// they must not crowd out the right ones.
func linkTo(r lan.Room, recent []config.Recent) string {
	for _, c := range recent {
		inv, err := invite.Parse(c.Link)
		if err != nil || inv.Room != r.Name || inv.Pin != r.Pin {
			continue
		}
		for _, a := range r.Addresses {
			at := netip.AddrPortFrom(a, r.Port).String()
			if len(inv.Addresses) < invite.MaxAddresses && !slices.Contains(inv.Addresses, at) {
				inv.Addresses = append(inv.Addresses, at)
			}
		}
		if inv.Check() != nil {
			return c.Link
		}
		return inv.String()
	}
	return ""
}
