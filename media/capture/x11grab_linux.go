package capture

import (
	"errors"
	"fmt"
	"image"

	"github.com/jezek/xgb/shm"
	"github.com/jezek/xgb/xfixes"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"
)

// allPlanes takes every bit of a pixel.
const allPlanes = ^uint32(0)

// errPixels: pixels of another kind than blue, green, red and one unused byte,
// which every desktop of our days has.
var errPixels = errors.New("the display has pixels of an unusual kind")

// grabber fetches pixels from the display: through memory shared with it, or
// over the connection where it is on another machine or in another container.
type grabber struct {
	x      *display
	shared bool
	seg    shm.Seg
	mem    []byte
}

func newGrabber(x *display) *grabber {
	return &grabber{x: x, shared: x.has["MIT-SHM"]}
}

// take returns the pixels of an area, four bytes each, valid until the next
// take or close.
func (g *grabber) take(w xproto.Window, area image.Rectangle) (pix []byte, stride int, err error) {
	setup := xproto.Setup(g.x.Conn)
	if setup.ImageByteOrder != xproto.ImageOrderLSBFirst || g.x.screen.RootDepth < 24 {
		return nil, 0, errPixels
	}
	width, height := area.Dx(), area.Dy()
	size := 4 * width * height
	if size <= 0 {
		return nil, 0, errPixels
	}
	if g.shared && len(g.mem) < size {
		g.shared = g.grow(size) == nil
	}
	at := func() (xproto.Drawable, int16, int16, uint16, uint16) {
		return xproto.Drawable(w), int16(area.Min.X), int16(area.Min.Y), uint16(width), uint16(height)
	}
	d, x, y, cw, ch := at()
	if g.shared {
		r, err := shm.GetImage(g.x.Conn, d, x, y, cw, ch, allPlanes, xproto.ImageFormatZPixmap, g.seg, 0).Reply()
		if err != nil {
			return nil, 0, err
		}
		if int(r.Size) < size {
			return nil, 0, errPixels
		}
		return g.mem[:size], 4 * width, nil
	}
	r, err := xproto.GetImage(g.x.Conn, xproto.ImageFormatZPixmap, d, x, y, cw, ch, allPlanes).Reply()
	if err != nil {
		return nil, 0, err
	}
	if len(r.Data) < size {
		return nil, 0, errPixels
	}
	return r.Data[:size], 4 * width, nil
}

// grow shares at least size bytes with the display. The memory is marked to go
// away with its last user at once, so that a crash leaves none.
func (g *grabber) grow(size int) error {
	g.release()
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, size, unix.IPC_CREAT|0o600)
	if err != nil {
		return fmt.Errorf("share memory: %w", err)
	}
	defer func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) }()
	mem, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		return fmt.Errorf("share memory: %w", err)
	}
	seg, err := shm.NewSegId(g.x.Conn)
	if err == nil {
		err = shm.AttachChecked(g.x.Conn, seg, uint32(id), false).Check()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("share memory: %w", err), unix.SysvShmDetach(mem))
	}
	g.seg, g.mem = seg, mem
	return nil
}

func (g *grabber) release() {
	if g.mem != nil {
		_ = shm.DetachChecked(g.x.Conn, g.seg).Check() // gone with the connection otherwise
		_ = unix.SysvShmDetach(g.mem)                  // nothing to be done about it
		g.mem = nil
	}
}

func (g *grabber) close() { g.release() }

// pointer is the mouse pointer, which is in no picture of a screen.
type pointer struct {
	origin image.Point // of the target, on the root; zero for a monitor
	last   xfixes.GetCursorImageReply
	inside bool
}

// look asks where the pointer is, and reports whether the picture of area
// changes by it.
func (p *pointer) look(x *display, area image.Rectangle) bool {
	if !x.has["XFIXES"] {
		return false
	}
	r, err := xfixes.GetCursorImage(x.Conn).Reply()
	if err != nil {
		return false
	}
	before, was := p.last, p.inside
	p.last = *r
	p.inside = p.place().Overlaps(area)
	if !p.inside {
		return was
	}
	return !was || r.X != before.X || r.Y != before.Y || r.CursorSerial != before.CursorSerial
}

// place is where the pointer's picture lies, in the coordinates of an area.
func (p *pointer) place() image.Rectangle {
	c := &p.last
	corner := image.Pt(int(c.X)-int(c.Xhot), int(c.Y)-int(c.Yhot)).Sub(p.origin)
	return image.Rectangle{corner, corner.Add(image.Pt(int(c.Width), int(c.Height)))}
}

// draw lays the pointer over the pixels of area. Its own are multiplied with
// their opacity already.
func (p *pointer) draw(pix []byte, stride int, area image.Rectangle) {
	c := &p.last
	place := p.place()
	if !p.inside || len(c.CursorImage) < int(c.Width)*int(c.Height) {
		return
	}
	seen := place.Intersect(area)
	for y := seen.Min.Y; y < seen.Max.Y; y++ {
		for x := seen.Min.X; x < seen.Max.X; x++ {
			over := c.CursorImage[(y-place.Min.Y)*int(c.Width)+x-place.Min.X]
			rest := 255 - over>>24
			at := pix[(y-area.Min.Y)*stride+4*(x-area.Min.X):][:3]
			for i := range at {
				at[i] = byte(min(uint32(at[i])*rest/255+over>>(8*i)&255, 255))
			}
		}
	}
}
