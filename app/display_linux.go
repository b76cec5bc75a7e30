package app

import (
	"errors"
	"os"
)

// errNoDisplay: a window was asked for where there is none.
var errNoDisplay = errors.New("no display: neither DISPLAY nor WAYLAND_DISPLAY is set")

// errDisplayGone: the display died under the window.
var errDisplayGone = errors.New("the display is gone, and with it the window")

// prepareDisplay says whether a window can open, before the toolkit is asked,
// which panics where it cannot. It prefers X11, also under Wayland: the
// toolkit's Wayland driver mistakes sizes.
func prepareDisplay() error {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errNoDisplay
	}
	if os.Getenv("FYNE_PLATFORM") == "" && os.Getenv("DISPLAY") != "" {
		return os.Setenv("FYNE_PLATFORM", "x11")
	}
	return nil
}
