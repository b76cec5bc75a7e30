//go:build !linux

package netlab

import "testing"

// Lab is a set of networks; there are none on this system.
type Lab struct{}

// New skips the test.
func New(t testing.TB) *Lab {
	t.Helper()
	t.Skip("netlab: network namespaces exist on Linux only")
	return nil
}
