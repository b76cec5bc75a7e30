// Package ifwatch knows the addresses of this machine: what sort of interface
// each is on, and when they change.
package ifwatch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"candid/netstack"
)

// pollEvery is how often addresses are read where the system does not tell of
// changes, and now and then where it does. Reading them takes some 50 µs.
const (
	pollEvery = time.Second
	pollCheck = 10 * time.Second
)

// Address is one unicast address of this machine on an interface that is up.
type Address struct {
	IP        netip.Addr // without zone
	Interface string
	Kind      netstack.NetworkKind // empty: unknown
	// Bridge marks the private bridge of a container or virtual machine host:
	// nobody outside this machine can be reached by it.
	Bridge bool
}

// Addresses returns what addresses the machine has now, in the order the
// system names them.
func Addresses() ([]Address, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("listing network interfaces: %w", err)
	}
	var out []Address
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil { // the interface went away in between
			continue
		}
		kind, bridge := kindOf(i), Bridge(i.Name)
		for _, a := range addrs {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			out = append(out, Address{prefix.Addr().Unmap().WithZone(""), i.Name, kind, bridge})
		}
	}
	return out, nil
}

// Bridge reports whether an interface of this name is the private bridge of a
// container or virtual machine host, by the names such programs give.
func Bridge(name string) bool {
	for _, prefix := range []string{"docker", "virbr", "lxcbr", "lxdbr", "podman", "cni-", "cni0", "vboxnet", "vmnet"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	id, ok := strings.CutPrefix(name, "br-") // docker's own networks: br- and 12 hex digits
	return ok && len(id) == 12 && strings.Trim(id, "0123456789abcdef") == ""
}

// Watch calls changed with the addresses whenever they differ from the last
// call's, and once at the start; it blocks until ctx ends. changed must not
// block for long: changes that come meanwhile are one.
func Watch(ctx context.Context, changed func([]Address)) {
	notice, stop := notifications(ctx)
	defer stop()
	every := pollEvery
	if notice != nil {
		every = pollCheck
	}
	watch(ctx, notice, every, Addresses, changed)
}

func watch(ctx context.Context, notice <-chan struct{}, every time.Duration, read func() ([]Address, error), changed func([]Address)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last []Address
	for first := true; ; first = false {
		if now, err := read(); err == nil && (first || !slices.Equal(now, last)) {
			last = now
			changed(now)
		}
		select {
		case <-ctx.Done():
			return
		case <-notice:
			settle(ctx, notice)
		case <-tick.C:
		}
	}
}

// Changes come in steps: one address is taken away, another given, then one of
// the other family. They are told when there was no step for quiet, or after
// patience.
const (
	quiet    = 100 * time.Millisecond
	patience = 500 * time.Millisecond
)

// settle waits until changes have come to an end.
func settle(ctx context.Context, notice <-chan struct{}) {
	end := time.NewTimer(patience)
	defer end.Stop()
	step := time.NewTimer(quiet)
	defer step.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-step.C:
			return
		case <-notice:
			step.Reset(quiet)
		}
	}
}

// kindByFlags is what the flags alone tell.
func kindByFlags(i net.Interface) netstack.NetworkKind {
	switch {
	case i.Flags&net.FlagLoopback != 0:
		return netstack.Loopback
	case i.Flags&net.FlagPointToPoint != 0:
		return netstack.VPN
	}
	return ""
}
