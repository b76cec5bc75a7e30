package studio

import (
	"fmt"
	"sync"
	"time"

	"candid/media"
	"candid/media/voice"
)

// Use changes to the device with this ID: "" is the default, None is none. The
// one in use stays until the new one works. Naming the same again tries it
// again, if it does not work.
func (s *Studio) Use(k Kind, id string) {
	s.slots[k].set(func(sl *slot) { sl.wish = id })
	s.tell(WishChanged{k})
}

// UseCamera is Use for the camera.
func (s *Studio) UseCamera(id string) { s.Use(Camera, id) }

// UseMicrophone is Use for the microphone.
func (s *Studio) UseMicrophone(id string) { s.Use(Microphone, id) }

// UseSpeaker is Use for the speaker.
func (s *Studio) UseSpeaker(id string) { s.Use(Speaker, id) }

// SetCameraOn opens the camera, or closes it: its light goes out. DeviceClosed
// tells when.
func (s *Studio) SetCameraOn(on bool) {
	s.slots[Camera].set(func(sl *slot) { sl.on = on })
	s.tell(WishChanged{Camera})
}

// SetMicrophoneOn mutes and unmutes. No block that was begun after muting
// reaches an AudioSink. While there is one, as in a call, the device stays open,
// so that unmuting takes no time; else it is closed.
func (s *Studio) SetMicrophoneOn(on bool) {
	s.hearing.muted.Store(!on)
	s.slots[Microphone].poke()
	s.tell(WishChanged{Microphone})
}

// SetVoice turns echo cancellation, noise suppression and automatic gain on and
// off.
func (s *Studio) SetVoice(o voice.Options) error {
	if err := s.hearing.voice.SetOptions(o); err != nil {
		return fmt.Errorf("change voice processing: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.voice = o
	return nil
}

// SetPreview shows the self view, mirrored, on a screen; nil stops it. The last
// picture stays when the camera is closed.
func (s *Studio) SetPreview(screen media.Screen) { s.lens.setScreen(screen) }

// AddVideoSink gives every picture of the camera to sink, until remove. The
// sink must not call remove from WriteVideo.
func (s *Studio) AddVideoSink(sink media.VideoSink) (remove func()) { return s.lens.sinks.add(sink) }

// AddAudioSink gives every cleaned block of the microphone to sink, until
// remove; none while muted. The sink must not call remove from WriteAudio.
func (s *Studio) AddAudioSink(sink media.AudioSink) (remove func()) {
	return s.pokeAfter(Microphone, s.hearing.sinks.add(sink))
}

// pokeAfter makes a slot look again, now and after remove.
func (s *Studio) pokeAfter(k Kind, remove func()) func() {
	s.slots[k].poke()
	return func() {
		remove()
		s.slots[k].poke()
	}
}

// MicrophoneLevel is how loud the microphone is now, 0 to 1, in steps of
// decibels, for a meter: after cleaning, or before it while muted, so that a
// window can say "you are muted". It costs nothing to ask.
func (s *Studio) MicrophoneLevel() float64 { return s.hearing.level.value() }

// Play plays a voice until remove, from the next block on. setGain sets how
// loud: 1 is as it comes, 0 is not at all.
func (s *Studio) Play(v media.Voice) (remove func(), setGain func(gain float64)) {
	m := &s.desk.voices
	m.Add(v)
	s.desk.playing.Add(1)
	var once sync.Once
	remove = s.pokeAfter(Speaker, func() {
		once.Do(func() {
			m.Remove(v)
			s.desk.playing.Add(-1)
		})
	})
	return remove, func(gain float64) { m.SetGain(v, gain) }
}

// PlayTestSound plays two notes, about a second, so that a person hears whether
// the speaker works.
func (s *Studio) PlayTestSound() {
	s.desk.chime.Store(&chime{})
	s.slots[Speaker].poke()
}

// AddSpeakerSink gives every block that goes to the speaker to sink, until
// remove: Captured is when it is about to be heard. For measuring, and for
// recording a call. The sink must not call remove from WriteAudio.
func (s *Studio) AddSpeakerSink(sink media.AudioSink) (remove func()) {
	return s.pokeAfter(Speaker, s.desk.sinks.add(sink))
}

// SpeakerLatency is about how long it takes from a Voice being read until it is
// heard: for keeping sound and picture together. It costs nothing to ask.
func (s *Studio) SpeakerLatency() time.Duration { return time.Duration(s.desk.latency.Load()) }
