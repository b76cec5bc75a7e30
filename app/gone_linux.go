//go:build !headless

package app

import "candid/app/x11"

// whenDisplayGone calls fn, which must end the process, when the display dies
// under the window.
func whenDisplayGone(fn func()) error { return x11.WhenGone(fn) }
