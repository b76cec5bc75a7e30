package studio

import (
	"errors"
	"fmt"

	"candid/media/capture"
)

// Why a device does not work, for errors.Is.
var (
	ErrNotFound = capture.ErrNotFound
	ErrBusy     = capture.ErrBusy
	ErrDenied   = capture.ErrDenied
	ErrLost     = capture.ErrLost
)

// DeviceError is what is wrong with a device.
type DeviceError struct {
	Kind Kind
	// Name is empty if it is not about one device.
	Name string
	Err  error
}

func (e *DeviceError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("%v: %v", e.Kind, e.Err)
	}
	return fmt.Sprintf("%v %q: %v", e.Kind, e.Name, e.Err)
}

func (e *DeviceError) Unwrap() error { return e.Err }

// Explain says in a sentence what is wrong, and what to do about it.
func (e *DeviceError) Explain() (what, next string) {
	the := fmt.Sprintf("The %v", e.Kind)
	if e.Name != "" {
		the = fmt.Sprintf("The %v “%s”", e.Kind, e.Name)
	}
	switch {
	case errors.Is(e.Err, ErrNotFound) && e.Name == "":
		return fmt.Sprintf("No %v was found.", e.Kind), without[e.Kind]
	case errors.Is(e.Err, ErrNotFound):
		return the + " is not plugged in.", "Plug it in, or choose another one."
	case errors.Is(e.Err, ErrBusy):
		return the + " is in use by another program.", "Close that program; Candid tries again by itself."
	case errors.Is(e.Err, ErrDenied):
		return fmt.Sprintf("The system does not let Candid use the %v.", e.Kind), denied[e.Kind]
	case errors.Is(e.Err, ErrLost):
		return the + " was unplugged or stopped working.", "Plug it in again; it comes back by itself."
	}
	return the + " cannot be used: " + e.Err.Error() + ".", "Choose another one, or plug it in again."
}

var without = [...]string{
	Camera:     "Plug one in, or join without: the others see your name. The test picture is there to try things out.",
	Microphone: "Plug one in, or join without: you can listen. The test tone is there to try things out.",
	Speaker:    "Plug one in, or join without: you can be heard, but you hear nothing.",
}

var denied = [...]string{
	Camera:     "Allow it in the system's privacy settings; on Linux, your user must be in the group “video”.",
	Microphone: "Allow it in the system's privacy settings; on Linux, your user must be in the group “audio”.",
	Speaker:    "Allow it in the system's sound settings; on Linux, your user must be in the group “audio”.",
}
