package scene

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"candid/media"
	"candid/media/codec"
)

// difference is the mean change of luma between two pictures.
func difference(a, b *image.YCbCr) float64 {
	var sum int
	for i := range a.Y {
		sum += max(int(a.Y[i])-int(b.Y[i]), int(b.Y[i])-int(a.Y[i]))
	}
	return float64(sum) / float64(len(a.Y))
}

func drawn(s *Scene, at time.Time, mouth float64) *image.YCbCr {
	img := codec.NewI420(s.Size())
	s.Draw(img, at, mouth)
	return img
}

func TestSceneMovesAndRepeats(t *testing.T) {
	s := New(640, 360, PersonaOf(0))
	a, again, later := drawn(s, start, 0.5), drawn(s, start, 0.5), drawn(s, start.Add(time.Second/3), 0.5)
	if difference(a, again) != 0 || !bytes.Equal(a.Cb, again.Cb) || !bytes.Equal(a.Cr, again.Cr) {
		t.Error("the same moment looks different")
	}
	if d := difference(a, later); d < 0.05 || d > 10 {
		t.Errorf("a third of a second changes luma by %.3f", d)
	}
	if d := difference(a, drawn(s, start, 0)); d == 0 {
		t.Error("the mouth does not move")
	}
	if d := difference(a, drawn(New(640, 360, PersonaOf(0)), start, 0.5)); d != 0 {
		t.Error("a second scene of the same persona looks different")
	}
}

func TestEveryPersonaIsDifferent(t *testing.T) {
	var all []*image.YCbCr
	for i := range len(personas) {
		img := drawn(New(320, 180, PersonaOf(i)), start, 0.3)
		for j, other := range all {
			if d := difference(img, other); d < 3 {
				t.Errorf("personas %d and %d look alike (%.2f)", j, i, d)
			}
		}
		all = append(all, img)
	}
	if PersonaOf(-1).top != PersonaOf(len(personas)-1).top || PersonaOf(len(personas)).top != PersonaOf(0).top {
		t.Error("members beyond the personas do not start over")
	}
}

// Every size is drawn in full and within its bounds.
func TestSceneAtAnySize(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 1}, {3, 5}, {16, 9}, {161, 91}, {360, 640}, {333, 777}, {1281, 721}, {1920, 1080}, {2000, 100}} {
		w, h := size[0], size[1]
		for member := range 3 {
			s := New(w, h, PersonaOf(member))
			for n := range 3 {
				img := codec.NewI420(w, h)
				for i := range img.Cb {
					img.Cb[i] = 1 // no colour of ours
				}
				s.Draw(img, start.Add(time.Duration(n)*4*time.Second), 1)
				if bytes.IndexByte(img.Y, 0) >= 0 || bytes.IndexByte(img.Cb, 1) >= 0 {
					t.Errorf("%v: not all was drawn", size)
				}
			}
		}
	}
	s := New(0, -3, PersonaOf(0))
	if w, h := s.Size(); w != 1 || h != 1 {
		t.Errorf("size %d×%d", w, h)
	}
}

func TestDrawLeavesOtherPicturesAlone(t *testing.T) {
	s := New(64, 36, PersonaOf(0))
	s.Draw(nil, start, 0)
	other := codec.NewI420(32, 36)
	s.Draw(other, start, 0)
	wrong := image.NewYCbCr(image.Rect(0, 0, 64, 36), image.YCbCrSubsampleRatio444)
	s.Draw(wrong, start, 0)
	for _, y := range append(other.Y, wrong.Y...) {
		if y != 0 {
			t.Fatal("drew into a picture of another kind")
		}
	}
}

func TestDrawIntoPartOfAPicture(t *testing.T) {
	s := New(64, 36, PersonaOf(0))
	whole := codec.NewI420(100, 80)
	part := whole.SubImage(image.Rect(10, 20, 74, 56)).(*image.YCbCr)
	s.Draw(part, start, 0.5)
	want := drawn(s, start, 0.5)
	for y := range 80 {
		for x := range 100 {
			got, expect := whole.Y[whole.YOffset(x, y)], byte(0)
			if x >= 10 && x < 74 && y >= 20 && y < 56 {
				expect = want.Y[want.YOffset(x-10, y-20)]
			}
			if got != expect {
				t.Fatalf("at %d,%d: %d, want %d", x, y, got, expect)
			}
		}
	}
}

// The picture flashes with the clock, and the flash can be seen.
func TestFlash(t *testing.T) {
	second := time.Unix(1_900_000_000, 0)
	s := New(640, 360, PersonaOf(0))
	for ms, want := range map[int]bool{0: true, 99: true, 100: false, 500: false, 999: false} {
		if got := Flashes(second.Add(time.Duration(ms) * time.Millisecond)); got != want {
			t.Errorf("at %d ms: flash %v", ms, got)
		}
	}
	lit := drawn(s, second.Add(FlashTime-time.Millisecond), 0)
	dark := drawn(s, second.Add(FlashTime), 0)
	if d := difference(lit, dark); d < 0.1 {
		t.Errorf("the flash changes luma by %.3f only", d)
	}
}

func TestChatter(t *testing.T) {
	open, shut := 0, 0
	for n := range 30 * 60 {
		switch v := Chatter(1, start.Add(time.Duration(n)*time.Second/30)); {
		case v < 0 || v > 1:
			t.Fatalf("mouth at %v", v)
		case v == 0:
			shut++
		case v > 0.4:
			open++
		}
	}
	if open < 300 || shut < 200 {
		t.Errorf("in a minute: open in %d pictures, shut in %d", open, shut)
	}
}

func TestCameraKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCamera(CameraOptions{Width: 128, Height: 72, FPS: 25, Member: 3})
		began := time.Now()
		for n := range 50 {
			if n == 30 {
				time.Sleep(500 * time.Millisecond) // a slow reader
			}
			f, err := c.ReadVideo()
			if err != nil {
				t.Fatal(err)
			}
			m, ok := ReadStamp(f.Image)
			if !ok || int(m.Frame) != n || m.Sender != 3 || m.Flash != Flashes(f.Captured) || !m.Captured.Equal(f.Captured.Truncate(tick)) {
				t.Fatalf("frame %d: %+v, %v, captured %v", n, m, ok, f.Captured)
			}
			if f.Captured != time.Now() {
				t.Fatalf("frame %d taken at %v, handed over at %v", n, f.Captured, time.Now())
			}
		}
		if d := time.Since(began); d < 2480*time.Millisecond || d > 2520*time.Millisecond {
			t.Errorf("50 frames at 25 a second with a break of half a second took %v", d)
		}
		c.Close()
		c.Close()
		if _, err := c.ReadVideo(); err != io.EOF {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestMicrophoneKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := NewMicrophone(SoundOf(0))
		if err != nil {
			t.Fatal(err)
		}
		l := newListener(t, SoundOf(0))
		began := time.Now()
		for n := range 500 {
			if n == 200 {
				time.Sleep(100 * time.Millisecond) // late, but not for long: nothing is lost
			}
			b, err := m.ReadAudio()
			if err != nil {
				t.Fatal(err)
			}
			if want := began.Add(time.Duration(n) * media.BlockDuration); !b.Captured.Equal(want) {
				t.Fatalf("block %d is of %v, want %v", n, b.Captured, want)
			}
			l.WriteAudio(b)
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("500 blocks took %v", d)
		}
		if h := l.Heard()[0]; h.SNRWorst < 50 || len(h.Latency) < 4 || median(h.Latency).Abs() > time.Millisecond {
			t.Errorf("heard %+v", h)
		}
		time.Sleep(time.Second) // much too late: what was missed is missed
		b, err := m.ReadAudio()
		if err != nil || time.Since(b.Captured) > 2*media.BlockDuration {
			t.Errorf("a second later: block of %v, %v", b.Captured, err)
		}
	})
}

// Close wakes a reader.
func TestSourcesClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := NewMicrophone(SoundOf(0))
		if err != nil {
			t.Fatal(err)
		}
		c := NewCamera(CameraOptions{FPS: 1})
		done := make(chan error, 2)
		go func() { _, err := m.ReadAudio(); done <- err }()
		go func() { _, err := c.ReadVideo(); done <- err }()
		time.Sleep(time.Millisecond)
		m.Close()
		m.Close()
		c.Close()
		for range 2 {
			if err := <-done; err != io.EOF {
				t.Errorf("a waiting reader got %v", err)
			}
		}
	})
}

func BenchmarkDraw(b *testing.B) {
	for _, size := range [][2]int{{640, 360}, {1280, 720}} {
		for _, member := range []int{0, 1, 6} {
			b.Run(fmt.Sprintf("%dp/member%d", size[1], member), func(b *testing.B) {
				s := New(size[0], size[1], PersonaOf(member))
				img := codec.NewI420(size[0], size[1])
				b.ReportAllocs()
				at := start
				for b.Loop() {
					at = at.Add(time.Second / 30)
					s.Draw(img, at, Chatter(member, at))
				}
			})
		}
	}
}
