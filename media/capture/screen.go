package capture

import (
	"errors"
	"fmt"

	"candid/media"
	"candid/media/scene"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/prop"
)

// Screen is a screen or a window that can be shown to others.
type Screen struct {
	// ID names it for as long as it is there.
	ID string
	// Name is for people.
	Name string
}

// Why no screen can be taken. The text is a sentence's worth of reason.
var (
	// ErrWayland: the desktop lets programs see a screen through its portal only.
	ErrWayland = errors.New("this desktop runs on Wayland, which shows a program nothing of the screen; log in to a session on X11 (Xorg)")
	// ErrNoDisplay: there is no display at all.
	ErrNoDisplay = errors.New("this program runs without a display, so there is no screen to show")
	// ErrUnsupported: not written for this system.
	ErrUnsupported = errors.New("taking the picture of a screen is not written for this system yet")
)

// TestPage is the synthetic screen: pages of text that are scrolled now and
// then. A number after a slash is the sender, as with TestPicture.
const TestPage = "synthetic:page"

// screenFormat is the most that is taken of a screen. It is shown scaled down
// where it is larger; text stays legible down to about 60 % of its size.
var screenFormat = Format{Width: 1920, Height: 1080, FPS: 15}

// pageFormat is the synthetic screen's.
var pageFormat = Format{Width: 1280, Height: 720, FPS: 15}

// Screens lists what can be shown: screens before windows; the synthetic one
// first, where synthetic devices are offered. It asks the display, which takes
// milliseconds. The error, if there is nothing to show, wraps ErrWayland,
// ErrNoDisplay or ErrUnsupported where that is why.
func (d *Devices) Screens() ([]Screen, error) {
	list, err := listScreens()
	if d.opts.Synthetic {
		return append([]Screen{{ID: TestPage, Name: "Test page"}}, list...), nil
	}
	if err != nil {
		return nil, fmt.Errorf("list screens: %w", err)
	}
	return list, nil
}

// OpenScreen begins to film a screen or window: at most 1920×1080, at most 15
// pictures a second, few while nothing changes, with the mouse pointer in them.
// The size of the pictures changes with the window's. A window that is closed
// or a screen that is taken away ends with ErrLost; one that is minimised shows
// its last picture.
func (d *Devices) OpenScreen(id string) (*Camera, error) {
	dev := Device{ID: id, Kind: Screens, Name: id}
	var adapter *testCamera
	want := screenFormat
	if page, err := number(id, TestPage); err == nil {
		dev.Synthetic, dev.Name, want = true, "Test page", pageFormat
		adapter = &testCamera{mode: anySize, start: func(m prop.Media) media.VideoSource {
			return scene.NewPage(scene.CameraOptions{Width: m.Width, Height: m.Height, FPS: int(m.FrameRate), Member: page})
		}}
	} else {
		src, name, err := openScreen(id, want.FPS)
		if err != nil {
			return nil, openError(dev, err)
		}
		dev.Name = name
		adapter = &testCamera{mode: anySize, start: func(prop.Media) media.VideoSource { return src }, src: src}
	}
	drv, remove, err := enlist(adapter, dev, driver.Screen)
	if err != nil {
		return nil, errors.Join(openError(dev, err), adapter.Close())
	}
	c, err := record(dev, drv, want)
	if err != nil {
		remove()
		return nil, errors.Join(openError(dev, err), adapter.Close())
	}
	c.remove, c.forget = remove, func() {} // no list says that it is gone: reading does
	d.log.Debug("screen opened", "name", dev.Name)
	return c, nil
}
