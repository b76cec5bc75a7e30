//go:build soak

package mesh_test

import "time"

const (
	day    = 24 * time.Hour
	visits = 1000
)
