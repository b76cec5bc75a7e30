//go:build headless

package app

import (
	"fmt"
	"io"
)

// windowCommand of a build without a window.
func windowCommand(_ []string, stderr io.Writer) int {
	fmt.Fprintln(stderr, "candid: This build is the room server alone: it has no window.")
	fmt.Fprintln(stderr, "        Run it as: candid-host host")
	return exitUsage
}

// demoCommand of a build without a window.
func demoCommand(_ []string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "candid: The demo needs the whole Candid; this build is the room server alone.")
	return exitUsage
}
