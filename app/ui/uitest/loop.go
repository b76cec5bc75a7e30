package uitest

import (
	"fmt"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// Loop stands in for Fyne's main goroutine, which the test driver has not:
// whoever calls Until is it.
type Loop struct {
	mu    sync.Mutex
	queue []func()
	ready chan struct{}
}

// NewLoop returns an empty loop.
func NewLoop() *Loop { return &Loop{ready: make(chan struct{}, 1)} }

// Do queues f, for ui.Options.
func (l *Loop) Do(f func()) {
	l.mu.Lock()
	l.queue = append(l.queue, f)
	l.mu.Unlock()
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// Run runs what is queued and returns how much that was.
func (l *Loop) Run() int {
	n := 0
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.mu.Unlock()
			return n
		}
		f := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		f()
		n++
	}
}

// Until runs what comes until cond holds. It gives up after ten seconds, which
// is an error of the program, not of the machine.
func (l *Loop) Until(what string, cond func() bool) error {
	late := time.After(10 * time.Second)
	for {
		l.Run()
		if cond() {
			return nil
		}
		select {
		case <-l.ready:
		case <-time.After(5 * time.Millisecond): // cond may depend on other goroutines
		case <-late:
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
}

// Find returns the visible object with an accessibility label, in the topmost
// overlay or else the content; nil if there is none.
func Find(c fyne.Canvas, label string) fyne.CanvasObject {
	top := c.Overlays().Top()
	if top == nil {
		top = c.Content()
	}
	for _, o := range test.LaidOutObjects(top) {
		if a, ok := o.(fyne.Accessible); ok && a.AccessibilityLabel() == label && o.Visible() {
			return o
		}
	}
	return nil
}

// Press taps what has an accessibility label.
func Press(c fyne.Canvas, label string) error {
	o, ok := Find(c, label).(fyne.Tappable)
	if !ok {
		return fmt.Errorf("nothing to press is called %q", label)
	}
	o.Tapped(&fyne.PointEvent{})
	return nil
}
