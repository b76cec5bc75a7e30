package ui

import (
	"sync"
	"testing"
	"time"
)

// queue stands in for the main goroutine.
type queue struct {
	mu sync.Mutex
	fs []func()
}

func (q *queue) do(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fs = append(q.fs, f)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.fs)
}

func (q *queue) run() {
	q.mu.Lock()
	fs := q.fs
	q.fs = nil
	q.mu.Unlock()
	for _, f := range fs {
		f()
	}
}

// fakeTime is a clock and timer that a test turns by hand.
type fakeTime struct {
	now   time.Time
	due   time.Duration
	armed bool
}

// newTestPump returns a pump whose clock stands; timers are real ones that are
// far away, and fire is called by hand.
func newTestPump(q *queue) (*Pump, *fakeTime) {
	p := newPump(q.do)
	ft := &fakeTime{now: time.Unix(1000, 0)}
	p.now = func() time.Time { return ft.now }
	p.after = func(d time.Duration, f func()) *time.Timer {
		ft.due, ft.armed = d, true
		return time.AfterFunc(time.Hour, func() {})
	}
	return p, ft
}

func show(s *Surface, shade uint8, shown func()) {
	p := s.Buffer(8, 4)
	for i := range p.Image.Pix {
		p.Image.Pix[i] = shade
	}
	p.Shown = shown
	s.Show(p)
}

func TestNewestWins(t *testing.T) {
	q := &queue{}
	p, _ := newTestPump(q)
	s := newSurface(p, true)
	p.setSurfaces([]*Surface{s})
	var shown []uint8
	for shade := range uint8(5) {
		show(s, shade, func() { shown = append(shown, shade) })
	}
	if n := q.len(); n != 1 {
		t.Fatalf("%d calls queued, want 1", n)
	}
	q.run()
	if len(shown) != 1 || shown[0] != 4 || s.shown.Image.Pix[0] != 4 || !s.visible() {
		t.Fatalf("shown %v, on screen %d, visible %v; want the newest, once", shown, s.shown.Image.Pix[0], s.visible())
	}
	q.run()
	p.swap()
	if len(shown) != 1 {
		t.Errorf("Shown was called %d times for one picture", len(shown))
	}
}

func TestFirstPictureIsHandedOverAtOnce(t *testing.T) {
	q := &queue{}
	p, ft := newTestPump(q)
	s := newSurface(p, true)
	p.setSurfaces([]*Surface{s})
	show(s, 1, nil)
	if q.len() != 1 {
		t.Fatal("the first picture waits")
	}
	q.run()
	ft.now = ft.now.Add(5 * time.Millisecond)
	show(s, 2, nil)
	if q.len() != 0 || !ft.armed || ft.due != spacingOne-5*time.Millisecond {
		t.Fatalf("queued %d, timer %v; want the rest of the spacing", q.len(), ft.due)
	}
	p.post()
	q.run()
	if s.shown.Image.Pix[0] != 2 {
		t.Error("the second picture was lost")
	}
	ft.now = ft.now.Add(33 * time.Millisecond)
	show(s, 3, nil)
	if q.len() != 1 {
		t.Error("a picture after the spacing waits")
	}
}

func TestSelfViewRidesAlong(t *testing.T) {
	q := &queue{}
	p, ft := newTestPump(q)
	other, self := newSurface(p, true), newSurface(p, false)
	p.setSurfaces([]*Surface{other, self})
	show(self, 7, nil)
	if q.len() != 0 || ft.due != rideAlong {
		t.Fatalf("queued %d, timer %v; want it to wait for company", q.len(), ft.due)
	}
	show(other, 1, nil) // stops the timer and goes at once
	if q.len() != 1 {
		t.Fatal("the other's picture waits for the self view's timer")
	}
	q.run()
	if self.shown == nil || other.shown == nil || self.shown.Image.Pix[0] != 7 {
		t.Error("the self view did not ride along")
	}
}

func TestSeveralTilesShareAHandOver(t *testing.T) {
	q := &queue{}
	p, ft := newTestPump(q)
	var all []*Surface
	for range 9 {
		all = append(all, newSurface(p, true))
	}
	p.setSurfaces(all)
	show(all[0], 1, nil)
	q.run()
	ft.now = ft.now.Add(10 * time.Millisecond)
	for i, s := range all {
		show(s, uint8(i), nil)
	}
	if q.len() != 0 || ft.due != spacingFew-10*time.Millisecond {
		t.Fatalf("queued %d, timer %v", q.len(), ft.due)
	}
	handed := 0
	p.handed = func(n int) { handed = n }
	p.post()
	q.run()
	if handed != 9 {
		t.Errorf("%d pictures at once, want 9", handed)
	}
}

func TestBuffers(t *testing.T) {
	q := &queue{}
	p, _ := newTestPump(q)
	s := newSurface(p, true)
	p.setSurfaces([]*Surface{s})
	for _, size := range [][2]int{{0, 4}, {4, 0}, {-1, 4}, {1 << 20, 1 << 20}} {
		if s.Buffer(size[0], size[1]) != nil {
			t.Errorf("lent a picture of %v", size)
		}
	}
	a := s.Buffer(64, 36)
	if b := s.Buffer(64, 36); a == nil || a != b {
		t.Error("a picture that was not shown is not lent again")
	}
	if a.Image.Stride != 4*64 || len(a.Image.Pix) != 4*64*36 {
		t.Errorf("stride %d, %d bytes; want tightly packed", a.Image.Stride, len(a.Image.Pix))
	}
	for range 20 { // whatever the order, there is always one to draw in
		show(s, 1, nil)
		show(s, 2, nil)
		q.run()
		p.swap()
	}
	s.clear()
	if s.visible() || s.image.Image != nil || len(s.free)+btoi(s.drawing != nil) != buffers {
		t.Errorf("after clear: visible %v, %d free", s.visible(), len(s.free))
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hide keeps Fyne from refreshing, which may allocate.
func hide(s *Surface) {
	s.Show(s.Buffer(8, 4))
	s.pump.swap()
	s.image.Hidden = true
}

func TestShowAllocatesNothing(t *testing.T) {
	p := newPump(func(f func()) { f() })
	p.now = func() time.Time { return time.Unix(1000, 0) }
	s := newSurface(p, true)
	p.setSurfaces([]*Surface{s})
	hide(s)
	step := func() {
		p.last.Store(0)
		s.Show(s.Buffer(320, 180))
	}
	for range 8 {
		step()
	}
	if n := testing.AllocsPerRun(200, step); n != 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

func TestStoppedPump(t *testing.T) {
	q := &queue{}
	p, _ := newTestPump(q)
	s := newSurface(p, true)
	p.setSurfaces([]*Surface{s})
	p.setRunning(false)
	show(s, 1, nil)
	if q.len() != 0 {
		t.Error("a hidden window is given pictures")
	}
	p.setRunning(true)
	q.run()
	if s.shown == nil {
		t.Error("the picture that came meanwhile is not shown")
	}
	p.close()
	show(s, 2, nil)
	if q.len() != 0 {
		t.Error("a closed pump is awake")
	}
}

// TestPumpConcurrently is for the race detector: many senders, one main
// goroutine.
func TestPumpConcurrently(t *testing.T) {
	q := &queue{}
	p := newPump(q.do)
	var all []*Surface
	for i := range 4 {
		all = append(all, newSurface(p, i > 0))
	}
	p.setSurfaces(all)
	var shown, sent sync.WaitGroup
	var count, total = new(sync.Map), 0
	for i, s := range all {
		sent.Go(func() {
			for n := range 200 {
				if b := s.Buffer(16, 8); b != nil {
					b.Shown = func() { count.Store([2]int{i, n}, true) }
					s.Show(b)
				}
			}
		})
	}
	stop := make(chan struct{})
	shown.Go(func() {
		for {
			q.run()
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	sent.Wait()
	close(stop)
	shown.Wait()
	p.close()
	p.stopped.Store(false)
	p.posted.Store(true)
	p.swap() // the last of each
	for i := range all {
		if _, ok := count.Load([2]int{i, 199}); !ok {
			t.Errorf("the last picture of tile %d was not shown", i)
		}
	}
	count.Range(func(any, any) bool { total++; return true })
	if total < len(all) {
		t.Errorf("%d pictures shown", total)
	}
}

// TestBusyWindowIsGivenFewerPictures: when the main goroutine takes long to come
// round, hand-overs leave it time for clicks.
func TestBusyWindowIsGivenFewerPictures(t *testing.T) {
	q, now := &queue{}, time.Unix(1000, 0)
	p, _ := newTestPump(q)
	p.now = func() time.Time { return now }
	s := newSurface(p, true)
	p.setSurfaces([]*Surface{s})
	turn := func(late time.Duration) {
		now = now.Add(time.Second)
		show(s, 1, nil)
		now = now.Add(late)
		q.run()
	}
	turn(0)
	if got := p.apart(); got != spacingOne {
		t.Fatalf("%v apart with nothing to do", got)
	}
	for range 20 {
		turn(100 * time.Millisecond)
	}
	if got := p.apart(); got < 150*time.Millisecond || got > 250*time.Millisecond {
		t.Errorf("%v apart when a paint takes 100 ms", got)
	}
	for range 20 {
		turn(time.Second)
	}
	if got := p.apart(); got != maxApart {
		t.Errorf("%v apart at worst", got)
	}
	for range 30 {
		turn(0)
	}
	if got := p.apart(); got != spacingOne {
		t.Errorf("%v apart when it is idle again", got)
	}
}
