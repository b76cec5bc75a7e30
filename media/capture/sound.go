package capture

import (
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"

	"candid/media/sound"

	"github.com/gen2brain/malgo"
)

// soundSystem lists microphones. It connects when first asked, and again after
// the connection broke or led nowhere: a sound server may start later than we.
type soundSystem struct {
	log *slog.Logger

	mu  sync.Mutex
	ctx *soundContext

	last   []Device // of the last look; list's
	passed int      // looks left out since; list's
}

// seldom is every how many looks a machine without a microphone is looked at:
// finding the sound system anew takes some 15 ms each time, 1 % of a core.
const seldom = 5

// soundContext is one connection to the sound system. Open microphones keep it.
type soundContext struct {
	*sound.System
	mu    sync.Mutex
	users int
}

func (c *soundContext) acquire() { c.mu.Lock(); c.users++; c.mu.Unlock() }

// release frees the connection when its last user is gone.
func (c *soundContext) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 {
		_ = c.Close() // nothing to be done about it
	}
}

// connect returns the connection, which the caller must release.
func (s *soundSystem) connect() (*soundContext, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		system, err := sound.Connect()
		if err != nil {
			return nil, err
		}
		s.ctx = &soundContext{System: system, users: 1}
	}
	s.ctx.acquire()
	return s.ctx, nil
}

// drop forgets the connection; microphones that are open on it go on.
func (s *soundSystem) drop(c *soundContext) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == c && c != nil {
		s.ctx = nil
		c.release()
	}
}

func (s *soundSystem) close() {
	s.mu.Lock()
	c := s.ctx
	s.mu.Unlock()
	s.drop(c)
}

// list returns the microphones of now. It is called by one goroutine at a time.
func (s *soundSystem) list() []Device {
	if s.last != nil && len(s.last) == 0 && s.passed+1 < seldom {
		s.passed++
		return s.last
	}
	s.passed = 0
	list := []Device{}
	err := s.each(func(dev Device, _ malgo.DeviceID) { list = append(list, dev) })
	if err != nil {
		s.log.Debug("listing microphones failed", "err", err)
		return s.last // until the next look finds out
	}
	s.last = list
	return list
}

// each calls fn for every microphone. If there is none, the next look connects
// anew. An error says that the connection broke.
func (s *soundSystem) each(fn func(Device, malgo.DeviceID)) error {
	c, err := s.connect()
	if err != nil {
		return nil // no sound system is the same as no microphone
	}
	defer c.release()
	found, err := c.Devices(malgo.Capture)
	if err != nil {
		s.drop(c)
		return err
	}
	some := false
	for _, info := range found {
		id := readable(info.ID)
		if !c.Real(id) || strings.HasSuffix(id, ".monitor") {
			continue // no device at all; what a speaker plays
		}
		some = true
		fn(Device{ID: "microphone:" + id, Kind: Microphones, Name: info.Name(), Default: info.IsDefault != 0}, info.ID)
	}
	if !some {
		s.drop(c)
	}
	return nil
}

// readable returns the text in a device ID, or its bytes in hexadecimal.
func readable(id malgo.DeviceID) string {
	text, _, _ := strings.Cut(string(id[:]), "\x00")
	for _, r := range text {
		if r < ' ' || r > '~' {
			return hex.EncodeToString([]byte(strings.TrimRight(string(id[:]), "\x00")))
		}
	}
	return text
}
