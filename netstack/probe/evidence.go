package probe

import (
	"slices"
	"strings"

	"candid/netstack"
	"candid/netstack/verdict"
)

// maxTold is how many servers are told of.
const maxTold = 16

// Evidence is what of a report the other side may know: no address, no name of
// a server.
func (r Report) Evidence() verdict.Evidence {
	e := verdict.Evidence{
		UDP: r.UDP, IPv4: r.IPv4, IPv6: r.IPv6, NAT: r.NAT,
		Mapping: string(r.Mapping), Filtering: string(r.Filtering),
		PortMapping: r.PortMapping.Any(), CaptivePortal: r.CaptivePortal, VPN: r.VPN, Metered: r.Metered,
	}
	for _, s := range r.Servers {
		kind, _, _ := strings.Cut(s.URL, ":")
		if s.Outcome == NotTried || len(e.Servers) == maxTold {
			continue
		}
		e.Servers = append(e.Servers, verdict.Answer{Kind: strings.TrimSuffix(kind, "s"), Protocol: s.Protocol, Code: s.Code})
	}
	return e
}

// Explain returns failures with the servers' own errors in place of "not
// reached", where the report has asked the same server: pion does not tell them.
func (r Report) Explain(failures []netstack.CandidateFailed) []netstack.CandidateFailed {
	out := slices.Clone(failures)
	for i, f := range out {
		for _, s := range r.Servers {
			if s.URL == f.URL && s.Code != 0 {
				out[i].ErrorCode, out[i].ErrorText = s.Code, s.Text
			}
		}
	}
	return out
}
