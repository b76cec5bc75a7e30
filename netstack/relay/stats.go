package relay

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Transport is how a client reaches the relay.
type Transport string

// The transports.
const (
	UDP Transport = "udp"
	TCP Transport = "tcp"
	TLS Transport = "tls"
)

// Stats is what the relay does and did. It is a value and shares nothing.
type Stats struct {
	Members     []MemberStats `json:"members"` // sorted by room and ID
	Allocations int           `json:"allocations"`
	Up          Traffic       `json:"up"`
	Down        Traffic       `json:"down"`
	Refused     uint64        `json:"refused"`    // peers that nothing is relayed to
	AuthFailed  uint64        `json:"authFailed"` // wrong or expired credentials
	Quota       uint64        `json:"quota"`      // allocations over the limit
	Silenced    uint64        `json:"silenced"`   // replies to strangers over the limit
}

// Traffic counts data without headers. Up is from clients, Down to them.
type Traffic struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
	Policed uint64 `json:"policed"` // packets over the bitrate
}

// MemberStats is one member's part.
type MemberStats struct {
	Member
	Allocations []AllocationStats `json:"allocations"` // sorted by address
	Up          Traffic           `json:"up"`
	Down        Traffic           `json:"down"`
	Refused     uint64            `json:"refused"`
}

// AllocationStats is one allocation.
type AllocationStats struct {
	Relayed   netip.AddrPort `json:"relayed"`
	Client    netip.AddrPort `json:"client"`
	Transport Transport      `json:"transport"`
	Since     time.Time      `json:"since"`
}

func (t *traffic) stats() Traffic {
	return Traffic{Packets: t.packets.Load(), Bytes: t.bytes.Load(), Policed: t.policed.Load()}
}

// Stats returns the counters. Those of members go with the member; the totals
// stay.
func (s *Server) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := Stats{
		Members:     make([]MemberStats, 0, len(s.members)),
		Allocations: len(s.relayed),
		Up:          s.total.up.stats(),
		Down:        s.total.down.stats(),
		Refused:     s.total.refused.Load(),
		AuthFailed:  s.total.authFailed.Load(),
		Quota:       s.total.quota.Load(),
		Silenced:    s.total.silenced.Load(),
	}
	for _, m := range s.members {
		x := MemberStats{
			Member: m.Member, Up: m.up.stats(), Down: m.down.stats(), Refused: m.refused.Load(),
			Allocations: make([]AllocationStats, 0, len(m.allocations)),
		}
		for a := range m.allocations {
			x.Allocations = append(x.Allocations, AllocationStats{
				Relayed: a.relayed, Client: a.client.addr(), Transport: a.client.transport(), Since: a.since,
			})
		}
		slices.SortFunc(x.Allocations, func(a, b AllocationStats) int { return a.Relayed.Compare(b.Relayed) })
		out.Members = append(out.Members, x)
	}
	slices.SortFunc(out.Members, func(a, b MemberStats) int {
		if c := strings.Compare(a.Room, b.Room); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}
