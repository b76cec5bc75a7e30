package playout

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"candid/media/sound"

	"github.com/gen2brain/malgo"
)

// soundSystem is a connection to the system's sound.
type soundSystem struct{ *sound.System }

// openSound connects to the first sound system that answers.
func openSound() (*soundSystem, error) {
	system, err := sound.Connect()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSpeaker, err)
	}
	return &soundSystem{system}, nil
}

// devices lists the outputs that can play.
func (s *soundSystem) devices() ([]malgo.DeviceInfo, error) {
	infos, err := s.Devices(malgo.Playback)
	if err != nil {
		return nil, fmt.Errorf("list speakers: %w", err)
	}
	return slices.DeleteFunc(infos, func(d malgo.DeviceInfo) bool { return !s.Real(deviceID(d.ID)) }), nil
}

// find returns the device with this ID, nil for the default.
func (s *soundSystem) find(id string) (*malgo.DeviceID, error) {
	infos, err := s.devices()
	if err != nil {
		return nil, err
	}
	if len(infos) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrNoSpeaker)
	}
	if id == "" {
		return nil, nil
	}
	for _, d := range infos {
		if deviceID(d.ID) == id {
			device := d.ID // apart from the rest: C gets to see it
			return &device, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrNoSpeaker, id)
}

// deviceID returns the text in a device's ID, or its bytes in hexadecimal.
func deviceID(id malgo.DeviceID) string {
	text, _, _ := strings.Cut(string(id[:]), "\x00")
	for _, r := range text {
		if r < ' ' || r > '~' {
			return hex.EncodeToString([]byte(strings.TrimRight(string(id[:]), "\x00")))
		}
	}
	return text
}

// SpeakerDevices lists the sound outputs. It blocks while the system is asked:
// some ms, or longer while a sound server starts. A machine without any gives
// an empty list, or an error that is ErrNoSpeaker. log may be nil.
func SpeakerDevices(log *slog.Logger) ([]SpeakerDevice, error) {
	s, err := openSound()
	if err != nil {
		orDiscard(log).Debug("no sound system", "cause", err)
		return nil, err
	}
	infos, err := s.devices()
	out := make([]SpeakerDevice, 0, len(infos))
	for _, d := range infos {
		out = append(out, SpeakerDevice{ID: deviceID(d.ID), Name: d.Name(), Default: d.IsDefault != 0})
	}
	return out, errors.Join(err, s.Close())
}
