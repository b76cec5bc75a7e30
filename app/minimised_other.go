//go:build !headless && !linux

package app

// minimised is not known here: the toolkit stops by itself.
func minimised() func() bool { return nil }
