package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"candid/netstack/identity"
)

// notReached is the code of W3C's icecandidateerror for a server that was not
// reached.
const notReached = 701

// failed says how asking a server failed.
func failed(s Server, err error) Server {
	s.Outcome, s.Code, s.Text = Unreachable, notReached, "not reached"
	var (
		no      *stunError
		dns     *net.DNSError
		record  tls.RecordHeaderError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		late    net.Error
	)
	switch {
	case errors.As(err, &no):
		s.Outcome, s.Code, s.Text = Refused, no.code, no.text
		if no.code == 401 {
			s.Outcome = Unauthorized
		}
	case errors.As(err, &dns):
		s.Outcome, s.Text = NoName, "the name "+dns.Name+" was not found"
		if dns.IsTimeout {
			s.Text = "looking up the name " + dns.Name + " took too long"
		}
	case errors.As(err, &record), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		s.Outcome, s.Text = NotTLS, "what answers there is something else"
	case errors.Is(err, identity.ErrWrongPin), errors.As(err, &unknown), errors.As(err, &name):
		s.Outcome, s.Text = WrongCert, "someone else answers there: the certificate is another"
	case errors.Is(err, syscall.ECONNREFUSED):
		s.Text = "nobody listens there"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		s.Text = "there is no way to it from this network"
	case errors.Is(err, errNoFamily):
		s.Text = errNoFamily.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &late) && late.Timeout():
		s.Outcome, s.Text = TimedOut, "no answer in time"
	}
	return s
}
