package signal

import (
	"github.com/pion/webrtc/v4"

	"candid/netstack"
)

// Version is the protocol version this package speaks; doc.go describes it.
const Version = 1

// Path is where a host serves signaling, and Subprotocol what the websocket
// handshake offers and answers.
const (
	Path        = "/signal"
	Subprotocol = "candid.1"
)

// The message types. Those a client sends to the server:
const (
	TypeJoin     = "join"
	TypeRehearse = "rehearse"
	TypeResume   = "resume"
	TypeLeave    = "leave"
	TypeState    = "state"
	TypeForce    = "force"
	TypePing     = "ping"
)

// Those of moderators. Mute and lower-hand go on to the member they are for.
const (
	TypeLock          = "lock"
	TypeUnlock        = "unlock"
	TypeLobbyOn       = "lobby-on"
	TypeLobbyOff      = "lobby-off"
	TypeAdmit         = "admit"
	TypeDeny          = "deny"
	TypeMute          = "mute"
	TypeMuteAll       = "mute-all"
	TypeRemove        = "remove"
	TypeLowerHand     = "lower-hand"
	TypeMakeModerator = "make-moderator"
	TypeForceRoom     = "force-room"
	TypeHandOver      = "hand-over"
)

// Those the server sends to a client:
const (
	TypeWelcome = "welcome"
	TypeWaiting = "waiting"
	TypeResumed = "resumed"
	TypeRefused = "refused"
	TypeJoined  = "joined"
	TypeLeft    = "left"
	TypeChanged = "changed"
	TypePlan    = "plan"
	TypeServers = "servers"
	TypeError   = "error"
	TypeRoom    = "room"
	TypeMoved   = "moved"
	TypeClosed  = "closed"
	TypePong    = "pong"
)

// Those that go both ways, and those relayed from member to member.
const (
	TypeAck         = "ack"
	TypeChat        = "chat"
	TypeDescription = "description" // body: RTCSessionDescriptionInit
	TypeCandidate   = "candidate"   // body: RTCIceCandidateInit
	TypeHello       = "hello"       // asks the other side to begin; see package peer
	TypeRestart     = "restart"     // asks the other side for an ICE restart
)

// known reports whether typ is a type of this protocol.
func known(typ string) bool {
	switch typ {
	case TypeJoin, TypeRehearse, TypeResume, TypeLeave, TypeState, TypePing, TypeWelcome, TypeResumed, TypeRefused, TypeJoined,
		TypeLeft, TypeChanged, TypePlan, TypeServers, TypeError, TypeClosed, TypePong, TypeAck, TypeChat,
		TypeForce, TypeWaiting, TypeRoom, TypeMoved, TypeLock, TypeUnlock, TypeLobbyOn, TypeLobbyOff, TypeAdmit, TypeDeny,
		TypeMute, TypeMuteAll, TypeRemove, TypeLowerHand, TypeMakeModerator, TypeForceRoom, TypeHandOver:
		return true
	}
	return relayed(typ)
}

// State is what a member says about itself; everyone in the room sees it.
type State struct {
	Muted      bool `json:"muted,omitempty"`
	CameraOff  bool `json:"cameraOff,omitempty"`
	Sharing    bool `json:"sharing,omitempty"`
	HandRaised bool `json:"handRaised,omitempty"`
}

// Capabilities is what a member's client can do.
type Capabilities struct {
	Client  string              `json:"client,omitempty"` // name and version, for people
	Paths   []netstack.Topology `json:"paths,omitempty"`  // client halves it has; empty: P2P
	Codecs  []string            `json:"codecs,omitempty"` // MIME types it decodes
	CanHost bool                `json:"canHost,omitempty"`
}

// Member is one participant as everyone sees it.
type Member struct {
	ID           netstack.PeerID `json:"id"`
	Name         string          `json:"name"` // cleaned by the server, unique in the room
	Role         Role            `json:"role"`
	State        State           `json:"state"`
	Capabilities Capabilities    `json:"capabilities"`
	// Hand is its place in the row of raised hands, from 1; 0: down.
	Hand int `json:"hand,omitempty"`
	// Forced is the path it chose for itself; Auto: none.
	Forced netstack.Topology `json:"forced,omitzero"`
	// Connected is false while the member does not answer: its connection to
	// the host is lost or silent. It may come back.
	Connected bool `json:"connected"`
}

// Plan is the path of every member through the room, and why. The server
// decides it; a higher Revision replaces a lower one.
type Plan struct {
	Revision uint64                  `json:"revision"`
	Why      string                  `json:"why"`
	Paths    map[netstack.PeerID]Hop `json:"paths"`
}

// Hop is one member's part of a Plan.
type Hop struct {
	Topology netstack.Topology `json:"topology"`
	Why      string            `json:"why,omitempty"` // where it differs from the room's
}

// For returns the topology of one member; Auto if the plan does not name it.
func (p Plan) For(id netstack.PeerID) netstack.Topology { return p.Paths[id].Topology }

// Reason says why a member left.
type Reason string

// The reasons for leaving.
const (
	LeftItself   Reason = "left"     // said so
	LeftLost     Reason = "lost"     // its connection did not come back in time
	LeftRemoved  Reason = "removed"  // was removed by the host
	LeftReplaced Reason = "replaced" // joined again
	LeftTooSlow  Reason = "too-slow" // did not take its messages
	LeftFault    Reason = "fault"    // broke the protocol
)

// The bodies of the messages, in the order a client meets them. doc.go
// describes each.
type (
	joinBody struct {
		Version      int          `json:"version"`
		Room         string       `json:"room"`
		Secret       string       `json:"secret"`
		Key          string       `json:"key"`
		Name         string       `json:"name"`
		State        State        `json:"state"`
		Capabilities Capabilities `json:"capabilities"`
	}
	resumeBody struct {
		Version  int             `json:"version"`
		Room     string          `json:"room"`
		ID       netstack.PeerID `json:"id"`
		Token    string          `json:"token"`
		Attempt  uint64          `json:"attempt"`
		Received uint64          `json:"received"`
	}
	welcomeBody struct {
		Version int                `json:"version"`
		ID      netstack.PeerID    `json:"id"`
		Token   string             `json:"token"`
		Members []Member           `json:"members"` // in order of joining, yourself included
		Gone    []netstack.PeerID  `json:"gone,omitempty"`
		Servers []webrtc.ICEServer `json:"servers"`
		Plan    Plan               `json:"plan"`
		State   RoomState          `json:"room"`
		Chat    []ChatLine         `json:"chat,omitempty"` // the newest, oldest first
		Epoch   string             `json:"epoch"`          // of the room: a new one after a restart
		Resume  int                `json:"resume"`         // seconds a lost connection may take to come back
	}
	resumedBody struct {
		Received uint64 `json:"received"`
	}
	refusedBody struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
		After   int    `json:"after,omitempty"` // seconds to wait before trying again
		Version int    `json:"version,omitempty"`
		Invite  string `json:"invite,omitempty"` // where the room is now
	}
	leftBody struct {
		ID  netstack.PeerID `json:"id"`
		Why Reason          `json:"why"`
		// Said is the leaver's own words, if any.
		Said string `json:"said,omitempty"`
	}
	serversBody struct {
		Servers []webrtc.ICEServer `json:"servers"`
	}
	leaveBody struct {
		Said string `json:"said,omitempty"`
	}
	forceBody struct {
		Topology netstack.Topology `json:"topology"`
	}
	orderBody struct {
		Peer netstack.PeerID `json:"peer,omitempty"`
	}
	movedBody struct {
		Invite string `json:"invite"`
	}
	errorBody struct {
		Code    Code            `json:"code"`
		Message string          `json:"message"`
		Type    string          `json:"type,omitempty"` // of the message refused
		To      netstack.PeerID `json:"to,omitempty"`
	}
	closedBody struct {
		Why  string `json:"why"`
		Code Code   `json:"code"` // closed, or removed
	}
)
