package e2ee

import (
	"encoding/json"
	"errors"
	"fmt"

	"candid/netstack"
)

// Type is the type of all envelopes of this package.
const Type = "x-key"

// The limits of what comes from the network.
const (
	maxBody = 2 << 10
	version = 1
)

// The steps; see the package comment.
const (
	stepCommit = "commit"
	stepAnswer = "answer"
	stepReveal = "reveal"
	stepAuth   = "auth"
	stepSecret = "secret"
	stepGot    = "got"
	stepHello  = "hello"
)

// Why a message was dropped.
var (
	errMessage = errors.New("key message makes no sense")
	errRun     = errors.New("key message is of another run")
	errForged  = errors.New("key message does not open")
	errVersion = errors.New("key exchange of another version")
	errOften   = errors.New("key exchange begun too often")
)

// message is the body of an envelope.
type message struct {
	Step    string `json:"step"`
	Version int    `json:"version,omitempty"`
	Run     []byte `json:"run,omitempty"`
	Key     []byte `json:"key,omitempty"`
	Nonce   []byte `json:"nonce,omitempty"`
	N       uint64 `json:"n,omitempty"`
	Sealed  []byte `json:"sealed,omitempty"`
}

// proof is what is sealed in reveal and auth, grant what is in secret and got.
type (
	proof struct {
		Identity  []byte `json:"identity"`
		Signature []byte `json:"signature"`
	}
	grant struct {
		KID    uint64 `json:"kid"`
		Secret []byte `json:"secret,omitempty"`
	}
)

func parse(body []byte) (message, error) {
	var m message
	if len(body) > maxBody {
		return m, errMessage
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("%w: %w", errMessage, err)
	}
	if m.Step != stepHello && len(m.Run) != hashSize {
		return m, errMessage
	}
	return m, nil
}

// mustJSON encodes a message of our own, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func envelope(to netstack.PeerID, m message) netstack.Envelope {
	return netstack.Envelope{Type: Type, To: to, Body: mustJSON(m)}
}
