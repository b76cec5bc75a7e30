package codec

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// keyHeader is a key frame that claims to be w×h, with some bytes behind.
func keyHeader(w, h, size int) []byte {
	data := make([]byte, max(size, vp8KeyHeaderSize))
	first := uint32(len(data) - vp8KeyHeaderSize)
	tag := first<<5 | 1<<4
	data[0], data[1], data[2] = byte(tag), byte(tag>>8), byte(tag>>16)
	copy(data[3:], []byte{0x9d, 0x01, 0x2a, byte(w), byte(w >> 8), byte(h), byte(h >> 8)})
	return data
}

// A small packet may not make the decoder allocate a huge picture.
func TestRow27VP8Bombs(t *testing.T) {
	_, d := newPair(t, 64, 64, 100_000)
	for _, size := range [][2]int{{16383, 16383}, {16383, 1}, {1, 16383}, {1921, 1080}, {1080, 1921}, {1920, 1201}, {1201, 1920}, {1300, 1300}} {
		data := keyHeader(size[0], size[1], 50)
		if _, err := d.Decode(data); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v: %v, want ErrTooLarge", size, err)
		}
		if d.img != nil {
			t.Fatalf("%v: a picture was allocated", size)
		}
	}
	// The largest there may be, with next to nothing in it, is cheap and harmless.
	for _, size := range [][2]int{{1920, 1200}, {1200, 1920}} {
		if _, err := d.Decode(keyHeader(size[0], size[1], 50)); errors.Is(err, ErrTooLarge) {
			t.Errorf("%v was refused for its size", size)
		}
	}
}

func TestVP8Garbage(t *testing.T) {
	e, d := newPair(t, 160, 90, 200_000)
	img := NewI420(160, 90)
	moving(img, 0)
	data, _ := encode(t, e, img, 0, true)
	whole := bytes.Clone(data)

	for n := range whole { // cut off anywhere
		if n == len(whole) {
			break
		}
		if _, err := d.Decode(whole[:n]); err == nil {
			if len(whole)-n > 4 { // the very last bytes are padding of the bool coder
				t.Errorf("decoded %d of %d bytes without complaint", n, len(whole))
			}
		} else if !d.NeedKeyFrame() {
			t.Fatalf("cut at %d: %v, and no key frame asked for", n, err)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 { // bits turned: any picture or any error, never a crash
		bad := bytes.Clone(whole)
		for range 1 + r.IntN(8) {
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		}
		if got, err := d.Decode(bad); (got == nil) == (err == nil) {
			t.Fatalf("picture %v, error %v", got != nil, err)
		}
	}
	for range 2000 { // noise
		bad := make([]byte, r.IntN(400))
		for i := range bad {
			bad[i] = byte(r.UintN(256))
		}
		d.Decode(bad)
	}
	if got, err := d.Decode(whole); err != nil || psnr(img, got) < 28 {
		t.Errorf("after all that, a good key frame: %v", err)
	}
}

func TestParseVP8Header(t *testing.T) {
	good := keyHeader(640, 360, 40)
	if h, err := ParseVP8Header(good); err != nil || h != (VP8Header{Key: true, Show: true, Width: 640, Height: 360}) {
		t.Errorf("%+v, %v", h, err)
	}
	scaled := keyHeader(640|1<<14, 360|3<<14, 40) // the scaling hint is no part of the size
	if h, err := ParseVP8Header(scaled); err != nil || h.Width != 640 || h.Height != 360 {
		t.Errorf("with scaling: %+v, %v", h, err)
	}
	change := func(fn func(b []byte) []byte) []byte { return fn(bytes.Clone(good)) }
	for name, bad := range map[string][]byte{
		"nothing":     nil,
		"two bytes":   {0, 0},
		"cut header":  good[:9],
		"start code":  change(func(b []byte) []byte { b[4] = 2; return b }),
		"no width":    keyHeader(0, 360, 40),
		"no height":   keyHeader(640, 0, 40),
		"version 4":   change(func(b []byte) []byte { b[0] |= 4 << 1; return b }),
		"cut":         good[:39],
		"empty first": change(func(b []byte) []byte { b[0], b[1], b[2] = b[0]&0x1f, 0, 0; return b }),
		"cut delta":   {0x31, 0x02, 0, 1, 2},
	} {
		if h, err := ParseVP8Header(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v, want ErrMalformed", name, h, err)
		}
	}
}

// Whatever the header check lets through has a size, and the decoder neither
// crashes on it nor shows a picture of another size.
func FuzzVP8Header(f *testing.F) {
	f.Add(keyHeader(640, 360, 50))
	f.Add(keyHeader(16383, 16383, 50))
	f.Add([]byte{0x11, 0x02, 0x00, 0xff})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseVP8Header(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || h != (VP8Header{}) {
				t.Fatalf("%+v with %v", h, err)
			}
		} else if h.Key != (h.Width > 0) || h.Key != (h.Height > 0) || h.Width > vp8MaxSide || h.Height > vp8MaxSide {
			t.Fatalf("%+v makes no sense", h)
		}
		if h.Width*h.Height > 320*200 && checkSize(h.Width, h.Height) == nil {
			return // too slow to fuzz
		}
		d, err := NewVP8Decoder()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		img, err := d.Decode(data)
		if (img == nil) == (err == nil) {
			t.Fatalf("picture %v, error %v", img != nil, err)
		}
		if img != nil && (img.Rect.Dx() != h.Width || img.Rect.Dy() != h.Height) {
			t.Fatalf("header %+v, picture %v", h, img.Rect)
		}
	})
}
