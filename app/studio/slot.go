package studio

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// running is an open device.
type running interface {
	// start begins to work. lost is called, once and on another goroutine, if
	// the device ends by itself.
	start(lost func(error))
	// close ends the work and the device, and waits for both. A device that was
	// never started can be closed too.
	close()
}

// slot has one device of one kind open, or none. Its goroutine is the only one
// that opens and closes: both may take a second.
type slot struct {
	kind Kind
	// list returns the devices of now; a synthetic one that is wished for is
	// always there.
	list func(wish string) []Device
	open func(Device) (running, error)
	// idle is what runs while a device is wanted and there is none; nil is
	// nothing.
	idle func() running
	// needed reports whether anybody needs a device of this kind, open being
	// whether one is; nil is always. Who changes the answer pokes. A device
	// stays open for linger after it was last needed.
	needed func(open bool) bool
	linger time.Duration
	tell   func(Event)
	retry  time.Duration // how long a device that failed is left alone
	wake   chan struct{}

	mu     sync.Mutex
	wish   string
	on     bool // a device is wanted at all
	cur    *opened
	failed map[string]failure
	names  map[string]string // of every device ever listed
	spare  time.Time         // since when the open device is not needed

	resting running // of idle; the goroutine's
}

// opened is a device in use.
type opened struct {
	dev  Device
	run  running
	lost error // why it ended; nil while it runs. Guarded by the slot's mu.
}

// set changes what is wanted and forgets failures: the person asks again.
func (s *slot) set(change func(s *slot)) {
	s.mu.Lock()
	change(s)
	clear(s.failed)
	s.mu.Unlock()
	s.poke()
}

// poke makes the goroutine look again.
func (s *slot) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends; then it closes what is open.
func (s *slot) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			s.shut()
			return
		case <-s.wake:
		case <-timer.C:
		}
		for ctx.Err() == nil && s.step() {
		}
		if next, ok := s.nextTry(); ok {
			timer.Reset(time.Until(next))
		}
	}
}

// nextTry is when a failed device may be tried again, or one that is not needed
// is to be closed.
func (s *slot) nextTry() (next time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != nil && !s.spare.IsZero() {
		return s.spare.Add(s.linger), true
	}
	for _, f := range s.failed {
		if f.until.After(time.Now()) && (!ok || f.until.Before(next)) {
			next, ok = f.until, true
		}
	}
	return next, ok
}

// step does one thing towards what is wanted and reports whether it did any.
func (s *slot) step() bool {
	s.mu.Lock()
	list := s.list(s.wish)
	s.note(list)
	cur := s.cur
	var target Device
	found, wanted := false, s.wanted(time.Now())
	inUse := ""
	if cur != nil {
		inUse = cur.dev.ID
	}
	if wanted {
		target, found = choose(list, s.wish, inUse, s.failed, time.Now())
	}
	lost := error(nil)
	if cur != nil {
		lost = cur.lost
		if !slices.ContainsFunc(list, func(d Device) bool { return d.ID == cur.dev.ID }) && !cur.dev.Synthetic {
			lost = cmp.Or(lost, ErrLost) // not every device tells that it was pulled out
		}
	}
	s.mu.Unlock()

	switch {
	case lost != nil:
		s.lose(cur, lost)
	case found && (cur == nil || cur.dev.ID != target.ID):
		s.take(target)
	case !found && cur != nil:
		s.replace(nil)
		s.tell(DeviceClosed{s.kind, cur.dev})
	default:
		s.rest(cur == nil && wanted)
		return false
	}
	return true
}

// wanted reports whether a device is to be open now. mu is held.
func (s *slot) wanted(now time.Time) bool {
	switch {
	case !s.on:
		return false
	case s.needed == nil || s.needed(s.cur != nil):
		s.spare = time.Time{}
		return true
	case s.cur == nil:
		return false
	case s.spare.IsZero():
		s.spare = now
	}
	return now.Sub(s.spare) < s.linger
}

// note keeps the names of what is listed, and forgets the failures of what was
// pulled out: when it is back it is tried at once. mu is held.
func (s *slot) note(list []Device) {
	for _, d := range list {
		s.names[d.ID] = d.Name
	}
	for id := range s.failed {
		if !slices.ContainsFunc(list, func(d Device) bool { return d.ID == id }) {
			delete(s.failed, id)
		}
	}
}

// take opens d and puts it in the place of the one before, which works until
// then.
func (s *slot) take(d Device) {
	run, err := s.open(d)
	if err != nil {
		err = &DeviceError{s.kind, d.Name, err}
		if s.fail(d, err, s.retry) {
			say, next := explain(err)
			s.tell(DeviceFailed{s.kind, d, err, say, next})
		}
		return
	}
	o := &opened{dev: d, run: run}
	s.rest(false)
	s.replace(o)
	run.start(func(err error) {
		s.mu.Lock()
		o.lost = err
		s.mu.Unlock()
		s.poke()
	})
	s.tell(DeviceOpened{s.kind, d})
}

// lose closes a device that ended by itself.
func (s *slot) lose(o *opened, err error) {
	err = &DeviceError{s.kind, o.dev.Name, err}
	s.fail(o.dev, err, s.retry/2)
	s.replace(nil)
	say, next := explain(err)
	s.tell(DeviceLost{s.kind, o.dev, err, say, next})
}

// fail notes that d did not work. It reports false if that is known already.
func (s *slot) fail(d Device, err error, pause time.Duration) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, known := s.failed[d.ID]
	s.failed[d.ID] = failure{err, time.Now().Add(pause)}
	return !known || before.err.Error() != err.Error()
}

// replace closes the device in use and puts o in its place.
func (s *slot) replace(o *opened) {
	s.mu.Lock()
	old := s.cur
	s.mu.Unlock()
	if old != nil {
		old.run.close()
	}
	s.mu.Lock()
	s.cur = o
	if o != nil {
		delete(s.failed, o.dev.ID)
	}
	s.mu.Unlock()
}

// rest starts or ends what runs while no device does.
func (s *slot) rest(on bool) {
	switch {
	case on && s.resting == nil && s.idle != nil:
		s.resting = s.idle()
		s.resting.start(func(error) {})
	case !on && s.resting != nil:
		s.resting.close()
		s.resting = nil
	}
}

func (s *slot) shut() {
	s.rest(false)
	s.replace(nil)
}

// state describes the slot.
func (s *slot) state() DeviceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list(s.wish)
	st := DeviceState{Devices: list, Chosen: s.wish, On: s.on, Open: s.cur != nil}
	if s.cur != nil {
		st.Chosen = s.cur.dev.ID
	}
	if st.Err = s.problem(list); st.Err != nil {
		st.Problem, st.Next = explain(st.Err)
	}
	return st
}

// problem says why the device wished for is not in use. mu is held.
func (s *slot) problem(list []Device) error {
	if s.wish == None || s.cur != nil && (s.wish == "" || s.wish == s.cur.dev.ID) {
		return nil
	}
	if f, bad := s.failed[s.wish]; bad {
		return f.err
	}
	if s.wish != "" && !slices.ContainsFunc(list, func(d Device) bool { return d.ID == s.wish }) {
		name := s.names[s.wish]
		if name == "" {
			name = "you chose"
		}
		return &DeviceError{s.kind, name, ErrNotFound}
	}
	if s.cur != nil {
		return nil // about to change
	}
	for _, d := range list { // the default comes first
		if f, bad := s.failed[d.ID]; bad {
			return f.err
		}
		if !d.Synthetic || d.ID == s.wish {
			return nil // nothing is known against it
		}
	}
	return &DeviceError{s.kind, "", ErrNotFound}
}

func explain(err error) (say, next string) {
	if d := (*DeviceError)(nil); errors.As(err, &d) {
		return d.Explain()
	}
	return err.Error(), ""
}
