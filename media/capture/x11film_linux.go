package capture

import (
	"errors"
	"fmt"
	"image"
	"io"
	"sync"
	"time"

	"candid/media"
	"candid/media/codec"

	"github.com/jezek/xgb/composite"
	"github.com/jezek/xgb/damage"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"
)

// errGone: the window was closed, or the screen taken away.
var errGone = errors.New("it was closed")

// repeat is how often a picture that does not change is given again: whoever
// joins waits no longer for a first one, and the encoder sharpens it meanwhile.
const repeat = 500 * time.Millisecond

// x11Target is what is filmed: a window, or a monitor's part of the root.
type x11Target struct {
	window  xproto.Window
	monitor string // "" is the whole window
}

// x11Film films one target: a media.VideoSource.
type x11Film struct {
	target x11Target
	pace   *pacer

	mu     sync.Mutex // held over a look, so that Close does not pull memory away
	x      *display
	grab   *grabber
	damage damage.Damage
	region xfixes.Region
	watch  bool // the display tells what changed
	mouse  pointer
	full   *image.YCbCr // before scaling
	out    *image.YCbCr
	shown  time.Time // when out was last given
	closed bool
}

// greet tells the extensions which version we speak: most answer nothing before.
func (x *display) greet() {
	if x.has["RANDR"] {
		r, err := randr.QueryVersion(x.Conn, 1, 5).Reply()
		x.has["RANDR"] = err == nil && (r.MajorVersion > 1 || r.MinorVersion >= 5)
	}
	if x.has["XFIXES"] {
		_, err := xfixes.QueryVersion(x.Conn, 4, 0).Reply()
		x.has["XFIXES"] = err == nil
	}
	if x.has["DAMAGE"] {
		_, err := damage.QueryVersion(x.Conn, 1, 1).Reply()
		x.has["DAMAGE"] = err == nil && x.has["XFIXES"]
	}
	if x.has["Composite"] {
		_, err := composite.QueryVersion(x.Conn, 0, 2).Reply()
		x.has["Composite"] = err == nil
	}
}

// newX11Film takes over x unless it fails.
func newX11Film(x *display, target x11Target, fps float64) (*x11Film, error) {
	f := &x11Film{target: target, x: x, pace: newPacer(time.Duration(float64(time.Second) / fps))}
	if _, ok := f.area(); !ok {
		return nil, ErrNotFound
	}
	if target.window != x.root && x.has["Composite"] {
		// Then the window has memory of its own, and what lies over it is not in
		// the picture. Without, it is.
		_ = composite.RedirectWindowChecked(x.Conn, target.window, composite.RedirectAutomatic).Check()
	}
	f.grab = newGrabber(x)
	f.watch = x.has["DAMAGE"] && f.observe() == nil
	return f, nil
}

// observe asks the display to note what changes.
func (f *x11Film) observe() (err error) {
	c := f.x.Conn
	if f.damage, err = damage.NewDamageId(c); err != nil {
		return err
	}
	if f.region, err = xfixes.NewRegionId(c); err != nil {
		return err
	}
	if err = xfixes.CreateRegionChecked(c, f.region, nil).Check(); err != nil {
		return err
	}
	return damage.CreateChecked(c, f.damage, xproto.Drawable(f.target.window), damage.ReportLevelNonEmpty).Check()
}

// ReadVideo blocks until something has changed, or for repeat.
func (f *x11Film) ReadVideo() (media.VideoFrame, error) {
	for {
		if f.pace.wait().IsZero() {
			return media.VideoFrame{}, io.EOF
		}
		at := time.Now()
		fresh, err := f.look()
		if err != nil {
			return media.VideoFrame{}, err
		}
		if fresh || f.out != nil && at.Sub(f.shown) >= repeat {
			f.shown = at
			return media.VideoFrame{Image: f.out, Captured: at}, nil
		}
	}
}

// Close ends ReadVideo with io.EOF.
func (f *x11Film) Close() error {
	f.pace.close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		f.grab.close()
		f.x.close()
	}
	return nil
}

// look takes a new picture into out if there is one.
func (f *x11Film) look() (fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false, io.EOF
	}
	for { // of events there are only those we did not ask for
		if event, err := f.x.PollForEvent(); event == nil && err == nil {
			break
		}
	}
	area, ok := f.area()
	if !ok {
		return false, errGone
	}
	moved := f.mouse.look(f.x, area)
	if !f.changed() && !moved && f.out != nil {
		return false, nil
	}
	pix, stride, err := f.grab.take(f.target.window, area)
	if err != nil {
		if f.out != nil {
			return false, nil // minimised, or it is changing its size just now
		}
		f.out = codec.NewI420(max(area.Dx()&^1, 2), max(area.Dy()&^1, 2))
		codec.Blacken(f.out)
		return true, nil
	}
	f.mouse.draw(pix, stride, area)
	return true, f.convert(pix, stride, area.Dx(), area.Dy())
}

// changed reports whether the display noted a change since the last call.
func (f *x11Film) changed() bool {
	if !f.watch {
		return true
	}
	damage.Subtract(f.x.Conn, f.damage, xfixes.RegionNone, f.region)
	r, err := xfixes.FetchRegion(f.x.Conn, f.region).Reply()
	return err != nil || r.Extents.Width > 0 && r.Extents.Height > 0
}

// area is where the target lies: on the root for a monitor, from its own corner
// for a window, with its place on the screen known to the pointer. It reports
// false if the target is gone.
func (f *x11Film) area() (image.Rectangle, bool) {
	if f.target.monitor != "" {
		for _, m := range f.x.monitors() {
			if m.name == f.target.monitor {
				return image.Rect(m.x, m.y, m.x+m.w, m.y+m.h), m.w > 1 && m.h > 1
			}
		}
		return image.Rectangle{}, false
	}
	g, err := xproto.GetGeometry(f.x.Conn, xproto.Drawable(f.target.window)).Reply()
	if err != nil {
		return image.Rectangle{}, false
	}
	at, err := xproto.TranslateCoordinates(f.x.Conn, f.target.window, f.x.root, 0, 0).Reply()
	if err != nil {
		return image.Rectangle{}, false
	}
	f.mouse.origin = image.Pt(int(at.DstX), int(at.DstY))
	return image.Rect(0, 0, int(g.Width), int(g.Height)), true
}

// convert makes out of the pixels of a screen, no larger than screenFormat.
func (f *x11Film) convert(pix []byte, stride, w, h int) error {
	w, h = max(w&^1, 2), max(h&^1, 2) // the last line of an odd one is left out: scaling would blur it all
	f.full = codec.Fit(f.full, w, h)
	if err := codec.BGRXToI420(f.full, pix, stride); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	sw, sh := within(w, h, screenFormat)
	if sw == w && sh == h {
		f.out, f.full = f.full, f.out
		return nil
	}
	f.out = codec.Fit(f.out, sw, sh)
	return codec.ScaleI420(f.out, f.full)
}

// within shrinks w×h to fit the most, lying or standing, in even numbers.
func within(w, h int, most Format) (int, int) {
	long, short := most.Width, most.Height
	if w < h {
		long, short = short, long
	}
	if w <= long && h <= short {
		return w, h
	}
	if w*short > h*long {
		return long, max(h*long/w&^1, 2)
	}
	return max(w*short/h&^1, 2), short
}
