package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"candid/media"
	"candid/media/scene"
)

func TestTestPicture(t *testing.T) {
	d := look(t, Options{})
	c, err := d.OpenCamera(TestPicture+"/3", Format{Width: 320, Height: 180, FPS: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint32(3) {
		f, err := c.ReadVideo()
		if err != nil {
			t.Fatal(err)
		}
		m, ok := scene.ReadStamp(f.Image)
		if !ok || m.Sender != 3 || m.Frame != i || f.Captured.Sub(m.Captured).Abs() > 1e6 {
			t.Errorf("picture %d is marked %+v (%v), taken %v", i, m, ok, f.Captured)
		}
		if f.Image.Rect.Dx() != 320 || f.Image.Rect.Dy() != 180 {
			t.Errorf("picture of %v", f.Image.Rect)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.ReadVideo(); err != io.EOF {
		t.Errorf("read after close: %v", err)
	}
	if _, err := d.OpenCamera(TestPicture, Format{Width: 16000, Height: 16000}); err == nil {
		t.Error("a picture of 16000×16000 was promised")
	}
	for _, id := range []string{TestPicture + "/x", "synthetic:other", TestTone} {
		if _, err := d.OpenCamera(id, Format{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("open %q: %v", id, err)
		}
	}
}

// Two studios of one process have test pictures of their own.
func TestTwoTestPictures(t *testing.T) {
	a, b := look(t, Options{}), look(t, Options{})
	for _, d := range []*Devices{a, b} {
		c, err := d.OpenCamera(TestPicture, Format{Width: 320, Height: 180})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.ReadVideo(); err != nil {
			t.Error(err)
		}
	}
	if n := len(cameras(t)); n != 0 {
		t.Errorf("%d synthetic cameras are listed as real", n)
	}
}

func cameras(t *testing.T) []Device {
	t.Helper()
	return new(cameraList).look()
}

func TestTestTone(t *testing.T) {
	d := look(t, Options{})
	m, err := d.OpenMicrophone(TestTone + "/2")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	l, err := scene.NewListener(scene.SoundOf(2))
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		b, err := m.ReadAudio()
		if err != nil {
			t.Fatal(err)
		}
		l.WriteAudio(b)
	}
	if h := l.Heard()[0]; !h.Present || h.SNR < 40 {
		t.Errorf("heard %+v", h)
	}
}

func y4mFile(t *testing.T, frames int, head string) string {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(head + "\n")
	for i := range frames {
		b.WriteString("FRAME\n")
		b.Write(bytes.Repeat([]byte{byte(50 + i)}, 64*36))
		b.Write(bytes.Repeat([]byte{128}, 64*36/2))
	}
	name := filepath.Join(t.TempDir(), "film.y4m")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFilm(t *testing.T) {
	d := look(t, Options{})
	files := descriptorCount(t)
	c, err := d.OpenCamera(syntheticPrefix+y4mFile(t, 2, "YUV4MPEG2 W64 H36 F200:1 Ip A1:1 C420jpeg"), Format{})
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Format(); f != (Format{64, 36, 200}) {
		t.Errorf("format %+v", f)
	}
	for i := range 5 { // over and over
		f, err := c.ReadVideo()
		if err != nil || f.Image.Y[0] != byte(50+i%2) {
			t.Fatalf("picture %d: %v", i, err)
		}
	}
	if err := c.Close(); err != nil || descriptorCount(t) > files {
		t.Errorf("close: %v, %d files open, %d before", err, descriptorCount(t), files)
	}
	for _, head := range []string{
		"", "RIFF", "YUV4MPEG2 W64", "YUV4MPEG2 W64000 H36000", "YUV4MPEG2 W-64 H36", "YUV4MPEG2 W64 H36 F30:0",
		"YUV4MPEG2 W64 H36 C444", "YUV4MPEG2 W64 H36 C420p10", "YUV4MPEG2 Wx H36", string(make([]byte, 4096)),
	} {
		if _, err := d.OpenCamera(syntheticPrefix+y4mFile(t, 1, head), Format{}); err == nil {
			t.Errorf("film with the header %.40q was opened", head)
		}
	}
	if n := descriptorCount(t); n > files {
		t.Errorf("%d files open after failures, %d before", n, files)
	}
	if _, err := d.OpenCamera("synthetic:missing.y4m", Format{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing film: %v", err)
	}
	// A file that is cut short is an error and not one torn picture.
	name := y4mFile(t, 1, "YUV4MPEG2 W64 H36 F200:1")
	if err := os.Truncate(name, 1000); err != nil {
		t.Fatal(err)
	}
	if c, err = d.OpenCamera(syntheticPrefix+name, Format{}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ReadVideo(); !errors.Is(err, ErrLost) {
		t.Errorf("short film: %v", err)
	}
}

// riff writes a WAV file of 16-bit samples.
func riff(rate, channels int, pcm ...int16) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00fmt \x10\x00\x00\x00")
	for _, v := range []any{uint16(1), uint16(channels), uint32(rate), uint32(rate * channels * 2), uint16(channels * 2), uint16(16)} {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(2*len(pcm)))
	_ = binary.Write(&b, binary.LittleEndian, pcm)
	return b.Bytes()
}

func TestSoundFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sound.wav")
	if err := os.WriteFile(name, riff(48000, 2, 100, 300, -5, -7), 0o600); err != nil {
		t.Fatal(err)
	}
	d := look(t, Options{})
	m, err := d.OpenMicrophone(syntheticPrefix + name)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b, err := m.ReadAudio()
	if err != nil {
		t.Fatal(err)
	}
	if len(b.PCM) != media.BlockSamples || fmt.Sprint(b.PCM[:4]) != "[200 -6 200 -6]" {
		t.Errorf("block of %d: %v", len(b.PCM), b.PCM[:4])
	}
	for name, data := range map[string][]byte{
		"empty": {}, "no sound": riff(48000, 1), "44.1 kHz": riff(44100, 1, 1), "three channels": riff(48000, 3, 1, 2, 3),
		"cut in the header": riff(48000, 1, 1)[:30], "text": []byte("this is no sound at all"),
	} {
		if _, err := parseWAV(data); err == nil {
			t.Errorf("%s: taken for sound", name)
		}
	}
}
