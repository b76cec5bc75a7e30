package invite

import "fmt"

// Problem says what is wrong with a link.
type Problem uint8

// The problems of links.
const (
	Empty Problem = iota + 1
	TooLong
	WrongScheme // another kind of link, or no link at all
	NoAddress
	BadAddress
	TooManyAddresses
	NoRoom
	BadRoom
	NoSecret
	BadSecret
	NoPin
	NoName
	BadPin
)

var texts = [...]string{
	Empty:            "there is no link",
	TooLong:          "the link is too long to be an invite",
	WrongScheme:      "this is not an invite: an invite begins with candid://",
	NoAddress:        "the invite does not say where the host is",
	BadAddress:       "the invite has an address that cannot be right",
	TooManyAddresses: "the invite has too many addresses",
	NoRoom:           "the invite does not name a room",
	BadRoom:          "the invite names a room that cannot be right",
	NoSecret:         "the invite is incomplete: its end, with the secret, is missing",
	BadSecret:        "the invite has a damaged secret",
	NoPin:            "the invite is incomplete: its end, with the host's fingerprint, is missing",
	NoName:           "the invite goes by the host's name, and has none that could be certified",
	BadPin:           "the invite is cut off or damaged: the host's fingerprint is not whole",
}

func (p Problem) String() string {
	if int(p) < len(texts) && texts[p] != "" {
		return texts[p]
	}
	return fmt.Sprintf("Problem(%d)", uint8(p))
}

// Error is what Parse returns. It never holds the secret.
type Error struct {
	Problem Problem
	Detail  string // the part at fault, quoted for showing; may be empty
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Problem.String()
	}
	return e.Problem.String() + ": " + e.Detail
}

// fail makes an Error; part comes from outside.
func fail(p Problem, part string) *Error {
	if part == "" {
		return &Error{Problem: p}
	}
	if r := []rune(part); len(r) > 60 {
		part = string(r[:60]) + "…"
	}
	return &Error{Problem: p, Detail: fmt.Sprintf("%q", part)}
}
