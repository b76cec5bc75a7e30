package peer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// negotiation is where offer and answer stand. pion has no rollback, so the
// polite side does without: it sets its own offer locally only together with
// the answer, and giving the offer up is forgetting it. (The impolite side
// never gives one up.) For this each side names its media sections itself
// ("a0", "b0"): an offer given up leaves names behind that must not be those of
// the other side's sections.
type negotiation struct {
	remote   string                     // the other side's session, once known
	numbered int                        // our newest offer
	seen     int                        // their newest offer
	mids     int                        // media sections named
	offer    *webrtc.SessionDescription // ours, not answered yet
	needed   bool                       // something is to be offered
	queued   bool                       // negotiate is posted
	restart  string                     // why the next offer restarts ICE; empty: it does not
	ufrag    string                     // of the remote description
	ready    bool                       // there is a remote description
}

// needNegotiation makes an offer after all that is queued now, so that several
// changes become one.
func (p *Peer) needNegotiation() {
	p.neg.needed = true
	p.negotiateSoon()
}

func (p *Peer) negotiateSoon() {
	if p.neg.queued {
		return
	}
	p.neg.queued = true
	p.post(func() {
		p.neg.queued = false
		p.negotiate()
	})
}

// negotiate makes an offer if one is needed and possible.
func (p *Peer) negotiate() {
	n := &p.neg
	if !n.needed || n.offer != nil || p.lost || p.polite && !n.ready {
		return
	}
	if err := p.makeOffer(); err != nil {
		p.fail(fmt.Errorf("making an offer: %w", err))
	}
}

func (p *Peer) makeOffer() error {
	n := &p.neg
	p.attach(n.numbered + 1)
	if err := p.nameSections(); err != nil {
		return err
	}
	why := n.restart
	if why != "" {
		p.useServers()
		p.restarting(why)
	}
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{
		OfferAnswerOptions: webrtc.OfferAnswerOptions{ICETricklingSupported: true}, ICERestart: why != "",
	})
	if err != nil {
		return err
	}
	if !p.polite {
		if err := p.pc.SetLocalDescription(offer); err != nil {
			return err
		}
	}
	n.needed, n.restart, n.offer = false, "", &offer
	n.numbered++
	p.sendOffer()
	p.reached(netstack.OfferSent)
	return nil
}

func (p *Peer) sendOffer() { p.describe(*p.neg.offer, p.neg.numbered) }

func (p *Peer) describe(d webrtc.SessionDescription, number int) {
	d.SDP = trickled(d.SDP)
	p.send(TypeDescription, descriptionBody{d, number, p.header()})
}

// nameSections names new media sections, and sees to it that the first offer
// has one of each kind for the other side to answer with.
func (p *Peer) nameSections() error {
	if !p.neg.ready && len(p.pc.GetTransceivers()) < 2 {
		have := map[webrtc.RTPCodecType]bool{}
		for _, t := range p.pc.GetTransceivers() {
			have[t.Kind()] = true
		}
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if have[kind] {
				continue
			}
			if _, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				return fmt.Errorf("offering to receive %s: %w", kind, err)
			}
		}
	}
	side := "a"
	if p.polite {
		side = "b"
	}
	for _, t := range p.pc.GetTransceivers() {
		if t.Mid() != "" {
			continue
		}
		if err := t.SetMid(side + strconv.Itoa(p.neg.mids)); err != nil {
			return fmt.Errorf("naming a media section: %w", err)
		}
		p.neg.mids++
		for _, sent := range p.sent { // the answer had no section for it: it goes with this offer
			if sent.sender != nil && sent.sender == t.Sender() {
				sent.offered = p.neg.numbered + 1
			}
		}
	}
	return nil
}

// handle takes an envelope on the loop.
func (p *Peer) handle(e netstack.Envelope) {
	h, err := readHeader(e)
	if err != nil {
		p.log.Debug("message refused", "err", err)
		return
	}
	n := &p.neg
	switch {
	case p.lost:
		return
	case h.To != "" && h.To != p.session:
		p.log.Debug("message for an earlier connection", "type", e.Type)
		return
	case n.remote == "":
		n.remote = h.Session
	case n.remote != h.Session:
		p.giveUp(ErrSuperseded, e)
		return
	}
	switch e.Type {
	case TypeHello:
		if !p.polite && n.offer != nil && !n.ready { // our offer may have come before they listened
			p.sendOffer()
			for _, c := range p.trickle.said {
				c.header = p.header()
				p.send(TypeCandidate, c)
			}
		}
	case TypeDescription:
		err = p.handleDescription(e)
	case TypeCandidate:
		err = p.handleCandidate(e)
	case TypeRestart:
		err = p.handleRestart(e)
	case TypeSelect:
		err = p.handleSelect(e)
	}
	if err != nil {
		p.log.Debug("message refused", "type", e.Type, "err", err)
	}
}

func (p *Peer) handleDescription(e netstack.Envelope) error {
	var body descriptionBody
	if err := decode(e, &body); err != nil {
		return err
	}
	d, err := readSDP(body.SDP)
	if err != nil {
		return err
	}
	switch body.Type {
	case webrtc.SDPTypeOffer:
		return p.handleOffer(body.N, d)
	case webrtc.SDPTypeAnswer:
		return p.handleAnswer(body.N, d)
	}
	return fmt.Errorf("description of type %s", body.Type)
}

// handleOffer answers an offer. Errors after SetRemoteDescription leave pion
// between two states for good: then the connection is given up.
func (p *Peer) handleOffer(number int, d description) error {
	n := &p.neg
	switch {
	case number <= n.seen:
		return nil // a repetition
	case n.offer != nil && !p.polite:
		p.log.Debug("offers crossed: theirs is ignored")
		return nil
	case n.offer != nil:
		p.log.Debug("offers crossed: ours is taken back")
		n.offer = nil
		p.takeBack()
	}
	n.seen = number
	p.reached(netstack.OfferReceived)
	if !n.ready {
		p.attach(0)
	}
	if n.ready && d.ufrag != n.ufrag {
		p.useServers()
		p.restarting("")
	}
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: resting(d.sdp, p.idle)}
	if err := p.pc.SetRemoteDescription(offer); err != nil {
		p.failIfStuck(err)
		return fmt.Errorf("taking an offer: %w", err)
	}
	answer, err := p.pc.CreateAnswer(&webrtc.AnswerOptions{OfferAnswerOptions: webrtc.OfferAnswerOptions{ICETricklingSupported: true}})
	if err == nil {
		err = p.pc.SetLocalDescription(answer)
	}
	if err != nil {
		p.failIfStuck(err)
		return fmt.Errorf("answering: %w", err)
	}
	p.describe(answer, number)
	p.reached(netstack.AnswerSent)
	// The answer says all that an offer of ours would, save new tracks.
	n.needed = n.restart != "" || p.uncovered()
	p.described(d)
	return nil
}

func (p *Peer) handleAnswer(number int, d description) error {
	n := &p.neg
	if n.offer == nil || number != n.numbered {
		return nil // to an offer we gave up
	}
	offer := *n.offer
	if p.polite {
		if err := p.pc.SetLocalDescription(offer); err != nil {
			p.fail(fmt.Errorf("setting our offer: %w", err))
			return nil
		}
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: d.sdp}); err != nil {
		p.failIfStuck(err)
		return fmt.Errorf("taking an answer: %w", err)
	}
	n.offer = nil
	p.reached(netstack.AnswerReceived)
	p.hold.answered(time.Now())
	p.described(d)
	return nil
}

// described goes on after a remote description was set.
func (p *Peer) described(d description) {
	if !p.neg.ready {
		p.trickle.holding = true
		p.loop.Go(func(ctx context.Context) { p.tryLater(ctx, d.ufrag) })
	}
	p.neg.ready, p.neg.ufrag = true, d.ufrag
	for _, c := range d.candidates {
		p.remoteCandidate(c)
	}
	p.trickle.unstash(d.ufrag, p.remoteCandidate)
	if len(p.trickle.held) > 0 {
		p.holdFrom(time.Now())
	}
	p.negotiateSoon()
}

// idle reports whether we send nothing in a media section we know.
func (p *Peer) idle(mid string) bool {
	for _, t := range p.pc.GetTransceivers() {
		if t.Mid() == mid {
			return t.Sender() == nil
		}
	}
	return false
}

// takeBack detaches what was attached for the offer given up: pion would start
// to send it with the answer to the other side's.
func (p *Peer) takeBack() {
	for _, s := range p.sent {
		if s.sender != nil && s.offered == p.neg.numbered {
			p.detach(s)
		}
	}
}

// uncovered reports whether a published track waits for an offer: because it
// came late, or because the other side's first offer had no section left for it.
func (p *Peer) uncovered() bool {
	for _, s := range p.sent {
		if s.sender == nil {
			return true
		}
	}
	for _, t := range p.pc.GetTransceivers() {
		if t.Mid() == "" {
			return true
		}
	}
	return false
}

// failIfStuck gives the connection up if pion is left in the middle.
func (p *Peer) failIfStuck(err error) {
	if p.pc.SignalingState() != webrtc.SignalingStateStable {
		p.fail(err)
	}
}

func (p *Peer) fail(err error) {
	if !p.closing.Load() {
		p.giveUp(fmt.Errorf("negotiating: %w", err), netstack.Envelope{})
	}
}

func (p *Peer) header() header { return header{p.session, p.neg.remote} }

// useServers has the next gathering use the newest servers. Not while another
// is going on: pion reads its list unguarded.
func (p *Peer) useServers() {
	servers := p.f.iceServers()
	if slices.EqualFunc(servers, p.servers, sameServer) || !p.trickle.complete {
		return
	}
	c := p.pc.GetConfiguration()
	c.ICEServers = servers
	if err := p.pc.SetConfiguration(c); err != nil {
		p.log.Debug("new ICE servers not taken", "err", err)
		return
	}
	p.servers = servers
}

func sameServer(a, b webrtc.ICEServer) bool {
	return a.Username == b.Username && a.Credential == b.Credential && slices.Equal(a.URLs, b.URLs)
}
