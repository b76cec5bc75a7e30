package uitest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
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
	return find(c, func(s string) bool { return s == label })
}

// FindPrefix finds what has a label that begins so.
func FindPrefix(c fyne.Canvas, label string) fyne.CanvasObject {
	return find(c, func(s string) bool { return strings.HasPrefix(s, label) })
}

func find(c fyne.Canvas, is func(string) bool) fyne.CanvasObject {
	top := c.Overlays().Top()
	if top == nil {
		top = c.Content()
	}
	for _, o := range Seen(top) {
		if a, ok := o.(fyne.Accessible); ok && is(a.AccessibilityLabel()) {
			return o
		}
	}
	return nil
}

// Seen are o and all in it that neither is hidden nor in something hidden.
func Seen(o fyne.CanvasObject) []fyne.CanvasObject {
	if o == nil || !o.Visible() {
		return nil
	}
	out := []fyne.CanvasObject{o}
	switch c := o.(type) {
	case fyne.Widget:
		for _, child := range test.WidgetRenderer(c).Objects() {
			out = append(out, Seen(child)...)
		}
	case *fyne.Container:
		for _, child := range c.Objects {
			out = append(out, Seen(child)...)
		}
	}
	return out
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

// PressLike taps what has an accessibility label that begins so.
func PressLike(c fyne.Canvas, begin string) error {
	top := c.Overlays().Top()
	if top == nil {
		top = c.Content()
	}
	for _, o := range Seen(top) {
		a, named := o.(fyne.Accessible)
		t, can := o.(fyne.Tappable)
		if named && can && strings.HasPrefix(a.AccessibilityLabel(), begin) {
			t.Tapped(nil)
			return nil
		}
	}
	return fmt.Errorf("nothing to press begins with %q", begin)
}

// Choose taps an item of the menu on top by its words.
func Choose(c fyne.Canvas, words string) error {
	for _, o := range Seen(c.Overlays().Top()) {
		if t, ok := o.(*canvas.Text); ok && t.Text == words {
			test.TapCanvas(c, fyne.CurrentApp().Driver().AbsolutePositionForObject(o).AddXY(2, 2))
			return nil
		}
	}
	return fmt.Errorf("the menu has no %q", words)
}
