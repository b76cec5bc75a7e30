package peer

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"candid/netstack"

	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"
)

const (
	sampleEvery = time.Second
	// While a path is being looked for, the check list changes many times a
	// second; its steps are what the panel shows.
	setupFor = 3 * time.Second
)

// view is what was seen of the connection last.
type view struct {
	at            time.Time
	pairs         map[string]netstack.Pair
	local, remote string // candidates of the selected pair
	counters      map[webrtc.SSRC]counters
	failures      []netstack.CandidateFailed
	trips         trips
}

// Link returns the newest sample, at most a second old. It shares nothing.
func (p *Peer) Link() netstack.Link {
	l := p.link.Load()
	if l == nil {
		return netstack.Link{Peer: p.o.Remote, Topology: p.o.Topology, State: webrtc.PeerConnectionStateNew, ICEState: webrtc.ICEConnectionStateNew}
	}
	out := *l
	out.Local, out.Remote, out.Pairs = slices.Clone(l.Local), slices.Clone(l.Remote), slices.Clone(l.Pairs)
	out.In, out.Out, out.Failures = slices.Clone(l.In), slices.Clone(l.Out), slices.Clone(l.Failures)
	out.Milestones = maps.Clone(l.Milestones)
	return out
}

// sampleIfDue samples each second, and at every watch while setting up.
func (p *Peer) sampleIfDue(now time.Time) {
	settled := p.state == webrtc.PeerConnectionStateConnected && now.Sub(p.hold.iceSince) >= setupFor
	if !settled || now.Sub(p.view.at) >= sampleEvery-WatchEvery/2 {
		p.sample(now)
	}
}

// sample reads pion's statistics into a new Link and reports pairs that changed.
func (p *Peer) sample(now time.Time) {
	report := p.pc.GetStats()
	ids := p.candidates(report)
	p.pairsSeen(report, ids)
	l := &netstack.Link{
		Peer: p.o.Remote, Topology: p.o.Topology, At: now,
		State: p.state, ICEState: p.iceState, DTLSState: p.dtls.State().String(),
		Local: p.listed(p.trickle.local), Remote: p.listed(p.trickle.remote),
		Pairs:    slices.SortedFunc(maps.Values(p.view.pairs), byPriority),
		Failures: slices.Clone(p.view.failures), Milestones: maps.Clone(p.steps), Restarts: p.hold.restarts,
		SendBudget: p.SendBudget(),
	}
	if p.dtls.State() == webrtc.DTLSTransportStateConnected {
		l.SRTP = srtpProfile(p.dtls)
	}
	for i, pair := range l.Pairs {
		if pair.Selected {
			l.RTT = p.view.trips.median(pair)
			l.Pairs[i].RTT = l.RTT
			p.meters.repairs.trip.Store(int64(l.RTT.Value))
		}
	}
	p.streams(l, now)
	p.view.at = now
	p.link.Store(l)
}

// candidates adds to the candidates what only statistics know, and returns our
// ID for each of pion's.
func (p *Peer) candidates(report webrtc.StatsReport) map[string]string {
	ids := map[string]string{}
	for _, s := range report {
		c, ok := s.(webrtc.ICECandidateStats)
		if !ok {
			continue
		}
		side, set := "local", p.trickle.local
		if c.Type == webrtc.StatsTypeRemoteCandidate {
			side, set = "remote", p.trickle.remote
		}
		found := netstack.Candidate{
			Type: c.CandidateType, Protocol: c.Protocol, Address: c.IP, Port: uint16(c.Port),
			Priority: uint32(c.Priority), RelayProtocol: c.RelayProtocol,
		}
		id := known(set, side, found)
		if id == "" {
			id = candidateID(side, found)
			found.ID = id
			if side == "local" {
				found.Network = p.networkOf(found)
				found.URL = serverURL(p.f.iceServers(), found.Type, found.RelayProtocol)
			}
			p.trickle.note(set, found)
			p.emit(netstack.CandidateFound{Peer: p.o.Remote, Local: side == "local", Candidate: found})
		}
		ids[c.ID] = id
	}
	return ids
}

// known finds the candidate that statistics name without its TCP type.
func known(set map[string]netstack.Candidate, side string, c netstack.Candidate) string {
	for _, tcpType := range []string{"", "passive", "active", "so"} {
		c.TCPType = tcpType
		if id := candidateID(side, c); set[id].ID != "" {
			return id
		}
	}
	return ""
}

// pairsSeen takes the check list and reports what changed in it.
func (p *Peer) pairsSeen(report webrtc.StatsReport, ids map[string]string) {
	selected, haveSelected := p.ice.GetSelectedCandidatePairStats()
	controlling := p.ice.Role() == webrtc.ICERoleControlling
	pairs := map[string]netstack.Pair{}
	p.view.local, p.view.remote = "", ""
	for _, s := range report {
		c, ok := s.(webrtc.ICECandidatePairStats)
		if !ok || ids[c.LocalCandidateID] == "" || ids[c.RemoteCandidateID] == "" {
			continue
		}
		pair := netstack.Pair{
			Local: ids[c.LocalCandidateID], Remote: ids[c.RemoteCandidateID],
			State: netstack.PairState(c.State), Nominated: c.Nominated,
			Selected:     haveSelected && c.LocalCandidateID == selected.LocalCandidateID && c.RemoteCandidateID == selected.RemoteCandidateID,
			Priority:     pairPriority(p.trickle.local[ids[c.LocalCandidateID]].Priority, p.trickle.remote[ids[c.RemoteCandidateID]].Priority, controlling),
			RequestsSent: c.RequestsSent, ResponsesReceived: c.ResponsesReceived,
			RequestsReceived: c.RequestsReceived, ResponsesSent: c.ResponsesSent,
			BytesSent: c.BytesSent, BytesReceived: c.BytesReceived,
		}
		pair.ID = pair.Local + " " + pair.Remote
		if c.ResponsesReceived > 0 {
			pair.RTT = netstack.Some(seconds(c.CurrentRoundTripTime))
		}
		if pair.Selected {
			p.view.local, p.view.remote = pair.Local, pair.Remote
		}
		pairs[pair.ID] = pair
		old, seen := p.view.pairs[pair.ID]
		if !seen || old.State != pair.State || old.Nominated != pair.Nominated || old.Selected != pair.Selected {
			p.emit(netstack.PairChanged{Peer: p.o.Remote, Pair: pair})
		}
	}
	p.view.pairs = pairs
}

// pairPriority is that of RFC 8445 section 6.1.2.3.
func pairPriority(local, remote uint32, controlling bool) uint64 {
	g, d := uint64(local), uint64(remote)
	if !controlling {
		g, d = d, g
	}
	more := uint64(0)
	if g > d {
		more = 1
	}
	return min(g, d)<<32 + 2*max(g, d) + more
}

func byPriority(a, b netstack.Pair) int {
	if a.Priority != b.Priority {
		if a.Priority > b.Priority {
			return -1
		}
		return 1
	}
	return strings.Compare(a.ID, b.ID)
}

// listed returns candidates in the order they were found.
func (p *Peer) listed(set map[string]netstack.Candidate) []netstack.Candidate {
	return slices.SortedFunc(maps.Values(set), func(a, b netstack.Candidate) int {
		return p.trickle.order[a.ID] - p.trickle.order[b.ID]
	})
}

// reportFailures tells of servers that gave nothing, once all is gathered. pion
// reports neither the server nor the reason; of several servers of the same
// kind nothing is said if one of them worked.
func (p *Peer) reportFailures() {
	for _, s := range p.f.iceServers() {
		for _, u := range s.URLs {
			uri, err := stun.ParseURI(u)
			if err != nil || p.policy == RelayOnly && uri.Scheme == stun.SchemeTypeSTUN {
				continue
			}
			if p.gave(uri) {
				continue
			}
			f := netstack.CandidateFailed{Peer: p.o.Remote, URL: u, ErrorCode: unreachableCode, ErrorText: "the server did not answer, or refused"}
			p.view.failures = append(p.view.failures, f)
			p.emit(f)
		}
	}
}

// gave reports whether a server like this one gave what it is there for.
func (p *Peer) gave(uri *stun.URI) bool {
	wanted := webrtc.ICECandidateTypeSrflx
	if uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS {
		wanted = webrtc.ICECandidateTypeRelay
	}
	for _, c := range p.trickle.local {
		if c.Type == wanted && gives(uri, c.Type, c.RelayProtocol) {
			return true
		}
	}
	return false
}

// unreachableCode is what W3C webrtc section 4.8.2 gives a server that cannot
// be reached.
const unreachableCode = 701

// srtpProfile names what SRTP is encrypted with. pion keeps it in a field it
// does not export; without that field the answer is "", unknown.
func srtpProfile(t *webrtc.DTLSTransport) string {
	f := reflect.ValueOf(t).Elem().FieldByName("srtpProtectionProfile")
	if !f.IsValid() || !f.CanUint() {
		return ""
	}
	switch srtp.ProtectionProfile(f.Uint()) {
	case srtp.ProtectionProfileAeadAes128Gcm:
		return "AEAD_AES_128_GCM"
	case srtp.ProtectionProfileAeadAes256Gcm:
		return "AEAD_AES_256_GCM"
	case srtp.ProtectionProfileAes128CmHmacSha1_80:
		return "AES_CM_128_HMAC_SHA1_80"
	}
	return ""
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
