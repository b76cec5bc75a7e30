//go:build !linux

package ifwatch

import "context"

// notifications has none to give here: the addresses are polled.
func notifications(context.Context) (<-chan struct{}, func()) { return nil, func() {} }
