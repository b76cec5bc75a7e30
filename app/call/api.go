// Package call is one call from join to leave: it connects this person's
// studio to a room, chooses with the room the path media takes, and tells
// whoever listens what happened. It imports no GUI.
package call

import (
	"time"

	"candid/netstack"
	"candid/netstack/verdict"
)

// State is where a call is in its life.
type State uint8

// The states of a call; transitions says how they follow each other.
const (
	Idle         State = iota
	Joining            // towards the host
	Alone              // in the room, nobody else is
	Connecting         // others are here, no media yet
	Connected          // media flows
	Reconnecting       // media stopped, or the host is gone; we try again
	Ended
)

var stateNames = [...]string{"idle", "joining", "alone", "connecting", "connected", "reconnecting", "ended"}

func (s State) String() string { return stateNames[s] }

// Member is a person in the room.
type Member struct {
	ID                        netstack.PeerID
	Name                      string
	Muted, CameraOff          bool
	Sharing, HandRaised, Host bool
	// Problem says in words what keeps this member from being seen or heard:
	// "not responding", "connecting…"; empty when all is well.
	Problem string
}

// Plan is what the room decided about the path of this member's media.
type Plan struct {
	Revision int
	Topology netstack.Topology
	Why      string // one sentence
}

// Snapshot is all a new window needs.
type Snapshot struct {
	State   State
	Problem string // why the call is not well, in words; empty otherwise
	Err     error  // why the call ended; nil after a Leave
	Room    string
	Invite  string // the link to give to others
	Hosted  bool   // the room is hosted by this program
	Since   time.Time
	Self    Member
	Others  []Member // in order of joining
	Plan    Plan
}

// Event is something the window may want to show: a past-tense fact. The set
// is closed. After each event, Snapshot tells the whole.
type Event interface{ event() }

type (
	// StateChanged reports a new State; Snapshot has the rest.
	StateChanged struct {
		State   State
		Problem string
		Err     error
	}
	// MemberJoined reports a new member.
	MemberJoined struct{ Member Member }
	// MemberChanged reports a member's new name, signs or Problem. It may be Self.
	MemberChanged struct{ Member Member }
	// MemberLeft reports that a member is gone, and why in words ("left",
	// "connection lost").
	MemberLeft struct {
		Member Member
		Why    string
	}
	// PlanChanged reports the path the room chose.
	PlanChanged struct{ Plan Plan }
	// Noticed is a sentence for the person, shown for a while.
	Noticed struct {
		Text string
		Bad  bool
	}
	// Net passes on what a transport saw, for the flight recorder.
	Net struct{ netstack.Event }
)

func (StateChanged) event()  {}
func (MemberJoined) event()  {}
func (MemberChanged) event() {}
func (MemberLeft) event()    {}
func (PlanChanged) event()   {}
func (Noticed) event()       {}
func (Net) event()           {}

// Line is the state of the line to one member: all the connection panel draws.
// It is a value and shares nothing with the Session.
type Line struct {
	Member  Member
	Link    netstack.Link
	Verdict verdict.Verdict
	// History is one Sample a second, oldest first, HistoryLength at most.
	History []Sample
	Picture netstack.Opt[Picture]
	Sound   netstack.Opt[Sound]
}

// Picture is how a member's picture arrives (names as in W3C webrtc-stats).
type Picture struct {
	FrameWidth, FrameHeight      int
	FramesPerSecond              float64 // over the last second
	FramesDecoded, FramesDropped uint64
	KeyFramesDecoded             uint64
	FreezeCount                  uint64
	TotalFreezesDuration         time.Duration
	JitterBufferDelay            netstack.Opt[time.Duration] // mean over the last second
	DecodeTime                   netstack.Opt[time.Duration] // mean over the last second
}

// Sound is how a member's sound arrives (names as in W3C webrtc-stats).
type Sound struct {
	JitterBufferDelay  netstack.Opt[time.Duration] // mean over the last second
	JitterBufferTarget time.Duration
	Concealed          netstack.Opt[float64] // share of samples made up, over the last ten seconds
	ConcealmentEvents  uint64
	// LipSync is how much later the sound is than the picture; negative when
	// the picture is.
	LipSync netstack.Opt[time.Duration]
	Total   Counters
}

// Counters count samples from the start of a track.
type Counters struct{ Samples, Concealed uint64 }

// HistoryLength bounds Line.History: ten minutes.
const HistoryLength = 600

// Sample is one second of a line. What was not measured is unknown.
type Sample struct {
	At      time.Time                   `json:"at"`
	RTT     netstack.Opt[time.Duration] `json:"rtt"`
	Loss    netstack.Opt[float64]       `json:"loss"` // 0..1, of what arrives here
	Jitter  netstack.Opt[time.Duration] `json:"jitter"`
	Receive netstack.Opt[int]           `json:"receive"` // bit/s
	Send    netstack.Opt[int]           `json:"send"`    // bit/s
}
