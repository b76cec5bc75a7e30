//go:build !soak

package mesh_test

import "time"

const (
	day    = 10 * time.Minute
	visits = 10
)
