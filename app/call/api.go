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
	// Moderator may lock the room, let people in, mute and remove them, and
	// choose the room's path.
	Moderator bool
	// CanHost says that this member's program could host the room.
	CanHost bool
	// Hand is this member's place in the row of raised hands, from 1; 0: down.
	Hand int
	// Path is how this member receives; Auto: not known.
	Path netstack.Topology
	// Safety is what is known of who this member is; see Session.SafetyWords.
	Safety Safety
	// Contact tells a person who is SafetyVerified from all others, in this call
	// and in later ones; empty: not verified.
	Contact string
	// Problem says in words what keeps this member from being seen or heard:
	// "not responding", "connecting…"; empty when all is well.
	Problem string
}

// Safety is what is known of who a member is.
type Safety uint8

// The steps of knowing a member. Only words compared by two people rule out
// that somebody is between them.
const (
	SafetyUnknown  Safety = iota // no keys exchanged (yet)
	SafetyWords                  // words can be compared
	SafetyVerified               // compared, now or in an earlier call
	SafetyChanged                // was verified, but this is another key
)

// ChatLine is a line of chat.
type ChatLine struct {
	From netstack.PeerID // empty: somebody who is gone
	Name string          // as it was then
	Text string
	At   time.Time // the host's clock
	Mine bool
}

// Waiting is somebody who waits in the lobby to be let in.
type Waiting struct {
	ID    netstack.PeerID
	Name  string
	Since time.Time
}

// Privacy says which of this computer's addresses a call may use.
type Privacy uint8

// The choices. RelayOnly hides the addresses from everyone but the host;
// DirectOnly fails rather than letting a relay carry the call.
const (
	AnyPath Privacy = iota
	RelayOnly
	DirectOnly
)

// Action is what a moderator can do to the room or to a member.
type Action string

// The actions. Those of a member need Order.Peer.
const (
	Lock          Action = "lock" // nobody new comes in
	Unlock        Action = "unlock"
	LobbyOn       Action = "lobby-on" // who comes waits to be let in
	LobbyOff      Action = "lobby-off"
	Admit         Action = "admit" // of who waits
	Deny          Action = "deny"
	MuteAll       Action = "mute-all" // everyone but ourselves; they can unmute
	Mute          Action = "mute"
	Remove        Action = "remove" // and do not let back in
	LowerHand     Action = "lower-hand"
	MakeModerator Action = "make-moderator"
	HandOver      Action = "hand-over" // the member's computer hosts the room from now on
	LookTools     Action = "look-tools"
	OpenTools     Action = "open-tools" // other programs may bring a picture in, and watch; see Tools
	ShutTools     Action = "shut-tools"
)

// Tools says whether programs other than Candid may bring a picture into the
// room (by WHIP, as OBS does) and watch it (by WHEP). All but Open is told to
// moderators only, who get it when it changes and by LookTools.
type Tools struct {
	Open                  bool
	Publish, Watch, Token string // addresses, and what lets in
	Problem               string // why what was asked for last was not done
}

// Order is something a moderator wants done.
type Order struct {
	Do   Action
	Peer netstack.PeerID
}

// PathChange is one change of this member's path, and what it cost: the seam.
type PathChange struct {
	At       time.Time         `json:"at"` // of the decision
	From     netstack.Topology `json:"from"`
	To       netstack.Topology `json:"to"`
	Why      string            `json:"why"`
	Revision int               `json:"revision"`
	// Done is false while it is under way. Failed says why the old path stayed;
	// empty: it did not fail.
	Done   bool   `json:"done"`
	Failed string `json:"failed,omitempty"`
	// Missing and Repeated count pictures of all members together that were
	// never shown, and that were shown twice, between the decision and a second
	// after the change; Concealed is sound made up in that time, of the member
	// who had most of it.
	Missing   int           `json:"video_frames_missing"`
	Repeated  int           `json:"video_frames_repeated"`
	Concealed time.Duration `json:"audio_concealed"`
	ToFirst   time.Duration `json:"decision_to_first"` // picture and sound decoded on the new path
	ToDone    time.Duration `json:"decision_to_done"`
	// StillMissing and StillConcealed are the same of a stretch without a change
	// right after, StillFor long, which is as long as the change: what the line
	// costs anyway. StillFor is 0 if another change came first.
	StillFor       time.Duration `json:"still_for,omitempty"`
	StillMissing   int           `json:"still_frames_missing,omitempty"`
	StillConcealed time.Duration `json:"still_concealed,omitempty"`
}

// Edge is one line of the room as its two ends measured it: the picture of the
// room is made of them. To may be netstack.HostID.
type Edge struct {
	From, To netstack.PeerID
	Path     verdict.Path
	Protocol string // "udp", "tcp" or "tls"; empty: not known
	RTT      netstack.Opt[time.Duration]
	There    Flow // from From to To
	Back     Flow
	At       time.Time // of the newest report it is made of
}

// Flow is what goes one way over an Edge.
type Flow struct {
	Bitrate netstack.Opt[int]     // bit/s
	Loss    netstack.Opt[float64] // 0..1
}

// Outgoing is one picture that this member sends, as its encoder makes it
// (names as in W3C RTCOutboundRtpStreamStats).
type Outgoing struct {
	TrackID                 string // "camera", "camera~h", "screen", …
	Codec                   string // MIME type
	Active                  bool   // somebody takes it, so it is encoded
	FrameWidth, FrameHeight int
	FramesPerSecond         float64
	FramesEncoded           uint64
	KeyFramesEncoded        uint64
	TargetBitrate           int    // bit/s
	QualityLimitationReason string // "none", "bandwidth", "cpu" or "other"
	EncodeTime              netstack.Opt[time.Duration]
}

// Screen is a screen or window that can be shared.
type Screen struct {
	ID, Name string
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

	// Encrypted says that media is encrypted from member to member, so that the
	// host cannot see or hear it whatever the path.
	Encrypted bool
	Locked    bool       // nobody new comes in
	Lobby     bool       // who comes waits to be let in
	Waiting   []Waiting  // told to moderators only
	Tools     Tools      // other programs
	Chat      []ChatLine // oldest first, ChatLength at most
	// Forced is the path that this member chose for itself, RoomForced the one
	// a moderator chose for all; Auto: none.
	Forced, RoomForced netstack.Topology
	// Mixed says that the others come as one picture: that of MixID.
	Mixed   bool
	Speaker netstack.PeerID // who speaks, or did last; empty: nobody yet
	Privacy Privacy
	// Change is the change of path under way, or the newest one.
	Change netstack.Opt[PathChange]
}

// MixID is whom to Watch for the host's mix of all the others.
const MixID = netstack.HostID

// ShareOf is whom to Watch for the screen that a member shares.
func ShareOf(id netstack.PeerID) netstack.PeerID { return id + "/screen" }

// ChatLength bounds Snapshot.Chat.
const ChatLength = 500

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
	// PathChanged reports that a change of path began, ended, or was measured.
	PathChanged struct{ Change PathChange }
	// ChatReceived reports a line of chat, also our own.
	ChatReceived struct{ Line ChatLine }
	// RoomChanged reports that the room was locked or opened, that somebody
	// waits, or that the row of raised hands changed.
	RoomChanged struct{}
	// SpeakerChanged reports who speaks now.
	SpeakerChanged struct{ Speaker netstack.PeerID }
	// Noticed is a sentence for the person, shown for a while.
	Noticed struct {
		Text string
		Bad  bool
	}
	// Net passes on what a transport saw, for the flight recorder.
	Net struct{ netstack.Event }
)

func (StateChanged) event()   {}
func (MemberJoined) event()   {}
func (MemberChanged) event()  {}
func (MemberLeft) event()     {}
func (PlanChanged) event()    {}
func (PathChanged) event()    {}
func (ChatReceived) event()   {}
func (RoomChanged) event()    {}
func (SpeakerChanged) event() {}
func (Noticed) event()        {}
func (Net) event()            {}

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
