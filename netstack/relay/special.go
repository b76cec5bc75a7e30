package relay

import "net/netip"

// special are the prefixes that are not ordinary public addresses (the IANA
// special-purpose registries, RFC 6890, with multicast and what embeds another
// address). Nothing in them is relayed to unless a member on the host's own
// network gave exactly that address and port as a candidate.
var special = func() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
		"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/96", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
		"2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10",
		"ff00::/8",
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// isSpecial reports whether a, unmapped, is not an ordinary public address.
func isSpecial(a netip.Addr) bool {
	for _, p := range special {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// embedding are those that carry an IPv4 address for a translator to act on:
// through it anything could be reached.
var embedding = func() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range []string{"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// never reports whether nothing may ever be relayed to a, whoever asks. The
// broadcast address of a local network is not known here; a relay socket is
// not allowed to broadcast, so the system refuses it.
func never(a netip.Addr, loopback bool) bool {
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(), a.Zone() != "":
		return true
	case a.IsLoopback():
		return !loopback
	case a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240):
		return true
	}
	for _, p := range embedding {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
