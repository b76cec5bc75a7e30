package e2ee

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"time"

	"candid/netstack"
	"candid/netstack/sframe"
)

// The times of a key exchange; the package comment explains them.
const (
	helloAfter = 1500 * time.Millisecond
	runTimeout = 5 * time.Second
	maxBackoff = time.Minute
	runEvery   = time.Second
)

// peer is another member.
type peer struct {
	id       netstack.PeerID
	run      *run     // under way
	channel  *channel // of the last run that is complete
	identity ed25519.PublicKey
	changed  bool // another identity than before, in this call
	receiver *sframe.Receiver
	shunned  bool

	lastRun time.Time // when one was last begun
	again   time.Time // when to try again if there is no channel by then
	backoff time.Duration
}

// begin begins a run with a peer, as its initiator.
func (g *Group) begin(p *peer, now time.Time) error {
	r, err := newRun(now)
	if err != nil {
		return err
	}
	p.run, p.lastRun = r, now
	g.send(p, message{Step: stepCommit, Version: version, Run: r.commit})
	return nil
}

// handle takes a message of a peer.
func (g *Group) handle(p *peer, m message, now time.Time) error {
	switch m.Step {
	case stepHello:
		return g.onHello(p, now)
	case stepCommit:
		return g.onCommit(p, m, now)
	case stepAnswer:
		return g.onAnswer(p, m)
	case stepReveal, stepAuth:
		return g.onProof(p, m, now)
	case stepSecret, stepGot:
		return g.onGrant(p, m, now)
	}
	return fmt.Errorf("%w: step %q", errMessage, m.Step)
}

func (g *Group) onHello(p *peer, now time.Time) error {
	if !g.initiates(p) {
		return errMessage
	}
	if now.Sub(p.lastRun) < runEvery {
		return errOften
	}
	if p.run != nil && now.Sub(p.run.began) < runTimeout {
		return nil // it is being answered
	}
	return g.begin(p, now)
}

func (g *Group) onCommit(p *peer, m message, now time.Time) error {
	switch {
	case g.initiates(p):
		return errMessage
	case m.Version != version:
		return errVersion
	case !p.lastRun.IsZero() && now.Sub(p.lastRun) < runEvery:
		return errOften // it tries again
	}
	r, err := makeRun(now)
	if err != nil {
		return err
	}
	r.commit = m.Run
	p.run, p.lastRun = r, now
	g.send(p, message{Step: stepAnswer, Run: r.commit, Key: r.private.PublicKey().Bytes(), Nonce: r.nonce})
	return nil
}

func (g *Group) onAnswer(p *peer, m message) error {
	if p.run == nil || !p.run.initiator || !bytes.Equal(m.Run, p.run.commit) {
		return errRun
	}
	if err := p.run.meet(g.self, p.id, m.Key, m.Nonce); err != nil {
		return err
	}
	c := p.run.channel
	reveal := message{Step: stepReveal, Key: p.run.private.PublicKey().Bytes(), Nonce: p.run.nonce}
	g.send(p, c.put(reveal, c.prove(g.identity)))
	return nil
}

// onProof takes reveal, as responder, or auth, as initiator: the last step of a
// run. What does not hold ends it.
func (g *Group) onProof(p *peer, m message, now time.Time) error {
	r := p.run
	if r == nil || r.initiator != (m.Step == stepAuth) || !bytes.Equal(m.Run, r.commit) || r.initiator && r.channel == nil {
		return errRun
	}
	p.run = nil
	if !r.initiator {
		if err := r.meet(g.self, p.id, m.Key, m.Nonce); err != nil {
			return err
		}
	}
	var theirs proof
	if err := r.channel.get(m, &theirs); err != nil {
		return err
	}
	identity, err := r.channel.check(theirs)
	if err != nil {
		return err
	}
	if !r.initiator {
		g.send(p, r.channel.put(message{Step: stepAuth}, r.channel.prove(g.identity)))
	}
	if p.identity != nil && !p.identity.Equal(identity) {
		p.changed = true
		p.receiver.Reset()
	}
	p.channel, p.identity, p.backoff = r.channel, identity, 0
	g.step.Known = append(g.step.Known, p.id)
	g.welcome(p, now)
	return nil
}

// onGrant takes a secret of the peer's, or that it has ours.
func (g *Group) onGrant(p *peer, m message, now time.Time) error {
	if p.channel == nil {
		if !g.initiates(p) && p.run == nil {
			g.hello(p, now) // it remembers a run that we do not
		}
		return errRun
	}
	if !bytes.Equal(m.Run, p.channel.run) {
		return errRun
	}
	var gr grant
	if err := p.channel.get(m, &gr); err != nil {
		return err
	}
	if m.Step == stepGot {
		return g.acknowledged(p, gr.KID)
	}
	if err := p.receiver.Add(gr.KID, gr.Secret); err != nil {
		return err
	}
	g.send(p, p.channel.put(message{Step: stepGot}, grant{KID: gr.KID}))
	return nil
}

// retry does what is due with a peer.
func (g *Group) retry(p *peer, now time.Time) error {
	if p.run != nil && now.Sub(p.run.began) >= runTimeout {
		p.run = nil
	}
	if p.channel != nil || p.run != nil || now.Before(p.again) {
		return nil
	}
	if !g.initiates(p) {
		g.hello(p, now)
		return nil
	}
	p.wait(now, runTimeout)
	return g.begin(p, now)
}

func (g *Group) hello(p *peer, now time.Time) {
	if now.Before(p.again) && p.backoff > 0 {
		return
	}
	p.wait(now, helloAfter)
	g.send(p, message{Step: stepHello})
}

// wait sets when to try again: later each time.
func (p *peer) wait(now time.Time, least time.Duration) {
	p.backoff = min(max(2*p.backoff, least), maxBackoff)
	p.again = now.Add(p.backoff)
}

func (g *Group) initiates(p *peer) bool { return g.self < p.id }

func (g *Group) send(p *peer, m message) { g.step.Send = append(g.step.Send, envelope(p.id, m)) }
