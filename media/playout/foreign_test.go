package playout

import (
	"errors"
	"image"
	"sync"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/foreigntest"

	"github.com/pion/rtp"
)

// packets encodes frames with a key frame at every 15th and puts them into RTP.
func packets(t *testing.T, n int, c foreigntest.Codec) [][]*rtp.Packet {
	t.Helper()
	out := foreigntest.FFmpeg(t, nil, append(foreigntest.TestPicture(640, 360, n, "yuv420p"), c.Args...)...)
	var frames [][]*rtp.Packet
	pack := rtp.NewPacketizer(1160, 100, 7, c.Packer(), rtp.NewFixedSequencer(65530), videoRate)
	for _, f := range c.Split(out) {
		frames = append(frames, pack.Packetize(f, videoRate/30))
	}
	return frames
}

// collector is a sink that counts.
type collector struct {
	mu    sync.Mutex
	sizes []image.Point
}

func (c *collector) WriteVideo(f media.VideoFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes = append(c.sizes, f.Image.Rect.Size())
}

func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sizes)
}

// Pictures of other clients are put together and decoded; what is lost costs no
// more than up to the next key frame.
func TestForeignVideo(t *testing.T) {
	for _, c := range foreigntest.Codecs(15) {
		t.Run(c.Mime, func(t *testing.T) {
			frames := packets(t, 45, c)
			format, err := FormatFor(c.Mime)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range frames {
				for n, p := range f {
					start, key := format.Starts(p.Payload)
					if n == 0 && !start || n == 0 && key != (i%15 == 0) {
						t.Fatalf("frame %d: start %v, key %v", i, start, key)
					}
				}
			}
			for _, lost := range []struct {
				name        string
				frame, want int
			}{{"whole", -1, 45}, {"a frame lost", 20, 45 - 10}} {
				decoder, err := codec.NewVideoDecoder(c.Mime)
				if err != nil {
					t.Fatal(err)
				}
				var seen collector
				v, err := NewVideo(VideoConfig{Sink: &seen, Decoder: decoder, Format: format})
				if err != nil {
					t.Fatal(err)
				}
				for i, f := range frames {
					for n, p := range f {
						if i == lost.frame && n == 0 {
							continue
						}
						v.Push(p.Clone(), time.Now())
					}
				}
				for deadline := time.Now().Add(20 * time.Second); seen.count() < lost.want && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				if err := v.Close(); err != nil {
					t.Error(err)
				}
				if n := seen.count(); n != lost.want || seen.sizes[0] != image.Pt(640, 360) {
					t.Errorf("%s: %d pictures of %v, want %d", lost.name, n, seen.sizes, lost.want)
				}
			}
		})
	}
}

// A frame that does not begin at its first packet is none.
func TestForeignMiddle(t *testing.T) {
	for mime, middle := range map[string][]byte{
		"video/VP9":  {0x80 | 0x40, 1, 0xaa},        // not the start of a frame
		"video/H264": {nalFUA | 0x60, nalIDR, 0xaa}, // the middle of a unit
		"video/AV1":  {0x90, 0xaa, 0xaa},            // goes on from before
	} {
		f, err := FormatFor(mime)
		if err != nil {
			t.Fatal(err)
		}
		if start, _ := f.Starts(middle); start {
			t.Errorf("%s: the middle of a frame starts one", mime)
		}
		if _, _, err := f.Assemble(nil, [][]byte{middle}); !errors.Is(err, errNotStart) {
			t.Errorf("%s: %v", mime, err)
		}
	}
}

func FuzzForeignPackets(f *testing.F) {
	foreign := foreigntest.Codecs(15)
	f.Add(byte(0), []byte{0x80 | 0x08, 1, 0x82, 0x49}, []byte{0x84, 1, 2})
	f.Add(byte(1), []byte{nalSTAPA, 0, 2, 0x67, 1, 0, 2, 0x65, 0x88}, []byte{nalFUA, 0x45, 0xaa})
	f.Add(byte(2), []byte{0x18, 0x0a, 1, 2, 3}, []byte{0x90, 0xaa, 0xaa})
	f.Fuzz(func(t *testing.T, which byte, first, second []byte) {
		format, err := FormatFor(foreign[int(which)%len(foreign)].Mime)
		if err != nil {
			t.Fatal(err)
		}
		start, _ := format.Starts(first)
		frame, _, err := format.Assemble(nil, [][]byte{first, second})
		if err == nil && !start {
			t.Fatal("assembled what does not start")
		}
		if len(frame) > 16*(len(first)+len(second))+64 {
			t.Fatalf("%d bytes became %d", len(first)+len(second), len(frame))
		}
	})
}
