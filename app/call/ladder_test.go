package call

import (
	"image"
	"testing"
	"time"
)

func TestLadder(t *testing.T) {
	small, hd := image.Pt(640, 360), image.Pt(1280, 720)
	for _, c := range []struct {
		name string
		size image.Point
		rate int
		want image.Point
		sent int // of 30 frames
	}{
		{"plenty", small, 800_000, small, 30},
		{"narrow", small, 150_000, image.Pt(320, 180), 30},
		{"very narrow", small, 90_000, image.Pt(320, 180), 15},
		{"a trickle", small, 60_000, image.Pt(160, 90), 15},
		{"720p, plenty", hd, 2_000_000, hd, 30},
		{"720p on a narrow line", hd, 500_000, image.Pt(640, 360), 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l ladder
			sent := 0
			for i := range 30 {
				got, skip := l.step(c.size, c.rate, time.Unix(0, 1).Add(time.Duration(i)*time.Second/30))
				if skip {
					continue
				}
				sent++
				if got != c.want {
					t.Fatalf("frame %d is %v, want %v", i, got, c.want)
				}
			}
			if sent != c.sent {
				t.Errorf("%d frames sent, want %d", sent, c.sent)
			}
		})
	}
}

func TestLadderDoesNotFlap(t *testing.T) {
	var l ladder
	changes, before := 0, image.Point{}
	for i := range 300 {
		rate := 200_000 + 30_000*(i%2) // around the first rung
		got, _ := l.step(image.Pt(640, 360), rate, time.Unix(0, 1).Add(time.Duration(i)*time.Second/30))
		if got != before {
			changes++
		}
		before = got
	}
	if changes > 2 {
		t.Errorf("the picture changed size %d times", changes)
	}
}
