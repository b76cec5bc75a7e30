package oneport

import (
	"errors"
	"syscall"
)

// Winsock's own numbers; those named in package syscall are never returned.
const (
	wsaEACCES        = syscall.Errno(10013)
	wsaEAFNOSUPPORT  = syscall.Errno(10047)
	wsaEADDRINUSE    = syscall.Errno(10048)
	wsaEADDRNOTAVAIL = syscall.Errno(10049)
)

// inUse reports whether another socket has the address.
func inUse(err error) bool { return errors.Is(err, wsaEADDRINUSE) }

// notAllowed reports whether the user may not open the port.
func notAllowed(err error) bool { return errors.Is(err, wsaEACCES) }

// unavailable reports whether an address or its family is not on this machine.
func unavailable(err error) bool {
	return errors.Is(err, wsaEADDRNOTAVAIL) || errors.Is(err, wsaEAFNOSUPPORT)
}
