package certificate

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/crypto/acme"
)

// Problem says why there is no certificate.
type Problem uint8

// The problems.
const (
	Refused     Problem = iota // for another reason than those below
	NoAuthority                // the authority cannot be reached
	NoName                     // the name leads nowhere
	Unreachable                // the authority does not get through to the port
	NotHere                    // the name leads to another computer
	TooMany                    // the authority has given as many as it does in a while
)

var texts = [...]string{
	"the authority refused", "the authority cannot be reached", "the name leads nowhere",
	"the authority does not get through", "the name leads to another computer", "too many certificates",
}

// Error says why there is no certificate for a domain.
type Error struct {
	Domain  string
	Problem Problem
	Err     error
}

func (e *Error) Error() string {
	return fmt.Sprintf("certificate for %s: %s: %v", e.Domain, texts[e.Problem], e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// brief is what a log may hold: no name of the host.
func brief(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return texts[e.Problem]
	}
	return "cancelled"
}

// problems are the authority's words for them (RFC 8555 section 6.7).
var problems = map[string]Problem{
	"dns": NoName, "rejectedIdentifier": NoName, "connection": Unreachable, "rateLimited": TooMany,
	"unauthorized": NotHere, "incorrectResponse": NotHere, "tls": NotHere,
}

// explain makes an *Error of what went wrong.
func (k *Keeper) explain(err error) error {
	e := &Error{Domain: k.cfg.Domain, Err: err}
	var (
		said   *acme.Error
		failed *acme.AuthorizationError
		wire   *url.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &failed):
		for _, one := range failed.Errors {
			if errors.As(one, &said) {
				e.Problem = problems[kindOf(said)]
			}
		}
	case errors.As(err, &said):
		e.Problem = problems[kindOf(said)]
	case errors.As(err, &wire), errors.Is(err, context.DeadlineExceeded):
		e.Problem = NoAuthority
	}
	return e
}

// kindOf is the last part of a problem's name.
func kindOf(e *acme.Error) string { return e.ProblemType[strings.LastIndexByte(e.ProblemType, ':')+1:] }
