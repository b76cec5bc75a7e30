package mcu

import (
	"fmt"
	"image"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/mix"
)

// When pictures are made.
const (
	frameInterval = time.Second / 30
	// keyFrameGap is the least between two key frames: requests of many viewers
	// that come together are answered by one.
	keyFrameGap = 250 * time.Millisecond
	// idleRefresh is how often a picture in which nothing changes is sent all
	// the same: it costs next to nothing, and shows that the mix is alive.
	idleRefresh = 2 * time.Second

	videoClock = 90000
)

// sizes are those a mix is made in: few, so that many viewers share one. For
// each, the bitrates between which the viewers' budgets are followed. Below
// the lower one a smaller size looks better.
var sizes = []struct {
	size        image.Point
	floor, ceil int // bit/s
}{
	{image.Pt(320, 180), 80_000, 300_000},
	{image.Pt(640, 360), 200_000, 900_000},
	{image.Pt(960, 540), 350_000, 1_500_000},
	{image.Pt(1280, 720), 500_000, 2_500_000},
}

// sizeFor returns the index of the smallest size that covers what is asked for,
// or the largest there is.
func sizeFor(asked image.Point) int {
	for i, s := range sizes {
		if s.size.X >= asked.X && s.size.Y >= asked.Y {
			return i
		}
	}
	return len(sizes) - 1
}

// spec is what viewers share an output by.
type spec struct {
	size   int // index
	layout mix.Layout
}

// output is one mixed picture, made once for all who watch it. It has one
// goroutine, which ends when nobody does.
type output struct {
	e       *Engine
	spec    spec
	key     atomic.Bool // a key frame is wanted
	bitrate atomic.Int64
	frames  atomic.Uint64
	keys    atomic.Uint64
	spent   atomic.Int64 // processor time, ns

	mu    sync.Mutex // among those who change views
	views atomic.Pointer[[]*View]

	// The goroutine's.
	canvas  *mix.Canvas
	encoder *codec.VP8Encoder
	labels  []mix.Label
	drawn   [mix.MaxTiles]uint64 // serials
	sentKey time.Time
	sent    time.Time
}

// newOutput makes an output; run is to be called.
func newOutput(e *Engine, s spec) (*output, error) {
	size := sizes[s.size].size
	canvas, err := mix.NewCanvas(size.X, size.Y, e.cfg.Font)
	if err != nil {
		return nil, fmt.Errorf("make mix: %w", err)
	}
	enc, err := codec.NewVP8Encoder(size.X, size.Y, sizes[s.size].ceil)
	if err != nil {
		return nil, fmt.Errorf("make mix: %w", err)
	}
	o := &output{e: e, spec: s, canvas: canvas, encoder: enc}
	o.views.Store(&[]*View{})
	return o, nil
}

func (o *output) add(v *View) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := append(slices.Clone(*o.views.Load()), v)
	o.views.Store(&list)
	o.key.Store(true)
}

func (o *output) remove(v *View) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(*o.views.Load()), func(w *View) bool { return w == v })
	o.views.Store(&list)
}

// run makes pictures, each at its time or not at all: what is late is left out.
func (o *output) run() {
	yieldPriority()
	defer func() {
		if err := o.encoder.Close(); err != nil {
			o.e.log.Warn("encoder not closed", "cause", err)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-o.e.quit:
			return
		case <-timer.C:
		}
		if len(*o.views.Load()) == 0 && o.e.retire(o) {
			return
		}
		began := processorTime()
		if err := o.make(time.Now()); err != nil {
			o.e.log.Warn("picture not mixed", "cause", err)
		}
		o.spent.Add(int64(processorTime() - began))
		interval := o.e.load.interval()
		since := time.Since(o.e.epoch)
		timer.Reset(interval - since%interval)
	}
}

// make composes a picture, and encodes and sends it if there is anything new.
func (o *output) make(now time.Time) error {
	o.compose(now)
	changed := o.canvas.Changed()
	key := o.key.Load() && now.Sub(o.sentKey) >= keyFrameGap
	if !changed && !key && now.Sub(o.sent) < idleRefresh {
		return nil
	}
	if key {
		o.key.Store(false) // before encoding: who asks meanwhile gets another
	}
	o.encoder.SetBitrate(o.budget())
	data, isKey, err := o.encoder.Encode(media.VideoFrame{Image: o.canvas.Picture(), Captured: now}, key)
	if err != nil {
		o.key.Store(true)
		return err
	}
	if len(data) == 0 {
		return nil
	}
	o.sent = now
	o.frames.Add(1)
	if isKey {
		o.sentKey = now
		o.keys.Add(1)
	}
	p := &parcel{payloads: fragments(data), timestamp: o.e.VideoTime(now), key: isKey, last: true}
	for _, v := range *o.views.Load() {
		v.take(o, p)
	}
	return nil
}

// compose brings the canvas up to date.
func (o *output) compose(now time.Time) {
	r := o.e.roster.Load()
	seen := r.members[:min(len(r.members), mix.MaxTiles)]
	speaker := o.e.speaker.Load()
	o.labels = o.labels[:0]
	large := 0
	for i, m := range seen {
		st := m.state.Load()
		speaks := m.id == speaker.id
		if speaks {
			large = i
		}
		o.labels = append(o.labels, mix.Label{Name: st.name, Muted: st.muted, Speaking: speaks && speaker.now})
	}
	o.canvas.Arrange(o.spec.layout, large, o.labels)
	for i, m := range seen {
		if err := o.draw(i, m, now); err != nil {
			o.e.log.Debug("member not drawn", "cause", err)
		}
	}
}

func (o *output) draw(i int, m *member, now time.Time) error {
	in := m.video
	in.mu.RLock()
	defer in.mu.RUnlock()
	if m.state.Load().cameraOff || !in.visible(now) {
		return o.canvas.Draw(i, nil, 0)
	}
	p := in.next(o.drawn[i], now)
	o.drawn[i] = p.serial
	return o.canvas.Draw(i, p.img, p.serial)
}

// budget is the bitrate that suits the slowest viewer.
func (o *output) budget() int {
	s := sizes[o.spec.size]
	rate := s.ceil
	for _, v := range *o.views.Load() {
		if b := int(v.budget.Load()); b > 0 {
			rate = min(rate, b)
		}
	}
	rate = max(rate, s.floor)
	o.bitrate.Store(int64(rate))
	return rate
}
