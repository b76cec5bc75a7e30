//go:build soak

package call_test

import "testing"

// A hundred random joins, leaves, crashes, signs and forced changes in one run.
func TestWanderFar(t *testing.T) { wander(t, 100, 1, 4, map[int]string{33: "host", 66: "host"}) }
