package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"candid/netstack"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// trickle holds the candidates of both sides, of the present ICE generation.
type trickle struct {
	local, remote map[string]netstack.Candidate // by ID
	order         map[string]int                // in which they were found
	taken         int                           // remote ones that were tried
	refused       int
	stash         []stashed // of a description still to come
	said          []candidateBody
	held          []webrtc.ICECandidateInit // TCP ones of ours, see tcpHold
	heldSince     time.Time
	complete      bool     // all of ours are found
	later         []string // remote ones to be tried yet, see tcpTime
	holding       bool     // such are held back
}

// tcpHold is the start UDP has over TCP. Both are direct, and ICE takes the one
// that answers first; but over TCP one lost packet holds up all behind it. It
// is less than relayed pairs wait, so that direct TCP comes before them.
const tcpHold = 150 * time.Millisecond

type stashed struct{ line, ufrag string }

func (t *trickle) reset() {
	stash := t.stash
	*t = trickle{local: map[string]netstack.Candidate{}, remote: map[string]netstack.Candidate{}, order: map[string]int{}, stash: stash}
}

func (t *trickle) unstash(ufrag string, add func(line string)) {
	stash := t.stash
	t.stash = nil
	for _, s := range stash {
		if s.ufrag == ufrag {
			add(s.line)
		}
	}
}

// note adds a candidate or what is newly known of it; it reports whether it is new.
func (t *trickle) note(set map[string]netstack.Candidate, c netstack.Candidate) bool {
	_, known := set[c.ID]
	set[c.ID] = c
	if !known {
		t.order[c.ID] = len(t.order)
	}
	return !known
}

// localCandidate sends one of ours on; nil says there are no more.
func (p *Peer) localCandidate(c *webrtc.ICECandidate) {
	if c == nil {
		if p.trickle.complete {
			return
		}
		p.trickle.complete = true
		p.reached(netstack.GatheringComplete)
		if len(p.trickle.held) == 0 {
			p.sayCandidate(webrtc.ICECandidateInit{})
		}
		p.reportFailures()
		return
	}
	init := c.ToJSON()
	if ufrag := ufragOf(init.Candidate); ufrag != "" {
		init.UsernameFragment = &ufrag
	}
	if p.f.mayTell(c, p.policy) {
		if p.f.config.HideAddresses || p.policy == RelayOnly {
			init.Candidate = withoutBase(init.Candidate)
		}
		if c.Protocol == webrtc.ICEProtocolTCP && !p.f.config.onlyTCP {
			p.holdCandidate(init)
		} else {
			p.sayCandidate(init)
		}
	}
	found := fromPion(*c)
	found.ID = candidateID("local", found)
	found.Network = p.networkOf(found)
	if c.Typ == webrtc.ICECandidateTypeRelay {
		found.RelayProtocol = p.relayProtocol(found)
	}
	found.URL = serverURL(p.f.iceServers(), found.Type, found.RelayProtocol)
	if p.trickle.note(p.trickle.local, found) {
		p.emit(netstack.CandidateFound{Peer: p.o.Remote, Local: true, Candidate: found})
	}
}

// mayTell reports whether the other side may know a candidate of ours, and has
// use for it. pion shows addresses when it fails to hide them.
func (f *Factory) mayTell(c *webrtc.ICECandidate, policy Policy) bool {
	switch {
	case c.TCPType == "active": // nobody can connect to it
		return false
	case policy == RelayOnly:
		return c.Typ == webrtc.ICECandidateTypeRelay
	case f.config.HideAddresses && c.Typ == webrtc.ICECandidateTypeHost:
		return strings.HasSuffix(c.Address, ".local")
	}
	return true
}

// withoutBase blanks the related address of a candidate, which is this
// machine's (RFC 8839 section 5.1 allows it).
func withoutBase(line string) string {
	fields := strings.Fields(line)
	for i := 6; i+1 < len(fields); i++ {
		switch fields[i] {
		case "raddr":
			fields[i+1] = "0.0.0.0"
		case "rport":
			fields[i+1] = "0"
		}
	}
	return strings.Join(fields, " ")
}

// holdCandidate keeps a candidate back for a while.
func (p *Peer) holdCandidate(init webrtc.ICECandidateInit) {
	p.trickle.held = append(p.trickle.held, init)
	p.holdFrom(time.Now())
}

// holdFrom begins the time for which candidates are held back: it counts from
// when both sides can send checks.
func (p *Peer) holdFrom(now time.Time) {
	p.trickle.heldSince = now
	time.AfterFunc(tcpHold, func() { p.post(func() { p.sayHeld(time.Now()) }) })
}

// sayHeld sends what was held back, unless there is a path by now.
func (p *Peer) sayHeld(now time.Time) {
	t := &p.trickle
	if len(t.held) == 0 || now.Sub(t.heldSince) < tcpHold || !p.neg.ready || p.neg.offer != nil {
		return
	}
	held := t.held
	t.held = nil
	if p.iceState != webrtc.ICEConnectionStateConnected && p.iceState != webrtc.ICEConnectionStateCompleted {
		for _, init := range held {
			p.sayCandidate(init)
		}
	}
	if t.complete {
		p.sayCandidate(webrtc.ICECandidateInit{})
	}
}

func (p *Peer) sayCandidate(c webrtc.ICECandidateInit) {
	body := candidateBody{c, p.header()}
	p.trickle.said = append(p.trickle.said, body)
	p.send(TypeCandidate, body)
}

// ufragOf reads the generation a candidate of pion's belongs to.
func ufragOf(line string) string {
	_, rest, _ := strings.Cut(line, " ufrag ")
	ufrag, _, _ := strings.Cut(rest, " ")
	return ufrag
}

// relayProtocol asks the statistics, the only place that tells.
func (p *Peer) relayProtocol(c netstack.Candidate) string {
	for _, s := range p.pc.GetStats() {
		if l, ok := s.(webrtc.ICECandidateStats); ok && l.Type == webrtc.StatsTypeLocalCandidate &&
			l.RelayProtocol != "" && l.IP == c.Address && uint16(l.Port) == c.Port {
			return l.RelayProtocol
		}
	}
	return ""
}

// networkOf says what kind of network a local candidate is on, by its base.
func (p *Peer) networkOf(c netstack.Candidate) netstack.NetworkKind {
	if ip, ok := base(c); ok {
		if a, ok := p.f.address(ip); ok {
			return a.Kind
		}
	}
	return ""
}

// base is the address of this machine a local candidate sends from, if known.
func base(c netstack.Candidate) (netip.Addr, bool) {
	text := c.Address
	if c.Type != webrtc.ICECandidateTypeHost {
		text = c.RelatedAddress
	}
	ip, err := netip.ParseAddr(text)
	return ip.Unmap().WithZone(""), err == nil && !ip.IsUnspecified()
}

func (p *Peer) handleCandidate(e netstack.Envelope) error {
	var body candidateBody
	if err := decode(e, &body); err != nil {
		return err
	}
	if body.Candidate == "" {
		return nil
	}
	ufrag := ""
	if body.UsernameFragment != nil {
		ufrag = *body.UsernameFragment
	}
	t := &p.trickle
	if p.neg.ready && (ufrag == "" || ufrag == p.neg.ufrag) {
		p.remoteCandidate(body.Candidate)
		return nil
	}
	if len(t.stash) >= maxRemoteCandidates {
		return fmt.Errorf("more than %d candidates for a description that has not come", maxRemoteCandidates)
	}
	if len(body.Candidate) > maxCandidate || len(ufrag) > maxCandidate {
		return fmt.Errorf("candidate of %d bytes", len(body.Candidate))
	}
	t.stash = append(t.stash, stashed{body.Candidate, ufrag})
	return nil
}

// remoteCandidate has one of theirs tried, if it may be.
func (p *Peer) remoteCandidate(line string) {
	t := &p.trickle
	c, err := p.f.rules().check(line)
	if err == nil && t.taken >= maxRemoteCandidates {
		err = fmt.Errorf("more than %d candidates", maxRemoteCandidates)
	}
	if err != nil {
		t.refused++
		p.log.Debug("candidate refused", "err", err)
		return
	}
	found := fromICE(c)
	found.ID = candidateID("remote", found)
	if !t.note(t.remote, found) {
		return
	}
	t.taken++
	p.emit(netstack.CandidateFound{Peer: p.o.Remote, Candidate: found})
	if found.Protocol == "tcp" && t.holding {
		t.later = append(t.later, line)
		return
	}
	p.try(line)
}

// try has a remote candidate tried.
func (p *Peer) try(line string) {
	if err := p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: line}); err != nil {
		p.log.Debug("candidate not taken", "err", err)
	}
}

// candidateID names a candidate by what makes it different from others of its side.
func candidateID(side string, c netstack.Candidate) string {
	return fmt.Sprintf("%s:%s:%s%s:%s", side, c.Type, c.Protocol, c.TCPType, netAddr(c.Address, c.Port))
}

func netAddr(address string, port uint16) string {
	return fmt.Sprintf("%s:%d", address, port)
}

func fromPion(c webrtc.ICECandidate) netstack.Candidate {
	return netstack.Candidate{
		Type: c.Typ, Protocol: c.Protocol.String(), TCPType: c.TCPType, Address: c.Address, Port: c.Port,
		Priority: c.Priority, Foundation: c.Foundation, RelatedAddress: c.RelatedAddress, RelatedPort: c.RelatedPort,
	}
}

func fromICE(c ice.Candidate) netstack.Candidate {
	out := netstack.Candidate{
		Protocol: c.NetworkType().NetworkShort(), TCPType: c.TCPType().String(), Address: c.Address(), Port: uint16(c.Port()),
		Priority: c.Priority(), Foundation: c.Foundation(),
	}
	out.Type, _ = webrtc.NewICECandidateType(c.Type().String())
	if r := c.RelatedAddress(); r != nil {
		out.RelatedAddress, out.RelatedPort = r.Address, uint16(r.Port)
	}
	return out
}

// send queues a message for the other side.
func (p *Peer) send(typ string, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		p.log.Error("message not written", "type", typ, "err", err)
		return
	}
	if err := p.o.Signaler.Send(context.Background(), netstack.Envelope{Type: typ, From: p.o.Self, To: p.o.Remote, Path: p.o.Topology, Body: b}); err != nil {
		p.log.Debug("message not sent", "type", typ, "err", err)
	}
}
