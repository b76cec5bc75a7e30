package capture

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"candid/media"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
)

// mediadevices has a driver for X11 screens, but Xlib ends the whole program on
// an error, as when a screen changes its size; it copies each picture twice, to
// new memory; and closing it leaves its reader waiting for ever. So this one
// speaks the protocol itself.

const (
	screenPrefix = "screen:"
	windowPrefix = "window:"

	maxWindows    = 64 // on the list
	maxWindowName = 80 // characters
)

func listScreens() ([]Screen, error) {
	x, err := dial()
	if err != nil {
		return nil, err
	}
	defer x.close()
	var list []Screen
	monitors := x.monitors()
	for i, m := range monitors {
		s := Screen{ID: screenPrefix + m.name, Name: "Whole screen"}
		if len(monitors) > 1 {
			s.Name = fmt.Sprintf("Screen %d (%s)", i+1, m.name)
		}
		list = append(list, s)
	}
	return append(list, x.windows()...), nil
}

// openScreen opens a listed screen or window.
func openScreen(id string, fps float64) (src media.VideoSource, name string, err error) {
	x, err := dial()
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	target := x11Target{window: x.root}
	if monitor, ok := strings.CutPrefix(id, screenPrefix); ok {
		target.monitor, name = monitor, "screen "+monitor
	} else if digits, ok := strings.CutPrefix(id, windowPrefix); ok {
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return nil, "", ErrNotFound
		}
		target.window = xproto.Window(n)
		name = x.title(target.window)
	} else {
		return nil, "", ErrNotFound
	}
	film, err := newX11Film(x, target, fps)
	if err != nil {
		return nil, "", err
	}
	return film, name, nil
}

// display is a connection to an X11 display, with what of its extensions it has.
type display struct {
	*xgb.Conn
	root   xproto.Window
	screen *xproto.ScreenInfo
	has    map[string]bool
}

// dial connects to the display of the session, and says why if its screen
// cannot be seen.
func dial() (*display, error) {
	wayland := os.Getenv("WAYLAND_DISPLAY") != "" || os.Getenv("XDG_SESSION_TYPE") == "wayland"
	if os.Getenv("DISPLAY") == "" {
		if wayland {
			return nil, ErrWayland
		}
		return nil, ErrNoDisplay
	}
	xgb.Logger.SetOutput(io.Discard) // it tells of no errors
	c, err := xgb.NewConn()
	if err != nil {
		if wayland {
			return nil, ErrWayland
		}
		return nil, fmt.Errorf("connect to the display: %w: %w", ErrNoDisplay, err)
	}
	x := &display{Conn: c, has: map[string]bool{}}
	x.screen = xproto.Setup(c).DefaultScreen(c)
	x.root = x.screen.Root
	for _, name := range []string{"RANDR", "MIT-SHM", "XFIXES", "DAMAGE", "Composite"} {
		x.has[name] = x.extend(name)
	}
	x.greet()
	if x.isXwayland() {
		x.close()
		return nil, ErrWayland
	}
	return x, nil
}

// close ends the connection and waits for the library's goroutines.
func (x *display) close() {
	x.Conn.Close()
	for {
		if event, err := x.WaitForEvent(); event == nil && err == nil {
			return
		}
	}
}

// extend makes an extension known to this connection. The library's own Init
// writes its events into a table that the readers of all connections read
// meanwhile, which ends the program; we need no events.
func (x *display) extend(name string) bool {
	r, err := xproto.QueryExtension(x.Conn, uint16(len(name)), name).Reply()
	if err != nil || !r.Present {
		return false
	}
	x.ExtLock.Lock()
	defer x.ExtLock.Unlock()
	x.Extensions[name] = r.MajorOpcode
	return true
}

// isXwayland reports whether this display shows single windows on a Wayland
// desktop: its root is black.
func (x *display) isXwayland() bool {
	const name = "XWAYLAND"
	if r, err := xproto.QueryExtension(x.Conn, uint16(len(name)), name).Reply(); err == nil && r.Present {
		return true
	}
	for _, m := range x.monitors() {
		if strings.HasPrefix(m.name, name) {
			return true
		}
	}
	return false
}

// monitor is one screen as a person counts them: a part of the root window.
type monitor struct {
	name       string
	x, y, w, h int
}

// monitors lists the screens in use; it is never empty while the display is
// there.
func (x *display) monitors() []monitor {
	if x.has["RANDR"] {
		r, err := randr.GetMonitors(x.Conn, x.root, true).Reply()
		if err == nil && len(r.Monitors) > 0 {
			var list []monitor
			for _, m := range r.Monitors {
				list = append(list, monitor{x.atomName(m.Name), int(m.X), int(m.Y), int(m.Width), int(m.Height)})
			}
			return list
		}
	}
	g, err := xproto.GetGeometry(x.Conn, xproto.Drawable(x.root)).Reply()
	if err != nil {
		return nil
	}
	return []monitor{{"0", 0, 0, int(g.Width), int(g.Height)}}
}

func (x *display) atomName(a xproto.Atom) string {
	r, err := xproto.GetAtomName(x.Conn, a).Reply()
	if err != nil {
		return fmt.Sprint(a)
	}
	return r.Name
}

// windows lists the windows of other programs, as the window manager does, the
// newest first.
func (x *display) windows() []Screen {
	ids := x.cardinals(x.root, "_NET_CLIENT_LIST")
	var list []Screen
	for i := len(ids) - 1; i >= 0 && len(list) < maxWindows; i-- {
		w := xproto.Window(ids[i])
		if pid := x.cardinals(w, "_NET_WM_PID"); len(pid) == 1 && int(pid[0]) == os.Getpid() {
			continue // a window that shows itself shows a tunnel
		}
		if title := x.title(w); title != "" {
			list = append(list, Screen{ID: windowPrefix + fmt.Sprint(ids[i]), Name: title})
		}
	}
	return list
}

// title is what a window calls itself, fit for a list.
func (x *display) title(w xproto.Window) string {
	text := x.property(w, "_NET_WM_NAME")
	if len(text) == 0 {
		text = x.property(w, "WM_NAME")
	}
	title := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(text), ""))
	if runes := []rune(strings.TrimSpace(title)); len(runes) > maxWindowName {
		return string(runes[:maxWindowName-1]) + "…"
	}
	return strings.TrimSpace(title)
}

func (x *display) property(w xproto.Window, name string) []byte {
	atom, err := xproto.InternAtom(x.Conn, true, uint16(len(name)), name).Reply()
	if err != nil || atom.Atom == 0 {
		return nil
	}
	r, err := xproto.GetProperty(x.Conn, false, w, atom.Atom, xproto.GetPropertyTypeAny, 0, 1024).Reply()
	if err != nil {
		return nil
	}
	return r.Value[:min(len(r.Value), int(r.ValueLen)*int(r.Format)/8)]
}

func (x *display) cardinals(w xproto.Window, name string) []uint32 {
	raw := x.property(w, name)
	var list []uint32
	for ; len(raw) >= 4; raw = raw[4:] {
		list = append(list, xgb.Get32(raw))
	}
	return list
}
