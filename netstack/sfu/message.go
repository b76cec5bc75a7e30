package sfu

import (
	"encoding/json"
	"fmt"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// The types of envelope beside those of package peer; see the package comment.
const (
	TypeWishes   = "x-wishes"
	TypeDemand   = "x-demand"
	TypeSpeakers = "x-speakers"
)

// maxBody bounds a body before it is decoded.
const maxBody = 2 * maxSDP

// header, descriptionBody and restartBody are those of package peer.
type header struct {
	Session string `json:"session"`
	To      string `json:"to,omitempty"`
}

type descriptionBody struct {
	webrtc.SessionDescription
	N int `json:"n"`
	header
}

type helloBody struct{ header }

type restartBody struct {
	Why string `json:"why,omitempty"`
	header
}

// Any, as the peer or track of a wish, stands for all that have no wish of
// their own, also those yet to come.
const Any = "*"

// Wish is what a client wants of one track of another member.
type Wish struct {
	Peer     netstack.PeerID `json:"peer"`
	Track    string          `json:"track"`
	Height   int             `json:"height"`             // of the tile, in pixels; of sound: any; 0: not to be sent
	Priority int             `json:"priority,omitempty"` // 0 to 3; above 0: also when the member is silent
}

type wishesBody struct {
	Wishes []Wish `json:"wishes"`
}

// maxWishes bounds a message.
const maxWishes = 256

type demand struct {
	Track  string `json:"track"`
	RID    string `json:"rid,omitempty"`
	Wanted bool   `json:"wanted"`
}

type demandBody struct {
	Layers []demand `json:"layers"`
}

type speakersBody struct {
	Speakers []netstack.PeerID `json:"speakers"`
}

func decode(e netstack.Envelope, body any) error {
	if len(e.Body) > maxBody {
		return fmt.Errorf("reading %s: %d bytes, %d are allowed", e.Type, len(e.Body), maxBody)
	}
	if err := json.Unmarshal(e.Body, body); err != nil {
		return fmt.Errorf("reading %s: %w", e.Type, err)
	}
	return nil
}
