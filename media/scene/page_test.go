package scene

import (
	"io"
	"testing"
	"time"
)

// A page stands still, is scrolled on, and says who shows it.
func TestPage(t *testing.T) {
	p := NewPage(CameraOptions{Width: 640, Height: 360, FPS: 100, Member: 3})
	f, err := p.ReadVideo()
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := ReadStamp(f.Image); !ok || m.Sender != 3 {
		t.Errorf("mark %+v, %v", m, ok)
	}
	dark := 0
	for _, y := range f.Image.Y[:640*300] {
		if y < 100 {
			dark++
		}
	}
	if share := float64(dark) / (640 * 300); share < 0.03 || share > 0.4 {
		t.Errorf("%.0f %% of the page is dark, which is no text", 100*share)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.ReadVideo(); err != io.EOF {
		t.Errorf("read of a closed page: %v", err)
	}
}

func TestScrolled(t *testing.T) {
	for _, c := range []struct {
		at   time.Duration
		want int
	}{{0, 0}, {pageReading, 0}, {pageReading + pageScrolling/2, 90}, {pageReading + pageScrolling, 180}, {2*pageReading + pageScrolling, 180}} {
		if got := scrolled(c.at, 360); got != c.want {
			t.Errorf("after %v: %d pixels, want %d", c.at, got, c.want)
		}
	}
}
