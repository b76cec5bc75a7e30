// Package netstack holds the nouns of a call on the wire: peers, topologies,
// signaling envelopes, candidates and pairs, and the two halves every topology
// is made of. Names are those of RFC 8445 (ICE), RFC 8656 (TURN), RFC 9429
// (JSEP) and W3C webrtc-stats. It imports nothing of the house.
package netstack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/pion/webrtc/v4"
)

// PeerID names a participant. It is unique within a room and chosen by the
// host. The host's own media server, where there is one, is HostID.
type PeerID string

// HostID addresses the host itself: its SFU, MCU and probe responder.
const HostID PeerID = "host"

// Topology is the shape media takes through a room.
type Topology uint8

// The topologies, from most direct to most central.
const (
	Auto Topology = iota // not chosen yet, or: the room chooses
	P2P                  // every peer sends to every other
	SFU                  // the host forwards
	MCU                  // the host mixes
)

var topologyNames = [...]string{"auto", "P2P", "SFU", "MCU"}

func (t Topology) String() string {
	if int(t) < len(topologyNames) {
		return topologyNames[t]
	}
	return fmt.Sprintf("Topology(%d)", uint8(t))
}

// MarshalText writes the name, so that reports and messages can be read.
func (t Topology) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (t *Topology) UnmarshalText(b []byte) error {
	for i, n := range topologyNames {
		if n == string(b) {
			*t = Topology(i)
			return nil
		}
	}
	return fmt.Errorf("unknown topology %q", b)
}

// Envelope is one signaling message. Body is decoded by the one package that
// owns Type: see package signal for the protocol. From is set by the host; what
// a client writes there is ignored.
type Envelope struct {
	Type string `json:"type"`
	// From and To are empty for messages between a client and the host's
	// signaling server.
	From PeerID `json:"from,omitempty"`
	To   PeerID `json:"to,omitempty"`
	// Path says which transport of the receiver the message is for.
	Path Topology        `json:"path,omitzero"`
	Body json.RawMessage `json:"body,omitempty"`
}

// Signaler sends envelopes to the other half. It queues: Send returns an error
// only when the message can never be delivered (closed, or too large). Messages
// of one sender arrive once and in order, also across a reconnect.
type Signaler interface {
	Send(context.Context, Envelope) error
}

// Transport is the client half of a topology. mesh, sfu and mcu each have one.
// Its methods may be called from any goroutine and do not block on the network.
type Transport interface {
	Topology() Topology
	// SetPeers names everyone else in the room; connections to new ones are
	// begun, those to absent ones closed.
	SetPeers(...PeerID)
	// Publish offers track to every other participant, now and in future.
	Publish(webrtc.TrackLocal) error
	Unpublish(webrtc.TrackLocal) error
	// Handle takes an envelope addressed to this transport.
	Handle(Envelope)
	// Events yields what happened, in order. It is closed after Close.
	Events() <-chan Event
	// Links returns the newest statistics of every connection. Statistics are
	// sampled, never queued.
	Links() []Link
	// SendBudget is what congestion control allows all published tracks
	// together to send to the slowest peer, in bits per second; unknown until
	// the first estimate.
	SendBudget() Opt[int]
	// Restart restarts ICE towards peer, or towards all if peer is empty.
	Restart(peer PeerID, why string)
	io.Closer
}

// Room is the server half of a topology. sfu and mcu each have one; P2P needs
// none.
type Room interface {
	Topology() Topology
	Join(PeerID, Signaler) error
	Leave(PeerID)
	Handle(Envelope)
	io.Closer
}
