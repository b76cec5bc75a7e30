package studio

import (
	"errors"
	"fmt"

	"candid/media"
	"candid/media/capture"
)

// Screen is a screen or window that can be shown to others.
type Screen = capture.Screen

// Screens lists what can be shown: screens before windows. It blocks for some
// milliseconds, or for as long as the display takes to answer. The error, if
// there is nothing to show, is a ScreenError, which says why in a sentence.
func (s *Studio) Screens() ([]Screen, error) {
	list, err := s.devices.Screens()
	if err != nil {
		return nil, &ScreenError{err}
	}
	return list, nil
}

// OpenScreen begins to film a screen: up to 1920×1080 and 15 pictures a second,
// fewer while nothing changes; the size may change. The caller reads it and
// closes it. An error here, or from reading other than io.EOF, is a ScreenError.
func (s *Studio) OpenScreen(id string) (media.VideoSource, error) {
	cam, err := s.devices.OpenScreen(id)
	if err != nil {
		return nil, &ScreenError{err}
	}
	return shown{cam}, nil
}

// shown is an open screen.
type shown struct{ *capture.Camera }

func (s shown) ReadVideo() (media.VideoFrame, error) {
	f, err := s.Camera.ReadVideo()
	if errors.Is(err, capture.ErrLost) {
		err = &ScreenError{err}
	}
	return f, err
}

// ScreenError is why a screen cannot be shown.
type ScreenError struct{ Err error }

func (e *ScreenError) Error() string { return fmt.Sprintf("show a screen: %v", e.Err) }

func (e *ScreenError) Unwrap() error { return e.Err }

// Explain says in a sentence what is wrong, and what to do about it.
func (e *ScreenError) Explain() (what, next string) {
	switch {
	case errors.Is(e.Err, capture.ErrWayland):
		return "This desktop runs on Wayland, which does not let Candid see the screen.",
			"Log out, and choose a session on X11 (“Xorg”) when logging in; cameras and sound work in either."
	case errors.Is(e.Err, capture.ErrNoDisplay):
		return "There is no display here, so there is no screen to show.", ""
	case errors.Is(e.Err, capture.ErrUnsupported):
		return "Candid cannot show a screen on this system yet; it can on Linux with X11.", ""
	case errors.Is(e.Err, capture.ErrNotFound):
		return "That screen or window is not there any more.", "Choose another one."
	case errors.Is(e.Err, capture.ErrLost):
		return "The window was closed, or the screen was taken away.", "Share another one."
	}
	return "The screen cannot be shown: " + e.Err.Error() + ".", "Choose another one."
}
