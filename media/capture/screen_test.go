package capture

import (
	"errors"
	"io"
	"testing"

	"candid/media/scene"
)

// The synthetic screen is offered where synthetic devices are, and is one like
// any other.
func TestPageScreen(t *testing.T) {
	d := look(t, Options{Synthetic: true})
	list, err := d.Screens()
	if err != nil || len(list) == 0 || list[0].ID != TestPage {
		t.Fatalf("screens %+v, %v", list, err)
	}
	c, err := d.OpenScreen(TestPage + "/4")
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.ReadVideo()
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := scene.ReadStamp(f.Image); !ok || m.Sender != 4 || f.Captured.IsZero() {
		t.Errorf("mark %+v, %v", m, ok)
	}
	if f.Image.Rect.Dx() != pageFormat.Width || f.Image.Rect.Dy() != pageFormat.Height {
		t.Errorf("picture of %v", f.Image.Rect)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.ReadVideo(); err != io.EOF {
		t.Errorf("read of a closed screen: %v", err)
	}
}

func TestNoScreen(t *testing.T) {
	d := look(t, Options{})
	for _, c := range []struct {
		wayland string
		want    error
	}{{"", ErrNoDisplay}, {"wayland-0", ErrWayland}} {
		t.Setenv("DISPLAY", "")
		t.Setenv("XDG_SESSION_TYPE", "")
		t.Setenv("WAYLAND_DISPLAY", c.wayland)
		if _, err := d.Screens(); !errors.Is(err, c.want) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("list with WAYLAND_DISPLAY=%q: %v", c.wayland, err)
		}
		if _, err := d.OpenScreen("screen:0"); !errors.Is(err, c.want) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("open with WAYLAND_DISPLAY=%q: %v", c.wayland, err)
		}
	}
}
