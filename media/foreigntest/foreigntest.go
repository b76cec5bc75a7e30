// Package foreigntest makes video in the codecs that other programs send, for
// tests: ffmpeg encodes it.
package foreigntest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// Codec is one that other programs send.
type Codec struct {
	Mime   string
	FMTP   string                // that the parameters of an offer must have
	Args   []string              // of ffmpeg, after its input
	Split  func([]byte) [][]byte // what it writes, into frames
	Packer func() rtp.Payloader
}

// Codecs are VP9, H.264 and AV1, with a key frame every so many.
func Codecs(every int) []Codec {
	g := fmt.Sprint(every)
	return []Codec{
		{"video/VP9", "profile-id=0", []string{"-g", g, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-f", "ivf"},
			splitIVF, func() rtp.Payloader { return &codecs.VP9Payloader{} }},
		{"video/H264", "packetization-mode=1", []string{"-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-x264-params", "aud=1:keyint=" + g, "-f", "h264"},
			SplitAUD, func() rtp.Payloader { return &codecs.H264Payloader{} }},
		{"video/AV1", "", []string{"-g", g, "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-row-mt", "0", "-f", "ivf"},
			splitIVF, func() rtp.Payloader { return &codecs.AV1Payloader{} }},
	}
}

// TestPicture are the arguments for an input of frames of ffmpeg's test picture,
// at 30 a second.
func TestPicture(w, h, frames int, pixels string) []string {
	return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=30", w, h), "-frames:v", fmt.Sprint(frames), "-pix_fmt", pixels}
}

// FFmpeg runs ffmpeg and returns what it writes. It skips the test where it is
// not installed, or cannot do it.
func FFmpeg(t testing.TB, in io.Reader, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append(append([]string{"-hide_banner", "-loglevel", "error"}, args...), "-")...)
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = in, &complaint
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs ffmpeg to encode")
	}
	if err != nil {
		t.Skipf("this ffmpeg does not encode that: %v\n%s", err, complaint.String())
	}
	return out
}

// SplitAUD takes a byte stream of H.264 apart where access unit delimiters are.
func SplitAUD(stream []byte) (frames [][]byte) {
	delimiter := []byte{0, 0, 0, 1, 9}
	for _, p := range bytes.Split(stream, delimiter)[1:] {
		frames = append(frames, append(bytes.Clone(delimiter), p...))
	}
	return frames
}

// splitIVF takes a file of 32 bytes of header and 12 before each frame apart.
func splitIVF(file []byte) (frames [][]byte) {
	for file = file[32:]; len(file) > 12; {
		n := 12 + int(binary.LittleEndian.Uint32(file))
		frames = append(frames, file[12:n])
		file = file[n:]
	}
	return frames
}
