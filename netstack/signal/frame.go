package signal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"candid/netstack"
)

// Limits of messages, checked before anything is decoded.
const (
	maxToServer = 64 << 10  // bytes of a message from a client
	maxToClient = 256 << 10 // bytes of a message from the server: rosters are larger
	maxDepth    = 16        // nested arrays and objects
	maxType     = 32        // bytes of a type
	maxID       = 32        // bytes of a member's id
)

// frame is one websocket message: an envelope and what makes its delivery
// reliable. Messages with a Seq are numbered from 1 in each direction of a
// session, kept until acknowledged and sent again after a reconnect; those
// without are about one connection and are not.
type frame struct {
	Seq uint64 `json:"seq"`
	Ack uint64 `json:"ack"` // the highest Seq received
	// N numbers what a client sends to other members, over all its sessions,
	// so that a message sent again to a restarted host is not seen twice.
	N uint64 `json:"n"`
	netstack.Envelope
}

var (
	errNotUTF8 = fmt.Errorf("%w: not UTF-8", ErrProtocol)
	errTooDeep = fmt.Errorf("%w: nested too deeply", ErrProtocol)
	errNoType  = fmt.Errorf("%w: no usable type", ErrProtocol)
	errBadID   = fmt.Errorf("%w: no usable id", ErrProtocol)
)

// parseFrame reads a message. Its errors are ErrProtocol.
func parseFrame(data []byte) (frame, error) {
	var f frame
	if !utf8.Valid(data) {
		return f, errNotUTF8
	}
	if tooDeep(data) {
		return f, errTooDeep
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if !isToken(f.Type, maxType) {
		return f, errNoType
	}
	if f.To != "" && !isToken(string(f.To), maxID) || f.From != "" && !isToken(string(f.From), maxID) {
		return f, errBadID
	}
	if bytes.Equal(f.Body, []byte("null")) {
		f.Body = nil
	}
	return f, nil
}

// tooDeep reports whether JSON nests deeper than maxDepth. It only counts
// brackets outside strings; whether they match is the decoder's business.
func tooDeep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}

// isToken reports whether s is made of the letters, digits and signs that
// types and ids are made of, so that it needs no escaping in JSON or a log.
func isToken(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// tailOf encodes all of a message but its Seq and Ack: the part that is the
// same for every receiver and every attempt. Its parts are checked: type and
// ids are tokens, body is JSON.
func tailOf(e netstack.Envelope, n uint64) []byte {
	b := make([]byte, 0, len(e.Body)+96)
	b = append(b, `"type":"`...)
	b = append(b, e.Type...)
	b = append(b, '"')
	if e.From != "" {
		b = append(append(append(b, `,"from":"`...), e.From...), '"')
	}
	if e.To != "" {
		b = append(append(append(b, `,"to":"`...), e.To...), '"')
	}
	if e.Path != netstack.Auto {
		b = append(append(append(b, `,"path":"`...), e.Path.String()...), '"')
	}
	if n != 0 {
		b = strconv.AppendUint(append(b, `,"n":`...), n, 10)
	}
	if len(e.Body) > 0 {
		b = append(append(b, `,"body":`...), e.Body...)
	}
	return append(b, '}')
}

// headOf encodes what stands before the tail.
func headOf(b []byte, seq, ack uint64) []byte {
	b = append(b[:0], '{')
	if seq != 0 {
		b = append(strconv.AppendUint(append(b, `"seq":`...), seq, 10), ',')
	}
	if ack != 0 {
		b = append(strconv.AppendUint(append(b, `"ack":`...), ack, 10), ',')
	}
	return b
}

// encode makes a tail of a type and its body. Bodies are of this package and
// always encode.
func encode(typ string, body any) []byte {
	raw, err := json.Marshal(body)
	if err != nil {
		panic("signal: " + typ + ": " + err.Error())
	}
	return tailOf(netstack.Envelope{Type: typ, Body: raw}, 0)
}

// decode reads a body. Its errors are ErrProtocol.
func decode(e netstack.Envelope, body any) error {
	if len(e.Body) == 0 {
		return fmt.Errorf("%w: %s without a body", ErrProtocol, e.Type)
	}
	if err := json.Unmarshal(e.Body, body); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrProtocol, e.Type, err)
	}
	return nil
}

// checkEnvelope reports why an envelope can never be sent, or nil.
func checkEnvelope(e netstack.Envelope) error {
	switch {
	case len(e.Body) > maxToServer-512:
		return fmt.Errorf("%s of %d bytes: %w", e.Type, len(e.Body), ErrTooLarge)
	case !isToken(e.Type, maxType) || !relayed(e.Type):
		return fmt.Errorf("send %q: not a type that is relayed", e.Type)
	case !isToken(string(e.To), maxID):
		return fmt.Errorf("send %s to %q: %w", e.Type, e.To, ErrNoMember)
	case len(e.Body) > 0 && !json.Valid(e.Body):
		return fmt.Errorf("send %s: body is not JSON", e.Type)
	case tooDeep(e.Body):
		return fmt.Errorf("send %s: %w", e.Type, errors.New("body is nested too deeply"))
	}
	return nil
}
