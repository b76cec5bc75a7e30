package uitest

import (
	"sync"
	"time"

	"candid/app/call"
	"candid/app/ui"
	"candid/media"
	"candid/netstack"
)

// Call implements ui.Call by what it was told.
type Call struct {
	mu      sync.Mutex
	snap    call.Snapshot
	lines   []call.Line
	levels  map[netstack.PeerID]float64
	screens map[netstack.PeerID]media.Screen
	events  chan call.Event
	ended   bool

	asked    []string
	graph    []call.Edge
	outgoing []call.Outgoing
	changes  []call.PathChange

	Restarts int
	Volumes  map[netstack.PeerID]float64
	// ScreensErr is what Screens returns.
	ScreensErr error
}

var _ ui.Call = (*Call)(nil)

// NewCall returns a call in this state.
func NewCall(s call.Snapshot, lines ...call.Line) *Call {
	return &Call{snap: s, lines: lines, levels: map[netstack.PeerID]float64{}, screens: map[netstack.PeerID]media.Screen{},
		events: make(chan call.Event, 64), Volumes: map[netstack.PeerID]float64{}}
}

// Tell changes the snapshot and sends an event about it.
func (c *Call) Tell(change func(*call.Snapshot), e call.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.snap)
	if !c.ended {
		c.events <- e
	}
}

// SetLines is what Lines returns from now on.
func (c *Call) SetLines(l ...call.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = l
}

// SetLevel is how loud somebody is from now on.
func (c *Call) SetLevel(id netstack.PeerID, v float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.levels[id] = v
}

// Snapshot implements ui.Call.
func (c *Call) Snapshot() call.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snap
}

// Events implements ui.Call.
func (c *Call) Events() <-chan call.Event { return c.events }

// Lines implements ui.Call.
func (c *Call) Lines() []call.Line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines
}

// Levels implements ui.Call.
func (c *Call) Levels() map[netstack.PeerID]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[netstack.PeerID]float64, len(c.levels))
	for id, v := range c.levels {
		out[id] = v
	}
	return out
}

// Watch implements ui.Call.
func (c *Call) Watch(id netstack.PeerID, s media.Screen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == nil {
		delete(c.screens, id)
		return
	}
	c.screens[id] = s
}

// Watched are those that are watched now.
func (c *Call) Watched() map[netstack.PeerID]media.Screen {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[netstack.PeerID]media.Screen, len(c.screens))
	for id, s := range c.screens {
		out[id] = s
	}
	return out
}

// SetMuted implements ui.Call.
func (c *Call) SetMuted(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snap.Self.Muted = on
}

// SetCameraOff implements ui.Call.
func (c *Call) SetCameraOff(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snap.Self.CameraOff = on
}

// Restart implements ui.Call.
func (c *Call) Restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Restarts++
}

// SetVolume implements ui.Call.
func (c *Call) SetVolume(id netstack.PeerID, v float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Volumes[id] = v
}

// Leave implements ui.Call.
func (c *Call) Leave() { c.End(nil) }

// End ends the call, with an error or without.
func (c *Call) End(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	c.snap.State, c.snap.Err = call.Ended, err
	close(c.events)
}

// Ended reports whether the call is over.
func (c *Call) Ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// width of the pictures: fewer people send larger ones.
func (c *Call) width() int {
	if len(c.Snapshot().Others) > 3 {
		return 640
	}
	return 1280
}

// Paint gives everybody who is watched, and has the camera on, the picture of
// the time at.
func (c *Call) Paint(at time.Time) {
	s := c.Snapshot()
	screens := c.Watched()
	for i, m := range append([]call.Member{s.Self}, s.Others...) {
		if screen := screens[m.ID]; screen != nil && !m.CameraOff {
			PaintPerson(screen, i, c.width(), c.width()*9/16, at, m.ID == s.Self.ID)
		}
		if screen := screens[call.ShareOf(m.ID)]; screen != nil {
			PaintSlide(screen, 1600, 1000)
		}
	}
	if screen := screens[call.MixID]; screen != nil {
		PaintMix(screen, len(s.Others), 1280, 720, at)
	}
}
