package peer

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/pion/ice/v4"
)

// maxRemoteCandidates bounds what the other side may make us check, per ICE
// generation: each costs a packet every 200 ms while connecting.
const maxRemoteCandidates = 64

// unreachable are special-purpose addresses no participant can have (RFC 6890
// and its registries). Private ones are not among them: people share a LAN.
var unreachable = parsePrefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2002::/16", "fe80::/10", "fec0::/10", "ff00::/8",
)

func parsePrefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// reachable reports whether packets may be sent to ip because the other side
// says it is there. Loopback is for tests and demonstrations only.
func reachable(ip netip.Addr, loopback bool) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() || ip.IsUnspecified() {
		return false
	}
	if ip.IsLoopback() {
		return loopback
	}
	for _, p := range unreachable {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// candidateRules say which candidates of the other side are tried.
type candidateRules struct {
	allow func(netip.Addr) bool
	mdns  bool
	// noRelay refuses what goes through a relay of theirs.
	noRelay bool
}

// check parses one candidate of the other side (RFC 8839 section 5.1), with or
// without "candidate:", and refuses what we would not send packets to.
func (r candidateRules) check(line string) (ice.Candidate, error) {
	if len(line) > maxCandidate {
		return nil, fmt.Errorf("candidate: %d bytes, %d are allowed", len(line), maxCandidate)
	}
	c, err := ice.UnmarshalCandidate(strings.TrimPrefix(line, "candidate:"))
	if err != nil {
		return nil, fmt.Errorf("reading a candidate: %w", err)
	}
	if c.Component() != 1 {
		return nil, errors.New("candidate: not of component 1")
	}
	if r.noRelay && c.Type() == ice.CandidateTypeRelay {
		return nil, errors.New("candidate: relayed, and only direct paths are wanted")
	}
	if c.Port() < 1 || c.Port() > 65535 {
		return nil, errors.New("candidate: no such port")
	}
	// A TCP candidate makes us open a connection: not to the services of a
	// machine, save the one port firewalls leave open.
	if c.NetworkType().IsTCP() && c.Port() < 1024 && c.Port() != 443 {
		return nil, errors.New("candidate: TCP to a well-known port")
	}
	if strings.HasSuffix(c.Address(), ".local") {
		if !r.mdns {
			return nil, errors.New("candidate: an mDNS name, and mDNS is off")
		}
		return c, nil // the filter sees the address it resolves to
	}
	ip, err := netip.ParseAddr(c.Address())
	if err != nil {
		return nil, fmt.Errorf("candidate: neither an address nor an mDNS name: %w", err)
	}
	if !r.allow(ip) {
		return nil, errors.New("candidate: at an address that is not allowed")
	}
	return c, nil
}
