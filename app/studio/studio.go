// Package studio is this person's own end of every call: the camera, the
// microphone, the speaker, and the cleaning of the voice between the two. It
// lives from the device check through the call and after it, and knows nothing
// of calls.
//
// A missing device is a state and not an error: everything works without, and
// starts to work when one is plugged in. Commands return at once; what came of
// them is told by Events, and Snapshot has the whole.
package studio

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"candid/media/capture"
	"candid/media/voice"
)

// Options say how a studio begins. The zero Options take the system's default
// devices, camera on, microphone open.
type Options struct {
	// IDs of devices: "" is the default one, None is none.
	Camera, Microphone, Speaker string
	CameraOff, Muted            bool
	Voice                       voice.Options
	// Synthetic takes the test picture and tone where Camera and Microphone
	// are not given, and offers them beside real devices.
	Synthetic bool
	// Member is the number of the synthetic devices: the person in the picture
	// and the pitch of the tone.
	Member int
	// Silent plays nothing: what would be played reaches the speaker's sinks
	// only. With Synthetic, no sound system is spoken to.
	Silent bool
	// Width, Height and FPS are what is asked of the camera; 0 is 1280×720 at
	// 30 a second.
	Width, Height int
	FPS           float64
	// Retry is how long a device that failed is left alone; 0 is 5 s.
	Retry time.Duration
	// Logger may be nil.
	Logger *slog.Logger

	speakers loudspeakers  // of a test
	interval time.Duration // of looking at devices, in a test
}

// eventBacklog is how many events wait for a reader. One who is further behind
// loses the oldest; Snapshot still tells the whole.
const eventBacklog = 256

// Studio owns this person's devices. Its methods may be called from any
// goroutine, and none but Close blocks.
type Studio struct {
	log     *slog.Logger
	devices *capture.Devices
	format  capture.Format
	lens    lens
	hearing hearing
	desk    desk
	shelf   shelf
	slots   [kinds]*slot

	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	voice  voice.Options
	closed bool
	events chan Event // sends hold mu
}

// New opens a studio. It does not wait for devices, and never fails for want of
// one.
func New(o Options) (*Studio, error) {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	processor, err := voice.New(o.Voice)
	if err != nil {
		return nil, fmt.Errorf("open studio: %w", err)
	}
	if o.Synthetic {
		o.Camera = orElse(o.Camera, fmt.Sprintf("%s/%d", capture.TestPicture, o.Member))
		o.Microphone = orElse(o.Microphone, fmt.Sprintf("%s/%d", capture.TestTone, o.Member))
	}
	if o.Retry <= 0 {
		o.Retry = 5 * time.Second
	}
	s := &Studio{
		log:    log,
		format: capture.Format{Width: o.Width, Height: o.Height, FPS: o.FPS},
		voice:  o.Voice,
		events: make(chan Event, eventBacklog),
	}
	s.hearing.voice = processor
	s.hearing.muted.Store(o.Muted)
	s.hearing.raw.Store(true)
	s.desk.hearing = &s.hearing
	switch {
	case o.speakers != nil:
		s.shelf.speakers = o.speakers
	case o.Silent:
		s.shelf.speakers = noSpeakers{}
	default:
		s.shelf.speakers = realSpeakers{log}
	}
	s.devices = capture.New(capture.Options{
		Interval:   o.interval,
		Synthetic:  o.Synthetic,
		NoHardware: o.Synthetic && o.Silent || o.speakers != nil,
		Logger:     log,
	})
	s.furnish(o)
	return s, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// furnish sets up the slots and starts all goroutines.
func (s *Studio) furnish(o Options) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.slots[Camera] = s.newSlot(Camera, o.Camera, !o.CameraOff, o.Retry, s.openCamera, s.captures(capture.Cameras))
	s.slots[Microphone] = s.newSlot(Microphone, o.Microphone, true, o.Retry, s.openMicrophone, s.captures(capture.Microphones))
	s.slots[Speaker] = s.newSlot(Speaker, o.Speaker, true, o.Retry, s.openSpeaker, s.shelf.list)
	s.slots[Microphone].needed = s.hearing.needsMicrophone
	s.slots[Speaker].needed = s.desk.inUse
	s.slots[Speaker].linger = speakerLinger
	s.slots[Speaker].idle = s.noSpeaker
	s.desk.quiet = s.slots[Speaker].poke
	s.work.Go(func() { s.watch(ctx) })
	s.work.Go(func() { s.watchSpeakers(ctx, o.interval) })
	for _, k := range []Kind{Camera, Microphone} {
		s.work.Go(func() {
			select {
			case <-s.devices.Ready(): // before, there seems to be no device
				s.slots[k].run(ctx)
			case <-ctx.Done():
			}
		})
	}
}

// watchSpeakers looks for speakers and, after the first look, runs their slot.
func (s *Studio) watchSpeakers(ctx context.Context, every time.Duration) {
	if every <= 0 {
		every = speakerInterval
	}
	first := true
	s.shelf.watch(ctx, every, func() {
		if first {
			first = false
			s.work.Go(func() { s.slots[Speaker].run(ctx) })
		}
		s.slots[Speaker].poke()
		s.tell(DevicesChanged{})
	})
}

func (s *Studio) newSlot(k Kind, wish string, on bool, retry time.Duration, open func(Device) (running, error), list func(string) []Device) *slot {
	return &slot{
		kind: k, list: list, open: open, tell: s.tell, retry: retry,
		wake: make(chan struct{}, 1),
		wish: wish, on: on, failed: map[string]failure{}, names: map[string]string{},
	}
}

// captures lists one kind of capture device, and the one wished for if it is
// synthetic.
func (s *Studio) captures(k capture.Kind) func(wish string) []Device {
	return func(wish string) []Device {
		var list []Device
		add := func(d capture.Device) {
			list = append(list, Device{ID: d.ID, Name: d.Name, Default: d.Default, Synthetic: d.Synthetic})
		}
		for _, d := range s.devices.List() {
			if d.Kind == k {
				add(d)
			}
		}
		if d, ok := capture.Synthetic(k, wish); ok && !slices.ContainsFunc(list, func(l Device) bool { return l.ID == wish }) {
			add(d)
		}
		return list
	}
}

// watch passes on that devices were plugged in or out.
func (s *Studio) watch(ctx context.Context) {
	changed := make(chan struct{}, 1)
	defer s.devices.Notify(changed)()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		s.slots[Camera].poke()
		s.slots[Microphone].poke()
		s.tell(DevicesChanged{})
	}
}

// Close closes every device, waits for all that was started, and closes Events.
func (s *Studio) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	s.devices.Close()
	_ = s.hearing.voice.Close() // frees memory
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.events)
}

// tell queues an event. What happens while the studio closes is not told.
func (s *Studio) tell(e Event) {
	s.log.Debug("studio", "event", fmt.Sprintf("%T%+v", e, e))
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed {
		select {
		case s.events <- e:
			return
		default:
		}
		select {
		case <-s.events:
		default:
		}
	}
}

// Events yields what happened, in order. It is closed by Close.
func (s *Studio) Events() <-chan Event { return s.events }

// Snapshot returns the state of everything.
func (s *Studio) Snapshot() Snapshot {
	snap := Snapshot{
		Camera:     s.state(Camera),
		Microphone: s.state(Microphone),
		Speaker:    s.state(Speaker),
	}
	snap.Microphone.On = !s.hearing.muted.Load()
	s.mu.Lock()
	snap.Voice = s.voice
	s.mu.Unlock()
	return snap
}

func (s *Studio) state(k Kind) DeviceState {
	st := s.slots[k].state()
	looked := s.shelf.devices.Load() != nil
	if k != Speaker {
		select {
		case <-s.devices.Ready():
			looked = true
		default:
			looked = false
		}
	}
	if !looked { // nothing can be said yet
		st.Err, st.Problem, st.Next = nil, "", ""
	}
	return st
}
