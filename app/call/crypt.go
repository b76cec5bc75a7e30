package call

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"candid/netstack"
	"candid/netstack/contacts"
	"candid/netstack/e2ee"
	"candid/netstack/identity"
	"candid/netstack/sframe"
	"candid/netstack/signal"
)

// crypt is the encryption of a call from member to member: the same on every
// path. It belongs to the session's loop, but for what sealer returns and
// opens. Rooms without it have none (nil).
type crypt struct {
	r     *room
	group *e2ee.Group
	book  *contacts.Book
}

const (
	// cryptEvery is how often keys are looked after: a new one waits for no
	// longer than it must.
	cryptEvery = 50 * time.Millisecond
	// blindAfter is how long a member's frames may lack a key before it is said:
	// keys take three ways through the host, and its line may be slow.
	blindAfter = 3 * time.Second
)

// newCrypt makes the keys of a call, if the room has its media encrypted.
func newCrypt(cfg Config, r *room, w signal.Welcomed) (*crypt, error) {
	if !w.Room.EndToEnd {
		return nil, nil
	}
	person, book := cfg.Person, cfg.Contacts
	var err error
	if person == nil {
		if person, err = identity.NewPerson(); err != nil {
			return nil, err
		}
	}
	if book == nil {
		if book, err = contacts.Open("", signal.Looks); err != nil {
			return nil, err
		}
	}
	c := &crypt{r: r, book: book}
	if c.group, err = e2ee.New(w.ID, person); err != nil {
		return nil, err
	}
	return c, nil
}

// sealer seals a track that we send; nil, and with it the track as it is, in a
// room that is not encrypted.
func (c *crypt) sealer(trackID string) (*sframe.Sealer, error) {
	if c == nil {
		return nil, nil
	}
	return c.group.Sender().Track(trackID)
}

// opener opens what a member sends on a track; nil in a room that is not
// encrypted. What is from nobody who has keys, the host for one, never opens.
// way is how it comes: the same may come once on each.
func (c *crypt) opener(id netstack.PeerID, trackID, mime, way string) func(uint32, []byte) ([]byte, error) {
	if c == nil {
		return nil
	}
	receiver := c.group.Receiver(id)
	if receiver == nil {
		return func(uint32, []byte) ([]byte, error) { return nil, sframe.ErrNoKey }
	}
	o := receiver.Track(trackID, way)
	return func(ts uint32, frame []byte) ([]byte, error) { return o.Open(mime, ts, frame) }
}

// members exchanges keys with who is here, and changes ours when somebody left.
func (c *crypt) members() {
	if c == nil {
		return
	}
	ids := make([]netstack.PeerID, len(c.r.others))
	for i, o := range c.r.others {
		ids[i] = o.member.ID
	}
	c.report(c.group.SetMembers(ids, time.Now()))
}

func (c *crypt) handle(e netstack.Envelope) {
	if c != nil {
		c.report(c.group.Handle(e, time.Now()))
	}
}

// tick does what is due, and sees who cannot be decrypted.
func (c *crypt) tick() {
	now := time.Now()
	c.report(c.group.Tick(now))
	for _, o := range c.r.others {
		since := c.group.Peer(o.member.ID).Blind
		if blind := !since.IsZero() && now.Sub(since) > blindAfter; blind != o.blind {
			o.blind = blind
			c.r.linksChanged()
		}
	}
}

// report does what is to be done after something was put into the group.
func (c *crypt) report(err error) {
	if err != nil {
		c.r.s.log.Debug("key message dropped", "err", err)
	}
	step := c.group.Take()
	for _, e := range step.Send {
		if err := c.r.s.client.Send(context.Background(), e); err != nil {
			c.r.s.log.Warn("key message not sent", "err", err)
		}
	}
	if step.Renewed {
		c.r.s.video.ForceKeyFrame("") // who has just got the key needs one
		if c.r.shared != nil {
			c.r.shared.video.ForceKeyFrame("")
		}
	}
	for _, id := range step.Known {
		if o := c.r.find(id); o != nil {
			c.judge(o)
		}
	}
}

// judge says anew who a member is, as far as is known.
func (c *crypt) judge(o *other) {
	if c == nil {
		return
	}
	p := c.group.Peer(o.member.ID)
	words := map[netstack.PeerID][]string{}
	for _, m := range c.r.others {
		if w := c.group.Peer(m.member.ID).Words; w != nil {
			words[m.member.ID] = w
		}
	}
	c.r.s.words.Store(&words)
	safety := c.standing(p, o)
	if safety == SafetyChanged && o.member.Safety != SafetyChanged && !o.shunned {
		c.r.tell(Noticed{Text: fmt.Sprintf("%s has another key than before. Compare the words before you trust this.", o.member.Name), Bad: true})
	}
	if safety != o.member.Safety {
		o.member.Safety, o.member.Contact = safety, ""
		if safety == SafetyVerified {
			o.member.Contact = contactOf(p.Identity)
		}
		c.r.tell(MemberChanged{o.member})
	}
}

// contactOf is a name for a key, short and the same in every call.
func contactOf(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:12])
}

func (c *crypt) standing(p e2ee.Peer, o *other) Safety {
	if p.Identity == nil {
		return SafetyUnknown
	}
	switch c.book.Judge(p.Identity, o.member.Name) {
	case contacts.Verified:
		return SafetyVerified
	case contacts.Changed:
		return SafetyChanged
	}
	if p.Changed || o.shunned {
		return SafetyChanged
	}
	return SafetyWords
}

var errNoIdentity = errors.New("no keys were exchanged with this member yet")

// verify remembers that the words were the same, or were not. Whose words
// differ gets no more of our keys.
func (c *crypt) verify(o *other, same bool) {
	key := c.group.Peer(o.member.ID).Identity
	if key == nil {
		c.r.tell(Noticed{Text: fmt.Sprintf("Nothing to compare with %s yet: %v.", o.member.Name, errNoIdentity), Bad: true})
		return
	}
	o.shunned = !same
	c.group.Shun(o.member.ID, !same, time.Now())
	c.report(nil)
	if !same {
		c.r.tell(Noticed{
			Text: fmt.Sprintf("The words differ: somebody may be between you and %s, who sees and hears nothing of you from now on.", o.member.Name),
			Bad:  true,
		})
	}
	name := o.member.Name
	c.r.s.loop.Go(func(context.Context) { // the disk may be slow
		err := c.remember(key, name, same)
		c.r.s.post(func() {
			if err != nil {
				c.r.s.log.Warn("contact not kept", "err", err)
				c.r.tell(Noticed{Text: "What you compared holds for this call, and could not be kept for later ones.", Bad: true})
			}
			c.judge(o)
		})
	})
}

func (c *crypt) remember(key ed25519.PublicKey, name string, same bool) error {
	if same {
		return c.book.Add(key, name, time.Now())
	}
	return c.book.Remove(key)
}
