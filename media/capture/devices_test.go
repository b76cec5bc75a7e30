package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"github.com/gen2brain/malgo"
	"github.com/pion/mediadevices/pkg/driver"
)

func TestArrange(t *testing.T) {
	found := []Device{
		{ID: "camera:b", Kind: Cameras, Name: "Webcam"},
		{ID: "camera:a", Kind: Cameras, Name: "Webcam"},
		{ID: "camera:a", Kind: Cameras, Name: "Webcam"}, // listed twice
		{ID: "camera:c", Kind: Cameras, Name: "Zoom", Default: true},
	}
	got := arrange(found, false)
	want := []Device{
		{ID: "camera:c", Kind: Cameras, Name: "Zoom", Default: true},
		{ID: "camera:a", Kind: Cameras, Name: "Webcam"},
		{ID: "camera:b", Kind: Cameras, Name: "Webcam (2)"},
		{ID: TestTone, Kind: Microphones, Name: "Test tone", Synthetic: true}, // there is no microphone
	}
	if !slices.Equal(got, want) {
		t.Errorf("arranged as\n%v, want\n%v", got, want)
	}
	if got := arrange(found, true); !slices.ContainsFunc(got, func(d Device) bool { return d.ID == TestPicture }) {
		t.Error("the test picture is not offered although asked for")
	}
	if got := arrange([]Device{{ID: "microphone:x", Kind: Microphones}}, false); !got[1].Default {
		t.Error("the only microphone is not the default")
	}
}

func TestPlugging(t *testing.T) {
	d := look(t, Options{})
	changed := make(chan struct{}, 1)
	stop := d.Notify(changed)
	defer stop()

	unplug := plug(t, newFakeCamera(), driver.Camera, "usb-1", "Webcam")
	d.Refresh()
	<-changed
	if l := d.List(); l[0].ID != "camera:usb-1" || l[0].Name != "Webcam" || !l[0].Default {
		t.Fatalf("listed %+v after plugging in", l[0])
	}
	d.Refresh()
	select {
	case <-changed:
		t.Error("told of a change without one")
	default:
	}
	unplug()
	d.Refresh()
	<-changed
	if l := d.List(); l[0].ID != TestPicture {
		t.Errorf("listed %+v after pulling out", l[0])
	}
	stop()
	plug(t, newFakeCamera(), driver.Camera, "usb-2", "Webcam")
	d.Refresh()
	select {
	case <-changed:
		t.Error("told of a change after stop")
	default:
	}
}

func TestReason(t *testing.T) {
	for _, c := range []struct {
		err  error
		want error
	}{
		{syscall.EBUSY, ErrBusy},
		{errors.New("Failed to start streaming: device or resource busy"), ErrBusy},
		{errors.New("invalid state: driver is already opened"), ErrBusy},
		{&fs.PathError{Op: "open", Path: "/dev/video0", Err: syscall.EACCES}, ErrDenied},
		{syscall.EACCES, ErrDenied},
		{syscall.ENODEV, ErrNotFound},
		{fmt.Errorf("open film: %w", fs.ErrNotExist), ErrNotFound},
		{fmt.Errorf("start: %w", malgo.ErrBusy), ErrBusy},
		{malgo.ErrAccessDenied, ErrDenied},
		{malgo.ErrGeneric, nil},
		{errors.New("something else"), nil},
	} {
		err := openError(Device{Kind: Cameras, Name: "Webcam"}, c.err)
		for _, reason := range []error{ErrBusy, ErrDenied, ErrNotFound, ErrLost} {
			if errors.Is(err, reason) != (reason == c.want) {
				t.Errorf("%v: is %v: %v", c.err, reason, reason != c.want)
			}
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v: the cause is lost", c.err)
		}
	}
}
