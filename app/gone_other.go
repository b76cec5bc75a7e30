//go:build !headless && !linux

package app

// whenDisplayGone does nothing: these systems end the session with the display.
func whenDisplayGone(func()) error { return nil }
