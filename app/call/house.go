package call

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"candid/netstack"
	"candid/netstack/signal"
	"candid/netstack/topology"
)

// house is what the room is like, beside who is in it: what was said, who
// waits, what was chosen. It is touched on the session's loop.
type house struct {
	state  signal.RoomState
	plan   signal.Plan // of everyone
	chat   []ChatLine
	forced netstack.Topology // by this member, for itself
	tools  Tools
	link   string // the invite to give to others
	hosted bool   // by this program
	// hosting is the invite to this room at this program, which hosts it as soon
	// as the host there was says so; empty: it does not.
	hosting string
	leaving bool // as soon as the room is handed over
}

// fill adds to a snapshot what the room is like.
func (h *house) fill(s *Snapshot) {
	s.Invite, s.Hosted = h.link, h.hosted
	s.Locked, s.Lobby, s.Tools = h.state.Locked, h.state.Lobby, h.tools
	s.Forced, s.RoomForced = h.forced, h.state.Forced
	s.Chat = h.chat[:len(h.chat):len(h.chat)]
	for _, w := range h.state.Waiting {
		s.Waiting = append(s.Waiting, Waiting{ID: w.ID, Name: w.Name, Since: w.Since})
	}
}

// hear adds a line of chat.
func (r *room) hear(l signal.ChatLine) ChatLine {
	line := ChatLine{From: l.From, Name: l.Name, Text: l.Text, At: l.At, Mine: l.From == r.self.ID}
	if !line.Mine && r.find(l.From) == nil {
		line.From = "" // gone
	}
	chat := append(r.house.chat, line)
	r.house.chat = chat[max(0, len(chat)-ChatLength):]
	return line
}

// onHouse takes what the host says of the room as a whole.
func (r *room) onHouse(e signal.Event) {
	switch e := e.(type) {
	case signal.ChatReceived:
		l := r.hear(e.ChatLine)
		r.tell(ChatReceived{l})
	case signal.RoomChanged:
		r.house.state = e.Room
		r.tell(RoomChanged{})
	case signal.MuteAsked:
		if !r.said.Muted {
			r.setMuted(true)
			r.tell(Noticed{Text: r.nameOf(e.By) + " muted you. You can unmute yourself."})
		}
	case signal.HandLowered:
		r.said.HandRaised = false
		r.self.HandRaised, r.self.Hand = false, 0
		r.tell(MemberChanged{r.self})
	case signal.Moved:
		r.moved(e.Invite)
	case signal.MessageRefused:
		r.onRefused(e)
	}
}

// onRefused says that what the person asked for was not done.
func (r *room) onRefused(e signal.MessageRefused) {
	level := slog.LevelWarn
	if e.Code == signal.CodeNoSuchMember {
		level = slog.LevelDebug // who has just left is sent to once more at times
	}
	r.s.log.Log(context.Background(), level, "message refused", "code", e.Code, "text", e.Text, "type", e.Type)
	text := ""
	switch {
	case e.Type == signal.TypeHandOver:
		text = "The room cannot be handed over to this person's computer."
	case e.Code == signal.CodeNotAllowed:
		text = "Only a moderator can do this."
	case e.Type == signal.TypeAdmit || e.Type == signal.TypeDeny:
		text = "Who waited is gone."
	default:
		return // not a person's doing
	}
	r.tell(Noticed{Text: text, Bad: true})
}

// nameOf is what a member is called.
func (r *room) nameOf(id netstack.PeerID) string {
	if o := r.find(id); o != nil {
		return o.member.Name
	}
	return "A moderator"
}

// welcomed takes what a welcome says of the room as a whole.
func (r *room) welcomed(w signal.Welcomed) {
	r.house.state = w.Room
	for _, l := range w.Chat {
		if line := r.hear(l); w.Again {
			r.tell(ChatReceived{line})
		}
	}
}

// fromHost takes the host's own messages, and reports whether e was one.
func (r *room) fromHost(e netstack.Envelope) bool {
	if e.From != netstack.HostID {
		return false
	}
	switch e.Type {
	case topology.TypeGraph:
		r.onGraph(e)
	case signal.TypeTakeOver:
		r.onTakeOver(e)
	case signal.TypeTools:
		r.onTools(e)
	case signal.TypeTakenOver:
		r.notTakenOver()
	default:
		return false
	}
	return true
}

// moderate passes on an order. What it leads to comes back as facts.
func (r *room) moderate(o Order) {
	var err error
	switch o.Do {
	case LookTools, OpenTools, ShutTools:
		err = r.askTools(o.Do)
	default:
		err = r.s.client.Order(string(o.Do), o.Peer)
	}
	if err != nil {
		r.tell(Noticed{Text: "This could not be done: " + err.Error(), Bad: true})
	}
}

func (r *room) force(t netstack.Topology) {
	r.house.forced = t
	if err := r.s.client.Force(t); err != nil {
		r.s.log.Warn("force not told", "err", err)
	}
	r.tell(RoomChanged{})
}

func (r *room) forceRoom(t netstack.Topology) {
	if err := r.s.client.ForceRoom(t); err != nil {
		r.tell(Noticed{Text: fmt.Sprintf("The path could not be chosen: %v", err), Bad: true})
	}
}

// takePaths notes how everyone receives.
func (r *room) takePaths(p signal.Plan) {
	r.house.plan = p
	r.self.Path = p.For(r.self.ID)
	for _, o := range r.others {
		if t := p.For(o.member.ID); t != o.member.Path {
			o.member.Path = t
			if r.state != Idle {
				r.tell(MemberChanged{o.member})
			}
		}
	}
}

// graphAge is how long the graph says something of now.
const graphAge = 10 * time.Second
