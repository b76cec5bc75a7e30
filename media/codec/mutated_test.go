package codec

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestRow27MutatedFrames: thousands of frames of good streams, each damaged in a
// way that a header check lets through more often than not, decoded one after
// the other so that damage builds on damage: any picture or any error, never a
// crash; memory stays, and a good key frame mends all.
func TestRow27MutatedFrames(t *testing.T) {
	const each = 3000
	streams := map[string][][]byte{"video/VP8": vp8Stream(t, 40)}
	for _, c := range foreign {
		streams[c.Mime] = c.Split(ffmpeg(t, 160, 96, 40, "yuv420p", c.Args))
	}
	for mime, frames := range streams {
		t.Run(mime, func(t *testing.T) {
			d, err := NewVideoDecoder(mime)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			r := rand.New(rand.NewPCG(27, uint64(len(mime))))
			pictures, before, at := 0, 0.0, 0
			for n := range each {
				if n == each/4 {
					before = resident(t)
				}
				if at %= len(frames); at == 0 { // also after an error: every frame has a picture to build on
					if _, err := d.Decode(frames[0]); err != nil {
						t.Fatalf("a good key frame after %d damaged ones: %v", n, err)
					}
				}
				next := frames[at]
				if r.IntN(10) > 0 {
					next = frames[min(at+1, len(frames)-1)]
				}
				at++
				img, err := d.Decode(mutate(r, next, frames[r.IntN(len(frames))]))
				if (img == nil) == (err == nil) {
					t.Fatalf("picture %v, error %v", img != nil, err)
				}
				if img != nil {
					pictures++
				} else {
					at = 0
				}
			}
			after := resident(t)
			t.Logf("%d damaged frames, %d pictures, %+.1f MiB", each, pictures, after-before)
			if after > before+20 {
				t.Errorf("%.1f MiB more than after a quarter of them", after-before)
			}
			if img, err := d.Decode(frames[0]); err != nil || img.Rect.Dx() != 160 {
				t.Errorf("a good key frame after all that: %v", err)
			}
		})
	}
}

// vp8Stream is what our own encoder makes.
func vp8Stream(t testing.TB, n int) (out [][]byte) {
	e, _ := newPair(t, 160, 96, 300_000)
	img := NewI420(160, 96)
	for i := range n {
		moving(img, i)
		data, _ := encode(t, e, img, i, i == 0)
		out = append(out, bytes.Clone(data))
	}
	return out
}

// mutate damages a frame in one to four ways; other is another one of the stream.
func mutate(r *rand.Rand, f, other []byte) []byte {
	out := bytes.Clone(f)
	for range 1 + r.IntN(4) {
		if len(out) < 8 {
			return append(out, other...)
		}
		at := r.IntN(len(out))
		if r.IntN(2) == 0 {
			at = r.IntN(min(len(out), 48)) // headers and partitions' sizes
		}
		n := min(1+r.IntN(16), len(out)-at)
		switch r.IntN(8) {
		case 0, 1, 2: // bits
			out[at] ^= 1 << r.IntN(8)
		case 3: // a run
			fill := byte(r.IntN(3)) * 0x7f
			for i := range n {
				out[at+i] = fill
			}
		case 4: // cut off
			out = out[:at]
		case 5: // a piece twice
			out = append(out[:at:at], append(bytes.Clone(out[at:at+n]), out[at:]...)...)
		case 6: // a piece lost
			out = append(out[:at:at], out[at+n:]...)
		case 7: // the end of another frame
			out = append(out[:at:at], other[min(at, len(other)):]...)
		}
	}
	return out
}

// resident is this process's memory in MiB, what C has of it included.
func resident(t *testing.T) float64 {
	t.Helper()
	runtime.GC()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("memory cannot be measured here: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
