package signal

import (
	"slices"
	"time"

	"candid/netstack"
)

// RoomOptions say how a room is opened.
type RoomOptions struct {
	Secret      string // of guests
	OwnerSecret string // makes its user the Owner; empty: there is none
	// Grants are what else opens the room, as Allow gives them; the first 199
	// count, those that are long over apart.
	Grants []SecretGrant
	// EndToEnd tells members to encrypt their media for each other. It is
	// decided when the room is opened.
	EndToEnd bool
	Settings Settings
}

// Settings are what moderators set in a room, and should outlive its host.
type Settings struct {
	Locked     bool              `json:"locked,omitempty"` // nobody new comes in
	Lobby      bool              `json:"lobby,omitempty"`  // who comes waits to be let in
	Forced     netstack.Topology `json:"forced,omitzero"`
	Moderators []netstack.PeerID `json:"moderators,omitempty"`
	// Known may come in although the room is locked or has a lobby: who was in
	// it then. Removed may not come in at all.
	Known   []netstack.PeerID `json:"known,omitempty"`
	Removed []netstack.PeerID `json:"removed,omitempty"`
}

// maxListed bounds each list of Settings; the oldest give way.
const maxListed = 200

func note(list []netstack.PeerID, id netstack.PeerID) []netstack.PeerID {
	if slices.Contains(list, id) {
		return list
	}
	list = append(slices.Clone(list), id)
	return list[max(0, len(list)-maxListed):]
}

// guarded reports whether it matters who is known.
func (s Settings) guarded() bool { return s.Locked || s.Lobby }

// RoomState is what a room is like, as its members are told.
type RoomState struct {
	Locked bool `json:"locked,omitempty"`
	Lobby  bool `json:"lobby,omitempty"`
	// EndToEnd: media is encrypted from member to member.
	EndToEnd bool `json:"endToEnd,omitempty"`
	// Forced is the path a moderator chose for all; Auto: none.
	Forced  netstack.Topology `json:"forced,omitzero"`
	Waiting []Waiter          `json:"waiting,omitempty"` // told to moderators only
}

// Waiter is somebody in the lobby.
type Waiter struct {
	ID    netstack.PeerID `json:"id"`
	Name  string          `json:"name"`
	Since time.Time       `json:"since"` // the host's clock
}

// state is what one member is told of the room.
func (r *room) state(m *session) RoomState {
	s := RoomState{Locked: r.settings.Locked, Lobby: r.settings.Lobby, EndToEnd: r.endToEnd, Forced: r.settings.Forced}
	if m.Role.Moderates() {
		for _, w := range r.waiting {
			s.Waiting = append(s.Waiting, Waiter{w.ID, w.Name, w.since})
		}
	}
	return s
}

// tellRoom tells everyone what the room is like now.
func (r *room) tellRoom() {
	for _, m := range slices.Clone(r.order) {
		if r.members[m.ID] == m {
			r.push(m, message{tail: encode(TypeRoom, r.state(m)), topic: "room"})
		}
	}
}

// set changes the settings and tells the host process, which keeps them.
func (r *room) set(change func(*Settings)) {
	change(&r.settings)
	if hook := r.server.cfg.OnSettings; hook != nil {
		hook(r.name, r.settings)
	}
}

// raise sorts the raised hands after a member's state has changed.
func (r *room) raise(m *session) {
	if !m.State.HandRaised {
		m.raised = 0
	} else if m.raised == 0 {
		r.hands++
		m.raised = r.hands
	}
	for _, o := range r.order {
		place := 0
		if o.raised != 0 {
			for _, p := range r.order {
				if p.raised != 0 && p.raised <= o.raised {
					place++
				}
			}
		}
		if o.Hand != place {
			o.Hand = place
			if o != m {
				defer r.tellChanged(o)
			}
		}
	}
}

// TypeTakeOver is how a host that goes asks a member to host the room, and
// TypeTakenOver is the answer to the host.
const (
	TypeTakeOver  = "x-take-over"
	TypeTakenOver = "x-taken-over"
)

// TakeOver says which room a member is asked to host, and how it is opened.
type TakeOver struct {
	Room     string   `json:"room"`
	Secret   string   `json:"secret"` // of guests
	EndToEnd bool     `json:"endToEnd,omitempty"`
	Settings Settings `json:"settings"`
}

// TakenOver is the answer: the invite for all others, or why not.
type TakenOver struct {
	Invite string `json:"invite,omitempty"`
	Error  string `json:"error,omitempty"`
}

// TypeTools is how a moderator asks the host what other tools (WHIP and WHEP) may
// do in the room, or changes it; and what the host says of it.
const TypeTools = "x-tools"

// ToolsOrder is what a moderator wants of it.
type ToolsOrder struct {
	Open *bool `json:"open,omitempty"` // let them in, or shut them out; nil: only look
}

// Tools says whether other tools may publish into the room and watch it, and to
// moderators with what: the addresses for WHIP and WHEP and the bearer token.
type Tools struct {
	Open    bool   `json:"open"`
	Publish string `json:"publish,omitempty"`
	Watch   string `json:"watch,omitempty"`
	Token   string `json:"token,omitempty"`
	Error   string `json:"error,omitempty"` // why what was asked for was not done
}
