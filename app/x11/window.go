// Package x11 asks an X11 display about the window of this process: what the
// toolkit does not tell. It works under XWayland too.
package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// errNoWindow: this process has no window on the display.
var errNoWindow = errors.New("no window of this process is on the display")

// Screenshot saves the window of this process, as it stands on an X11 display,
// as a PNG file. It asks the display and not the toolkit: what is saved is what
// a person saw.
func Screenshot(file string) error {
	img, err := grab()
	if err != nil {
		return fmt.Errorf("take the screenshot: %w", err)
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("save the screenshot: %w", err)
	}
	if err := errors.Join(png.Encode(out, img), out.Close()); err != nil {
		return fmt.Errorf("save the screenshot: %w", err)
	}
	return nil
}

// connect opens a connection to the display. The library talks to standard
// error of what is no error: a display without a password.
func connect() (*xgb.Conn, error) {
	xgb.Logger.SetOutput(io.Discard)
	return xgb.NewConn()
}

func grab() (image.Image, error) {
	x, err := connect()
	if err != nil {
		return nil, err
	}
	defer x.Close()
	id, geometry, err := ownWindow(x)
	if err != nil {
		return nil, err
	}
	all := ^uint32(0) // planes
	r, err := xproto.GetImage(x, xproto.ImageFormatZPixmap, xproto.Drawable(id), 0, 0, geometry.Width, geometry.Height, all).Reply()
	if err != nil {
		return nil, err
	}
	w, h := int(geometry.Width), int(geometry.Height)
	if len(r.Data) != 4*w*h {
		return nil, fmt.Errorf("the display has %d bits a pixel, not 32", 8*len(r.Data)/(w*h))
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := 0; i < len(r.Data); i += 4 { // blue, green, red, unused
		img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = r.Data[i+2], r.Data[i+1], r.Data[i], 255
	}
	return img, nil
}

// Place moves the window of this process, so that two do not cover each other.
// It waits until the window is there.
func Place(ctx context.Context, left int) error {
	x, err := connect()
	if err != nil {
		return fmt.Errorf("place the window: %w", err)
	}
	defer x.Close()
	id, _, err := ownWindow(x)
	for errors.Is(err, errNoWindow) && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
		id, _, err = ownWindow(x)
	}
	if err == nil {
		err = xproto.ConfigureWindowChecked(x, id, xproto.ConfigWindowX|xproto.ConfigWindowY, []uint32{uint32(left), 0}).Check()
	}
	if err != nil {
		return fmt.Errorf("place the window: %w", err)
	}
	return nil
}

// Watcher looks at the window again and again, over one connection.
type Watcher struct {
	x  *xgb.Conn
	id xproto.Window
}

// Watch begins to watch the window of this process, which must be there.
func Watch() (*Watcher, error) {
	x, err := connect()
	if err != nil {
		return nil, fmt.Errorf("watch the window: %w", err)
	}
	id, _, err := ownWindow(x)
	if err != nil {
		x.Close()
		return nil, fmt.Errorf("watch the window: %w", err)
	}
	return &Watcher{x, id}, nil
}

// Hidden reports whether nobody can see the window because it is minimised or
// on another desktop (EWMH _NET_WM_STATE_HIDDEN). One look takes a fraction of
// a millisecond.
func (w *Watcher) Hidden() bool {
	state, err1 := atom(w.x, "_NET_WM_STATE")
	hidden, err2 := atom(w.x, "_NET_WM_STATE_HIDDEN")
	if err1 != nil || err2 != nil || hidden == xproto.AtomNone {
		return false
	}
	const most = 32 // states a window can have at once; there are 13
	p, err := xproto.GetProperty(w.x, false, w.id, state, xproto.AtomAtom, 0, most).Reply()
	if err != nil {
		return false
	}
	for v := p.Value; len(v) >= 4; v = v[4:] {
		if xproto.Atom(xgb.Get32(v)) == hidden {
			return true
		}
	}
	return false
}

// Close ends the connection.
func (w *Watcher) Close() { w.x.Close() }

func atom(x *xgb.Conn, name string) (xproto.Atom, error) {
	r, err := xproto.InternAtom(x, true, uint16(len(name)), name).Reply()
	if err != nil {
		return 0, err
	}
	return r.Atom, nil
}

// ownWindow finds the largest window of this process.
func ownWindow(x *xgb.Conn) (id xproto.Window, g *xproto.GetGeometryReply, err error) {
	pid, err := atom(x, "_NET_WM_PID")
	if err != nil {
		return 0, nil, err
	}
	todo := []xproto.Window{xproto.Setup(x).DefaultScreen(x).Root}
	for len(todo) > 0 {
		w := todo[0]
		todo = todo[1:]
		tree, err := xproto.QueryTree(x, w).Reply()
		if err != nil {
			continue // it was closed under our eyes
		}
		todo = append(todo, tree.Children...) // a window manager wraps windows
		p, err := xproto.GetProperty(x, false, w, pid, xproto.AtomCardinal, 0, 1).Reply()
		if err != nil || len(p.Value) != 4 || int(xgb.Get32(p.Value)) != os.Getpid() {
			continue
		}
		if have, err := xproto.GetGeometry(x, xproto.Drawable(w)).Reply(); err == nil && (g == nil || have.Width > g.Width) {
			id, g = w, have
		}
	}
	if g == nil {
		return 0, nil, errNoWindow
	}
	return id, g, nil
}
