package signal

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"candid/netstack/identity"
	"candid/netstack/invite"
)

// What can go wrong, for errors.Is. Some come as one of the types below, which
// say more.
var (
	// ErrUnreachable: no address of the invite answered. See DialError.
	ErrUnreachable = errors.New("the host cannot be reached")
	// ErrWrongCertificate: someone else answered at the host's address, or the
	// host has a new identity. Nothing was sent. See DialError.
	ErrWrongCertificate = errors.New("the host's certificate is not the one in the invite")
	// ErrNotAHost: something with the right certificate answered, but does not
	// speak this protocol.
	ErrNotAHost = errors.New("what answered is not a candid host")
	// ErrWrongSecret: no such room, or not this secret for it; the host does
	// not say which.
	ErrWrongSecret = errors.New("the host knows no room for this invite")
	// ErrRoomFull: the room takes no more members.
	ErrRoomFull = errors.New("the room is full")
	// ErrTooOld: the two speak different versions. See VersionError.
	ErrTooOld = errors.New("host and client speak different versions")
	// ErrTooManyTries: too many wrong tries from this address. See WaitError.
	ErrTooManyTries = errors.New("too many tries")
	// ErrBusy: the host takes no more connections, in all or from this address.
	ErrBusy = errors.New("the host takes no more connections")
	// ErrHostGone: the host closed the room or stopped, on purpose.
	ErrHostGone = errors.New("the host closed the room")
	// ErrRemoved: the host removed this member from the room.
	ErrRemoved = errors.New("removed from the room")
	// ErrLocked: the room is locked; nobody new comes in.
	ErrLocked = errors.New("the room is locked")
	// ErrDenied: a moderator did not let this one in from the lobby.
	ErrDenied = errors.New("not let in")
	// ErrExpired: the invite was for a time, or for so many, and that is over.
	ErrExpired = errors.New("this invite is not good any more")
	// ErrNotEncrypted: the invite says that media is encrypted from member to
	// member, the host that it is not.
	ErrNotEncrypted = errors.New("the room is not encrypted as its invite says")
	// ErrTooSlow: this client did not take its messages in time.
	ErrTooSlow = errors.New("too slow for the room")
	// ErrReplaced: the same member connected from elsewhere.
	ErrReplaced = errors.New("replaced by a newer connection")
	// ErrProtocol: the other side sent what the protocol does not allow.
	ErrProtocol = errors.New("protocol error")
	// ErrSilent: nothing was heard for too long.
	ErrSilent = errors.New("no answer")
	// ErrTooLarge: a message larger than the protocol allows.
	ErrTooLarge = errors.New("message too large")
	// ErrQueueFull: the host is away and more is waiting than is kept.
	ErrQueueFull = errors.New("too many messages are waiting")
	// ErrClosed: the client, the server or the room is closed.
	ErrClosed = errors.New("closed")
	// ErrNoMember: no such member in the room.
	ErrNoMember = errors.New("no such member")
	// ErrTooManyRooms: the server has as many rooms as it may have.
	ErrTooManyRooms = errors.New("there are too many rooms")
	// ErrNoRoom: no such room on this server.
	ErrNoRoom = errors.New("no such room")
)

// Attempt is what happened at one address of an invite.
type Attempt struct {
	Address string
	Err     error
}

// DialError reports that no address of an invite led to the host. It is
// ErrWrongCertificate if one of them answered with another certificate,
// ErrUnreachable otherwise.
type DialError struct{ Attempts []Attempt }

func (e *DialError) Error() string {
	var b strings.Builder
	b.WriteString(e.kind().Error())
	for i, a := range e.Attempts {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %v", sep, a.Address, a.Err)
	}
	return b.String()
}

// Is reports whether target is the kind of this error.
func (e *DialError) Is(target error) bool { return target == e.kind() }

// Unwrap returns the errors of the attempts.
func (e *DialError) Unwrap() []error {
	errs := make([]error, len(e.Attempts))
	for i, a := range e.Attempts {
		errs[i] = a.Err
	}
	return errs
}

func (e *DialError) kind() error {
	for _, a := range e.Attempts {
		if errors.Is(a.Err, identity.ErrWrongPin) || errors.Is(a.Err, identity.ErrWrongName) {
			return ErrWrongCertificate
		}
	}
	return ErrUnreachable
}

// VersionError says which versions met. It is ErrTooOld.
type VersionError struct{ Host, Client int }

func (e *VersionError) Error() string {
	if e.Host > e.Client {
		return fmt.Sprintf("this program is too old for the host (it speaks version %d, the host %d)", e.Client, e.Host)
	}
	return fmt.Sprintf("the host is too old for this program (it speaks version %d, this program %d)", e.Host, e.Client)
}

// Is reports whether target is ErrTooOld.
func (e *VersionError) Is(target error) bool { return target == ErrTooOld }

// MovedError says where a room is now.
type MovedError struct{ Invite invite.Invite }

func (e *MovedError) Error() string { return "the room is at another host now" }

// WaitError says how long the host wants this address to wait. It is
// ErrTooManyTries.
type WaitError struct{ After time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many tries: wait %v", e.After)
}

// Is reports whether target is ErrTooManyTries.
func (e *WaitError) Is(target error) bool { return target == ErrTooManyTries }

// Code names what the server refuses, on the wire.
type Code string

// The codes of refused and error messages.
const (
	CodeDenied       Code = "denied"     // refused: room or secret
	CodeFull         Code = "full"       // refused
	CodeVersion      Code = "version"    // refused
	CodeWait         Code = "wait"       // refused
	CodeGone         Code = "gone"       // refused: the session to resume
	CodeRemoved      Code = "removed"    // refused
	CodeClosed       Code = "closed"     // refused, closed: the room
	CodeLocked       Code = "locked"     // refused
	CodeNotLetIn     Code = "not-let-in" // refused: from the lobby
	CodeExpired      Code = "expired"    // refused: the secret
	CodeMoved        Code = "moved"      // refused: the room is elsewhere
	CodeMalformed    Code = "malformed"
	CodeUnknownType  Code = "unknown-type"
	CodeNotAllowed   Code = "not-allowed"
	CodeNoSuchMember Code = "no-such-member"
	CodeLimit        Code = "limit"
)
