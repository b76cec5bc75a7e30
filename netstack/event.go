package netstack

import (
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Event is something a Transport reports: a past-tense fact. The set is closed.
type Event interface{ event() }

type (
	// CandidateFound reports a new ICE candidate of either side.
	CandidateFound struct {
		Peer      PeerID
		Local     bool
		Candidate Candidate
	}
	// CandidateFailed reports a STUN or TURN server that gave no candidate:
	// the W3C icecandidateerror event.
	CandidateFailed struct {
		Peer      PeerID
		URL       string
		ErrorCode int // STUN error code (RFC 8656 section 19), or 701: server unreachable
		ErrorText string
	}
	// PairChanged reports a pair whose state, nomination or selection changed.
	PairChanged struct {
		Peer PeerID
		Pair Pair
	}
	// LinkChanged reports the state of the connection to Peer.
	LinkChanged struct {
		Peer  PeerID
		State webrtc.PeerConnectionState
		Why   string // in words, where known
	}
	// MilestoneReached reports one step of setting a connection up; the
	// panel's waterfall is made of these.
	MilestoneReached struct {
		Peer PeerID
		Step Milestone
		At   time.Time
	}
	// TrackAdded reports media arriving from Peer.
	TrackAdded struct {
		Peer  PeerID
		Track RemoteTrack
	}
	// KeyFrameRequested reports that a receiver cannot decode without one
	// (PLI or FIR) for the published track with this ID.
	KeyFrameRequested struct {
		Peer    PeerID
		TrackID string
	}
	// DemandChanged reports that nobody takes the published track with this
	// ID any more, or somebody does again: what nobody takes need not be
	// encoded.
	DemandChanged struct {
		Peer    PeerID
		TrackID string
		Wanted  bool
	}
	// SpeakersChanged reports who spoke, the newest first.
	SpeakersChanged struct{ Speakers []PeerID }
	// Restarted reports an ICE restart, and why it was made.
	Restarted struct {
		Peer PeerID
		Why  string
	}
)

func (CandidateFound) event()    {}
func (CandidateFailed) event()   {}
func (PairChanged) event()       {}
func (LinkChanged) event()       {}
func (MilestoneReached) event()  {}
func (TrackAdded) event()        {}
func (KeyFrameRequested) event() {}
func (DemandChanged) event()     {}
func (SpeakersChanged) event()   {}
func (Restarted) event()         {}

// Milestone is a step in the life of a connection, in the order they happen.
type Milestone string

// The steps of setting up.
const (
	GatheringStarted  Milestone = "gathering-started"
	GatheringComplete Milestone = "gathering-complete"
	OfferSent         Milestone = "offer-sent"
	OfferReceived     Milestone = "offer-received"
	AnswerSent        Milestone = "answer-sent"
	AnswerReceived    Milestone = "answer-received"
	ICEConnected      Milestone = "ice-connected"
	DTLSConnected     Milestone = "dtls-connected"
	FirstPacket       Milestone = "first-packet"
	FirstPicture      Milestone = "first-picture"
)

// RemoteTrack is one track as it arrives. *webrtc.TrackRemote has most of it;
// the rest is what playing it needs.
type RemoteTrack interface {
	ID() string       // "camera", "mic" or "screen" from our own clients
	StreamID() string // the sender's media stream
	Kind() webrtc.RTPCodecType
	Codec() webrtc.RTPCodecParameters
	// ReadRTP blocks until a packet arrives; io.EOF after the track ended.
	ReadRTP() (*rtp.Packet, interceptor.Attributes, error)
	// RequestKeyFrame sends a PLI; it is limited in rate.
	RequestKeyFrame()
	// SenderReport is the newest RTCP sender report (RFC 3550 section 6.4.1),
	// which ties the RTP clock to the sender's wall clock.
	SenderReport() Opt[SenderReport]
}

// SenderReport ties an RTP timestamp to the sender's wall clock.
type SenderReport struct {
	NTP     time.Time // sender's clock
	RTPTime uint32
	At      time.Time // when it arrived here
}
