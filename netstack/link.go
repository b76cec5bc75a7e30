package netstack

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/pion/webrtc/v4"
)

// Opt is a value that may be unknown. The zero Opt is unknown, which is not the
// same as zero: JSON shows it as null.
type Opt[T any] struct {
	Value T
	OK    bool
}

// Some returns a known value.
func Some[T any](v T) Opt[T] { return Opt[T]{v, true} }

// Or returns the value, or other if it is unknown.
func (o Opt[T]) Or(other T) T {
	if o.OK {
		return o.Value
	}
	return other
}

// MarshalJSON writes the value or null.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.OK {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*o = Opt[T]{}
		return nil
	}
	o.OK = true
	return json.Unmarshal(b, &o.Value)
}

// Candidate is one ICE candidate of either side (RFC 8445 section 4; W3C
// RTCIceCandidateStats). ID is unique among the candidates of one Link.
type Candidate struct {
	ID             string                  `json:"id"`
	Type           webrtc.ICECandidateType `json:"candidateType"` // host, srflx, prflx, relay
	Protocol       string                  `json:"protocol"`      // "udp" or "tcp"
	TCPType        string                  `json:"tcpType,omitempty"`
	Address        string                  `json:"address"` // IP, or an mDNS name
	Port           uint16                  `json:"port"`
	Priority       uint32                  `json:"priority"`
	Foundation     string                  `json:"foundation,omitempty"`
	RelatedAddress string                  `json:"relatedAddress,omitempty"`
	RelatedPort    uint16                  `json:"relatedPort,omitempty"`
	URL            string                  `json:"url,omitempty"`           // the STUN or TURN server that gave it
	RelayProtocol  string                  `json:"relayProtocol,omitempty"` // towards the TURN server: udp, tcp, tls
	Network        NetworkKind             `json:"networkType,omitempty"`   // local candidates only
}

// NetworkKind says what sort of interface an address is on; empty is unknown.
type NetworkKind string

// The kinds of network interface told apart.
const (
	Loopback NetworkKind = "loopback"
	Ethernet NetworkKind = "ethernet"
	WiFi     NetworkKind = "wifi"
	Cellular NetworkKind = "cellular"
	VPN      NetworkKind = "vpn"
)

// PairState is the state of a candidate pair (RFC 8445 section 6.1.2.6).
type PairState string

// The states of a check list entry.
const (
	PairFrozen     PairState = "frozen"
	PairWaiting    PairState = "waiting"
	PairInProgress PairState = "in-progress"
	PairSucceeded  PairState = "succeeded"
	PairFailed     PairState = "failed"
)

// Pair is one candidate pair (W3C RTCIceCandidatePairStats). Counters count
// from the start of the connection.
type Pair struct {
	ID                string             `json:"id"`
	Local             string             `json:"localCandidateId"`
	Remote            string             `json:"remoteCandidateId"`
	State             PairState          `json:"state"`
	Nominated         bool               `json:"nominated"`
	Selected          bool               `json:"selected"` // media flows here now
	Priority          uint64             `json:"priority"`
	RTT               Opt[time.Duration] `json:"currentRoundTripTime"`
	RequestsSent      uint64             `json:"requestsSent"`
	ResponsesReceived uint64             `json:"responsesReceived"`
	RequestsReceived  uint64             `json:"requestsReceived"`
	ResponsesSent     uint64             `json:"responsesSent"`
	BytesSent         uint64             `json:"bytesSent"`
	BytesReceived     uint64             `json:"bytesReceived"`
}

// Link is a sample of the connection to one peer: everything the connection
// panel draws of it. A Link is a value; it shares nothing with the connection.
type Link struct {
	Peer       PeerID                     `json:"peer"`
	Topology   Topology                   `json:"topology"`
	At         time.Time                  `json:"at"`
	State      webrtc.PeerConnectionState `json:"state"`
	ICEState   webrtc.ICEConnectionState  `json:"iceState"`
	DTLSState  string                     `json:"dtlsState"`
	SRTP       string                     `json:"srtpCipher,omitempty"`
	Local      []Candidate                `json:"localCandidates"`
	Remote     []Candidate                `json:"remoteCandidates"`
	Pairs      []Pair                     `json:"candidatePairs"`
	Failures   []CandidateFailed          `json:"candidateErrors,omitempty"`
	Milestones map[Milestone]time.Time    `json:"milestones,omitempty"`
	Restarts   int                        `json:"restarts"`

	RTT        Opt[time.Duration] `json:"roundTripTime"`            // of the selected pair
	SendBudget Opt[int]           `json:"availableOutgoingBitrate"` // bit/s
	In         []Stream           `json:"inbound"`
	Out        []Stream           `json:"outbound"`
}

// Stream is one RTP stream of a Link (W3C RTCInboundRtpStreamStats and
// RTCOutboundRtpStreamStats with its remote-inbound part). Rates are over the
// time since the sample before; what only one direction has is unknown in the
// other.
type Stream struct {
	TrackID string `json:"trackIdentifier"`
	// StreamID is the media stream of the track: whom it is of, where one link
	// carries tracks of many.
	StreamID string              `json:"streamIdentifier,omitempty"`
	Kind     webrtc.RTPCodecType `json:"kind"`
	SSRC     webrtc.SSRC         `json:"ssrc"`
	Codec    string              `json:"codec"` // MIME type
	Packets  uint64              `json:"packets"`
	Bytes    uint64              `json:"bytes"`
	Bitrate  Opt[int]            `json:"bitrate"` // bit/s
	// Lost counts packets that never came; for an outbound stream, as the
	// other side reports it.
	Lost         Opt[int64]         `json:"packetsLost"`
	FractionLost Opt[float64]       `json:"fractionLost"` // 0..1 since the last sample; inbound: on the line, repaired ones too
	Jitter       Opt[time.Duration] `json:"jitter"`
	RTT          Opt[time.Duration] `json:"roundTripTime"` // outbound, from RTCP
	NACKs        uint64             `json:"nackCount"`
	PLIs         uint64             `json:"pliCount"`
	FIRs         uint64             `json:"firCount"`
}

// SelectedPair returns the pair media flows on, with its candidates; ok is
// false while there is none.
func (l Link) SelectedPair() (p Pair, local, remote Candidate, ok bool) {
	for _, p = range l.Pairs {
		if p.Selected {
			local, remote = l.Candidates(p)
			return p, local, remote, true
		}
	}
	return Pair{}, Candidate{}, Candidate{}, false
}

// Candidates returns the two candidates of a pair of l; one that is not known
// is the zero Candidate.
func (l Link) Candidates(p Pair) (local, remote Candidate) {
	return find(l.Local, p.Local), find(l.Remote, p.Remote)
}

// Relayed reports whether what goes between two candidates passes a TURN server.
func Relayed(local, remote Candidate) bool {
	return local.Type == webrtc.ICECandidateTypeRelay || remote.Type == webrtc.ICECandidateTypeRelay
}

func find(cs []Candidate, id string) Candidate {
	for _, c := range cs {
		if c.ID == id {
			return c
		}
	}
	return Candidate{}
}
