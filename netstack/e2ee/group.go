package e2ee

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/sframe"
)

// How long a new secret waits for all to have it before it is used, and how
// often it is given again to who does not answer.
const (
	joinPatience  = time.Second
	leavePatience = 200 * time.Millisecond
	giveEvery     = 3 * time.Second
)

// maxPeers bounds a Group, whatever the host says.
const maxPeers = 256

// Group is the keys of one call. It belongs to one goroutine, but for what
// Sender and Receiver return. After every call take what is to be done with
// Take.
type Group struct {
	self     netstack.PeerID
	identity ed25519.PrivateKey
	peers    map[netstack.PeerID]*peer
	sender   *sframe.Sender
	current  secret
	next     *secret // given out, not yet in use
	step     Step
}

// secret is one of our own.
type secret struct {
	kid     uint64
	raw     []byte
	given   map[netstack.PeerID]bool // true: it has it
	useFrom time.Time                // at the latest
	again   time.Time                // when to give it again to who has not answered
}

// Step is what is to be done after something was put into a Group.
type Step struct {
	Send []netstack.Envelope
	// Known are members of whom something is known now that was not before.
	Known []netstack.PeerID
	// Renewed says that frames are sealed with a new secret from now on: who has
	// just got it needs a key frame.
	Renewed bool
}

// New makes the keys of a call for the member self, who is known by identity
// (kept by package identity).
func New(self netstack.PeerID, identity ed25519.PrivateKey) (*Group, error) {
	if len(identity) != ed25519.PrivateKeySize || len(self) > 255 {
		return nil, errors.New("make the keys of a call: no usable identity")
	}
	g := &Group{self: self, identity: identity, peers: make(map[netstack.PeerID]*peer), current: newSecret(0)}
	var err error
	if g.sender, err = sframe.NewSender(g.current.kid, g.current.raw); err != nil {
		return nil, fmt.Errorf("make the keys of a call: %w", err)
	}
	return g, nil
}

func newSecret(kid uint64) secret {
	raw := make([]byte, sframe.SecretSize)
	rand.Read(raw) // never fails
	return secret{kid: kid, raw: raw, given: make(map[netstack.PeerID]bool)}
}

// Take returns what is to be done, and forgets it.
func (g *Group) Take() Step {
	s := g.step
	g.step = Step{}
	return s
}

// Sender seals what this member sends.
func (g *Group) Sender() *sframe.Sender { return g.sender }

// Receiver opens what another member sends; nil if there is no such member.
func (g *Group) Receiver(id netstack.PeerID) *sframe.Receiver {
	if p := g.peers[id]; p != nil {
		return p.receiver
	}
	return nil
}

// Peer is what is known of another member.
type Peer struct {
	// Identity is the member's long-lived key; nil: not known yet.
	Identity ed25519.PublicKey
	// Words are to be compared with the ones the other sees.
	Words []string
	// Changed says that the member had another identity earlier in this call.
	Changed bool
	// Blind is since when frames of the member come that cannot be opened; zero:
	// they can, or none come.
	Blind time.Time
}

// Peer returns what is known of a member.
func (g *Group) Peer(id netstack.PeerID) Peer {
	p := g.peers[id]
	if p == nil {
		return Peer{}
	}
	out := Peer{Identity: p.identity, Changed: p.changed, Blind: p.receiver.Blind()}
	if p.channel != nil {
		out.Words = wordsOf(p.channel.words)
	}
	return out
}

// SetMembers says who else is in the room. Keys are exchanged with who is new;
// what only those have who are gone is worth nothing within 200 ms and the time
// to the next Tick.
func (g *Group) SetMembers(ids []netstack.PeerID, now time.Time) error {
	var errs error
	gone := false
	for id, p := range g.peers {
		if !slices.Contains(ids, id) {
			p.receiver.Close()
			delete(g.peers, id)
			gone = g.take(id) || gone
		}
	}
	if gone {
		g.renew(now, leavePatience)
	}
	for _, id := range ids {
		if g.peers[id] == nil && id != g.self && len(g.peers) < maxPeers {
			p := &peer{id: id, receiver: sframe.NewReceiver(nil), again: now.Add(helloAfter)}
			g.peers[id] = p
			if g.initiates(p) {
				p.wait(now, runTimeout)
				errs = errors.Join(errs, g.begin(p, now))
			}
		}
	}
	return errs
}

// take takes a member off the lists of who has a secret, and reports whether it
// was on one.
func (g *Group) take(id netstack.PeerID) bool {
	_, had := g.current.given[id]
	delete(g.current.given, id)
	if g.next != nil {
		_, has := g.next.given[id]
		had = had || has
		delete(g.next.given, id)
	}
	return had
}

// Shun stops giving a member our secrets, or goes on doing so: for one who turned
// out to be somebody else.
func (g *Group) Shun(id netstack.PeerID, shun bool, now time.Time) {
	p := g.peers[id]
	if p == nil || p.shunned == shun {
		return
	}
	p.shunned = shun
	switch {
	case !shun && p.channel != nil:
		g.welcome(p, now)
	case shun && g.take(id):
		g.renew(now, leavePatience)
	}
}

// Handle takes an envelope of Type. The error says why it was dropped; it is of
// interest to a log only.
func (g *Group) Handle(e netstack.Envelope, now time.Time) error {
	p := g.peers[e.From]
	if p == nil {
		return fmt.Errorf("%w: from nobody we know", errMessage)
	}
	m, err := parse(e.Body)
	if err != nil {
		return err
	}
	return g.handle(p, m, now)
}

// Tick does what is due. It is to be called some twenty times a second.
func (g *Group) Tick(now time.Time) error {
	var errs error
	for _, p := range g.peers {
		errs = errors.Join(errs, g.retry(p, now))
	}
	if g.next != nil && !now.Before(g.next.useFrom) {
		errs = errors.Join(errs, g.use())
	}
	if !now.Before(g.current.again) {
		for id, has := range g.current.given {
			if p := g.peers[id]; !has && p != nil && p.channel != nil {
				g.give(p, &g.current, now)
			}
		}
	}
	return errs
}

// welcome gives a secret to a member with whom a run is just complete.
func (g *Group) welcome(p *peer, now time.Time) {
	switch {
	case p.shunned:
	case g.next != nil:
		g.give(p, g.next, now)
	case len(g.current.given) == 0: // nobody has had anything yet
		g.give(p, &g.current, now)
	default:
		g.renew(now, joinPatience)
	}
}

// renew makes a new secret and gives it to everyone.
func (g *Group) renew(now time.Time, patience time.Duration) {
	kid := g.current.kid + 1
	if g.next != nil {
		kid = g.next.kid + 1
	}
	next := newSecret(kid)
	next.useFrom = now.Add(patience)
	g.next = &next
	for _, p := range g.peers {
		if p.channel != nil && !p.shunned {
			g.give(p, g.next, now)
		}
	}
	if len(next.given) == 0 {
		next.useFrom = now // with the next Tick
	}
}

func (g *Group) give(p *peer, s *secret, now time.Time) {
	s.given[p.id], s.again = false, now.Add(giveEvery)
	g.send(p, p.channel.put(message{Step: stepSecret}, grant{KID: s.kid, Secret: s.raw}))
}

// acknowledged notes that a member has a secret, and uses it once all have.
func (g *Group) acknowledged(p *peer, kid uint64) error {
	s := &g.current
	if g.next != nil && g.next.kid == kid {
		s = g.next
	}
	if has, given := s.given[p.id]; s.kid != kid || !given || has {
		return nil
	}
	s.given[p.id] = true
	if s != g.next {
		g.step.Renewed = true // what is new to p is as good as new
		return nil
	}
	for _, has := range s.given {
		if !has {
			return nil
		}
	}
	return g.use()
}

// use goes over to the next secret.
func (g *Group) use() error {
	next := *g.next
	g.next = nil
	if err := g.sender.Use(next.kid, next.raw); err != nil {
		return err
	}
	g.current = next
	g.step.Renewed = true
	return nil
}
