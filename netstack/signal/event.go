package signal

import (
	"time"

	"github.com/pion/webrtc/v4"

	"candid/netstack"
	"candid/netstack/invite"
)

// Event is something a Client reports: a past-tense fact. The set is closed.
type Event interface{ event() }

type (
	// Welcomed reports that the client is in the room. It is the first event.
	// It comes again, with Again set, when the host had forgotten the session
	// (it was restarted, or the connection was away for too long): ID is then
	// the same as before, and members who have not come back yet are listed
	// as not connected for a while before MemberLeft reports them gone.
	Welcomed struct {
		ID      netstack.PeerID
		Members []Member // in order of joining, the client itself included
		Servers []webrtc.ICEServer
		Plan    Plan
		Room    RoomState
		Chat    []ChatLine // lines not reported before, oldest first
		Address string     // through which the host was reached
		Again   bool
	}
	// MemberJoined reports a new participant.
	MemberJoined struct{ Member Member }
	// MemberLeft reports a participant who is gone for good.
	MemberLeft struct {
		Member Member // as last known
		Why    Reason
		Said   string // the leaver's own words, if any
	}
	// MemberChanged reports a new name, state or connectedness, also the
	// client's own.
	MemberChanged struct{ Member, Before Member }
	// PlanChanged reports new paths through the room.
	PlanChanged struct{ Plan Plan }
	// ServersChanged reports new ICE servers or new credentials for them.
	ServersChanged struct{ Servers []webrtc.ICEServer }
	// MessageReceived reports an envelope from another member or the host's
	// media server, for the transport that Envelope.Path names.
	MessageReceived struct{ Envelope netstack.Envelope }
	// ChatReceived reports a line of chat, also the client's own, in the same
	// order at every member.
	ChatReceived struct{ ChatLine }
	// RoomChanged reports what the room is like now, and who waits.
	RoomChanged struct{ Room RoomState }
	// MuteAsked reports that a moderator wants this member to be silent. To obey
	// is the client's part.
	MuteAsked struct{ By netstack.PeerID }
	// HandLowered reports that a moderator lowered this member's hand.
	HandLowered struct{ By netstack.PeerID }
	// Moved reports that the room is at another host from now on. The client
	// goes there by itself; Welcomed follows.
	Moved struct{ Invite invite.Invite }
	// MessageRefused reports that the server did not deliver a message.
	MessageRefused struct {
		Code Code
		Text string
		Type string
		To   netstack.PeerID
	}
	// ConnectionLost reports that the host is out of reach; the client tries
	// to come back by itself. Media does not depend on it.
	ConnectionLost struct{ Err error }
	// RetryFailed reports an attempt to come back that failed, and when the
	// next one is made.
	RetryFailed struct {
		Err  error
		Next time.Duration
	}
	// ConnectionRestored reports that the client is back, how long it was
	// away, and through which address.
	ConnectionRestored struct {
		After   time.Duration
		Address string
	}
	// RoomClosed reports the end: the host closed the room or stopped, or
	// removed this member, or refuses to take it back. Err is typed; nothing
	// but the end of Events follows after Close.
	RoomClosed struct {
		Why string
		Err error
	}
)

func (Welcomed) event()           {}
func (MemberJoined) event()       {}
func (MemberLeft) event()         {}
func (MemberChanged) event()      {}
func (PlanChanged) event()        {}
func (ServersChanged) event()     {}
func (MessageReceived) event()    {}
func (ChatReceived) event()       {}
func (RoomChanged) event()        {}
func (MuteAsked) event()          {}
func (HandLowered) event()        {}
func (Moved) event()              {}
func (MessageRefused) event()     {}
func (ConnectionLost) event()     {}
func (RetryFailed) event()        {}
func (ConnectionRestored) event() {}
func (RoomClosed) event()         {}
