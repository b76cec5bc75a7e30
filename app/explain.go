package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"candid/app/config"
	"candid/netstack/certificate"
	"candid/netstack/contacts"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/oneport"
	"candid/netstack/signal"
	"candid/netstack/trace"
)

// errNoInvite: a command that needs an invite got none.
var errNoInvite = errors.New("no invite given")

// errNoCall: a file is neither a recording nor a dump of webrtc-internals.
var errNoCall = errors.New("the file holds no call")

// plain are the errors that need no more than their kind to be explained.
var plain = []struct {
	err        error
	what, next string
}{
	{identity.ErrWrongName, "Nobody with a good certificate for the host's name answers at this address.",
		"Nothing was sent. Ask the host whether its certificate ran out; if not, someone else answers in its place."},
	{signal.ErrWrongCertificate, "Someone else answers at this address: the certificate is not the one in the invite.",
		"Nothing was sent. Ask the host for a new invite, over a channel you trust."},
	{signal.ErrWrongSecret, "The host knows no room for this invite.",
		"The room may have been closed, or a part of the link is missing: ask for the invite again and paste it whole."},
	{signal.ErrExpired, "This invite is not good any more: it was for a time, or for so many people.", "Ask the host for a new one."},
	{signal.ErrLocked, "The room is locked: nobody new comes in.", "Ask someone in it to unlock it."},
	{signal.ErrDenied, "You were not let in.", "Ask the person who invited you."},
	{signal.ErrNotEncrypted, "This room is not end-to-end encrypted, though its invite says it is.",
		"Nobody got picture or sound of you. Ask who invited you whether the host means to listen; a new invite says what holds now."},
	{signal.ErrTooManyRooms, "This host has as many rooms as it may have.", "Close one, or allow more: --max-rooms."},
	{signal.ErrRoomFull, "The room is full.", "Ask someone in it to make room, or try again later."},
	{signal.ErrNotAHost, "What answers at this address is not a Candid host.", "Ask the host for a new invite."},
	{signal.ErrBusy, "The host takes no more connections just now.", "Try again in a minute."},
	{signal.ErrHostGone, "The host closed the room.", "Ask for a new invite, or host a room yourself."},
	{signal.ErrRemoved, "The host removed you from the room.", ""},
	{signal.ErrTooSlow, "This computer or its network was too slow for the room.", "Join again; closing other programs may help."},
	{signal.ErrReplaced, "You joined this room from somewhere else.", "Only the newest connection stays."},
	{signal.ErrSilent, "The host does not answer any more.", "Check your network; ask whether the host's computer is on."},
	{signal.ErrClosed, "The call is over.", ""},
	{identity.ErrDamaged, "The file with this computer's host identity is damaged.",
		"Put back a copy of it, or delete it: invites given out before then stop working."},
	{identity.ErrPersonDamaged, "The file with the key by which others know you is damaged.",
		"Put back a copy of person.pem, or delete it: people who compared words with you have to do so again."},
	{contacts.ErrDamaged, "The file of people you compared words with is damaged.",
		"Put back a copy of contacts.json, or delete it and compare again."},
	{errCrashed, "Candid ended unexpectedly last time.", "What happened is in crash.txt, beside the settings: where in the program, and nothing about anybody."},
	{errNoInvite, "There is no invite.", "Paste the link the host sent you; it begins with candid://"},
	{errHeldUp, "Whoever comes into this room has to be let in, so the people in it were not tried.", "What the way to the host is like is known all the same."},
	{errNoCall, "This file holds no call.", "Candid opens its own recordings, and what Chrome saves from chrome://webrtc-internals."},
	{trace.ErrVersion, "This recording was made by a newer Candid.", "Update Candid to open it."},
	{syscall.ENOSPC, "The disk is full, so nothing could be saved.", "Free some space. What you chose holds until Candid is closed."},
	{syscall.EROFS, "The settings are on a disk that cannot be written to.", "What you chose holds until Candid is closed; --dir names another place."},
	{fs.ErrPermission, "The system does not allow it.", ""},
	{context.Canceled, "Cancelled.", ""},
	{context.DeadlineExceeded, "It took too long.", "Check your network, and try again."},
}

// explain turns any error into a sentence that says what happened, and one that
// says what to do next, which may be empty.
func explain(err error) (what, next string) {
	if err == nil {
		return "", ""
	}
	if what, next, ok := explainTyped(err); ok {
		return what, next
	}
	for _, p := range plain {
		if errors.Is(err, p.err) {
			return p.what, p.next
		}
	}
	return sentence(err), ""
}

// explainTyped explains the errors that carry something to be told.
func explainTyped(err error) (what, next string, ok bool) {
	var (
		version *signal.VersionError
		wait    *signal.WaitError
		inUse   *oneport.InUseError
		denied  *oneport.NotAllowedError
		badFile *config.BadFileError
		dial    *signal.DialError
		badLink *invite.Error
		noCert  *certificate.Error
	)
	switch {
	case errors.As(err, &noCert):
		what, next = explainCertificate(noCert)
	case errors.As(err, &badLink):
		what, next = explainLink(badLink)
	case errors.As(err, &version) && version.Host > version.Client:
		what, next = "This Candid is too old for the host.", "Get the newest version, then join again."
	case errors.As(err, &version):
		what, next = "The host's Candid is too old for this one.", "Ask the host to get the newest version."
	case errors.As(err, &wait):
		what = "There were too many wrong tries from your network."
		next = fmt.Sprintf("Wait %v, then try again with the right invite.", wait.After.Round(time.Second))
	case errors.As(err, &inUse):
		what = fmt.Sprintf("Port %d is used by another program.", inUse.Port)
		next = "Close that program, or choose another port: --port, or in the settings."
	case errors.As(err, &denied):
		what = fmt.Sprintf("The system does not let this user open port %d.", denied.Port)
		next = "Choose a port above 1023: --port, or in the settings."
	case errors.As(err, &badFile):
		what = "The settings could not be read, so Candid starts with its own."
		next = "They are kept as " + badFile.Backup
	case errors.As(err, &dial) && !errors.Is(err, signal.ErrWrongCertificate):
		what, next = explainDial(dial)
	default:
		return "", "", false
	}
	return what, next, true
}

// explainDial says which addresses were tried: most often one is enough to see
// what is wrong.
func explainDial(e *signal.DialError) (what, next string) {
	var tried []string
	refused := len(e.Attempts) > 0
	for _, a := range e.Attempts {
		tried = append(tried, a.Address)
		refused = refused && errors.Is(a.Err, syscall.ECONNREFUSED)
	}
	if refused {
		return "Nobody is hosting at " + strings.Join(tried, " or ") + " now.",
			"Ask the host to open the room again."
	}
	return "The host cannot be reached; tried " + strings.Join(tried, ", ") + ".",
		"Check your network. If you are not in the host's network, the host's router must let its port through."
}

// sentence makes an error that nobody foresaw at least read like one.
func sentence(err error) string {
	s := err.Error()
	if s == "" {
		return "Something went wrong."
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// explainCertificate says why an authority gave no certificate.
func explainCertificate(e *certificate.Error) (what, next string) {
	switch e.Problem {
	case certificate.NoAuthority:
		return "The authority that gives certificates cannot be reached.", "Check this computer's network, and try again."
	case certificate.NoName:
		return e.Domain + " leads nowhere.", "Give it an A or AAAA record with this computer's public address, and wait until that is known."
	case certificate.Unreachable:
		return "The authority that gives certificates does not get through to " + e.Domain + ".",
			"Let port 443 through to this computer in router and firewall; or port 80, and add --acme-http."
	case certificate.NotHere:
		return "At " + e.Domain + ", another computer answers.", "Its A and AAAA records must hold this computer's public addresses, and no others."
	case certificate.TooMany:
		return "The authority has given too many certificates for " + e.Domain + " lately.", "Wait some days, a week at most; or host without --domain meanwhile."
	}
	return "There is no certificate for " + e.Domain + ": " + fmt.Sprint(e.Err) + ".", ""
}

// explainLink says what is wrong with a link, and how to get a whole one.
func explainLink(e *invite.Error) (what, next string) {
	next = "Copy the whole invite, from candid:// to its end, and paste it again."
	switch e.Problem {
	case invite.Empty:
		return plainOf(errNoInvite)
	case invite.WrongScheme:
		next = "Paste the link the host sent you."
	}
	return sentence(e), next
}

func plainOf(err error) (what, next string) {
	for _, p := range plain {
		if p.err == err {
			return p.what, p.next
		}
	}
	return sentence(err), ""
}
