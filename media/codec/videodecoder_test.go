package codec

import (
	"errors"
	"image"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"candid/media/foreigntest"
)

// foreign are the codecs of other clients.
var foreign = foreigntest.Codecs(30)

// ffmpeg encodes frames of a test picture of w×h; it skips the test where it is
// not installed.
func ffmpeg(t testing.TB, w, h, frames int, pixels string, encode []string) []byte {
	t.Helper()
	return foreigntest.FFmpeg(t, nil, append(foreigntest.TestPicture(w, h, frames, pixels), encode...)...)
}

// reference decodes the first frame of what ffmpeg encodes, uncompressed.
func reference(t testing.TB, w, h int) *image.YCbCr {
	raw := ffmpeg(t, w, h, 1, "yuv420p", []string{"-f", "rawvideo"})
	img := NewI420(w, h)
	n := copy(img.Y, raw)
	n += copy(img.Cb, raw[n:])
	copy(img.Cr, raw[n:])
	return img
}

// What other clients send is decoded, each frame at once.
func TestForeignCodecs(t *testing.T) {
	for _, c := range foreign {
		t.Run(c.Mime, func(t *testing.T) {
			const w, h = 322, 182
			frames := c.Split(ffmpeg(t, w, h, 30, "yuv420p", c.Args))
			if len(frames) != 30 {
				t.Fatalf("%d frames", len(frames))
			}
			d, err := NewVideoDecoder(c.Mime)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if _, err := d.Decode(frames[1]); !errors.Is(err, ErrKeyFrameNeeded) {
				t.Errorf("the second frame first: %v", err)
			}
			began := time.Now()
			for i, f := range frames {
				img, err := d.Decode(f)
				if err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				if img.Rect.Size() != image.Pt(w, h) {
					t.Fatalf("frame %d is %v", i, img.Rect)
				}
				if i == 0 {
					if q := psnr(reference(t, w, h), img); q < 25 {
						t.Errorf("the picture is another one: %.1f dB", q)
					}
				}
			}
			t.Logf("%v a frame", time.Since(began)/30)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if _, err := d.Decode(frames[0]); !errors.Is(err, ErrClosed) {
				t.Errorf("decode after close: %v", err)
			}
		})
	}
}

// A large picture is refused by its header, and a size that comes later too.
func TestForeignTooLarge(t *testing.T) {
	for _, c := range foreign {
		t.Run(c.Mime, func(t *testing.T) {
			d, err := NewVideoDecoder(c.Mime)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for _, size := range [][2]int{{2560, 1440}, {1936, 64}} {
				frames := c.Split(ffmpeg(t, size[0], size[1], 1, "yuv420p", c.Args))
				if _, err := d.Decode(frames[0]); !errors.Is(err, ErrTooLarge) {
					t.Errorf("%v: %v", size, err)
				}
			}
			full := c.Split(ffmpeg(t, 1920, 1080, 1, "yuv420p", c.Args))
			if img, err := d.Decode(full[0]); err != nil || img.Rect.Size() != image.Pt(1920, 1080) {
				t.Errorf("1920×1080: %v", err)
			}
		})
	}
}

// A sequence parameter set that crops a huge picture to a small one is huge.
func TestH264Cropped(t *testing.T) {
	var b bitWriter
	b.bits(66, 8)
	b.bits(0, 16)
	for _, v := range []int{0, 0, 2, 1} { // id, frame num, order type 2, references
		b.ue(v)
	}
	b.bits(0, 1)
	b.ue(1023) // 16384 wide
	b.ue(1023)
	b.bits(1, 1) // frames
	b.bits(1, 1) // direct 8×8
	b.bits(1, 1) // cropped
	for _, v := range []int{0, 8184, 0, 8184} {
		b.ue(v)
	}
	b.bits(0b01, 2)
	frame := append([]byte{0, 0, 0, 1, 0x67}, b.out...)
	frame = append(frame, 0, 0, 1, 0x65, 0x88, 0x80, 0x10)
	d, err := NewVideoDecoder("video/H264")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Decode(frame); !errors.Is(err, ErrTooLarge) {
		t.Errorf("decoded: %v", err)
	}
}

type bitWriter struct {
	out []byte
	n   int
}

func (w *bitWriter) bits(v, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.out = append(w.out, 0)
		}
		w.out[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) ue(v int) {
	n := 0
	for (v+1)>>n > 1 {
		n++
	}
	w.bits(0, n)
	w.bits(v+1, n+1)
}

// Pixels of another kind are refused and do no harm.
func TestForeignPixels(t *testing.T) {
	encode := []string{"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "aud=1", "-f", "h264"}
	d, err := NewVideoDecoder("video/H264")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, pixels := range []string{"yuv422p", "yuv444p", "yuv420p10le"} {
		for _, f := range foreigntest.SplitAUD(ffmpeg(t, 160, 96, 2, pixels, encode)) {
			if _, err := d.Decode(f); err == nil {
				t.Errorf("%s was decoded", pixels)
			}
		}
	}
	// Full range, as cameras of telephones have it, becomes limited.
	full := foreigntest.SplitAUD(ffmpeg(t, 160, 96, 1, "yuvj420p", encode))
	img, err := d.Decode(full[0])
	if err != nil {
		t.Fatal(err)
	}
	if q := psnr(reference(t, 160, 96), img); q < 25 {
		t.Errorf("full range: %.1f dB", q)
	}
}

// Bits turned and frames cut off: any picture or any error, never a crash, and
// a good key frame mends all.
func TestForeignGarbage(t *testing.T) {
	for _, c := range foreign {
		t.Run(c.Mime, func(t *testing.T) {
			frames := c.Split(ffmpeg(t, 160, 96, 10, "yuv420p", c.Args))
			d, err := NewVideoDecoder(c.Mime)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			r := rand.New(rand.NewPCG(1, 2))
			for range 400 {
				bad := slices.Clone(frames[r.IntN(len(frames))])
				if r.IntN(4) == 0 {
					bad = bad[:r.IntN(len(bad))]
				}
				for range r.IntN(8) {
					if len(bad) > 0 {
						bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
					}
				}
				if img, err := d.Decode(bad); (img == nil) == (err == nil) {
					t.Fatalf("picture %v, error %v", img != nil, err)
				}
			}
			if _, err := d.Decode(frames[0]); err != nil {
				t.Errorf("a good key frame after all that: %v", err)
			}
		})
	}
}

func TestUnknownVideoDecoder(t *testing.T) {
	if _, err := NewVideoDecoder("video/H265"); err == nil {
		t.Error("made a decoder of what is not known")
	}
	for _, mime := range VideoTypes() {
		d, err := NewVideoDecoder(mime)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(nil); err == nil {
			t.Errorf("%s: decoded nothing", mime)
		}
		d.Close()
	}
}

func FuzzForeignHeaders(f *testing.F) {
	f.Add([]byte{0x82, 0x49, 0x83, 0x42, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 1, 0x67, 66, 0, 31, 0xf4, 0, 0, 1, 0x65, 0x88})
	f.Add([]byte{0x12, 0, 0x0a, 0x0b, 0, 0, 0, 0x24, 0xc4, 0xff, 0xdf, 0x3f, 0xfe, 0x68, 0x02, 0x32, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, parse := range []func([]byte) (pictureHeader, error){parseVP9, parseH264, parseAV1} {
			if h, err := parse(data); err == nil && (h.width < 0 || h.height < 0) {
				t.Fatalf("%+v", h)
			}
		}
	})
}

func FuzzForeignDecode(f *testing.F) {
	for i := range foreign {
		f.Add(byte(i), []byte{0x82, 0x49, 0x83, 0x42, 0, 0, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		d, err := NewVideoDecoder(foreign[int(which)%len(foreign)].Mime)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for range 2 {
			if img, err := d.Decode(data); (img == nil) == (err == nil) {
				t.Fatalf("picture %v, error %v", img != nil, err)
			}
		}
	})
}
