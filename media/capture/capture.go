// Package capture opens cameras, microphones and screens: it lists them, notices
// when one is plugged in or pulled out, and turns what they give into the
// house's one picture format and one sound format.
//
// Every device is a driver of pion/mediadevices. Its cameras are taken as they
// are; its microphone driver hands out memory that is overwritten while it is
// read, so microphones are drivers of our own over malgo, and so are the
// synthetic devices. Drivers are opened by hand and not with GetUserMedia,
// which opens every device there is to choose one, and hides why one cannot be
// opened.
package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/gen2brain/malgo"
)

// Kind is what a device takes in.
type Kind uint8

// The kinds of capture device. Screens are on no list of devices: Screens has
// its own.
const (
	Cameras Kind = iota
	Microphones
	Screens
)

func (k Kind) String() string {
	if k <= Screens {
		return [...]string{"camera", "microphone", "screen"}[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Device is a camera or microphone that can be opened.
type Device struct {
	// ID is the same after the device was pulled out and plugged in again, and
	// after the program or the computer was restarted.
	ID   string
	Kind Kind
	// Name is for people.
	Name string
	// Default says that this one is taken when the person did not choose.
	Default bool
	// Synthetic devices play a test picture or sound.
	Synthetic bool
}

// Why a device does not work. Errors of this package wrap one of them where the
// reason is known.
var (
	// ErrNotFound: there is no such device, or none at all.
	ErrNotFound = errors.New("not found")
	// ErrBusy: another program uses the device.
	ErrBusy = errors.New("in use by another program")
	// ErrDenied: this user may not use the device.
	ErrDenied = errors.New("permission denied")
	// ErrLost: the device was open and is gone, or gives nothing any more.
	ErrLost = errors.New("device lost")
)

// openError says what we tried to open and adds one of the reasons above.
func openError(d Device, err error) error {
	what := fmt.Sprintf("open %v %q", d.Kind, d.Name)
	if reason := Reason(err); reason != nil && !errors.Is(err, reason) {
		return fmt.Errorf("%s: %w: %w", what, reason, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Reason finds why opening a device failed: ErrNotFound, ErrBusy, ErrDenied, or
// nil if that is not known. Drivers keep some causes as text only, so text is
// looked at as well.
func Reason(err error) error {
	has := func(errno syscall.Errno) bool {
		return errors.Is(err, errno) || strings.Contains(err.Error(), errno.Error())
	}
	switch {
	case has(syscall.EBUSY), strings.Contains(err.Error(), "already opened"),
		errors.Is(err, malgo.ErrBusy), errors.Is(err, malgo.ErrAlreadyInUse):
		return ErrBusy
	case errors.Is(err, fs.ErrPermission), has(syscall.EACCES), has(syscall.EPERM), errors.Is(err, malgo.ErrAccessDenied):
		return ErrDenied
	case errors.Is(err, fs.ErrNotExist), has(syscall.ENODEV), has(syscall.ENXIO), has(syscall.ENOENT),
		errors.Is(err, malgo.ErrNoDevice), errors.Is(err, malgo.ErrDoesNotExist):
		return ErrNotFound
	}
	return nil
}
