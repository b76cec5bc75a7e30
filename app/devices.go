//go:build !headless

package app

import (
	"sync"

	"candid/app/studio"
	"candid/app/ui"
	"candid/media"
	"candid/media/voice"
)

// devices shows the studio to the window in the window's words.
type devices struct {
	studio  *studio.Studio
	changed chan struct{}
	wg      sync.WaitGroup
}

var _ ui.Studio = (*devices)(nil)

// newDevices watches s until s is closed.
func newDevices(s *studio.Studio) *devices {
	d := &devices{studio: s, changed: make(chan struct{}, 1)}
	d.wg.Go(func() {
		for range s.Events() {
			select {
			case d.changed <- struct{}{}:
			default: // it is signalled already
			}
		}
	})
	return d
}

// wait waits until the studio has told its last event.
func (d *devices) wait() { d.wg.Wait() }

var kinds = map[ui.DeviceKind]studio.Kind{
	ui.Camera: studio.Camera, ui.Microphone: studio.Microphone, ui.Speaker: studio.Speaker,
}

func (d *devices) Devices() map[ui.DeviceKind]ui.DeviceState {
	s := d.studio.Snapshot()
	out := make(map[ui.DeviceKind]ui.DeviceState, len(kinds))
	for k, of := range kinds {
		from := s.Of(of)
		to := ui.DeviceState{Chosen: from.Chosen, Open: from.Open, Problem: from.Problem, Next: from.Next}
		for _, v := range from.Devices {
			to.Devices = append(to.Devices, ui.Device{ID: v.ID, Name: v.Name, Default: v.Default})
		}
		out[k] = to
	}
	return out
}

func (d *devices) Changed() <-chan struct{}          { return d.changed }
func (d *devices) Use(kind ui.DeviceKind, id string) { d.studio.Use(kinds[kind], id) }
func (d *devices) SetPreview(s media.Screen)         { d.studio.SetPreview(s) }
func (d *devices) SetCameraOn(on bool)               { d.studio.SetCameraOn(on) }
func (d *devices) SetMicrophoneOn(on bool)           { d.studio.SetMicrophoneOn(on) }
func (d *devices) MicrophoneLevel() float64          { return d.studio.MicrophoneLevel() }
func (d *devices) PlayTestSound()                    { d.studio.PlayTestSound() }
func (d *devices) VoiceAvailable() bool              { return voice.Available() }

func (d *devices) SetVoice(echo, noise, gain bool) {
	// It fails only for a closed studio, which has no voice.
	_ = d.studio.SetVoice(voice.Options{Echo: echo, Noise: noise, Gain: gain})
}
