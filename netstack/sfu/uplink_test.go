package sfu

import (
	"net/netip"
	"testing"
	"time"

	"candid/netstack"
)

// The host's own line is known while it is what limits everyone elsewhere.
func TestUplink(t *testing.T) {
	const now = int64(time.Hour)
	full, free, long := now-int64(time.Second), int64(0), now-fullFor-1
	for _, c := range []struct {
		name string
		all  []receiving
		want netstack.Opt[int]
	}{
		{"nobody", nil, netstack.Opt[int]{}},
		{"all full", []receiving{{bits: 300_000, fullAt: full}, {bits: 500_000, fullAt: full}}, netstack.Some(800_000)},
		{"all full, and one here", []receiving{{bits: 300_000, fullAt: full}, {bits: 500_000, fullAt: full}, {bits: 50_000_000, near: true}}, netstack.Some(800_000)},
		{"one alone says nothing of others", []receiving{{bits: 300_000, fullAt: full}}, netstack.Opt[int]{}},
		{"one has more", []receiving{{bits: 300_000, fullAt: full}, {bits: 500_000, fullAt: free}}, netstack.Opt[int]{}},
		{"one unknown", []receiving{{bits: 300_000, fullAt: full}, {fullAt: full}}, netstack.Opt[int]{}},
		{"long ago", []receiving{{bits: 300_000, fullAt: full}, {bits: 500_000, fullAt: long}}, netstack.Opt[int]{}},
	} {
		if got := uplink(c.all, now); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	own := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:7788")}
	for a, want := range map[string]bool{"127.0.0.1": true, "::1": true, "192.0.2.1": true, "192.0.2.2": false} {
		if got := isNear(netip.MustParseAddr(a), own); got != want {
			t.Errorf("%s is on this machine: %v", a, got)
		}
	}
}
