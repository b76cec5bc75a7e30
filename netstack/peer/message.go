package peer

import (
	"encoding/json"
	"fmt"
	"strings"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// The types of envelope of this package; see the package comment.
const (
	TypeDescription = "description"
	TypeCandidate   = "candidate"
	TypeHello       = "hello"
	TypeRestart     = "restart"
	TypeSelect      = "x-select" // a newer wish: hosts pass on what begins so
)

// Handles reports whether an envelope of this type is for a Peer.
func Handles(envelopeType string) bool {
	switch envelopeType {
	case TypeDescription, TypeCandidate, TypeHello, TypeRestart, TypeSelect:
		return true
	}
	return false
}

// maxBody bounds a body before it is decoded: an SDP of the greatest size,
// escaped as JSON, and some more.
const maxBody = 2 * maxSDP

// header is what all bodies have in common.
type header struct {
	Session string `json:"session"`
	To      string `json:"to,omitempty"`
}

type descriptionBody struct {
	webrtc.SessionDescription
	N int `json:"n"`
	header
}

type candidateBody struct {
	webrtc.ICECandidateInit
	header
}

type helloBody struct{ header }

type restartBody struct {
	Why string `json:"why,omitempty"`
	header
}

// selectBody tells the pair to move to as its receiver may see it: by the names
// each end may have there, none if that is not known.
type selectBody struct {
	Local   []string `json:"local,omitempty"`
	Remote  []string `json:"remote,omitempty"`
	Relayed bool     `json:"relayed,omitempty"`
	header
}

// Session returns the sender's incarnation named in an envelope, or "" if it
// names none.
func Session(e netstack.Envelope) string {
	h, err := readHeader(e)
	if err != nil {
		return ""
	}
	return h.Session
}

func readHeader(e netstack.Envelope) (header, error) {
	var h header
	err := decode(e, &h)
	switch {
	case err != nil:
		return h, err
	case h.Session == "" || len(h.Session) > 64 || len(h.To) > 64:
		return h, fmt.Errorf("reading %s: no usable session", e.Type)
	}
	return h, nil
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

// oneLine makes text of the other side fit for a log or a window.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}
