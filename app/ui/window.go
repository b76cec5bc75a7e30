// Package ui is the window: Home, the device check, the call and its connection
// panel. It draws what the engine tells and tells the engine what was pressed;
// it decides nothing. It is the only importer of Fyne, but for the driver.
//
// Models are plain data and tested as such; widgets draw them. All drawing
// happens on the main goroutine, which is reached through Window.do alone.
package ui

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"candid/app/config"
	"candid/assets"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Options say how a Window starts.
type Options struct {
	// Link is an invite to go to at once.
	Link string
	// JoinAtOnce joins Link without the device check.
	JoinAtOnce bool
	// Minimised, if not nil, reports on the main goroutine whether nobody can
	// see the window, which Fyne does not tell; it is asked once a second.
	Minimised func() bool
	// Do runs a function on the main goroutine, later and in order; nil is
	// fyne.Do. Tests give their own.
	Do func(func())
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// appName stands in the title bar.
const appName = "Candid"

// Window is the one window of the program. But for Post, its methods are for
// the main goroutine.
type Window struct {
	app    fyne.App
	engine Engine
	opts   Options
	win    fyne.Window
	do     func(func())
	now    func() time.Time

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	beats  atomic.Bool // a beat is queued
	needed atomic.Bool // somebody wants beats
	lastS  int64       // second of the last slow beat

	openURL func(*url.URL) error // in the browser

	pump  *Pump
	spare []*tile // not in use

	screen  screen
	stage   *fyne.Container
	toasts  *toaster
	sheet   *sheet
	attempt *attempt // the join under way
	closed  bool
}

// screen is what fills the window.
type screen interface {
	root() fyne.CanvasObject
	// entered is called when the screen is in the window, left when it is not
	// any more.
	entered()
	left()
	// beat comes ten times a second if wantsBeat; second once a second.
	wantsBeat() bool
	beat(now time.Time, second bool)
	// devicesChanged comes when the engine's devices changed.
	devicesChanged()
	// escape reports whether the screen had a use for the Escape key.
	escape() bool
}

// The smallest window in which nothing is clipped, and the one to begin with.
var (
	smallest = fyne.NewSize(900, 600)
	initial  = fyne.NewSize(1200, 780)
)

// New makes the window of a. Show or ShowAndRun opens it; Close puts it away.
func New(a fyne.App, e Engine, opts Options) *Window {
	w := &Window{app: a, engine: e, opts: opts, do: opts.Do, now: opts.Now}
	if w.do == nil {
		w.do = fyne.Do
	}
	if w.now == nil {
		w.now = time.Now
	}
	w.pump, w.openURL = newPump(w.do), a.OpenURL
	w.ctx, w.cancel = context.WithCancel(context.Background())
	a.Settings().SetTheme(Theme{Mode: e.Config().Theme})
	a.SetIcon(fyne.NewStaticResource("icon.png", assets.Icon))
	w.win = a.NewWindow(appName)
	w.win.SetPadded(false)
	w.win.SetMaster()
	w.win.SetCloseIntercept(w.Close)
	w.win.SetOnDropped(func(_ fyne.Position, files []fyne.URI) {
		if len(files) == 1 && w.idle() {
			w.importCall(files[0].Path())
		}
	})
	w.toasts = newToaster(w.now)
	w.stage = container.New(stageLayout{}, container.NewWithoutLayout(), w.toasts.box)
	w.win.SetContent(w.stage)
	w.win.Resize(initial)
	w.bindKeys()
	w.start()
	w.tellNotice()
	w.work.Go(w.heart)
	return w
}

// start goes where the options lead.
func (w *Window) start() {
	switch {
	case w.opts.Link != "" && w.opts.JoinAtOnce:
		w.join(w.opts.Link)
	case w.opts.Link != "":
		w.Open(w.opts.Link)
	default:
		w.showHome()
	}
}

// tellNotice tells what was wrong before there was a window, if the engine
// knows of something.
func (w *Window) tellNotice() {
	n, ok := w.engine.(interface{ Notice() error })
	if !ok {
		return
	}
	if err := n.Notice(); err != nil {
		what, next := w.engine.Explain(err)
		w.tell(notice{Icon: "triangle-alert", Text: sentences(what, next), Bad: true})
	}
}

// Show opens the window.
func (w *Window) Show() { w.win.Show() }

// ShowAndRun opens the window and returns when it is closed and everything the
// window started has ended.
func (w *Window) ShowAndRun() {
	w.win.ShowAndRun()
	w.shut()
	w.work.Wait()
}

// Close leaves the call, if there is one, and closes the window. It does not
// wait.
func (w *Window) Close() {
	if w.closed {
		return
	}
	w.shut()
	w.win.Close()
}

// shut ends what the window does; goroutines end soon after.
func (w *Window) shut() {
	if w.closed {
		return
	}
	w.closed = true
	w.cancel()
	if w.screen != nil {
		w.screen.left()
	}
	w.pump.close()
}

// takeTile returns a tile, one that was used before if there is any. Tiles
// outlive screens and calls, because Fyne keeps the textures and pictures of
// dropped ones for a minute.
func (w *Window) takeTile(self bool) *tile {
	if n := len(w.spare); n > 0 {
		t := w.spare[n-1]
		w.spare = w.spare[:n-1]
		t.screen.eager = !self
		return t
	}
	return newTile(w.pump, self)
}

// putTile takes a tile back. Nothing sends pictures to it any more.
func (w *Window) putTile(t *tile) {
	t.retire()
	w.spare = append(w.spare, t)
}

// Wait blocks until everything the window started has ended, after Close.
func (w *Window) Wait() { w.work.Wait() }

// Open goes to the room of an invite: the device check first. Main goroutine.
// During a call it only says that the call must be left first.
func (w *Window) Open(link string) {
	if _, busy := w.screen.(*callScreen); busy {
		w.tell(notice{Icon: "info", Text: "Leave this call first, then open the invite again."})
		return
	}
	room, err := w.engine.CheckLink(link)
	if err != nil {
		w.showHome()
		w.screen.(*homeScreen).offer(link)
		return
	}
	w.showCheck(link, room)
}

// TogglePanel opens or closes the connection panel, if there is a call.
func (w *Window) TogglePanel() {
	if c, ok := w.screen.(*callScreen); ok {
		c.togglePanel()
	}
}

// Post runs f on the main goroutine, later. It may be called from any
// goroutine.
func (w *Window) Post(f func()) { w.do(f) }

// heart beats ten times a second while somebody needs it, and passes on that
// devices changed. At most one beat is queued.
func (w *Window) heart() {
	const quick, slow = 100 * time.Millisecond, 500 * time.Millisecond // slow: to see that beats are needed
	t := time.NewTicker(quick)
	defer t.Stop()
	changed := w.engine.Studio().Changed()
	for {
		select {
		case <-w.ctx.Done():
			return
		case _, ok := <-changed:
			if !ok {
				changed = nil
				continue
			}
			w.post(func() { w.screen.devicesChanged() })
		case <-t.C:
			if !w.needed.Load() {
				t.Reset(slow)
				continue
			}
			t.Reset(quick)
			if w.beats.CompareAndSwap(false, true) {
				w.post(w.beat)
			}
		}
	}
}

// post runs f on the main goroutine unless the window is closed by then.
func (w *Window) post(f func()) {
	w.do(func() {
		if !w.closed {
			f()
		}
	})
}

func (w *Window) beat() {
	w.beats.Store(false)
	now := w.now()
	second := now.Unix() != w.lastS
	w.lastS = now.Unix()
	w.toasts.expire()
	w.screen.beat(now, second)
	w.needed.Store(w.screen.wantsBeat() || w.toasts.any())
}

// show puts s in the window.
func (w *Window) show(s screen) {
	if w.screen != nil {
		w.screen.left()
	}
	w.closeSheet()
	if _, waiting := s.(*messageScreen); !waiting {
		w.attempt = nil
	}
	w.win.Canvas().Unfocus() // a blinking cursor repaints for ever
	w.screen = s
	w.setTitle(appName)
	w.stage.Objects[0] = s.root()
	w.stage.Refresh()
	s.entered()
	w.needed.Store(s.wantsBeat() || w.toasts.any())
}

// setTitle names the window, when that is a change: the desktop is told.
func (w *Window) setTitle(s string) {
	if w.win.Title() != s {
		w.win.SetTitle(s)
	}
}

// save changes the settings and keeps them.
func (w *Window) save(change func(*config.Config)) {
	c := w.engine.Config()
	change(&c)
	if err := w.engine.SaveConfig(c); err != nil {
		what, next := w.engine.Explain(err)
		w.tell(notice{Icon: "triangle-alert", Text: sentences(what, next), Bad: true})
	}
}

// tell shows a notice for a while.
func (w *Window) tell(n notice) {
	w.toasts.add(n)
	w.needed.Store(true)
}

// setTheme changes the look and keeps it.
func (w *Window) setTheme(mode string) {
	w.save(func(c *config.Config) { c.Theme = mode })
	w.app.Settings().SetTheme(Theme{Mode: mode})
}

// stageLayout lays the screen over the window and the toasts over the screen.
type stageLayout struct{}

func (stageLayout) MinSize([]fyne.CanvasObject) fyne.Size { return smallest }

func (stageLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	put(objs[0], 0, 0, s.Width, s.Height)
	m := objs[1].MinSize()
	w := min(m.Width, s.Width-32)
	put(objs[1], (s.Width-w)/2, 64, w, m.Height)
}
