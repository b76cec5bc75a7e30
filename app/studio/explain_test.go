package studio

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  DeviceError
		what string
	}{
		{DeviceError{Camera, "", ErrNotFound}, "No camera was found."},
		{DeviceError{Microphone, "Headset", ErrNotFound}, "The microphone “Headset” is not plugged in."},
		{DeviceError{Camera, "Webcam", fmt.Errorf("open: %w", ErrBusy)}, "The camera “Webcam” is in use by another program."},
		{DeviceError{Microphone, "Headset", ErrDenied}, "The system does not let Candid use the microphone."},
		{DeviceError{Speaker, "Headset", ErrLost}, "The speaker “Headset” was unplugged or stopped working."},
		{DeviceError{Camera, "Webcam", errors.New("no space left on device")}, "The camera “Webcam” cannot be used: no space left on device."},
	} {
		what, next := c.err.Explain()
		if what != c.what {
			t.Errorf("%v: %q, want %q", &c.err, what, c.what)
		}
		if !strings.HasSuffix(next, ".") {
			t.Errorf("%v: next step %q", &c.err, next)
		}
		if !errors.Is(&c.err, c.err.Err) {
			t.Errorf("%v: the cause is lost", &c.err)
		}
	}
}
