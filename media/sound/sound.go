// Package sound connects to the system's sound, for those who capture and those
// who play.
package sound

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gen2brain/malgo"
)

// ErrNone is returned where no sound system answers.
var ErrNone = errors.New("no sound system answers")

// backends are the sound systems there may be, best first: servers before the
// bare device. The null device is left out, which would hide that there is none.
var backends = [...]malgo.Backend{
	malgo.BackendCoreaudio, malgo.BackendWasapi, malgo.BackendDsound, malgo.BackendWinmm,
	malgo.BackendPulseaudio, malgo.BackendAlsa, malgo.BackendJack,
	malgo.BackendSndio, malgo.BackendAudio4, malgo.BackendOss,
}

// System is a connection to a sound system. Its owner closes it.
type System struct {
	*malgo.AllocatedContext
	backend malgo.Backend
}

// Connect connects to the first sound system that answers. They are tried one
// by one to know which it was.
func Connect() (*System, error) {
	errs := []error{ErrNone}
	for _, b := range backends {
		if !answers(b) {
			continue
		}
		ctx, err := malgo.InitContext([]malgo.Backend{b}, malgo.ContextConfig{}, nil)
		if err == nil {
			return &System{ctx, b}, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connect to the sound system: %w", errors.Join(errs...))
}

// Backend is which sound system it is.
func (s *System) Backend() malgo.Backend { return s.backend }

// Close ends the connection. No device may be open on it.
func (s *System) Close() error {
	err := s.Uninit()
	s.Free()
	if err != nil {
		return fmt.Errorf("leave the sound system: %w", err)
	}
	return nil
}

// Real reports whether id, the text in a device's ID, is that of a device. The
// list of ALSA is full of plugins: rate converters, silence, bridges to sound
// servers that do not run.
func (s *System) Real(id string) bool {
	return s.backend != malgo.BackendAlsa || strings.HasPrefix(id, ":") || strings.Contains(id, "hw:")
}
