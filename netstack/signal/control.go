package signal

import (
	"fmt"

	"candid/netstack"
	"candid/netstack/invite"
)

// Force chooses this member's own path; Auto leaves it to the room. It does
// not block.
func (c *Client) Force(t netstack.Topology) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forced = t
	return c.queueLocked("", encode(TypeForce, forceBody{t}))
}

// ForceRoom chooses everyone's path, if this member is a moderator; Auto leaves
// it to the host. It does not block.
func (c *Client) ForceRoom(t netstack.Topology) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queueLocked("", encode(TypeForceRoom, forceBody{t}))
}

// Order asks for what only moderators may: one of their types, for a member
// where it is about one. It does not block; a MessageRefused says that it was
// not done.
func (c *Client) Order(typ string, peer netstack.PeerID) error {
	if allowed(Ordinary, typ) || !allowed(Owner, typ) || typ == TypeForceRoom {
		return fmt.Errorf("order %q: not for moderators to order", typ)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return ErrClosed
	}
	if c.out.push(message{tail: encode(typ, orderBody{Peer: peer}), once: typ == TypeHandOver}) != nil {
		return ErrQueueFull
	}
	return nil
}

// Room returns what the room is like as of the newest event.
func (c *Client) Room() RoomState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room
}

// MoveTo says where this client goes when the host says that the room has
// moved, instead of where all others go: that is for the program that hosts
// the room from then on.
func (c *Client) MoveTo(i invite.Invite) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = i
}

// movedLocked goes where the room is now. The error ends the connection, but
// not the client.
func (c *Client) movedLocked(text string) error {
	to, err := invite.Parse(text)
	if err != nil || to.Room != c.invite.Room || to.Check() != nil {
		return fmt.Errorf("%w: moved to no usable invite", ErrProtocol)
	}
	to.EndToEnd = to.EndToEnd || c.invite.EndToEnd // no host takes that back
	shown := to
	if c.next.Room == to.Room {
		to = c.next
		to.EndToEnd = to.EndToEnd || shown.EndToEnd
	}
	c.next = invite.Invite{}
	c.invite, c.address, c.token = to, "", ""
	c.events.Put(Moved{shown})
	return &MovedError{shown}
}

// takeOther applies the messages that are about the room.
func (c *Client) takeOther(f frame) error {
	switch f.Type {
	case TypeRoom:
		var b RoomState
		if err := decode(f.Envelope, &b); err != nil {
			return err
		}
		c.room = b.cleaned()
		c.events.Put(RoomChanged{c.room})
	case TypeMute:
		c.events.Put(MuteAsked{f.From})
	case TypeLowerHand:
		c.state.HandRaised = false
		c.events.Put(HandLowered{f.From})
	case TypeMoved:
		var b movedBody
		if err := decode(f.Envelope, &b); err != nil {
			return err
		}
		return c.movedLocked(b.Invite)
	default:
		if relayed(f.Type) && f.From != "" && c.newLocked(f) {
			c.events.Put(MessageReceived{f.Envelope})
		}
	}
	return nil
}

// line is a sentence of the host's fit to be shown.
func line(s string) string { return cut(cleanText(s, false), maxLine, maxLine) }

// cleaned is the member fit to be shown, also if the host is not what it should
// be.
func (m Member) cleaned() Member {
	m.Name = cleanName(m.Name)
	return m
}

// cleaned is the plan fit to be shown, likewise.
func (p Plan) cleaned() Plan {
	p.Why = line(p.Why)
	for id, hop := range p.Paths {
		hop.Why = line(hop.Why)
		p.Paths[id] = hop
	}
	return p
}

// cleaned is the state fit to be shown, likewise.
func (s RoomState) cleaned() RoomState {
	s.Waiting = s.Waiting[:min(len(s.Waiting), maxWaiting)]
	for i := range s.Waiting {
		s.Waiting[i].Name = cleanName(s.Waiting[i].Name)
	}
	return s
}
