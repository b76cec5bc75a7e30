package signal

import (
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"

	"candid/netstack"
	"candid/netstack/invite"
)

// view is what a client knows of the room, kept from its messages. It is
// guarded by Client.mu.
type view struct {
	invite  invite.Invite // where the room is
	next    invite.Invite // where this client goes when it moves; see MoveTo
	sock    *socket       // nil while the host is away
	address string        // that led to the host last

	id      netstack.PeerID
	token   string
	attempt uint64
	epoch   string
	members []Member
	servers []webrtc.ICEServer
	plan    Plan
	state   State // our own, as last set
	forced  netstack.Topology
	room    RoomState
	line    uint64 // of chat, the newest reported

	sent     uint64                     // number of the newest message to others
	numbers  map[netstack.PeerID]uint64 // of the newest message from each
	ghosts   map[netstack.PeerID]*ghost
	farewell string // what the host said at the end
	faulty   bool   // the host could not bear one of our messages
}

// ghost is a member who was in the room before the host was restarted and is
// expected back.
type ghost struct {
	held  [][]byte // messages for it
	timer *time.Timer
}

// ghostTime is how long after a restart of the host the others may take to
// come back. Their back-off waits 7 s at most.
const ghostTime = 20 * time.Second

// resumeLocked returns how to resume the session, or nil if there is none.
func (c *Client) resumeLocked() *resumeBody {
	if c.token == "" {
		return nil
	}
	c.attempt++
	return &resumeBody{
		Version: Version, Room: c.invite.Room, ID: c.id, Token: c.token, Attempt: c.attempt, Received: c.received.Load(),
	}
}

// resumed goes on where the session was.
func (c *Client) resumed(s *socket, address string, b resumedBody) error {
	if !c.out.rewind(s, b.Received) {
		c.mu.Lock()
		c.token = "" // join anew next time
		c.mu.Unlock()
		return fmt.Errorf("%w: the host lost what it had received", ErrProtocol)
	}
	c.mu.Lock()
	c.sock, c.address = s, address
	c.mu.Unlock()
	return nil
}

// welcomed begins a session.
func (c *Client) welcomed(s *socket, address string, b welcomeBody) error {
	if b.Version != Version {
		return &VersionError{Host: b.Version, Client: Version}
	}
	if !isToken(string(b.ID), maxID) {
		return errBadID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.invite.EndToEnd && !b.State.EndToEnd {
		return ErrNotEncrypted
	}
	b.Plan = b.Plan.cleaned()
	for i, m := range b.Members {
		b.Members[i] = m.cleaned()
	}
	again := c.id != ""
	if again && b.Epoch != c.epoch {
		b.Members = append(b.Members, c.missingLocked(b.Members, b.Gone)...)
	}
	c.releaseLocked(b.Members)
	chat := c.newChatLocked(b.Chat, b.Epoch == c.epoch)
	c.id, c.token, c.attempt, c.epoch = b.ID, b.Token, 0, b.Epoch
	c.members, c.servers, c.plan, c.room = b.Members, b.Servers, b.Plan, b.State.cleaned()
	c.received.Store(0)
	c.out.restart(func(m message, sent bool) bool {
		g := c.ghosts[m.peer]
		switch {
		case sent && (c.faulty || m.once):
			return false
		case g != nil:
			g.held = append(g.held, m.tail)
			return false
		}
		return true
	})
	c.faulty = false
	c.out.rewind(s, 0)
	c.sock, c.address = s, address
	c.events.Put(Welcomed{
		ID: b.ID, Members: slices.Clone(b.Members), Servers: b.Servers, Plan: b.Plan, Room: c.room, Chat: chat,
		Address: address, Again: again,
	})
	if again && c.forced != netstack.Auto {
		return c.queueLocked("", encode(TypeForce, forceBody{c.forced}))
	}
	return nil
}

// missingLocked makes ghosts of the members that a restarted host does not know
// yet, and returns them.
func (c *Client) missingLocked(now []Member, gone []netstack.PeerID) (missing []Member) {
	for _, m := range c.members {
		if slices.ContainsFunc(now, func(n Member) bool { return n.ID == m.ID }) || slices.Contains(gone, m.ID) {
			continue // here, or will not come
		}
		m.Connected = false
		missing = append(missing, m)
		if c.ghosts[m.ID] == nil {
			if c.ghosts == nil {
				c.ghosts = make(map[netstack.PeerID]*ghost)
			}
			g := &ghost{}
			g.timer = time.AfterFunc(ghostTime, func() { c.giveUp(m.ID, g) })
			c.ghosts[m.ID] = g
		}
	}
	return missing
}

// releaseLocked ends the waiting for those who are back.
func (c *Client) releaseLocked(members []Member) {
	for _, m := range members {
		if g := c.ghosts[m.ID]; g != nil && m.Connected {
			g.timer.Stop()
			delete(c.ghosts, m.ID)
			for _, tail := range g.held {
				if c.out.push(message{peer: m.ID, tail: tail}) != nil {
					c.log.Warn("drop a message held for a member", "cause", ErrQueueFull)
				}
			}
		}
	}
}

// giveUp ends the waiting for a member who did not come back.
func (c *Client) giveUp(id netstack.PeerID, g *ghost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ghosts[id] != g || c.done {
		return
	}
	delete(c.ghosts, id)
	c.leftLocked(leftBody{ID: id, Why: LeftLost})
}

func (c *Client) stopGhostsLocked() {
	for _, g := range c.ghosts {
		g.timer.Stop()
	}
	c.ghosts = nil
}

// take applies one message. Errors are ErrProtocol, or the end. Types it does
// not know are ignored: a newer host may send them.
func (c *Client) take(f frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.Type {
	case TypeJoined, TypeChanged:
		var m Member
		if err := decode(f.Envelope, &m); err != nil {
			return err
		}
		c.memberLocked(m)
	case TypeLeft:
		var b leftBody
		if err := decode(f.Envelope, &b); err != nil {
			return err
		}
		c.leftLocked(b)
	case TypePlan:
		var p Plan
		if err := decode(f.Envelope, &p); err != nil {
			return err
		}
		if p = p.cleaned(); p.Revision > c.plan.Revision {
			c.plan = p
			c.events.Put(PlanChanged{p})
		}
	case TypeServers:
		var b serversBody
		if err := decode(f.Envelope, &b); err != nil {
			return err
		}
		c.servers = b.Servers
		c.events.Put(ServersChanged(b))
	case TypeChat:
		var l ChatLine
		if err := decode(f.Envelope, &l); err != nil {
			return err
		}
		l.From = f.From
		c.line = max(c.line, l.Line)
		if c.newLocked(f) {
			c.events.Put(ChatReceived{l.cleaned()})
		}
	case TypeError:
		var b errorBody
		if err := decode(f.Envelope, &b); err != nil {
			return err
		}
		c.events.Put(MessageRefused{Code: b.Code, Text: line(b.Message), Type: b.Type, To: b.To})
	case TypeClosed:
		return c.closedLocked(f)
	default:
		return c.takeOther(f)
	}
	return nil
}

// closedLocked notes what the host says at the end, and returns what it means.
func (c *Client) closedLocked(f frame) error {
	var b closedBody
	if err := decode(f.Envelope, &b); err != nil {
		return err
	}
	c.farewell = cut(cleanText(b.Why, false), maxSaid, maxSaid)
	if b.Code == CodeRemoved {
		return ErrRemoved
	}
	return ErrHostGone
}

// newLocked reports whether a numbered message of another member is one not
// seen before: it may come twice when the host was restarted.
func (c *Client) newLocked(f frame) bool {
	if f.N == 0 {
		return true
	}
	if f.N <= c.numbers[f.From] {
		return false
	}
	c.numbers[f.From] = f.N
	return true
}

// memberLocked notes a new or changed member.
func (c *Client) memberLocked(m Member) {
	m = m.cleaned()
	i := slices.IndexFunc(c.members, func(o Member) bool { return o.ID == m.ID })
	if i < 0 {
		c.members = append(c.members, m)
		c.events.Put(MemberJoined{m})
		return
	}
	before := c.members[i]
	c.members[i] = m
	c.releaseLocked([]Member{m})
	c.events.Put(MemberChanged{Member: m, Before: before})
}

func (c *Client) leftLocked(b leftBody) {
	i := slices.IndexFunc(c.members, func(o Member) bool { return o.ID == b.ID })
	if i < 0 {
		return
	}
	m := c.members[i]
	c.members = slices.Delete(c.members, i, i+1)
	if b.Why == LeftItself {
		delete(c.numbers, b.ID) // the others may come back and send again
	}
	c.events.Put(MemberLeft{Member: m, Why: b.Why, Said: cut(cleanText(b.Said, false), maxSaid, maxSaid)})
}
