package mcu

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"candid/media/mix"
	"candid/netstack"
)

// viewRoom is how many frames wait for a slow viewer: a second.
const viewRoom = 30

// slowKeyFrames is how often a viewer who lost frames by being slow is given a
// key frame: it costs everyone else.
const slowKeyFrames = 2 * time.Second

// ViewOptions say what is to be seen.
type ViewOptions struct {
	// Size to be covered: it is raised to one of a few. The zero Size is the
	// smallest.
	Size   image.Point
	Layout mix.Layout
	// Budget in bit/s, 0 if unknown. A mix is made for the slowest of its
	// viewers, down to a floor.
	Budget int
	Stream Stream
}

// View is one viewer's picture: a stream of VP8 with a clock of 90 kHz.
type View struct {
	e      *Engine
	id     netstack.PeerID
	out    *outlet
	budget atomic.Int64

	mu      sync.Mutex
	cur     *output   // whose pictures are sent
	next    *output   // … from its first key frame on
	waiting bool      // for a key frame of cur
	slow    time.Time // when the outlet was last found full
	missed  uint64
}

// Watch begins to send a mixed picture to sink. id says who watches; they need
// not be a member. Close must be called.
func (e *Engine) Watch(id netstack.PeerID, o ViewOptions, sink PacketSink) (*View, error) {
	v := &View{e: e, id: id, waiting: true}
	v.budget.Store(int64(o.Budget))
	if sink == nil {
		return nil, errors.New("watch: no sink")
	}
	err := e.change(func() error {
		out, err := e.outputLocked(specOf(o))
		if err != nil {
			return err
		}
		v.cur = out
		v.out = newOutlet(sink, o.Stream, viewRoom)
		e.views = append(e.views, v)
		out.add(v)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return v, nil
}

func specOf(o ViewOptions) spec { return spec{size: sizeFor(o.Size), layout: o.Layout} }

// outputLocked returns the output for s; it is started if it is the first.
func (e *Engine) outputLocked(s spec) (*output, error) {
	if s.layout != mix.Speaker {
		s.layout = mix.Grid
	}
	if o := e.outputs[s]; o != nil {
		return o, nil
	}
	o, err := newOutput(e, s)
	if err != nil {
		return nil, err
	}
	e.outputs[s] = o
	e.work.Go(o.run)
	return o, nil
}

// retire forgets an output that nobody watches, and reports whether it did.
func (e *Engine) retire(o *output) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(*o.views.Load()) > 0 {
		return false
	}
	delete(e.outputs, o.spec)
	return true
}

// Change changes size and layout without a gap: the old mix is sent until the
// new one has a key frame. The stream stays the same.
func (v *View) Change(size image.Point, l mix.Layout) error {
	err := v.e.change(func() error {
		if !slices.Contains(v.e.views, v) {
			return ErrClosed
		}
		o, err := v.e.outputLocked(specOf(ViewOptions{Size: size, Layout: l}))
		if err != nil {
			return err
		}
		v.mu.Lock()
		before := v.next
		switch {
		case o == v.cur:
			v.next = nil
		case o != v.next:
			v.next = o
			defer o.add(v)
		default:
			before = nil
		}
		v.mu.Unlock()
		if before != nil {
			before.remove(v)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("change view: %w", err)
	}
	return nil
}

// SetBudget says what the viewer's line carries, in bit/s; 0 is unknown.
func (v *View) SetBudget(bps int) { v.budget.Store(int64(max(bps, 0))) }

// RequestKeyFrame answers a PLI or FIR of the viewer. Requests that come close
// together are answered by one key frame.
func (v *View) RequestKeyFrame() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cur.key.Store(true)
}

// Size is that of the picture that is sent now.
func (v *View) Size() image.Point {
	v.mu.Lock()
	defer v.mu.Unlock()
	return sizes[v.cur.spec.size].size
}

// StreamStats is what was sent to one sink.
type StreamStats struct {
	Packets uint64
	// Errors is how many of them the sink refused; Missed is how many frames, or
	// packets of sound, it was too slow for.
	Errors, Missed uint64
}

// Stats returns the newest figures.
func (v *View) Stats() StreamStats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return StreamStats{Packets: v.out.packets.Load(), Errors: v.out.failed.Load(), Missed: v.missed}
}

// Close ends the view, and waits until the sink is not called any more. It must
// not be called by the sink.
func (v *View) Close() {
	_ = v.e.change(func() error { // after the Engine's Close it has ended
		v.e.views = slices.DeleteFunc(v.e.views, func(w *View) bool { return w == v })
		v.mu.Lock()
		cur, next := v.cur, v.next
		v.next = nil
		v.mu.Unlock()
		cur.remove(v)
		if next != nil {
			next.remove(v)
		}
		return nil
	})
	v.end()
}

func (v *View) end() { v.out.close() }

// take is called by outputs with each of their frames. It does not block.
func (v *View) take(from *output, p *parcel) {
	if old := v.pass(from, p); old != nil {
		old.remove(v)
	}
}

// pass puts p on its way, and returns the output that it replaces, if any.
func (v *View) pass(from *output, p *parcel) (old *output) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case from == v.next && p.key:
		old, v.cur, v.next = v.cur, v.next, nil
	case from != v.cur:
		return nil
	case v.waiting && !p.key:
		if v.missed > 0 && time.Since(v.slow) >= slowKeyFrames {
			v.slow = time.Now()
			from.key.Store(true)
		}
		return old
	}
	v.waiting = !v.out.put(p)
	if v.waiting {
		v.missed++
		v.slow = time.Now()
	}
	return old
}
