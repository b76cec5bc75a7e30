package codec

import (
	"bytes"
	"errors"
	"image"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"candid/media"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func at(n int) time.Time { return start.Add(time.Duration(n) * time.Second / 30) }

func newPair(t testing.TB, w, h, bitrate int) (*VP8Encoder, *VP8Decoder) {
	t.Helper()
	e, err := NewVP8Encoder(w, h, bitrate)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewVP8Decoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(); d.Close() })
	return e, d
}

func encode(t testing.TB, e *VP8Encoder, img *image.YCbCr, n int, key bool) ([]byte, bool) {
	t.Helper()
	data, isKey, err := e.Encode(media.VideoFrame{Image: img, Captured: at(n)}, key)
	if err != nil {
		t.Fatalf("frame %d: %v", n, err)
	}
	if len(data) == 0 {
		t.Fatalf("frame %d was dropped", n)
	}
	return data, isKey
}

func TestVP8RoundTrip(t *testing.T) {
	for _, tt := range []struct {
		w, h, bitrate int
		minPSNR       float64
	}{
		{640, 360, 500_000, 33},
		{1280, 720, 1_500_000, 33},
		{321, 181, 300_000, 31}, // odd both ways
		{17, 33, 100_000, 28},
		{1, 1, 50_000, 20},
		{2, 1, 50_000, 20},
	} {
		e, d := newPair(t, tt.w, tt.h, tt.bitrate)
		img := NewI420(tt.w, tt.h)
		size, keys := 0, 0
		var worst, sum float64 = 99, 0
		const frames = 60
		for n := range frames {
			moving(img, n)
			data, key := encode(t, e, img, n, false)
			size += len(data)
			if key {
				keys++
			}
			got, err := d.Decode(data)
			if err != nil {
				t.Fatalf("%d×%d frame %d: %v", tt.w, tt.h, n, err)
			}
			if got.Rect != img.Rect {
				t.Fatalf("%d×%d came back as %v", tt.w, tt.h, got.Rect)
			}
			p := min(psnr(img, got), 99)
			worst, sum = min(worst, p), sum+p
		}
		t.Logf("%d×%d: psnr mean %.1f dB worst %.1f dB, %d bit/s, %d key frames",
			tt.w, tt.h, sum/frames, worst, size*8*30/frames, keys)
		if sum/frames < tt.minPSNR {
			t.Errorf("%d×%d: mean psnr %.1f dB, want %.0f", tt.w, tt.h, sum/frames, tt.minPSNR)
		}
		if keys != 1 {
			t.Errorf("%d×%d: %d key frames in one scene, want the first alone", tt.w, tt.h, keys)
		}
	}
}

func TestVP8ForceKeyFrame(t *testing.T) {
	e, d := newPair(t, 320, 180, 300_000)
	img := NewI420(320, 180)
	for n := range 10 {
		moving(img, n)
		data, key := encode(t, e, img, n, n == 5)
		if want := n == 0 || n == 5; key != want {
			t.Errorf("frame %d: key %v, want %v", n, key, want)
		}
		h, err := ParseVP8Header(data)
		if err != nil || h.Key != key || !h.Show {
			t.Errorf("frame %d: header %+v, %v", n, h, err)
		}
		if _, err := d.Decode(data); err != nil {
			t.Errorf("frame %d: %v", n, err)
		}
	}
}

func TestVP8FollowsSize(t *testing.T) {
	e, d := newPair(t, 640, 360, 500_000)
	for n, size := range [][2]int{{640, 360}, {320, 180}, {1280, 720}, {161, 91}, {720, 1280}, {640, 360}} {
		img := NewI420(size[0], size[1])
		moving(img, n)
		data, key := encode(t, e, img, n, false)
		if !key {
			t.Errorf("%v: the first frame of a new size is no key frame", size)
		}
		got, err := d.Decode(data)
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		if got.Rect != img.Rect {
			t.Errorf("%v came back as %v", size, got.Rect)
		}
	}
	if _, _, err := e.Encode(media.VideoFrame{Image: NewI420(2560, 1440), Captured: at(9)}, false); !errors.Is(err, ErrTooLarge) {
		t.Errorf("2560×1440: %v, want ErrTooLarge", err)
	}
	img := NewI420(640, 360)
	if _, key := encode(t, e, img, 10, false); key {
		t.Error("a refused picture cost a key frame")
	}
}

func TestVP8BitrateIsFollowed(t *testing.T) {
	e, _ := newPair(t, 640, 360, 800_000)
	img := NewI420(640, 360)
	r := rand.New(rand.NewPCG(1, 1))
	measure := func(from, to int) int {
		size := 0
		for n := from; n < to; n++ {
			moving(img, n)
			for i := range img.Y { // noise: there is always more to spend bits on
				img.Y[i] += byte(r.IntN(16))
			}
			data, _ := encode(t, e, img, n, false)
			if n >= from+30 {
				size += len(data)
			}
		}
		return size * 8 * 30 / (to - from - 30)
	}
	high := measure(0, 90)
	e.SetBitrate(200_000)
	low := measure(90, 180)
	t.Logf("asked for 800, got %d kbit/s; asked for 200, got %d", high/1000, low/1000)
	if high < 560_000 || high > 1_000_000 || low < 140_000 || low > 260_000 {
		t.Errorf("bitrates %d and %d do not follow 800000 and 200000", high, low)
	}
}

// Frames without time, or with a clock that stands or jumps, still encode.
func TestVP8OddTimes(t *testing.T) {
	e, d := newPair(t, 160, 90, 200_000)
	img := NewI420(160, 90)
	for n, captured := range []time.Time{at(0), at(0), {}, at(-900), at(90000), {}, at(90001)} {
		moving(img, n)
		data, _, err := e.Encode(media.VideoFrame{Image: img, Captured: captured}, false)
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if _, err := d.Decode(data); err != nil {
			t.Errorf("frame %d: %v", n, err)
		}
	}
}

func TestVP8EncodeRefusesBadPictures(t *testing.T) {
	e, _ := newPair(t, 64, 64, 200_000)
	short := NewI420(64, 64)
	short.Cr = short.Cr[:len(short.Cr)-1]
	narrow := NewI420(64, 64)
	narrow.YStride = 32
	for name, img := range map[string]*image.YCbCr{
		"nil":    nil,
		"empty":  NewI420(0, 0),
		"4:4:4":  image.NewYCbCr(image.Rect(0, 0, 64, 64), image.YCbCrSubsampleRatio444),
		"short":  short,
		"narrow": narrow,
	} {
		if _, _, err := e.Encode(media.VideoFrame{Image: img}, false); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestVP8EncodesSubImage(t *testing.T) {
	e, d := newPair(t, 64, 48, 500_000)
	whole := NewI420(200, 100)
	moving(whole, 3)
	part := whole.SubImage(image.Rect(20, 10, 84, 58)).(*image.YCbCr)
	data, _ := encode(t, e, part, 0, false)
	got, err := d.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := NewI420(64, 48)
	if err := CopyI420(want, part); err != nil {
		t.Fatal(err)
	}
	if p := psnr(want, got); p < 28 {
		t.Errorf("psnr %.1f dB", p)
	}
}

func TestVP8Close(t *testing.T) {
	e, d := newPair(t, 64, 64, 200_000)
	for range 2 {
		if err := errors.Join(e.Close(), d.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := e.Encode(media.VideoFrame{Image: NewI420(64, 64)}, false); !errors.Is(err, ErrClosed) {
		t.Errorf("encode after close: %v", err)
	}
	if _, err := d.Decode([]byte{0}); !errors.Is(err, ErrClosed) {
		t.Errorf("decode after close: %v", err)
	}
}

// A lost or damaged frame is an error and asks for a key frame; with one, all is well again.
func TestVP8DecoderRecovers(t *testing.T) {
	e, d := newPair(t, 320, 180, 300_000)
	img := NewI420(320, 180)
	var frames [][]byte
	for n := range 6 {
		moving(img, n)
		data, _ := encode(t, e, img, n, n == 4)
		frames = append(frames, bytes.Clone(data))
	}
	if _, err := d.Decode(frames[1]); !errors.Is(err, ErrKeyFrameNeeded) || !d.NeedKeyFrame() {
		t.Errorf("delta frame first: %v, want ErrKeyFrameNeeded", err)
	}
	if _, err := d.Decode(frames[0]); err != nil || d.NeedKeyFrame() {
		t.Errorf("key frame: %v, need key %v", err, d.NeedKeyFrame())
	}
	if _, err := d.Decode(frames[1][:len(frames[1])*2/3]); !errors.Is(err, ErrMalformed) || !d.NeedKeyFrame() {
		t.Errorf("truncated delta: %v, need key %v", err, d.NeedKeyFrame())
	}
	if _, err := d.Decode(frames[2]); !errors.Is(err, ErrKeyFrameNeeded) {
		t.Errorf("delta after damage: %v, want ErrKeyFrameNeeded", err)
	}
	if _, err := d.Decode(frames[4]); err != nil {
		t.Errorf("next key frame: %v", err)
	}
	if got, err := d.Decode(frames[5]); err != nil || psnr(img, got) < 30 {
		t.Errorf("after recovery: %v", err)
	}
}

// The call's loop sets bitrates and closes while another goroutine encodes.
func TestVP8FromManyGoroutines(t *testing.T) {
	e, d := newPair(t, 160, 90, 200_000)
	var wg sync.WaitGroup
	wg.Go(func() {
		img := NewI420(160, 90)
		for n := range 60 {
			moving(img, n)
			data, _, err := e.Encode(media.VideoFrame{Image: img, Captured: at(n)}, n%7 == 0)
			if errors.Is(err, ErrClosed) {
				return
			}
			if err == nil {
				_, err = d.Decode(data)
			}
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for n := range 200 {
			e.SetBitrate(n * 5000)
			d.NeedKeyFrame()
		}
		e.Close()
		d.Close()
	})
	wg.Wait()
	if !d.NeedKeyFrame() {
		t.Error("a closed decoder needs no key frame")
	}
}
