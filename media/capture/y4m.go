package capture

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"candid/media"
	"candid/media/codec"

	"github.com/pion/mediadevices/pkg/frame"
	"github.com/pion/mediadevices/pkg/prop"
)

// y4m is a YUV4MPEG2 file, shown over and over: a media.VideoSource.
type y4m struct {
	mu    sync.Mutex // held while the file is used
	f     *os.File
	r     *bufio.Reader
	first int64 // offset of the first picture
	mode  prop.Media
	pic   *image.YCbCr
	clock *pacer
}

// maxHeader bounds the header lines of a file that may be anything.
const maxHeader = 256

func openY4M(name string) (*y4m, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	y := &y4m{f: f, r: bufio.NewReaderSize(f, 1<<16)}
	line, err := y.line()
	if err == nil {
		y.first = int64(len(line)) + 1
		y.mode, err = parseY4M(line)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", name, err), f.Close())
	}
	y.pic = codec.NewI420(y.mode.Width, y.mode.Height)
	y.clock = newPacer(time.Duration(float64(time.Second) / float64(y.mode.FrameRate)))
	return y, nil
}

// parseY4M reads the header: YUV4MPEG2 W640 H360 F30:1 Ip A1:1 C420jpeg.
func parseY4M(line string) (prop.Media, error) {
	fields := strings.Fields(line)
	if len(fields) == 0 || fields[0] != "YUV4MPEG2" {
		return prop.Media{}, errors.New("not a YUV4MPEG2 file")
	}
	var w, h, num, den int
	num, den = 30, 1
	for _, f := range fields[1:] {
		var err error
		switch f[0] {
		case 'W':
			_, err = fmt.Sscanf(f[1:], "%d", &w)
		case 'H':
			_, err = fmt.Sscanf(f[1:], "%d", &h)
		case 'F':
			_, err = fmt.Sscanf(f[1:], "%d:%d", &num, &den)
		case 'C':
			if !strings.HasPrefix(f, "C420") || strings.HasPrefix(f, "C420p1") {
				err = errors.New("want 4:2:0 in 8 bits")
			}
		}
		if err != nil {
			return prop.Media{}, fmt.Errorf("header %q: %w", f, err)
		}
	}
	if w < 2 || h < 2 || w%2 != 0 || h%2 != 0 || w > codec.MaxLongSide || h > codec.MaxLongSide {
		return prop.Media{}, fmt.Errorf("size %d×%d is not supported", w, h)
	}
	if num < 1 || den < 1 || num/den > 240 {
		return prop.Media{}, fmt.Errorf("rate %d:%d is not supported", num, den)
	}
	return prop.Media{Video: prop.Video{
		Width: w, Height: h, FrameRate: float32(num) / float32(den), FrameFormat: frame.FormatI420,
	}}, nil
}

// ReadVideo blocks until the next picture is due.
func (y *y4m) ReadVideo() (media.VideoFrame, error) {
	if y.clock.wait().IsZero() {
		return media.VideoFrame{}, io.EOF
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	f := media.VideoFrame{Image: y.pic, Captured: time.Now()}
	return f, y.read()
}

// Close ends a ReadVideo that waits.
func (y *y4m) Close() error {
	y.clock.close()
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.f.Close()
}

// read reads the next picture into pic.
func (y *y4m) read() error {
	line, err := y.line()
	if errors.Is(err, io.EOF) {
		if _, err = y.f.Seek(y.first, io.SeekStart); err == nil {
			y.r.Reset(y.f)
			line, err = y.line()
		}
	}
	if err == nil && !strings.HasPrefix(line, "FRAME") {
		err = errors.New("no frame where one should begin")
	}
	for _, plane := range [][]byte{y.pic.Y, y.pic.Cb, y.pic.Cr} {
		if err == nil {
			_, err = io.ReadFull(y.r, plane)
		}
	}
	if err != nil {
		return fmt.Errorf("read film: %w", noEOF(err))
	}
	return nil
}

// noEOF keeps a short file from being taken for one torn picture.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("file ends in the middle")
	}
	return err
}

func (y *y4m) line() (string, error) {
	var b strings.Builder
	for b.Len() < maxHeader {
		c, err := y.r.ReadByte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return b.String(), nil
		}
		b.WriteByte(c)
	}
	return "", errors.New("header line is too long")
}
