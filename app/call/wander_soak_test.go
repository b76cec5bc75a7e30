//go:build soak

package call_test

import "testing"

// A hundred random joins, leaves and forced changes in one run.
func TestWanderFar(t *testing.T) { wander(t, 100, 1) }
