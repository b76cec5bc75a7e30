//go:build !headless

package app

import "candid/app/x11"

// minimised returns a function that reports whether nobody can see the window.
// Where that cannot be known, the window is taken to be seen.
func minimised() func() bool {
	var w *x11.Watcher
	tried := false
	return func() bool {
		if w == nil {
			if tried {
				return false
			}
			tried = true
			var err error
			if w, err = x11.Watch(); err != nil {
				return false
			}
		}
		return w.Hidden()
	}
}
