//go:build unix

package oneport

import (
	"errors"
	"syscall"
)

// inUse reports whether another socket has the address.
func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// notAllowed reports whether the user may not open the port.
func notAllowed(err error) bool {
	return errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM)
}

// unavailable reports whether an address or its family is not on this machine
// (any more, or not yet: an IPv6 address being checked for duplicates).
func unavailable(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}
