//go:build !linux

package app

import "errors"

var (
	errNoDisplay   = errors.New("no display")
	errDisplayGone = errors.New("the display is gone")
)

// prepareDisplay has nothing to do: these systems always have a display.
func prepareDisplay() error { return nil }
