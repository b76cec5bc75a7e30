package codec

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

func jpegOf(t testing.TB, w, h int) ([]byte, *image.YCbCr) {
	t.Helper()
	img := NewI420(w, h)
	moving(img, 3)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), img
}

// It decodes as image/jpeg does, but for the range.
func TestDecodeJPEG(t *testing.T) {
	for _, size := range []image.Point{{640, 360}, {322, 181}} {
		data, _ := jpegOf(t, size.X, size.Y)
		slow, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		want := NewI420(size.X, size.Y)
		if err := ToI420(want, slow, FullRange); err != nil {
			t.Fatal(err)
		}
		got, err := DecodeJPEG(data)
		if err != nil || got.Rect != want.Rect {
			t.Fatal(got.Rect, err)
		}
		if q := psnr(want, got); q < 45 {
			t.Errorf("%v: %.1f dB from what image/jpeg says", size, q)
		}
	}
}

func TestDecodeJPEGGarbage(t *testing.T) {
	huge, _ := jpegOf(t, 2000, 16)
	if _, err := DecodeJPEG(huge); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	data, _ := jpegOf(t, 160, 90)
	for n := range 40 {
		if _, err := DecodeJPEG(data[:len(data)*n/40]); err == nil {
			t.Errorf("decoded %d of %d bytes", len(data)*n/40, len(data))
		}
	}
	r := rand.New(rand.NewPCG(1, 9))
	for range 1000 {
		bad := bytes.Clone(data)
		for range 1 + r.IntN(8) {
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		}
		if img, err := DecodeJPEG(bad); (img == nil) == (err == nil) {
			t.Fatalf("picture %v, error %v", img != nil, err)
		}
	}
}

func FuzzDecodeJPEG(f *testing.F) {
	data, _ := jpegOf(f, 32, 16)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if img, err := DecodeJPEG(data); (img == nil) == (err == nil) {
			t.Fatalf("picture %v, error %v", img != nil, err)
		}
	})
}

func BenchmarkJPEG(b *testing.B) {
	data, _ := jpegOf(b, 1280, 720)
	b.Run("ours/720p", func(b *testing.B) {
		for b.Loop() {
			if _, err := DecodeJPEG(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image-jpeg/720p", func(b *testing.B) {
		dst := NewI420(1280, 720)
		for b.Loop() {
			img, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				b.Fatal(err)
			}
			if err := ToI420(dst, img, FullRange); err != nil {
				b.Fatal(err)
			}
		}
	})
}
