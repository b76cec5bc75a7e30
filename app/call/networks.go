package call

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/probe"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

// typeEvidence is the message in which a member tells another what its network
// is like: a verdict.Evidence.
const typeEvidence = "x-evidence"

// A look at our network begins so long after joining, and after its addresses
// have changed: what is done to get the call going comes first.
const lookAfter = time.Second

// networks is what is known of the networks on both sides of every line. It
// belongs to the loop.
type networks struct {
	mine   probe.Report
	theirs map[netstack.PeerID]verdict.Evidence
	again  map[netstack.PeerID]bool // to whom a direct way was looked for again
}

// settledAfter is how long a connection is left as it is before another way is
// looked for.
const settledAfter = 8 * time.Second

// unlucky reports whether a line is relayed though both networks are known to
// let a call through directly: a slow machine, or a lost packet, let the relay
// win. It does so once for each member, and on one side of the line only.
func (n *networks) unlucky(self netstack.PeerID, l netstack.Link, now time.Time) bool {
	_, local, remote, ok := l.SelectedPair()
	relay := webrtc.ICECandidateTypeRelay
	since, connected := l.Milestones[netstack.DTLSConnected]
	switch {
	case !ok, local.Type != relay && remote.Type != relay: // not relayed
	case l.Topology != netstack.P2P, self > l.Peer, n.again[l.Peer]:
	case !connected || now.Sub(since) < settledAfter:
	case hides(l.Local), hides(l.Remote), !verdict.MayBeDirect(n.mine.Evidence(), n.theirs[l.Peer]):
	default:
		if n.again == nil {
			n.again = map[netstack.PeerID]bool{}
		}
		n.again[l.Peer] = true
		return true
	}
	return false
}

// hides reports whether a side tells only relayed addresses.
func hides(cs []netstack.Candidate) bool {
	return !slices.ContainsFunc(cs, func(c netstack.Candidate) bool {
		return c.Type == webrtc.ICECandidateTypeHost || c.Type == webrtc.ICECandidateTypeSrflx
	})
}

// forget drops what was known of a member who left.
func (n *networks) forget(id netstack.PeerID) {
	delete(n.theirs, id)
	delete(n.again, id)
}

// judge says what a line is, with the servers' own errors in it.
func (n *networks) judge(l netstack.Link) (netstack.Link, verdict.Verdict) {
	l.Failures = n.mine.Explain(l.Failures)
	return l, verdict.Of(l, n.mine.Evidence(), n.theirs[l.Peer])
}

// look looks at our network at the start and whenever its addresses have
// changed, until ctx ends.
func (s *Session) look(ctx context.Context) {
	changed := make(chan struct{}, 1)
	s.loop.Go(func(ctx context.Context) {
		ifwatch.Watch(ctx, func([]ifwatch.Address) {
			select {
			case changed <- struct{}{}:
			default: // one look is for all changes so far
			}
		})
	})
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookAfter):
		}
		report := probe.Run(ctx, probe.Config{
			ICEServers: s.client.Servers(), Signaling: s.cfg.Invite.Addresses, TLS: s.client.TLS(),
			PortMapping: !s.cfg.Loopback, Logger: s.log,
		})
		s.post(func() { s.room.looked(report) })
	}
}

// looked takes what a look at our network found, and tells the others.
func (r *room) looked(report probe.Report) {
	for _, f := range corrected(*r.s.lines.Load(), report) {
		r.tell(Net{f})
	}
	r.networks.mine = report
	for _, o := range r.others {
		r.tellNetwork(o.member.ID)
	}
}

// corrected are the failures told before of which a new report says more: the
// server's own error.
func corrected(lines []Line, report probe.Report) (out []netstack.CandidateFailed) {
	for _, l := range lines {
		for i, f := range report.Explain(l.Link.Failures) {
			if f != l.Link.Failures[i] {
				out = append(out, f)
			}
		}
	}
	return out
}

// tellNetwork tells a member what our network is like, once that is known.
func (r *room) tellNetwork(id netstack.PeerID) {
	if r.networks.mine.At.IsZero() {
		return
	}
	body, err := json.Marshal(r.networks.mine.Evidence())
	if err == nil {
		err = r.s.client.Send(context.Background(), netstack.Envelope{Type: typeEvidence, To: id, Body: body})
	}
	if err != nil {
		r.s.log.Warn("our network not told", "err", err)
	}
}

// onEvidence takes what a member told of its network.
func (r *room) onEvidence(e netstack.Envelope) {
	if r.find(e.From) == nil {
		return
	}
	evidence, err := verdict.ReadEvidence(e.Body)
	if err != nil {
		r.s.log.Debug("what a member told of its network is not taken", "err", err)
		return
	}
	if r.networks.theirs == nil {
		r.networks.theirs = map[netstack.PeerID]verdict.Evidence{}
	}
	r.networks.theirs[e.From] = evidence
}
