package scene

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
)

func markOf(n int) Mark {
	at := start.Add(time.Duration(n) * time.Second / 30).Truncate(100 * time.Microsecond)
	return Mark{Frame: uint32(n), Captured: at, Sender: 7, Flash: n%30 < 3}
}

func sameMark(a, b Mark) bool {
	return a.Frame == b.Frame && a.Sender == b.Sender && a.Flash == b.Flash && a.Captured.Equal(b.Captured)
}

func TestStampRoundTrip(t *testing.T) {
	for _, size := range [][2]int{{640, 360}, {1280, 720}, {1920, 1080}, {320, 180}, {160, 90}, {128, 96}, {333, 251}, {641, 361}, {360, 640}} {
		img := codec.NewI420(size[0], size[1])
		for _, m := range []Mark{
			{Captured: time.Unix(0, 0)},
			{Frame: math.MaxUint32, Captured: time.Unix(1<<40/10_000, 0), Sender: math.MaxUint16, Flash: true},
			markOf(12345),
		} {
			Stamp(img, m)
			got, ok := ReadStamp(img)
			if !ok || !sameMark(got, m) {
				t.Errorf("%v: wrote %+v, read %+v, %v", size, m, got, ok)
			}
			rgba := image.NewRGBA(image.Rect(0, 0, size[0], size[1]))
			var p codec.Painter
			if err := p.Paint(rgba, img, false); err != nil {
				t.Fatal(err)
			}
			if got, ok := ReadStampRGBA(rgba); !ok || !sameMark(got, m) {
				t.Errorf("%v as rgba: wrote %+v, read %+v, %v", size, m, got, ok)
			}
		}
	}
}

func TestStampKeepsTenthsOfMilliseconds(t *testing.T) {
	img := codec.NewI420(640, 360)
	at := time.Unix(1_900_000_000, 123_456_789)
	Stamp(img, Mark{Captured: at})
	got, ok := ReadStamp(img)
	if d := at.Sub(got.Captured); !ok || d < 0 || d >= 100*time.Microsecond {
		t.Errorf("read %v for %v", got.Captured, at)
	}
}

// A stamp outlives VP8 at a low bitrate, and scaling before or after.
func TestStampThroughVP8(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from     [2]int // the camera
		coded    [2]int // as encoded
		shown    [2]int // as scaled by whoever shows it
		bitrate  int
		minShare float64
	}{
		{"360p at 500 kbit/s", [2]int{640, 360}, [2]int{640, 360}, [2]int{640, 360}, 500_000, 1},
		{"360p at 150 kbit/s", [2]int{640, 360}, [2]int{640, 360}, [2]int{640, 360}, 150_000, 1},
		{"360p at 80 kbit/s", [2]int{640, 360}, [2]int{640, 360}, [2]int{640, 360}, 80_000, 0.97},
		{"720p at 1.2 Mbit/s", [2]int{1280, 720}, [2]int{1280, 720}, [2]int{1280, 720}, 1_200_000, 1},
		{"720p at 400 kbit/s", [2]int{1280, 720}, [2]int{1280, 720}, [2]int{1280, 720}, 400_000, 1},
		{"720p sent as half", [2]int{1280, 720}, [2]int{640, 360}, [2]int{640, 360}, 400_000, 1},
		{"720p sent as a quarter", [2]int{1280, 720}, [2]int{320, 180}, [2]int{320, 180}, 150_000, 1},
		{"360p sent as a quarter", [2]int{640, 360}, [2]int{160, 90}, [2]int{160, 90}, 100_000, 0.97},
		{"360p shown at half", [2]int{640, 360}, [2]int{640, 360}, [2]int{320, 180}, 300_000, 1},
		{"360p shown at a third", [2]int{640, 360}, [2]int{640, 360}, [2]int{213, 120}, 300_000, 1},
		{"360p shown larger", [2]int{640, 360}, [2]int{640, 360}, [2]int{1000, 562}, 300_000, 1},
		{"360p sent as 480×270, shown as 426×240", [2]int{640, 360}, [2]int{480, 270}, [2]int{426, 240}, 250_000, 1},
	} {
		read, wrong, total := throughVP8(t, tt.from, tt.coded, tt.shown, tt.bitrate)
		t.Logf("%s: %d of %d read", tt.name, read, total)
		if wrong > 0 {
			t.Errorf("%s: %d wrong marks", tt.name, wrong)
		}
		if float64(read) < tt.minShare*float64(total) {
			t.Errorf("%s: %d of %d read, want %.0f %%", tt.name, read, total, 100*tt.minShare)
		}
	}
}

func throughVP8(t *testing.T, from, coded, shown [2]int, bitrate int) (read, wrong, total int) {
	t.Helper()
	enc, err := codec.NewVP8Encoder(coded[0], coded[1], bitrate)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	dec, err := codec.NewVP8Decoder()
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	s := New(from[0], from[1], PersonaOf(2))
	camera, sent, seen := codec.NewI420(from[0], from[1]), codec.NewI420(coded[0], coded[1]), codec.NewI420(shown[0], shown[1])
	for n := range 60 {
		m := markOf(n)
		s.Draw(camera, m.Captured, Chatter(2, m.Captured))
		Stamp(camera, m)
		if err := codec.ScaleI420(sent, camera); err != nil {
			t.Fatal(err)
		}
		data, _, err := enc.Encode(media.VideoFrame{Image: sent, Captured: m.Captured}, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := dec.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.ScaleI420(seen, got); err != nil {
			t.Fatal(err)
		}
		total++
		if r, ok := ReadStamp(seen); ok {
			read++
			if !sameMark(r, m) {
				wrong++
			}
		}
	}
	return read, wrong, total
}

// Pictures without a stamp, and stamps that were damaged, are not read.
func TestStampIsNeverInvented(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	img := codec.NewI420(256, 96)
	for range 8_000 {
		for i := range img.Y[80*256:] { // the strip is all that is looked at
			img.Y[80*256+i] = byte(r.UintN(256))
		}
		if m, ok := ReadStamp(img); ok {
			t.Fatalf("read %+v in noise", m)
		}
	}
	for _, v := range []byte{0, 16, 128, 235, 255} {
		for i := range img.Y {
			img.Y[i] = v
		}
		if m, ok := ReadStamp(img); ok {
			t.Errorf("read %+v in a plain picture of %d", m, v)
		}
	}
	// Up to all the bits of a body of random marks are turned, a few at a time.
	for range 40_000 {
		m := Mark{Frame: r.Uint32(), Captured: time.UnixMilli(int64(r.Uint64N(1 << 42))), Sender: uint16(r.Uint32())}
		bits := m.encode()
		for range 1 + r.IntN(12) {
			i := r.IntN(stampBytes * 8)
			bits[i/8] ^= 1 << (i % 8)
		}
		if got, ok := decodeMark(bits); ok && !sameMark(got, m) {
			t.Fatalf("read %+v where %+v was damaged", got, m)
		}
	}
}

func TestStampLeavesOddPicturesAlone(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {1, 1}, {64, 36}, {127, 80}} {
		img := codec.NewI420(size[0], size[1])
		Stamp(img, markOf(1))
		if _, ok := ReadStamp(img); ok {
			t.Errorf("%v: read a stamp", size)
		}
	}
	if _, ok := ReadStamp(nil); ok {
		t.Error("read a stamp in no picture")
	}
	if _, ok := ReadStampRGBA(nil); ok {
		t.Error("read a stamp in no picture")
	}
	if _, ok := ReadStamp(image.NewYCbCr(image.Rect(0, 0, 640, 360), image.YCbCrSubsampleRatio444)); ok {
		t.Error("read a stamp in a picture that is not I420")
	}
	Stamp(codec.NewI420(640, 1), markOf(1)) // nothing but strip: no crash
}

// A stamp in a part of a larger picture, as a mixer lays them out.
func TestStampInSubImage(t *testing.T) {
	whole := codec.NewI420(1280, 720)
	part := whole.SubImage(image.Rect(640, 360, 1280, 720)).(*image.YCbCr)
	m := markOf(99)
	Stamp(part, m)
	if got, ok := ReadStamp(part); !ok || !sameMark(got, m) {
		t.Errorf("read %+v, %v", got, ok)
	}
	if _, ok := ReadStamp(whole.SubImage(image.Rect(0, 0, 640, 360)).(*image.YCbCr)); ok {
		t.Error("the stamp spilt into another part")
	}
}

func BenchmarkStamp(b *testing.B) {
	img := codec.NewI420(640, 360)
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Stamp(img, markOf(3))
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := ReadStamp(img); !ok {
				b.Fatal("not read")
			}
		}
	})
}
