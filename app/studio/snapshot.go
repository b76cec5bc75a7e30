package studio

import (
	"fmt"

	"candid/media/voice"
)

// Kind is what a device is for.
type Kind uint8

// The kinds of device a studio has one of each.
const (
	Camera Kind = iota
	Microphone
	Speaker
	kinds
)

func (k Kind) String() string {
	if k < kinds {
		return [...]string{"camera", "microphone", "speaker"}[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// None, as the ID of a device, is to have none of its kind. The empty ID is the
// system's default.
const None = "none"

// Device is one that can be chosen.
type Device struct {
	ID, Name string
	Default  bool
	// Synthetic devices play a test picture or sound. They are listed when
	// there is no real one of their kind, or when asked for.
	Synthetic bool
}

// DeviceState is one kind of device: what there is, what is in use, and what is
// wrong.
type DeviceState struct {
	Devices []Device
	// Chosen is the ID in use; while none is open, the one wished for.
	Chosen string
	// On is what the person asked for: camera on, microphone not muted. It says
	// nothing of a device.
	On bool
	// Open is whether a device of this kind is open now. A microphone may be
	// while it is muted, and a speaker is only while there is something to play.
	Open bool
	// Err is why there is none, or not the one wished for; nil when all is well.
	Err error
	// Problem says the same in a sentence, and Next what to do about it.
	Problem, Next string
}

// Snapshot is all a new window needs. It is a value and shares nothing with the
// Studio.
type Snapshot struct {
	Camera, Microphone, Speaker DeviceState
	Voice                       voice.Options
}

// Of returns the state of one kind.
func (s Snapshot) Of(k Kind) DeviceState {
	return [...]DeviceState{s.Camera, s.Microphone, s.Speaker}[k]
}

// Event is something that happened in the studio: a past-tense fact. The set is
// closed. After each event, Snapshot tells the whole.
type Event interface{ event() }

type (
	// DevicesChanged reports that devices were plugged in or out.
	DevicesChanged struct{}
	// WishChanged reports that the person chose another device, or turned one
	// on or off. What came of it follows.
	WishChanged struct{ Kind Kind }
	// DeviceOpened reports the device in use from now on.
	DeviceOpened struct {
		Kind   Kind
		Device Device
	}
	// DeviceClosed reports that a device was closed because it was turned off,
	// or is not needed. Its light is out.
	DeviceClosed struct {
		Kind   Kind
		Device Device
	}
	// DeviceFailed reports one that could not be opened. Say and Next are for
	// the person.
	DeviceFailed struct {
		Kind      Kind
		Device    Device
		Err       error
		Say, Next string
	}
	// DeviceLost reports that the device in use is gone. Another one, if there
	// is any, follows as DeviceOpened; so does the same one when it is back.
	DeviceLost struct {
		Kind      Kind
		Device    Device
		Err       error
		Say, Next string
	}
)

func (DevicesChanged) event() {}
func (WishChanged) event()    {}
func (DeviceOpened) event()   {}
func (DeviceClosed) event()   {}
func (DeviceFailed) event()   {}
func (DeviceLost) event()     {}
