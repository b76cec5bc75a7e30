//go:build !linux || !cgo

package voice

// Name says what does the work, for the user to read.
const Name = "none on this system"

// Available reports whether New returns a processor that does anything.
func Available() bool { return false }

// New returns a processor that does nothing: there is none for this system.
func New(Options) (Processor, error) { return PassThrough(), nil }
