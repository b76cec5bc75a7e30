package playout

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"os/exec"
	"sync"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// foreign are the codecs of other clients, how ffmpeg makes some of each and
// how they are put into packets.
var foreign = []struct {
	mime   string
	encode []string
	split  func([]byte) [][]byte
	pack   func() rtp.Payloader
}{
	{"video/VP9", []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-f", "ivf"}, splitIVF,
		func() rtp.Payloader { return &codecs.VP9Payloader{} }},
	{"video/H264", []string{"-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "aud=1:keyint=15", "-f", "h264"}, splitAUD,
		func() rtp.Payloader { return &codecs.H264Payloader{} }},
	{"video/AV1", []string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-row-mt", "0", "-f", "ivf"}, splitIVF,
		func() rtp.Payloader { return &codecs.AV1Payloader{} }},
}

func splitIVF(file []byte) (frames [][]byte) {
	for file = file[32:]; len(file) > 12; {
		n := 12 + int(binary.LittleEndian.Uint32(file))
		frames = append(frames, file[12:n])
		file = file[n:]
	}
	return frames
}

func splitAUD(stream []byte) (frames [][]byte) {
	parts := bytes.Split(stream, []byte{0, 0, 0, 1, 9})
	for _, p := range parts[1:] {
		frames = append(frames, append([]byte{0, 0, 0, 1, 9}, p...))
	}
	return frames
}

// packets encodes frames with a key frame at every 15th and puts them into RTP.
func packets(t *testing.T, n int, encode []string, split func([]byte) [][]byte, payloader rtp.Payloader) [][]*rtp.Packet {
	t.Helper()
	args := append([]string{"-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
		"-frames:v", fmt.Sprint(n), "-pix_fmt", "yuv420p", "-g", "15"}, encode...)
	out, err := exec.Command("ffmpeg", append(args, "-")...).Output()
	if err != nil {
		t.Skipf("needs ffmpeg with this encoder: %v", err)
	}
	var frames [][]*rtp.Packet
	pack := rtp.NewPacketizer(1160, 100, 7, payloader, rtp.NewFixedSequencer(65530), videoRate)
	for _, f := range split(out) {
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
	for _, c := range foreign {
		t.Run(c.mime, func(t *testing.T) {
			frames := packets(t, 45, c.encode, c.split, c.pack())
			format, err := FormatFor(c.mime)
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
				decoder, err := codec.NewVideoDecoder(c.mime)
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
	f.Add(byte(0), []byte{0x80 | 0x08, 1, 0x82, 0x49}, []byte{0x84, 1, 2})
	f.Add(byte(1), []byte{nalSTAPA, 0, 2, 0x67, 1, 0, 2, 0x65, 0x88}, []byte{nalFUA, 0x45, 0xaa})
	f.Add(byte(2), []byte{0x18, 0x0a, 1, 2, 3}, []byte{0x90, 0xaa, 0xaa})
	f.Fuzz(func(t *testing.T, which byte, first, second []byte) {
		format, err := FormatFor(foreign[int(which)%len(foreign)].mime)
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
