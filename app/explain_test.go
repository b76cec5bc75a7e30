package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"candid/app/config"
	"candid/netstack/certificate"
	"candid/netstack/contacts"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/oneport"
	"candid/netstack/signal"
)

func parseError(t *testing.T, link string) error {
	t.Helper()
	_, err := invite.Parse(link)
	if err == nil {
		t.Fatalf("%q parses", link)
	}
	return err
}

func TestExplain(t *testing.T) {
	refused := &signal.DialError{Attempts: []signal.Attempt{{Address: "192.168.1.2:7788", Err: syscall.ECONNREFUSED}}}
	away := &signal.DialError{Attempts: []signal.Attempt{{Address: "192.168.1.2:7788", Err: syscall.ETIMEDOUT}, {Address: "203.0.113.5:7788", Err: syscall.ECONNREFUSED}}}
	stranger := &signal.DialError{Attempts: []signal.Attempt{{Address: "192.168.1.2:7788", Err: &identity.PinError{}}}}
	for _, c := range []struct {
		name       string
		err        error
		what, next string // parts of the sentences; "-" for no second one
	}{
		{"no link", parseError(t, ""), "no invite", "begins with candid://"},
		{"web link", parseError(t, "https://example.com/x"), "not an invite", "the host sent you"},
		{"cut link", parseError(t, "candid://192.168.1.2:7788/tea#t=abcdefghijklmnopqrstuv"), "incomplete", "Copy the whole invite"},
		{"nobody hosts", refused, "Nobody is hosting at 192.168.1.2:7788", "open the room again"},
		{"unknown host", away, "tried 192.168.1.2:7788, 203.0.113.5:7788", "router must let its port through"},
		{"wrong certificate", stranger, "Someone else answers", "Nothing was sent"},
		{"wrong name", &signal.DialError{Attempts: []signal.Attempt{{Address: "call.example.org:443", Err: fmt.Errorf("TLS: %w", identity.ErrWrongName)}}}, "good certificate", "Nothing was sent"},
		{"no certificate, closed port", &certificate.Error{Domain: "call.example.org", Problem: certificate.Unreachable}, "call.example.org", "443"},
		{"no certificate, no name", &certificate.Error{Domain: "call.example.org", Problem: certificate.NoName}, "leads nowhere", "A or AAAA"},
		{"no certificate, elsewhere", &certificate.Error{Domain: "call.example.org", Problem: certificate.NotHere}, "another computer", "A and AAAA"},
		{"no certificate, no authority", &certificate.Error{Domain: "call.example.org", Problem: certificate.NoAuthority}, "authority", "network"},
		{"no certificate, too many", &certificate.Error{Domain: "call.example.org", Problem: certificate.TooMany}, "many", "week"},
		{"no certificate, refused", &certificate.Error{Domain: "call.example.org", Err: errors.New("CAA")}, "CAA", "-"},
		{"wrong secret", signal.ErrWrongSecret, "knows no room", "ask for the invite again"},
		{"full", signal.ErrRoomFull, "full", "later"},
		{"expired invite", signal.ErrExpired, "not good any more", "new one"},
		{"locked", signal.ErrLocked, "locked", "unlock"},
		{"denied", signal.ErrDenied, "not let in", "invited you"},
		{"clear room, encrypted invite", signal.ErrNotEncrypted, "not end-to-end encrypted", "Nobody got picture or sound"},
		{"too many rooms", signal.ErrTooManyRooms, "as many rooms", "--max-rooms"},
		{"host newer", &signal.VersionError{Host: 2, Client: 1}, "This Candid is too old", "newest version"},
		{"host older", &signal.VersionError{Host: 1, Client: 2}, "host's Candid is too old", "newest version"},
		{"too many tries", &signal.WaitError{After: 90 * time.Second}, "too many wrong tries", "1m30s"},
		{"host gone", signal.ErrHostGone, "closed the room", "host a room yourself"},
		{"crashed", errors.Join(nil, errCrashed), "unexpectedly", "crash.txt"},
		{"removed", signal.ErrRemoved, "removed you", "-"},
		{"port in use", &oneport.InUseError{Port: 7788}, "Port 7788 is used", "another port"},
		{"low port", &oneport.NotAllowedError{Port: 80}, "open port 80", "above 1023"},
		{"damaged key", identity.ErrPersonDamaged, "others know you", "person.pem"},
		{"damaged contacts", contacts.ErrDamaged, "compared words", "contacts.json"},
		{"damaged identity", identity.ErrDamaged, "damaged", "stop working"},
		{"settings", &config.BadFileError{File: "a", Backup: "a.bak", Err: errors.New("x")}, "could not be read", "a.bak"},
		{"full disk", &fs.PathError{Op: "write", Err: syscall.ENOSPC}, "disk is full", "until Candid is closed"},
		{"read-only disk", &fs.PathError{Op: "open", Err: syscall.EROFS}, "cannot be written", "--dir"},
		{"cancelled", context.Canceled, "Cancelled", "-"},
		{"slow", context.DeadlineExceeded, "too long", "try again"},
		{"anything else", errors.New("the cat sat on it"), "The cat sat on it.", "-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What happened on the way does not hide the cause.
			what, next := explain(fmt.Errorf("join room %q: %w", "tea", c.err))
			if c.name == "anything else" {
				what, next = explain(c.err)
			}
			if !strings.Contains(what, c.what) {
				t.Errorf("says %q, want %q in it", what, c.what)
			}
			if c.next == "-" && next != "" || c.next != "-" && !strings.Contains(next, c.next) {
				t.Errorf("advises %q, want %q in it", next, c.next)
			}
			if !strings.HasSuffix(what, ".") || next != "" && !strings.HasSuffix(next, ".") && !strings.Contains(next, "://") && !strings.HasSuffix(next, ".bak") {
				t.Errorf("not sentences: %q %q", what, next)
			}
		})
	}
}

func TestNoErrorNeedsNoWords(t *testing.T) {
	if what, next := explain(nil); what != "" || next != "" {
		t.Errorf("got %q %q", what, next)
	}
}
