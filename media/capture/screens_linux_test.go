package capture

import (
	"errors"
	"image"
	"image/color"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"candid/media"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// startX starts a display of w×h for this test and returns a connection that
// draws on it. It skips the test where there is no virtual display.
func startX(t *testing.T, size string, args ...string) *display {
	t.Helper()
	if _, err := exec.LookPath("Xvfb"); err != nil {
		t.Skipf("needs a virtual display: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("Xvfb", append([]string{"-displayfd", "3", "-screen", "0", size, "-nolisten", "tcp", "-noreset"}, args...)...)
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = r.Close() })
	_ = w.Close()
	number := make([]byte, 16)
	n, err := r.Read(number)
	if err != nil {
		t.Fatalf("the virtual display did not start: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(string(number[:n])))
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("XDG_SESSION_TYPE", "")
	x, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.close)
	return x
}

// window shows a window of one colour, 0xrrggbb.
func (x *display) window(t *testing.T, r image.Rectangle, colour uint32, title string) xproto.Window {
	t.Helper()
	id, err := xproto.NewWindowId(x.Conn)
	if err != nil {
		t.Fatal(err)
	}
	err = xproto.CreateWindowChecked(x.Conn, 0, id, x.root, int16(r.Min.X), int16(r.Min.Y), uint16(r.Dx()), uint16(r.Dy()), 0,
		xproto.WindowClassInputOutput, 0, xproto.CwBackPixel, []uint32{colour}).Check()
	if err != nil {
		t.Fatal(err)
	}
	xproto.ChangeProperty(x.Conn, xproto.PropModeReplace, id, xproto.AtomWmName, xproto.AtomString, 8, uint32(len(title)), []byte(title))
	if err := xproto.MapWindowChecked(x.Conn, id).Check(); err != nil {
		t.Fatal(err)
	}
	return id
}

// enrol lists windows as a window manager does.
func (x *display) enrol(t *testing.T, ids ...xproto.Window) {
	t.Helper()
	const name = "_NET_CLIENT_LIST"
	atom, err := xproto.InternAtom(x.Conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 4*len(ids))
	for i, id := range ids {
		xgb.Put32(raw[4*i:], uint32(id))
	}
	err = xproto.ChangePropertyChecked(x.Conn, xproto.PropModeReplace, x.root, atom.Atom, xproto.AtomWindow, 32, uint32(len(ids)), raw).Check()
	if err != nil {
		t.Fatal(err)
	}
}

// until reads pictures until one has want at p.
func until(t *testing.T, s media.VideoSource, p image.Point, want color.YCbCr) *image.YCbCr {
	t.Helper()
	var got color.YCbCr
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		f, err := s.ReadVideo()
		if err != nil {
			t.Fatal(err)
		}
		if got = f.Image.YCbCrAt(p.X, p.Y); near(got, want) {
			return f.Image
		}
	}
	t.Fatalf("the picture has %v at %v, want %v", got, p, want)
	return nil
}

func near(a, b color.YCbCr) bool {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return d(a.Y, b.Y) <= 3 && d(a.Cb, b.Cb) <= 3 && d(a.Cr, b.Cr) <= 3
}

// BT.601, limited range.
var (
	red   = color.YCbCr{Y: 81, Cb: 90, Cr: 240}
	blue  = color.YCbCr{Y: 41, Cb: 240, Cr: 110}
	black = color.YCbCr{Y: 16, Cb: 128, Cr: 128}
)

// A screen is listed, filmed, scaled down where it is large, and followed.
func TestScreenOfX11(t *testing.T) {
	x := startX(t, "2560x1440x24")
	d := look(t, Options{})
	list, err := d.Screens()
	if err != nil || len(list) != 1 || !strings.HasPrefix(list[0].ID, screenPrefix) || list[0].Name != "Whole screen" {
		t.Fatalf("screens %+v, %v", list, err)
	}
	c, err := d.OpenScreen(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	img := until(t, c, image.Pt(300, 300), black)
	if img.Rect.Size() != image.Pt(1920, 1080) {
		t.Errorf("picture of %v", img.Rect.Size())
	}
	x.window(t, image.Rect(200, 200, 1000, 800), 0xff0000, "red")
	until(t, c, image.Pt(300, 300), red) // 400,400 on the screen
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// A screen is filmed over the connection too, where memory cannot be shared.
func TestScreenWithoutSharedMemory(t *testing.T) {
	x := startX(t, "801x601x24", "-extension", "MIT-SHM", "-extension", "RANDR")
	if x.has["MIT-SHM"] || x.has["RANDR"] {
		t.Fatal("the display has what it was told not to have")
	}
	d := look(t, Options{})
	x.window(t, image.Rect(0, 0, 400, 400), 0x0000ff, "blue")
	c, err := d.OpenScreen("screen:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if img := until(t, c, image.Pt(300, 300), blue); img.Rect.Size() != image.Pt(800, 600) {
		t.Errorf("picture of %v", img.Rect.Size())
	}
}

// A window is filmed alone, also when another lies over it, as it grows, until
// it is closed. The pointer is in the picture.
func TestWindowOfX11(t *testing.T) {
	x := startX(t, "1024x768x24")
	d := look(t, Options{})
	w := x.window(t, image.Rect(100, 100, 400, 400), 0x0000ff, "blue")
	nameless := x.window(t, image.Rect(0, 0, 10, 10), 0, "")
	x.enrol(t, w, nameless)
	list, err := d.Screens()
	if err != nil || len(list) != 2 || list[1].Name != "blue" {
		t.Fatalf("screens %+v, %v", list, err)
	}
	c, err := d.OpenScreen(list[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if img := until(t, c, image.Pt(150, 150), blue); img.Rect.Size() != image.Pt(300, 300) {
		t.Errorf("picture of %v", img.Rect.Size())
	}
	x.window(t, image.Rect(0, 0, 1000, 700), 0xff0000, "over it")
	until(t, c, image.Pt(150, 150), blue)

	xproto.ConfigureWindow(x.Conn, w, xproto.ConfigWindowWidth|xproto.ConfigWindowHeight, []uint32{600, 500})
	if img := until(t, c, image.Pt(550, 450), blue); img.Rect.Size() != image.Pt(600, 500) {
		t.Errorf("grown, picture of %v", img.Rect.Size())
	}
	xproto.WarpPointer(x.Conn, 0, x.root, 0, 0, 0, 0, 300, 300) // 200,200 in the window
	seen := false
	for i := 0; !seen && i < 50; i++ {
		f, err := c.ReadVideo()
		if err != nil {
			t.Fatal(err)
		}
		for n := range 30 {
			seen = seen || !near(f.Image.YCbCrAt(190+n, 190+n), blue)
		}
	}
	if !seen {
		t.Error("the pointer is in no picture")
	}
	xproto.DestroyWindow(x.Conn, w)
	for range 100 {
		if _, err = c.ReadVideo(); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrLost) {
		t.Errorf("read of a closed window: %v", err)
	}
	if _, err := d.OpenScreen(list[1].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("open of a closed window: %v", err)
	}
}

// What stands still is not filmed again and again.
func TestScreenStandsStill(t *testing.T) {
	startX(t, "640x480x24")
	c, err := look(t, Options{}).OpenScreen("screen:screen")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ReadVideo(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := c.ReadVideo(); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(start); waited < repeat*8/10 {
		t.Errorf("the same picture came again after %v", waited)
	}
}

func TestWithin(t *testing.T) {
	for _, c := range [][4]int{
		{1280, 720, 1280, 720}, {3840, 2160, 1920, 1080}, {2560, 1440, 1920, 1080}, {1080, 1920, 1080, 1920},
		{1200, 1920, 1080, 1728}, {5120, 1440, 1920, 540}, {1920, 1200, 1728, 1080}, {10000, 2, 1920, 2},
	} {
		if w, h := within(c[0], c[1], screenFormat); w != c[2] || h != c[3] {
			t.Errorf("%d×%d becomes %d×%d, want %d×%d", c[0], c[1], w, h, c[2], c[3])
		}
	}
}

func BenchmarkScreen(b *testing.B) {
	x, err := dial()
	if err != nil {
		b.Skip(err)
	}
	film, err := newX11Film(x, x11Target{window: x.root, monitor: x.monitors()[0].name}, 15)
	if err != nil {
		b.Fatal(err)
	}
	defer film.Close()
	film.watch = false // as if all changed
	for b.Loop() {
		if _, err := film.look(); err != nil {
			b.Fatal(err)
		}
	}
}
